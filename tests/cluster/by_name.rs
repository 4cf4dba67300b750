//! Scenarios as tests with names of their own: what `kubewalk::testing::main` shows, and what it says when there is no cluster. This
//! program is called once more for that, with a folder of scenarios.
#![cfg(target_os = "linux")]

#[path = "../common/traces.rs"]
mod traces;

use std::{
    fs,
    path::Path,
    process::{Command, ExitCode, Stdio},
};

use libtest_mimic::{Arguments, Trial};
use traces::{Place, Said, alone};

/// The folder whose scenarios are the tests.
const FOLDER: &str = "KUBEWALK_TEST_FOLDER";

fn main() -> ExitCode {
    if let Some(folder) = std::env::var_os(FOLDER) {
        return kubewalk::testing::main(folder);
    }
    let tests: [(&str, fn()); 4] = [
        ("a_name_stays_when_a_file_is_added", a_name_stays_when_a_file_is_added),
        ("a_missing_cluster_is_an_error_or_an_ignored_test", a_missing_cluster_is_an_error_or_an_ignored_test),
        ("a_test_that_fails_before_its_scenario_begins_is_in_the_reports", what_did_not_begin_is_in_the_reports),
        ("a_failure_is_told_once_and_is_in_the_reports", a_failure_is_told_once_and_is_in_the_reports),
    ];
    let trials = tests.map(|(name, test)| {
        Trial::test(name, move || {
            test();
            Ok(())
        })
    });
    libtest_mimic::run(&Arguments::from_args(), trials.into()).exit_code()
}

fn story(title: &str, holds: bool) -> String {
    let status = if holds { 403 } else { 200 };
    format!(
        "title: {title}\nsteps:\n  - {{title: an account, serviceAccount: reader}}\n  \
         - {{title: it reads Pods, as: serviceaccount/reader, get: {{kind: Pod}}, expect: {{status: {status}}}}}\n"
    )
}

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    fs::create_dir(folder.path().join("rbac")).expect("a folder");
    fs::write(folder.path().join("holds.yaml"), story("It holds", true)).expect("written");
    fs::write(folder.path().join("rbac/fails.yaml"), story("It fails", false)).expect("written");
    folder
}

fn called(place: &Place, folder: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Said {
    let mut command = Command::new(std::env::current_exe().expect("our own program"));
    place.settle(&mut command);
    command.env(FOLDER, folder).args(arguments).envs(variables.iter().copied()).stdin(Stdio::null());
    Said::from(&command.output().expect("it starts"))
}

fn a_name_stays_when_a_file_is_added() {
    let (place, folder) = (Place::new(), folder());
    let list = called(&place, folder.path(), &["--list"], &[]);
    assert_eq!(list.stdout.trim(), "holds: test\nrbac::fails: test", "{list:?}");
    fs::write(folder.path().join("a.yaml"), story("Another", true)).expect("written");
    let list = called(&place, folder.path(), &["--list"], &[]);
    assert_eq!(list.stdout.trim(), "a: test\nholds: test\nrbac::fails: test", "{list:?}");
    let none = called(&place, &folder.path().join("none"), &[], &[]);
    assert!(none.code == Some(2) && none.stderr.contains("cannot be used for tests"), "{none:?}");
    assert_eq!(place.left(), Vec::<String>::new(), "nothing was started");
}

fn a_missing_cluster_is_an_error_or_an_ignored_test() {
    let (place, folder) = (Place::new(), folder());
    let nowhere = [("KUBEWALK_CLUSTER", "docker"), ("DOCKER_HOST", "unix:///nonexistent/docker.sock")];
    let said = called(&place, folder.path(), &["holds", "--exact"], &nowhere);
    assert_eq!(said.code, Some(101), "{said:?}");
    assert!(said.stdout.contains("environment: there is no cluster: "), "{said:?}");
    let leave = [nowhere[0], nowhere[1], ("KUBEWALK_REQUIRE", "0")];
    let said = called(&place, folder.path(), &["holds", "--exact"], &leave);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(said.stdout.contains("0 passed; 0 failed; 1 ignored"), "{said:?}");
    assert!(said.stdout.contains("ignored (there is no cluster: "), "{said:?}");
}

fn what_did_not_begin_is_in_the_reports() {
    let (place, folder) = (Place::new(), folder());
    fs::write(folder.path().join("wrong.yaml"), "title: t\nsteps:\n  - title: s\n    serviceAccountt: a\n")
        .expect("written");
    let (junit, events) = (folder.path().join("junit.xml"), folder.path().join("run.jsonl"));
    let report = format!("junit={},events={}", junit.display(), events.display());
    let reports = ("KUBEWALK_REPORT", report.as_str());
    let nowhere = [("KUBEWALK_CLUSTER", "docker"), ("DOCKER_HOST", "unix:///nonexistent/docker.sock")];
    // A green report of an earlier run does not stay.
    fs::write(&junit, "<testsuites tests=\"3\" failures=\"0\" errors=\"0\"/>").expect("written");
    let read = |path: &Path| fs::read_to_string(path).expect("a report");
    let said = called(&place, folder.path(), &[], &[nowhere[0], nowhere[1], reports]);
    assert!(said.code == Some(101) && said.stdout.contains("0 passed; 3 failed"), "{said:?}");
    let xml = read(&junit);
    assert!(xml.contains("tests=\"3\" failures=\"0\" errors=\"3\""), "{xml}");
    assert!(xml.contains("name=\"It holds\"") && xml.contains("there is no cluster: "), "{xml}");
    assert!(xml.contains("unknown key `serviceAccountt`"), "{xml}");
    assert!(read(&events).contains("\"exitCode\":2"), "{}", read(&events));
    // What is ignored is skipped in a report, with the reason; what is wrong is not.
    let leave = [nowhere[0], nowhere[1], ("KUBEWALK_REQUIRE", "0"), reports];
    let said = called(&place, folder.path(), &["holds", "--exact"], &leave);
    assert!(said.code == Some(0) && said.stdout.contains("1 ignored"), "{said:?}");
    let xml = read(&junit);
    assert!(xml.contains("tests=\"1\"") && xml.contains("<skipped ") && xml.contains("KUBEWALK_REQUIRE=0"), "{xml}");
    // A slip in a setting is no missing cluster.
    for wrong in [("KUBEWALK_CLUSTER", "banana"), ("KUBEWALK_KUBERNETES", "9.9")] {
        let variables = [("KUBEWALK_CLUSTER", "builtin"), ("KUBEWALK_REQUIRE", "0"), wrong];
        let said = called(&place, folder.path(), &["holds", "--exact"], &variables);
        assert!(said.code == Some(101) && said.stdout.contains(wrong.1), "{said:?}");
    }
    assert_eq!(place.left(), Vec::<String>::new(), "nothing was started");
}

fn a_failure_is_told_once_and_is_in_the_reports() {
    let _alone = alone();
    let (place, folder) = (Place::new(), folder());
    let junit = folder.path().join("junit.xml");
    let report = format!("junit={},events={}", junit.display(), folder.path().join("run.jsonl").display());
    let said = called(&place, folder.path(), &[], &[("KUBEWALK_CLUSTER", "builtin"), ("KUBEWALK_REPORT", &report)]);
    assert_eq!(said.code, Some(101), "{said:?}");
    let told = said.stdout.clone() + &said.stderr;
    assert!(told.contains("1 passed; 1 failed"), "{told}");
    assert_eq!(told.matches("expected 200, got 403").count(), 1, "{told}");
    let line = format!("expectation failed: {}/rbac/fails.yaml:4, step 2: it reads Pods", folder.path().display());
    assert_eq!(told.matches(&line).count(), 1, "{told}");
    assert!(told.contains("= run just this: cargo test rbac::fails"), "{told}");
    let xml = fs::read_to_string(junit).expect("a report");
    assert!(xml.contains("tests=\"2\" failures=\"1\" errors=\"0\""), "{xml}");
    assert!(
        xml.contains("classname=") && xml.contains("name=\"It holds\"") && xml.contains("name=\"It fails\""),
        "{xml}"
    );
    let mut again = Command::new(env!("CARGO_BIN_EXE_kubewalk"));
    place.settle(&mut again);
    let again = Said::from(&again.arg("report").arg(folder.path().join("run.jsonl")).output().expect("it starts"));
    assert!(again.stdout.contains("3 steps held, 1 failed, 0 not run"), "{again:?}");
    place.nothing_left_within(std::time::Duration::from_secs(20));
}
