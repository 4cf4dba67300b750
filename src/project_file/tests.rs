use super::*;
use crate::scenario::diagnostic;

fn project() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path().canonicalize().expect("a folder");
    (folder, root)
}

fn source(text: &str) -> Source {
    Source { path: NAME.into(), text: text.into() }
}

fn said(root: &Path, text: &str, profile: Option<&str>) -> String {
    match read(root, source(text), profile) {
        Ok(file) => panic!("{:?}", file.settings),
        Err((source, wrong)) => diagnostic::render(&wrong, &source, false),
    }
}

#[test]
fn a_profile_takes_the_place_of_what_stands_above_it() {
    let (_folder, root) = project();
    let text = "paths = ['stories', './more']\njobs = 4\n[profile.ci]\njobs = 8\nfail-on-flaky = true\n[profile.dev]\n";
    let file = read(&root, source(text), Some("ci")).expect("a file");
    let values: Vec<_> = (file.settings.iter())
        .map(|one| (one.argument, one.values.join(" "), one.line, one.profile.as_deref()))
        .collect();
    let at = |path: &str| root.join(path).display().to_string();
    assert_eq!(
        values,
        [
            ("paths", format!("{} {}", at("stories"), at("more")), 1, None),
            ("jobs", "8".into(), 4, Some("ci")),
            ("fail_on_flaky", "true".into(), 5, Some("ci")),
        ]
    );
    let plain = read(&root, source(text), None).expect("a file");
    assert_eq!(plain.settings.len(), 2);
    assert!(said(&root, text, Some("nightly")).contains("there is no profile `nightly` in it"));
    assert!(read(&root, source(""), None).expect("empty is fine").settings.is_empty());
}

#[test]
fn what_is_wrong_has_its_place_and_a_hint() {
    let (_folder, root) = project();
    for (text, place, words) in [
        ("job = 4\n", ":1:1", "did you mean `jobs`?"),
        ("jobs = 'four'\n", ":1:8", "`jobs` takes a whole number"),
        ("jobs = -1\n", ":1:8", "`jobs` takes a whole number"),
        ("\ntags = [1]\n", ":2:9", "`tags` takes a list of texts"),
        ("paths = {a = 1}\n", ":1:9", "`paths` takes a list of paths"),
        ("[jobs]\n", ":1:1", "`jobs` takes a whole number"),
        ("profile = 1\n", ":1:11", "profiles are tables"),
        ("profile.ci = 1\n", ":1:14", "a profile is a table"),
        ("[profile.ci]\nx = 1\n", ":2:1", "unknown key `x`"),
        ("jobs = [\n", ":1:9", "error: "),
        ("jobs = 1\njobs = 2\n", ":2:1", "duplicate key"),
    ] {
        let said = said(&root, text, None);
        assert!(said.contains(&format!("{NAME}{place}")) && said.contains(words), "{text}{said}");
        assert!(said.contains('^'), "{said}");
    }
}

#[test]
fn nothing_in_it_widens_what_a_run_may_do() {
    let (_folder, root) = project();
    std::os::unix::fs::symlink("/etc", root.join("out")).expect("a link");
    std::fs::create_dir(root.join("in")).expect("a folder");
    for text in [
        "context = 'production'",
        "namespace = 'default'",
        "yes-this-cluster = true",
        "cluster = 'kubeconfig'",
        "untrusted = false",
        "profile.ci.untrusted = false",
        "paths = ['/etc']",
        "paths = ['../other']",
        "paths = ['out']",
        "paths = ['out/new']",
        "reports = ['junit=/etc/cron.d/x']",
        "reports = ['junit=../x']",
        "reports = ['html=out/x.html']",
        "reports = ['html=.git/hooks/post-checkout']",
        "reports = ['events=.github/x']",
        "secrets = ['a=@/etc/shadow']",
        "secrets = ['a=@out/shadow']",
        "secrets = ['a=hunter2hunter2']",
        "cache = '/tmp/x'",
        // The command line parts such texts at their commas.
        "reports = ['junit=in/x.xml,html=/etc/cron.d/x']",
        "reports = ['github,html=../x']",
        "secrets = ['a=env:A,b=@/etc/shadow']",
        "secrets = ['a=@in/a,b=@/etc/shadow']",
    ] {
        said(&root, text, None);
    }
    for text in
        ["untrusted = true", "reports = ['junit=in/x.xml', 'html=new/x.html', 'github']", "secrets = ['a=env:A']"]
    {
        assert!(read(&root, source(text), None).is_ok(), "{text}");
    }
}
