use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicBool, Ordering},
};

use crate::{
    page::Attack,
    traces::{Place, Said},
};

const SECRET: &str = "hunter2-of-somebody-else";

/// A project beside a folder of somebody else's.
struct Project(tempfile::TempDir);

impl Project {
    fn new() -> Project {
        let project = Project(tempfile::tempdir().expect("a folder"));
        fs::create_dir_all(project.at("p/scenarios")).expect("folders");
        fs::write(project.at("p/kubewalk.toml"), "").expect("written");
        fs::create_dir_all(project.at("out")).expect("a folder");
        fs::write(project.at("out/secret.yaml"), format!("{SECRET}: [\n")).expect("written");
        fs::write(project.at("out/kustomization.yaml"), "resources: [secret.yaml]\n").expect("written");
        project
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn put(&self, name: &str, text: &str) {
        let path = self.at(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("folders");
        fs::write(path, text).expect("written");
    }

    /// A scenario with one step.
    fn story(&self, apply: &str) -> PathBuf {
        self.put("p/scenarios/s.yaml", &format!("title: T\nsteps:\n  - title: S\n    apply: {apply}\n"));
        self.at("p/scenarios/s.yaml")
    }

    /// Programs of these names that leave a mark when they are started; gives the PATH.
    fn traps(&self, names: &[&str], script: &str) -> String {
        let folder = self.at("bin");
        fs::create_dir_all(&folder).expect("a folder");
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).expect("changed");
        for name in names {
            let file = folder.join(name);
            fs::write(&file, format!("#!/bin/sh\n{script}\n")).expect("written");
            fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).expect("changed");
        }
        format!("{}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", folder.display())
    }
}

fn run(command: &mut Command) -> Said {
    Said::from(&command.output().expect("kubewalk starts"))
}

fn words(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

#[test]
fn attack_a26_no_manifest_leads_out_of_the_project() {
    let place = Place::new();
    let project = Project::new();
    symlink(project.at("out/secret.yaml"), project.at("p/file.yaml")).expect("a link");
    symlink(project.at("out"), project.at("p/folder")).expect("a link");
    symlink("/proc/self/root", project.at("p/root")).expect("a link");
    project.put("p/dir/good.yaml", "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: a}\n");
    symlink("../../out/secret.yaml", project.at("p/dir/bad.yaml")).expect("a link");
    project.put("p/k/kustomization.yaml", "resources: [../../out]\n");
    project.put("p/l/kustomization.yaml", "resources: [link]\n");
    symlink("../../out", project.at("p/l/link")).expect("a link");
    project.put("p/m/kustomization.yaml", "secretGenerator: [{name: s, files: ['a=../../out/secret.yaml']}]\n");
    project.put("p/chart/Chart.yaml", "apiVersion: v2\nname: c\nversion: 0.1.0\n");
    fs::create_dir_all(project.at("p/chart/templates")).expect("a folder");
    symlink("../../../out/secret.yaml", project.at("p/chart/templates/x.yaml")).expect("a link");
    project.put("p/ok/Chart.yaml", "apiVersion: v2\nname: c\nversion: 0.1.0\n");
    project.put("p/f/kustomization.yaml", "re\u{17f}ources: [../../out]\n");
    project.put("p/.git/config", &format!("{SECRET}\n"));
    project.put("p/h/kustomization.yaml", "configMapGenerator: [{name: stolen, files: [cfg]}]\n");
    symlink("../.git/config", project.at("p/h/cfg")).expect("a link");
    let by_root = format!("../root{}", words(&project.at("out/secret.yaml")));
    let ways = [
        "{file: ../../out/secret.yaml}".to_owned(),
        format!("{{file: '{}'}}", words(&project.at("out/secret.yaml"))),
        "{file: ../file.yaml}".to_owned(),
        "{file: ../folder/secret.yaml}".to_owned(),
        format!("{{file: '{by_root}'}}"),
        "{dir: ../folder}".to_owned(),
        "{dir: ../../out}".to_owned(),
        "{dir: ../dir}".to_owned(),
        "{kustomize: ../../out}".to_owned(),
        "{kustomize: ../folder}".to_owned(),
        "{kustomize: ../k}".to_owned(),
        "{kustomize: ../l}".to_owned(),
        "{kustomize: ../m}".to_owned(),
        "{kustomize: ../f}".to_owned(),
        "{kustomize: ../h}".to_owned(),
        "{file: ../h/cfg}".to_owned(),
        "{helm: {chart: ../chart}}".to_owned(),
        "{helm: {chart: ../ok, values: ../../out/secret.yaml}}".to_owned(),
        "{helm: {chart: ../../out}}".to_owned(),
    ];
    for way in &ways {
        let story = project.story(way);
        let said = run(&mut place.kubewalk(&["check", "--render", words(&story)]));
        assert_eq!(said.code, Some(2), "{way}: {said:?}");
        assert!(!format!("{}{}", said.stdout, said.stderr).contains(SECRET), "{way}: {said:?}");
    }
    // A folder that everybody can write is nobody's project.
    fs::remove_file(project.at("p/kubewalk.toml")).expect("removed");
    fs::set_permissions(project.0.path(), fs::Permissions::from_mode(0o1777)).expect("changed");
    fs::create_dir(project.at(".git")).expect("a folder");
    let story = project.story("{file: ../../out/secret.yaml}");
    let said = run(&mut place.kubewalk(&["check", words(&story)]));
    assert!(said.code == Some(2) && !said.stderr.contains(SECRET), "{said:?}");
    Attack::new(
        "A26",
        "`file`, `dir`, `kustomize` and `helm` that lead out of the project in 19 ways: `..`, absolute names, links to files and \
         folders, /proc, bases, generators, values, a key with a `ſ` that kustomize reads as an `s`, a link to `.git/config`; and a `.git` in a folder that everybody can write",
        file!(),
    )
    .held("exit 2, and no line of the other file is shown: `… leads out of the scenario's project`");
}

#[test]
fn attack_a26b_a_link_that_comes_and_goes_is_not_followed() {
    let place = Place::new();
    let project = Project::new();
    let good = "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: a}\n";
    project.put("p/m.yaml", good);
    let story = project.story("{file: ../m.yaml}");
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let (link, plain) = (project.at("p/link"), project.at("p/plain"));
            while !over.load(Ordering::Relaxed) {
                let _ = symlink("../out/secret.yaml", &link);
                let _ = fs::rename(&link, project.at("p/m.yaml"));
                let _ = fs::write(&plain, good);
                let _ = fs::rename(&plain, project.at("p/m.yaml"));
            }
        });
        for _ in 0..60 {
            let said = run(&mut place.kubewalk(&["check", words(&story)]));
            let shown = format!("{}{}", said.stdout, said.stderr);
            if shown.contains(SECRET) || !matches!(said.code, Some(0 | 2)) {
                over.store(true, Ordering::Relaxed);
                panic!("{said:?}");
            }
        }
        over.store(true, Ordering::Relaxed);
    });
    Attack::new("A26b", "a manifest that is exchanged again and again for a link to another user's file, while it is read", file!())
        .held("what was looked at is what is opened, by the descriptor of the project's folder: not a line of the other file in 60 checks");
}

#[test]
fn attack_a26c_check_starts_nothing() {
    let place = Place::new();
    let project = Project::new();
    let mark = project.at("started");
    let path =
        project.traps(&["helm", "kubectl", "git", "sh", "unshare"], &format!("echo started >> {}", mark.display()));
    project.put("p/chart/Chart.yaml", "apiVersion: v2\nname: c\nversion: 0.1.0\n");
    project.put("p/chart/templates/x.yaml", "{{ range until 2000000000 }}x{{ end }}\n");
    project.put("p/k/kustomization.yaml", "resources: [role.yaml]\n");
    project.put("p/k/role.yaml", "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: a}\n");
    project.put("p/fetched/kustomization.yaml", "resources: ['https://192.0.2.1/x.yaml']\n");
    project.put("p/plugin/kustomization.yaml", "transformers: [role.yaml]\n");
    let ways = ["{helm: {chart: ../chart}}", "{kustomize: ../k}", "{kustomize: ../fetched}", "{kustomize: ../plugin}"];
    for way in ways {
        let story = project.story(way);
        for verb in ["check", "list"] {
            let said = run(place.kubewalk(&[verb, words(&story)]).env("PATH", &path));
            assert!(matches!(said.code, Some(0 | 2)), "{way}: {said:?}");
        }
    }
    assert!(!mark.exists(), "{:?}", fs::read_to_string(&mark));
    let said =
        run(place.kubewalk(&["check", "--untrusted", "--render", words(&project.story(ways[0]))]).env("PATH", &path));
    assert!(
        said.code == Some(2) && said.stderr.contains("an untrusted scenario may not have a chart rendered"),
        "{said:?}"
    );
    assert!(!mark.exists(), "{:?}", fs::read_to_string(&mark));
    Attack::new(
        "A26c",
        "`check` and `list` of charts and kustomizations that never end, fetch, or start plugins, with other programs as helm, kubectl and git",
        file!(),
    )
    .held("nothing is started: `was not rendered: this command starts no program`; with `--untrusted` a chart is refused everywhere");
}

#[test]
fn attack_a26d_what_renders_is_bounded() {
    let place = Place::new();
    let project = Project::new();
    // What it gets, as a manifest.
    let script = "echo 'apiVersion: v1'; echo 'kind: ConfigMap'; echo 'metadata: {name: x}'; echo 'data:'; \
                  echo \"  home: '$HOME'\"; echo \"  mark: '$KUBEWALK_TEST_SECRET'\"; echo \"  path: '$PATH'\"; \
                  [ -z \"$KUBEWALK_TEST_SECRET\" ] || exit 9; [ ! -e /root/.kube/none ] || exit 9; \
                  (while :; do :; done) & exit 0";
    let path = project.traps(&["helm"], script);
    project.put("p/chart/Chart.yaml", "apiVersion: v2\nname: c\nversion: 0.1.0\n");
    let story = project.story("{helm: {chart: ../chart}}");
    let mut command = place.kubewalk(&["check", "--render", "-v", words(&story)]);
    let said = run(command.env("PATH", &path).env("KUBEWALK_TEST_SECRET", SECRET));
    assert_eq!(said.code, Some(0), "{said:?}");
    // A flood, and one that says why.
    for (script, expected) in [
        ("x=0123456789abcdef; while :; do x=$x$x; echo $x; done", "wrote more than"),
        ("echo 'Error: c/templates/x.yaml:3: no' >&2; exit 1", "c/templates/x.yaml:3: no"),
    ] {
        project.traps(&["helm"], script);
        let said = run(place.kubewalk(&["check", "--render", words(&story)]).env("PATH", &path));
        assert!(said.code == Some(2) && said.stderr.contains(expected), "{said:?}");
    }
    place.nothing_left_within(std::time::Duration::from_secs(5));
    Attack::new(
        "A26d",
        "a helm that reads its environment, leaves a process behind, floods, fails",
        file!(),
    )
    .held("it gets a folder of the chart's files, a home and a PATH of its own, 60 s, 4 GiB, 16 MiB of output, and ends as a group; its own words are shown");
}
