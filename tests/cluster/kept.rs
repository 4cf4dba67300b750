//! What failed is kept and can be looked at, on real clusters: by `kubewalk shell`, and at a terminal while the run waits.
#![cfg(target_os = "linux")]

#[path = "../common/tools.rs"]
mod tools;
#[path = "../common/traces.rs"]
mod traces;

use std::{
    fs::{self, File},
    io::{Read as _, Write as _},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::mpsc,
    time::Duration,
};

use rstest::rstest;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use traces::{Place, alone};

/// An account that may read no Pods, whatever the title says.
const FAILS: &str = "title: It fails
steps:
  - {title: an account, serviceAccount: reader}
  - {title: it asks, can: {who: serviceaccount/reader, verb: get, resource: pods, allowed: false}}
  - {title: it reads Pods, as: serviceaccount/reader, get: {kind: Pod}}
  - {title: never, whoami: {}}
";

const HOLDS: &str = "title: It holds\nsteps:\n  - {title: an account, serviceAccount: reader}\n";

/// A ClusterRole whose name two scenarios want.
const ROLE: &str =
    "{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: wanted-by-two}, rules: []}";

fn written(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    fs::write(&path, text).expect("written");
    path.to_string_lossy().into_owned()
}

/// What follows a word in a text, to the end of its line.
fn after<'a>(text: &'a str, word: &str) -> &'a str {
    let rest = text.split_once(word).unwrap_or_else(|| panic!("{word}\n{text}")).1;
    rest.lines().next().unwrap_or_default().trim()
}

/// The words of a line that kubewalk prints for a person to paste.
fn pasted(place: &mut Place, line: &str, more: &[&str]) -> traces::Said {
    let words: Vec<&str> = line.split(' ').chain(more.iter().copied()).collect();
    assert_eq!(words[0], "kubewalk", "{line}");
    // Where a command follows, options of kubewalk's own come before it.
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_kubewalk"));
    place.settle(&mut command);
    traces::Said::from(&command.args(&words[1..]).output().expect("kubewalk starts"))
}

#[test]
fn what_failed_stays_as_it_was_until_somebody_ends_it() {
    let _alone = alone();
    let mut place = Place::new();
    let folder = tempfile::tempdir().expect("a folder");
    let file = written(folder.path(), "fails.yaml", FAILS);
    let said = place.run(&["run", &file, "--cluster", "builtin", "--keep"]);
    assert_eq!(said.code, Some(1), "{said:?}");
    let namespace = after(&said.stdout, "kept: namespace ").split(' ').next().expect("a name").to_owned();
    assert!(namespace.starts_with("kw-fails-"), "{}", said.stdout);
    let look = after(&said.stdout, "look around: ").to_owned();
    let end = after(&said.stdout, "end it: ").to_owned();
    let reproduce = after(&said.stdout, "= reproduce: ").to_owned();
    let there = pasted(&mut place, &look, &["--", "kubectl", "get", "serviceaccount", "reader", "-o", "name"]);
    assert_eq!((there.code, there.stdout.as_str()), (Some(0), "serviceaccount/reader\n"), "{there:?}");
    let again = pasted(&mut place, &look, &["--", "sh", "-c", &reproduce]);
    assert!(again.code == Some(1) && again.stderr.contains("cannot list resource \"pods\""), "{reproduce}: {again:?}");
    let script = "test \"$NAMESPACE\" = \"$1\" && exit 7";
    let code = pasted(&mut place, "kubewalk shell", &["--", "sh", "-c", script, "sh", &namespace]);
    assert_eq!(code.code, Some(7), "{code:?}");
    let list = place.run(&["cluster", "list"]);
    assert!(list.stdout.contains(" kept ") && list.stdout.contains("ends in 30 min"), "{list:?}");
    // Another run leaves it alone.
    let other = written(folder.path(), "holds.yaml", HOLDS);
    let said = place.run(&["run", &other, "--cluster", "builtin", "--keep"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    let words = format!("is left alone, with what is kept of {file}");
    assert!(said.stderr.contains(&words) && !said.stdout.contains("kept:"), "{said:?}");
    assert_eq!(place.clusters_now().len(), 1, "what held is not kept");
    let none = place.run(&["shell", &other]);
    assert_eq!(none.code, Some(4), "{none:?}");
    assert!(none.stderr.contains(&format!("nothing is kept of {other}; this is: {file}")), "{none:?}");
    let ended = pasted(&mut place, &end, &[]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(place.left(), Vec::<String>::new());
    assert_eq!(place.run(&["shell"]).code, Some(4));
}

/// In a container of Docker's, and in a cluster of kind's by the stand-in for its image.
#[rstest]
#[case::docker("docker")]
#[case::kind("kind")]
fn what_failed_stays_in_a_container_until_somebody_ends_it(#[case] kind: &str) {
    if !tools::docker() {
        return;
    }
    let _alone = alone();
    let mut place = Place::new();
    let folder = tempfile::tempdir().expect("a folder");
    let file = written(folder.path(), "fails.yaml", FAILS);
    let mut command = place.kubewalk(&["run", &file, "--cluster", kind, "--fresh", "--keep"]);
    if kind == "kind" {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/kind-stand-in");
        let said = Command::new(script).stderr(Stdio::inherit()).output().expect("the script runs");
        assert!(said.status.success(), "there is no stand-in image: {}", said.status);
        command.env("KUBEWALK_KIND_IMAGE", String::from_utf8_lossy(&said.stdout).trim());
    }
    let said = traces::Said::from(&command.output().expect("kubewalk starts"));
    assert_eq!(said.code, Some(1), "{said:?}");
    let ids: Vec<String> = fs::read_dir(place.state().join("runs"))
        .expect("a folder")
        .flatten()
        .filter_map(|entry| entry.file_name().to_string_lossy().strip_prefix("kubewalk-run-").map(str::to_owned))
        .collect();
    let ours = || tools::containers().lines().filter(|name| ids.iter().any(|id| name.contains(id))).count();
    assert_eq!(ours(), 1, "{ids:?}: {}", tools::containers());
    let look = after(&said.stdout, "look around: ").to_owned();
    let end = after(&said.stdout, "end it: ").to_owned();
    let reproduce = after(&said.stdout, "= reproduce: ").to_owned();
    let there = pasted(&mut place, &look, &["--", "kubectl", "get", "serviceaccount", "reader", "-o", "name"]);
    assert_eq!((there.code, there.stdout.as_str()), (Some(0), "serviceaccount/reader\n"), "{there:?}");
    let again = pasted(&mut place, &look, &["--", "sh", "-c", &reproduce]);
    assert!(again.code == Some(1) && again.stderr.contains("cannot list resource \"pods\""), "{reproduce}: {again:?}");
    let list = place.run(&["cluster", "list"]);
    assert!(list.stdout.contains(kind) && list.stdout.contains(" kept "), "{list:?}");
    let ended = pasted(&mut place, &end, &[]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!((ours(), place.left()), (0, Vec::<String>::new()));
}

#[test]
fn what_is_kept_is_in_nobodys_way_and_ends_by_its_time_or_by_a_sweep() {
    let _alone = alone();
    let mut place = Place::new();
    let folder = tempfile::tempdir().expect("a folder");
    let make = format!("  - {{title: a role, create: {ROLE}}}\n");
    let fails = "  - {title: nobody reads, as: {user: jane}, get: {kind: Pod}}\n";
    let first = written(folder.path(), "a.yaml", &format!("title: a\nsteps:\n{make}{fails}"));
    let second = written(folder.path(), "b.yaml", &format!("title: b\nsteps:\n{make}"));
    let third = written(folder.path(), "c.yaml", &format!("title: c\nsteps:\n{make}{fails}"));
    let said = place.run(&["run", &first, &second, &third, "--cluster", "builtin", "--jobs", "1", "--keep"]);
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(said.stderr.contains("in the way of 2 scenarios, which run on another cluster"), "{}", said.stderr);
    assert!(said.stdout.contains("3 steps held, 2 failed"), "{}", said.stdout);
    assert_eq!(said.stdout.matches("kept: namespace").count(), 1, "{}", said.stdout);
    assert_eq!(place.clusters_now().len(), 1);
    let swept = place.run(&["sweep", "--kept"]);
    assert!(swept.stdout.contains("removed the cluster warm-"), "{swept:?}");
    assert_eq!(place.left(), Vec::<String>::new());
    // A part of a story that holds, kept for a few seconds; a shell there holds it.
    let story = written(folder.path(), "story.yaml", FAILS);
    let part = ["run", &story, "--cluster", "builtin", "--to-step", "1", "--keep=all", "--keep-for", "3s"];
    let said = place.run(&part);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(said.stdout.contains("1 step held, 0 failed, 3 not run"), "{}", said.stdout);
    assert!(said.stdout.contains("ends 3 s after its last use"), "{}", said.stdout);
    let shell = ["shell", &story, "--", "sh", "-c", "sleep 6; kubectl get serviceaccount reader -o name"];
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_kubewalk"));
    place.settle(&mut command);
    let there = traces::Said::from(&command.args(shell).output().expect("kubewalk starts"));
    assert_eq!(there.stdout, "serviceaccount/reader\n", "{there:?}");
    place.nothing_left_within(Duration::from_secs(60));
}

/// What a scenario leaves behind would be in its own way when it is tried again, and in that of others with the same names: what the
/// server says of that is no answer to what they claim.
#[test]
fn what_is_left_behind_is_in_nobodys_way() {
    let _alone = alone();
    let mut place = Place::new();
    let folder = tempfile::tempdir().expect("a folder");
    let held = ROLE.replace("wanted-by-two}", "wanted-by-two, finalizers: [example.dev/held]}");
    let first = written(folder.path(), "a.yaml", &format!("title: a\nsteps:\n  - {{title: a role, create: {held}}}\n"));
    let second =
        written(folder.path(), "b.yaml", &format!("title: b\nsteps:\n  - {{title: a role, create: {ROLE}}}\n"));
    let run = ["run", &first, &second, "--cluster", "builtin", "--jobs", "1", "--cleanup-budget", "2s"];
    let said = place.run(&run);
    assert_eq!(said.code, Some(6), "{said:?}");
    assert!(said.stdout.contains("2 steps held, 0 failed, 0 not run"), "{}", said.stdout);
    let words = "what is left behind is in the way of 1 scenario, which runs on another cluster";
    assert!(said.stderr.contains(words), "{}", said.stderr);
    // The environment keeps this one from an answer each time, and the second time, too, it is asked what it claims.
    let going = "  - {title: n, create: {apiVersion: v1, kind: Namespace, metadata: {name: kw-going}}}\n  \
                 - {title: m, create: {apiVersion: v1, kind: ConfigMap, metadata: {name: m, namespace: kw-going, finalizers: [example.dev/held]}}}\n  \
                 - {title: g, kubectl: {args: [delete, namespace, kw-going, --wait=false]}}\n  \
                 - {title: z, as: {user: jane}, get: {kind: Pod, namespace: kw-going}, expect: {status: 403}} # on purpose\n";
    let third = written(folder.path(), "c.yaml", &format!("title: c\nsteps:\n{going}"));
    let said =
        place.run(&["run", &third, "--cluster", "builtin", "--cleanup-budget", "2s", "--retry-environment", "1"]);
    assert_eq!(said.code, Some(3), "{said:?}");
    assert_eq!(said.stdout.matches("Namespace kw-going is being deleted").count(), 2, "{}", said.stdout);
    assert!(!said.stdout.contains("AlreadyExists"), "{}", said.stdout);
    assert!(
        said.stderr.contains("what is left behind would be in the way; a new cluster is started"),
        "{}",
        said.stderr
    );
    place.nothing_left_within(Duration::from_secs(20));
}

#[test]
fn a_run_waits_at_the_terminal_with_everything_in_place() {
    let _alone = alone();
    let mut place = Place::new();
    let folder = tempfile::tempdir().expect("a folder");
    let file = written(folder.path(), "fails.yaml", FAILS);
    let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).expect("a terminal");
    grantpt(&terminal).and_then(|()| unlockpt(&terminal)).expect("a terminal");
    let name = ptsname(&terminal, Vec::new()).expect("its name");
    let side = File::options().read(true).write(true).open(PathBuf::from(name.to_str().expect("UTF-8"))).expect("open");
    // As at a terminal of one's own: a shell looks who has it.
    let mut command = std::process::Command::new("setsid");
    place.settle(&mut command);
    command.args(["--ctty", "--wait", env!("CARGO_BIN_EXE_kubewalk"), "run", &file, "--cluster", "builtin"]);
    command.args(["--color=never", "--pause-on-failure", "--from-step", "3"]);
    command.stdin(side.try_clone().expect("a copy")).stderr(side.try_clone().expect("a copy")).stdout(Stdio::piped());
    let mut child = command.env("SHELL", "/bin/sh").env("PS1", "there> ").spawn().expect("kubewalk starts");
    drop((command, side));
    let mut terminal = File::from(terminal);
    let mut reader = terminal.try_clone().expect("a copy");
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        let mut bytes = [0; 4096];
        while let Ok(count @ 1..) = reader.read(&mut bytes) {
            let _ = tell.send(String::from_utf8_lossy(&bytes[..count]).into_owned());
        }
    });
    let mut seen = String::new();
    let mut until = |word: &str| {
        while !seen.contains(word) {
            match told.recv_timeout(Duration::from_secs(120)) {
                Ok(more) => seen += &more,
                Err(e) => panic!("{word} does not come: {e}\n{seen}"),
            }
        }
        seen = seen.split_once(word).expect("it is there").1.to_owned();
    };
    until("opens a shell there");
    terminal.write_all(b"s\n").expect("typed");
    until("there> ");
    terminal.write_all(b"kubectl get serviceaccount reader -o name\n").expect("typed");
    until("serviceaccount/reader");
    terminal.write_all(b"exit\n").expect("typed");
    until("opens a shell there");
    terminal.write_all(b"\n").expect("typed");
    let mut stdout = String::new();
    child.stdout.take().expect("piped").read_to_string(&mut stdout).expect("text");
    assert_eq!(child.wait().expect("an end").code(), Some(1), "{stdout}");
    assert!(stdout.contains("it only asks, and comes before step 3"), "{stdout}");
    assert!(stdout.contains("1 step held, 1 failed, 2 not run"), "{stdout}");
    place.note_clusters();
    place.nothing_left_within(Duration::from_secs(20));
}
