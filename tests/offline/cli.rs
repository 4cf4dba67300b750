//! The command line: exit codes, what goes to which stream, and what it says when the machine lacks something. No cluster.

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
};

use rstest::rstest;

fn kubewalk(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kubewalk"));
    command.args(args).current_dir(env!("CARGO_MANIFEST_DIR"));
    // A developer's own settings are no part of a test.
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("KUBEWALK_") {
            command.env_remove(name);
        }
    }
    command
}

fn run(command: &mut Command) -> (i32, String, String) {
    let Output { status, stdout, stderr } = command.output().expect("kubewalk starts");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    (status.code().expect("an exit code"), text(stdout), text(stderr))
}

fn scenario(dir: &Path, text: &str) -> PathBuf {
    let path = dir.join("scenario.yaml");
    std::fs::write(&path, text).expect("it can be written");
    path
}

/// By that tag the workflow leaves out of a pull request's run what `--untrusted` refuses; nothing else may hide behind it.
#[test]
fn the_tag_trusted_is_on_the_scenarios_that_untrusted_refuses() {
    let paths = |scenarios: &serde_json::Value| -> std::collections::BTreeSet<String> {
        let all = scenarios.as_array().expect("a list");
        all.iter().map(|one| one["path"].as_str().expect("a path").to_owned()).collect()
    };
    let (code, stdout, stderr) = run(&mut kubewalk(&["check", "--untrusted", "--report", "json", "scenarios"]));
    assert_eq!(code, 2, "{stderr}");
    let refused: serde_json::Value = serde_json::from_str(&stdout).expect("JSON");
    let (code, stdout, stderr) = run(&mut kubewalk(&["list", "--format", "json", "--tag", "trusted", "scenarios"]));
    assert_eq!(code, 0, "{stderr}");
    assert_eq!(paths(&serde_json::from_str(&stdout).expect("JSON")), paths(&refused["findings"]));
}

/// A report in place of the scenario that it is about would be the end of the scenario.
#[test]
fn a_report_never_overwrites_what_was_read() {
    let dir = tempfile::tempdir().expect("a folder");
    let manifest = "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: a}\n";
    let text = "title: t\nsteps:\n  - {title: s, apply: {file: account.yaml}}\n";
    std::fs::write(dir.path().join("account.yaml"), manifest).expect("written");
    std::os::unix::fs::symlink("scenario.yaml", dir.path().join("link")).expect("a link");
    let path = scenario(dir.path(), text);
    let broken = dir.path().join("broken.yaml");
    std::fs::write(&broken, "title: [").expect("written");
    let at = |name: &str| dir.path().join(name).display().to_string();
    let shown = |path: &Path| path.display().to_string();
    for place in ["scenario.yaml", "link", "account.yaml", "broken.yaml"] {
        let check = ["check", "--report", &format!("json={}", at(place)), &shown(&path), &shown(&broken)];
        let mut calls = vec![check.map(str::to_owned)];
        for kind in ["events", "json", "junit", "html", "github"] {
            let run = ["run", "--report", &format!("{kind}={}", at(place)), &shown(&path), &shown(&broken)];
            calls.push(run.map(str::to_owned));
        }
        for call in calls {
            let call: Vec<_> = call.iter().map(String::as_str).collect();
            let (code, stdout, stderr) = run(&mut kubewalk(&call));
            assert_eq!((code, stdout.as_str()), (2, ""), "{stderr}");
            assert!(stderr.contains("the report would overwrite"), "{call:?}: {stderr}");
        }
    }
    let said = kubewalk(&["report", &at("account.yaml"), "--report", &format!("json={}", at("account.yaml"))]);
    let (code, _, stderr) = run(&mut { said });
    assert!(code == 2 && stderr.contains("the report would overwrite"), "{stderr}");
    let read = |name: &str| std::fs::read_to_string(dir.path().join(name)).expect("it is there");
    assert_eq!((read("scenario.yaml").as_str(), read("account.yaml").as_str()), (text, manifest));
    assert_eq!(read("broken.yaml"), "title: [");
}

/// Opening a pipe waits for its writer, and a device has no end.
#[rstest]
#[case("pipe", "its file is no regular one but a pipe or a device")]
#[case("/dev/zero", "its file is no regular one but a pipe or a device")]
#[case("/dev/stdin", "its file is no regular one but a pipe or a device")]
#[case("big", "its value has more than 1 MiB")]
fn a_secret_is_read_from_a_regular_file_only(#[case] file: &str, #[case] why: &str) {
    let dir = tempfile::tempdir().expect("a folder");
    let made = Command::new("mkfifo").arg(dir.path().join("pipe")).status().expect("mkfifo");
    assert!(made.success());
    std::fs::File::create(dir.path().join("big")).and_then(|big| big.set_len(5 << 30)).expect("a big file");
    let secret = format!("X=@{}", dir.path().join(file).display());
    let mut call = kubewalk(&["run", "scenarios/rbac/one-role.yaml", "--secret", &secret]);
    let (code, _, stderr) = run(call.stdin(std::process::Stdio::piped()));
    assert_eq!(code, 2, "{stderr}");
    assert!(stderr.contains(&format!("--secret X: {why}")), "{stderr}");
}

/// Each placeholder once looked through all the others, and was told for itself: half a minute.
#[test]
fn a_hundred_thousand_placeholders_are_told_once() {
    let dir = tempfile::tempdir().expect("a folder");
    let text = format!(
        "title: t\nsteps:\n  - {{title: s, kubectl: {{args: [get, configmap, 'x{}']}}}}\n",
        "{saved.a}".repeat(100_000)
    );
    let path = scenario(dir.path(), &text);
    let (code, _, stderr) = run(&mut kubewalk(&["check", &path.display().to_string()]));
    assert_eq!((code, stderr.matches("no step saves `a`").count()), (2, 1), "{} bytes", stderr.len());
    // Nor does each of as many names look through them all.
    let names: String = (0..70_000).map(|index| format!("{{saved.a{index}}}")).collect();
    let path = scenario(
        dir.path(),
        &format!("title: t\nsteps:\n  - {{title: s, kubectl: {{args: [get, configmap, 'x{names}']}}}}\n"),
    );
    let (code, _, stderr) = run(&mut kubewalk(&["check", &path.display().to_string()]));
    assert_eq!((code, stderr.matches("no step saves `a").count()), (2, 5), "{} bytes", stderr.len());
}

#[rstest]
#[case(&["--help"], 0)]
#[case(&["run", "--help"], 0)]
#[case(&["--version"], 0)]
#[case(&[], 2)]
#[case(&["walk"], 2)]
#[case(&["run", "--cluster", "k8s"], 2)]
#[case(&["run", "--quiet", "--verbose"], 2)]
#[case(&["run", "no/such/file.yaml"], 2)]
#[case(&["run", "--kubernetes", "new"], 2)]
#[case(&["run", "--cluster", "builtin", "--kubernetes", "1.21"], 2)]
#[case(&["run", "--cluster", "docker", "--kubernetes", "1.36"], 2)]
#[case(&["run", "--cluster", "k3s", "--kubernetes", "1.19"], 2)]
#[case(&["check", "no/such/file.yaml"], 2)]
#[case(&["run", "--filter", "no scenario has these words"], 4)]
#[case(&["run", "--tag", "no-such-tag"], 4)]
#[case(&["check", "--filter", "no scenario has these words"], 4)]
#[case(&["explain", "--help"], 0)]
#[case(&["explain", "--kubeconfig", "no/such/file", "get", "pods"], 2)]
#[case(&["explain", "--kubeconfig", "no/such/file", "--as", "ann", "get", "podz"], 2)]
#[case(&["explain", "--kubeconfig", "no/such/file", "--as", "serviceaccount/app", "get", "pods"], 2)]
#[case(&["explain", "--kubeconfig", "no/such/file", "--as", "ann", "get", "nodes", "-n", "a"], 2)]
#[case(&["explain", "--kubeconfig", "no/such/file", "--as", "ann", "get", "/healthz", "-n", "a"], 2)]
#[case(&["explain", "--kubeconfig", "no/such/file", "--as", "ann", "get", "pods"], 3)]
fn exit_codes_that_need_no_cluster(#[case] args: &[&str], #[case] code: i32) {
    let (said, stdout, stderr) = run(&mut kubewalk(args));
    assert_eq!(said, code, "{stdout}{stderr}");
    // An answer goes to standard output, an error to standard error, and nothing says nothing.
    assert_eq!(stderr.is_empty(), code == 0, "{stderr}");
}

#[test]
fn check_says_all_that_is_wrong_in_all_files_and_starts_nothing() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = scenario(dir.path(), "title: x\nstep: []\nsteps:\n  - title: a\n    pod: {name: A, image: curl}\n");
    let path = path.to_str().expect("UTF-8");
    for verb in ["check", "run"] {
        let (code, _, stderr) = run(&mut kubewalk(&[verb, path, "tests/offline/invalid/plan/bind-unknown-role.yaml"]));
        assert_eq!(code, 2);
        assert!(stderr.contains("scenario.yaml:2:1") && stderr.contains("`steps` is there already"), "{stderr}");
    }
}

#[test]
fn check_finds_every_shipped_scenario_good() {
    // `check` starts nothing: of charts and kustomizations it knows what was rendered before.
    let rendered = run(&mut kubewalk(&["check", "--render", "scenarios/shipped"]));
    assert_eq!(rendered.0, 0, "{rendered:?}");
    let (code, stdout, stderr) = run(&mut kubewalk(&["check"]));
    assert_eq!((code, stderr.as_str()), (0, ""));
    assert!(stdout.ends_with(" steps are good, 0 are not\n"), "{stdout}");
}

#[test]
fn list_names_every_file_with_its_steps_and_title() {
    let (code, stdout, stderr) = run(&mut kubewalk(&["list", "scenarios/serviceaccount/walkthrough.yaml"]));
    assert_eq!((code, stderr.as_str()), (0, ""));
    assert!(stdout.starts_with("scenarios/serviceaccount/walkthrough.yaml  "), "{stdout}");
    assert!(stdout.contains(" steps  A Pod talks to the API server as a ServiceAccount"), "{stdout}");
}

#[test]
fn schema_prints_the_committed_schema() {
    let (code, stdout, _) = run(&mut kubewalk(&["schema"]));
    let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema/scenario.schema.json");
    assert_eq!((code, stdout), (0, std::fs::read_to_string(committed).expect("the schema is committed")));
}

#[test]
fn a_reader_that_has_gone_is_no_panic() {
    let mut command = kubewalk(&["schema"]);
    let mut child =
        command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().expect("it starts");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(7));
    assert!(!String::from_utf8_lossy(&output.stderr).contains("panicked"));
}

/// Switches by their variables, with the values that people and CI servers give them.
#[rstest]
fn a_switch_is_read_from_its_variable(
    #[values("1", "true", "yes", "on", "0", "false", "no", "off", "")] value: &str,
    #[values("KUBEWALK_QUIET", "KUBEWALK_VERBOSE")] variable: &str,
) {
    let mut command = kubewalk(&["check", "scenarios/rbac/one-role.yaml"]);
    let (code, stdout, stderr) = run(command.env(variable, value));
    assert_eq!((code, stderr.as_str()), (0, ""), "{variable}={value}");
    let on = ["1", "true", "yes", "on"].contains(&value);
    assert_eq!(stdout.is_empty(), on && variable == "KUBEWALK_QUIET", "{variable}={value}: {stdout}");
}

#[rstest]
#[case("KUBEWALK_DRY_RUN", "1", &["sweep", "--cluster", "kubeconfig"])]
#[case("KUBEWALK_FRESH", "off", &["run", "--cluster", "kubeconfig"])]
#[case("KUBEWALK_FAIL_ON_FLAKY", "1", &["run", "--cluster", "kubeconfig"])]
#[case("KUBEWALK_CLUSTER", "", &["run", "--filter", "no scenario has these words"])]
#[case("KUBEWALK_JOBS", "", &["run", "--filter", "no scenario has these words"])]
#[case("KUBEWALK_REPORT", "", &["run", "--filter", "no scenario has these words"])]
#[case("KUBEWALK_BUDGET", "", &["run", "--filter", "no scenario has these words"])]
fn no_value_of_a_switch_and_no_empty_variable_is_an_error(
    #[case] variable: &str,
    #[case] value: &str,
    #[case] arguments: &[&str],
) {
    let (_, _, stderr) = run(kubewalk(arguments).env(variable, value));
    assert!(!stderr.contains("invalid value") && !stderr.contains("is missing"), "{stderr}");
}

#[test]
fn a_list_of_tags_has_commas_wherever_it_is_said() {
    let listed = |command: &mut Command| {
        let (code, stdout, stderr) = run(command);
        assert_eq!(code, 0, "{stderr}");
        stdout.lines().count()
    };
    let both = listed(kubewalk(&["list"]).env("KUBEWALK_TAG", "rbac, slow"));
    assert_eq!(both, listed(&mut kubewalk(&["list", "--tag", "rbac,slow"])));
    assert_eq!(both, listed(&mut kubewalk(&["list", "--tag", "rbac", "--tag", "slow"])));
    let (rbac, slow) =
        (listed(&mut kubewalk(&["list", "--tag", "rbac"])), listed(&mut kubewalk(&["list", "--tag", "slow"])));
    assert!(rbac < both && slow < both && both <= rbac + slow, "{rbac} {slow} {both}");
    assert_eq!(listed(kubewalk(&["list"]).env("KUBEWALK_TAG", "")), listed(&mut kubewalk(&["list"])));
}

#[rstest]
#[case("KUBEWALK_START_TIMEOUT", "soon")]
#[case("KUBEWALK_PULL_TIMEOUT", "0")]
#[case("KUBEWALK_NODE_MEMORY", "much")]
fn a_variable_that_says_nothing_is_an_error(#[case] variable: &str, #[case] value: &str) {
    let (code, _, stderr) = run(kubewalk(&["check"]).env(variable, value));
    assert!(code == 2 && stderr.contains(variable), "{stderr}");
}

#[test]
fn a_cause_is_said_once() {
    let arguments = ["explain", "--kubeconfig", "no/such/file", "--as", "ann", "get", "pods"];
    let (_, _, stderr) = run(&mut kubewalk(&arguments));
    assert_eq!((stderr.matches("no such file").count(), stderr.lines().count()), (1, 1), "{stderr}");
}

#[cfg(target_os = "linux")]
mod machine {
    use std::os::unix::{fs::PermissionsExt as _, process::CommandExt as _};

    use super::*;

    const WALKTHROUGH: &str = "scenarios/rbac/one-role.yaml";

    /// Exit code 3, one sentence and a remedy, and nothing on standard output but the summary.
    fn lacks(command: &mut Command, sentence: &str, remedy: &str) {
        let (code, _, stderr) = run(command);
        assert_eq!(code, 3, "{stderr}");
        assert!(stderr.contains(sentence) && stderr.contains(remedy), "{stderr}");
    }

    #[test]
    fn not_root() {
        let dir = tempfile::tempdir().expect("a folder");
        std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o755)).expect("it is ours");
        // Whoever is not root may not reach the folder that the program was built in.
        let program = dir.path().join("kubewalk");
        std::fs::copy(env!("CARGO_BIN_EXE_kubewalk"), &program).expect("it can be copied");
        let text =
            std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(WALKTHROUGH)).expect("it is there");
        let file = scenario(dir.path(), &text);
        let mut command = Command::new(program);
        command.args(["run", "--cluster", "builtin"]).arg(file).current_dir(dir.path());
        if rustix::process::geteuid().is_root() {
            command.uid(65534).gid(65534);
        }
        lacks(&mut command, "the builtin cluster needs root", "sudo");
    }

    #[test]
    fn no_go() {
        let dir = tempfile::tempdir().expect("a folder");
        let mut command = kubewalk(&["run", "--cluster", "builtin", WALKTHROUGH]);
        command.env("KUBEWALK_CACHE", dir.path()).env("PATH", "/nowhere");
        lacks(&mut command, "go is not on the PATH", "install Go");
    }

    #[test]
    fn no_room_for_what_belongs_to_clusters() {
        let dir = tempfile::tempdir().expect("a folder");
        full_disk(dir.path(), "KUBEWALK_STATE", "cannot write to the folder", "free some space");
    }

    #[test]
    fn no_room_for_the_engine() {
        let dir = tempfile::tempdir().expect("a folder");
        full_disk(dir.path(), "KUBEWALK_CACHE", "No space left on device", "6 GB to spare");
    }

    /// Runs with a variable that names a full file system, which is mounted for this process alone.
    fn full_disk(dir: &Path, variable: &str, sentence: &str, remedy: &str) {
        let script = "mount -t tmpfs -o size=4k,mode=700 tmpfs \"$1\" && echo > \"$1/full\" && exec \"$2\" run --cluster builtin \"$3\"";
        let mut command = Command::new("unshare");
        command
            .args(["--mount", "sh", "-c", script, "sh"])
            .arg(dir)
            .arg(env!("CARGO_BIN_EXE_kubewalk"))
            .arg(WALKTHROUGH);
        command.current_dir(env!("CARGO_MANIFEST_DIR")).env(variable, dir);
        lacks(&mut command, sentence, remedy);
    }
}

/// The proxy variables of the environment are for what is elsewhere. Nothing listens at port 1 of this machine.
#[test]
fn a_proxy_is_not_asked_for_this_machine() {
    let folder = tempfile::tempdir().expect("a folder");
    let asked = |host: &str| {
        let file = folder.path().join(host);
        let config = format!(
            "{{apiVersion: v1, kind: Config, current-context: c, clusters: [{{name: c, cluster: {{server: 'https://{host}:1'}}}}], \
             contexts: [{{name: c, context: {{cluster: c, user: u}}}}], users: [{{name: u, user: {{}}}}]}}"
        );
        std::fs::write(&file, config).expect("a kubeconfig");
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_kubewalk"))
            .args(["explain", "--as", "jane", "list", "pods", "--kubeconfig"])
            .arg(&file)
            .env("HTTPS_PROXY", "http://127.0.0.1:9")
            .output()
            .expect("kubewalk starts");
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (code, said) = asked("127.0.0.1");
    assert!(code == Some(3) && !said.contains("proxy"), "{said}");
    let (code, said) = asked("api.example");
    assert!(code == Some(3) && said.contains("a proxy stands between this machine and api.example"), "{said}");
    assert!(said.contains("env -u HTTPS_PROXY"), "{said}");
}

/// A scenario that can be run and about which `check` warns.
const DOUBTFUL: &str = "tests/offline/lint/denial-alone.yaml";

#[test]
fn a_warning_can_be_denied_by_option_and_by_variable() {
    let (code, _, stderr) = run(&mut kubewalk(&["check", DOUBTFUL]));
    assert_eq!(code, 0, "{stderr}");
    assert!(stderr.contains("warning: "), "{stderr}");
    let (code, _, stderr) = run(&mut kubewalk(&["check", DOUBTFUL, "--deny-warnings"]));
    assert_eq!(code, 2);
    assert!(stderr.contains(" denied by --deny-warnings"), "{stderr}");
    assert_eq!(run(kubewalk(&["check", DOUBTFUL]).env("KUBEWALK_DENY_WARNINGS", "1")).0, 2);
    assert_eq!(run(kubewalk(&["check", DOUBTFUL]).env("KUBEWALK_DENY_WARNINGS", "0")).0, 0);
}

#[test]
fn a_report_of_a_check_has_standard_output_for_itself_or_goes_into_a_file() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = scenario(dir.path(), "title: x\nsteps:\n  - title: An account\n    serviceAcount: reader\n");
    let path = path.to_str().expect("UTF-8");
    let (code, stdout, stderr) = run(&mut kubewalk(&["check", path, "--report", "json"]));
    assert_eq!(code, 2, "{stderr}");
    let read: serde_json::Value = serde_json::from_str(&stdout).expect("nothing but JSON");
    assert_eq!((&read["invalid"], &read["findings"][0]["level"]), (&1.into(), &"error".into()), "{stdout}");
    assert_eq!(read["findings"][0]["path"], path);
    assert!(stderr.contains("0 scenarios with 0 steps are good, 1 are not"), "{stderr}");
    let to = dir.path().join("out.sarif");
    let (code, stdout, _) = run(&mut kubewalk(&["check", path, "--report", &format!("sarif={}", to.display())]));
    assert_eq!((code, stdout.as_str()), (2, "0 scenarios with 0 steps are good, 1 are not\n"));
    assert!(std::fs::read_to_string(&to).expect("written").contains("\"2.1.0\""));
    let (code, _, stderr) = run(&mut kubewalk(&["check", "--report", "sarif=/dev/full"]));
    assert_eq!(code, 7, "{stderr}");
    let (_, stdout, _) = run(&mut kubewalk(&["check", path, "--report", "github"]));
    assert!(stdout.starts_with("::error file="), "{stdout}");
}

#[test]
fn a_list_is_data_for_scripts() {
    let (code, stdout, stderr) = run(&mut kubewalk(&["list", "--format", "json", "scenarios/serviceaccount"]));
    assert_eq!((code, stderr.as_str()), (0, ""));
    let read: serde_json::Value = serde_json::from_str(&stdout).expect("JSON");
    let walkthrough = &read.as_array().expect("a list")[0];
    assert_eq!(walkthrough["steps"].as_array().map(Vec::len), Some(20), "{walkthrough}");
    assert_eq!(walkthrough["steps"][0]["verb"], "get");
    assert!(walkthrough["steps"][0]["line"].as_u64().is_some_and(|line| line > 1));
}

#[test]
fn the_version_names_commit_and_engine() {
    let (code, stdout, _) = run(&mut kubewalk(&["--version"]));
    assert_eq!(code, 0);
    let lines: Vec<&str> = stdout.lines().collect();
    assert_eq!(lines[0], format!("kubewalk {}", env!("CARGO_PKG_VERSION")));
    assert!(lines[1].starts_with("commit: ") && lines[2].starts_with("engine: Kubernetes 1."), "{stdout}");
    assert_eq!(run(&mut kubewalk(&["-V"])).1.lines().count(), 1);
}

#[test]
fn a_plugin_of_kubectl_is_called_what_kubectl_calls_it() {
    let dir = tempfile::tempdir().expect("a folder");
    let name = dir.path().join("kubectl-walk");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_kubewalk"), &name).expect("a link");
    let help = Command::new(&name).arg("check").arg("--help").output().expect("it starts");
    let help = String::from_utf8(help.stdout).expect("UTF-8");
    assert!(help.contains("Usage: kubectl walk check"), "{help}");
}

#[rstest]
#[case(&[("CLICOLOR_FORCE", "1")], true)]
#[case(&[("FORCE_COLOR", "1")], true)]
#[case(&[("FORCE_COLOR", "0")], false)]
#[case(&[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")], false)]
#[case(&[], false)]
fn colours_are_had_where_the_environment_asks_for_them(#[case] variables: &[(&str, &str)], #[case] colored: bool) {
    let mut command = kubewalk(&["check", "tests/offline/invalid/plan/bind-unknown-role.yaml"]);
    for name in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "FORCE_COLOR"] {
        command.env_remove(name);
    }
    let (_, _, stderr) = run(command.envs(variables.iter().copied()));
    assert_eq!(stderr.contains('\u{1b}'), colored, "{stderr}");
}

/// What the options to look at what failed cannot do is said before anything starts.
#[test]
fn what_cannot_be_looked_at_so_is_said_at_once() {
    let dir = tempfile::tempdir().expect("a folder");
    let text = "title: t\nsteps:\n  - {title: s, serviceAccount: a}\n";
    let path = scenario(dir.path(), text).display().to_string();
    std::fs::write(dir.path().join("other.yaml"), text).expect("written");
    let folder = dir.path().display().to_string();
    for (args, said) in [
        (
            &["--keep", "--cluster", "kubeconfig", "--context", "x", &path][..],
            "--keep keeps a cluster of kubewalk's own",
        ),
        (&["--keep=some", &path], "[possible values: failed, all]"),
        (&["--pause-on-failure", &path], "standard input or standard error is none"),
        (&["--from-step", "2", &path], "scenario.yaml has 1 steps, and no step 2"),
        (&["--to-step", "1", &folder], "--to-step is about one scenario, and 2 are selected"),
        (&["--from-step", "3", "--to-step", "2", &path], "--from-step 3 comes after --to-step 2"),
        (&["--to-step", "0", &path], "invalid value '0'"),
    ] {
        let (code, stdout, stderr) = run(kubewalk(&["run"]).args(args));
        assert_eq!((code, stdout.as_str()), (2, ""), "{args:?}: {stderr}");
        assert!(stderr.contains(said), "{args:?}: {stderr}");
    }
}

#[test]
fn a_shell_without_anything_that_is_kept_says_how_to_keep_it() {
    let dir = tempfile::tempdir().expect("a folder");
    let state = dir.path().join("state");
    let (code, _, stderr) = run(kubewalk(&["shell"]).env("KUBEWALK_STATE", &state));
    assert_eq!(code, 4, "{stderr}");
    assert!(stderr.contains("nothing is kept here, and no cluster is warm"), "{stderr}");
    let (code, _, stderr) = run(kubewalk(&["shell", "a.yaml", "--", "true"]).env("KUBEWALK_STATE", &state));
    assert_eq!(code, 4, "{stderr}");
    assert!(stderr.contains("nothing is kept of a.yaml") && stderr.contains("run --keep a.yaml"), "{stderr}");
}

/// A folder that is a project, with two scenarios and a file of settings.
fn project(settings: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a folder");
    let at = |name: &str| dir.path().join(name);
    std::fs::create_dir_all(at("stories/inner")).expect("folders");
    std::fs::write(at("kubewalk.toml"), settings).expect("written");
    let story = |title: &str, tag: &str| {
        format!("title: {title}\ntags: [{tag}]\nsteps:\n  - {{title: s, serviceAccount: a}}\n")
    };
    std::fs::write(at("stories/one.yaml"), story("one", "quick")).expect("written");
    std::fs::write(at("stories/two.yaml"), story("two", "long")).expect("written");
    dir
}

#[test]
fn the_projects_file_comes_after_the_command_line_and_the_variables() {
    let text = "paths = ['stories']\ntags = ['quick']\njobs = 3\nreports = ['junit=out/junit.xml']\n\
                secrets = ['key=env:KEY']\n[profile.ci]\njobs = 8\nfail-fast = true\n";
    let dir = project(text);
    let said = |args: &[&str], variables: &[(&str, &str)]| {
        let mut command = kubewalk(args);
        command.current_dir(dir.path()).envs(variables.iter().copied());
        run(&mut command)
    };
    let row = |text: &str, key: &str| {
        let row = text.lines().find(|line| line.starts_with(&format!("{key} "))).unwrap_or_else(|| panic!("{text}"));
        row.split_whitespace().skip(1).collect::<Vec<_>>().join(" ")
    };
    let (code, plain, stderr) = said(&["config"], &[]);
    assert_eq!(code, 0, "{stderr}");
    assert_eq!(row(&plain, "paths"), "stories kubewalk.toml:1");
    assert_eq!(row(&plain, "tags"), "quick kubewalk.toml:2");
    assert_eq!(row(&plain, "jobs"), "3 kubewalk.toml:3");
    assert_eq!(row(&plain, "reports"), "junit=out/junit.xml kubewalk.toml:4");
    assert_eq!(row(&plain, "secrets"), "key kubewalk.toml:5");
    assert_eq!(row(&plain, "cluster"), "auto default");
    let (_, ci, _) = said(&["config", "--profile", "ci"], &[("KUBEWALK_TAG", "long")]);
    assert_eq!(row(&ci, "jobs"), "8 kubewalk.toml:7 (profile ci)");
    assert_eq!(row(&ci, "fail-fast"), "true kubewalk.toml:8 (profile ci)");
    assert_eq!(row(&ci, "tags"), "long variable KUBEWALK_TAG");
    let (_, line, _) = said(&["config", "--jobs", "5", "other"], &[("KUBEWALK_JOBS", "4"), ("KUBEWALK_PROFILE", "ci")]);
    assert_eq!(row(&line, "jobs"), "5 command line");
    assert_eq!(row(&line, "paths"), "other command line");
    let (_, off, _) = said(&["config", "--profile", "ci"], &[("KUBEWALK_FAIL_FAST", "0")]);
    assert_eq!(row(&off, "fail-fast"), "0 variable KUBEWALK_FAIL_FAST");
    // The commands go by it.
    let (_, listed, _) = said(&["list"], &[]);
    assert!(listed.contains("one") && !listed.contains("two"), "{listed}");
    let (_, listed, _) = said(&["list"], &[("KUBEWALK_TAG", "long")]);
    assert!(listed.contains("two") && !listed.contains("one"), "{listed}");
    let mut inner = kubewalk(&["list"]);
    let (code, listed, stderr) = run(inner.current_dir(dir.path().join("stories/inner")));
    assert!(code == 0 && listed.contains("../../stories/one.yaml"), "{listed}{stderr}");
}

#[test]
fn a_file_of_settings_that_is_wrong_starts_nothing_and_is_no_matter_to_other_commands() {
    for (text, place, words) in [
        ("paths = ['stories']\ncluster = 'kubeconfig'\n", ":2:11", "a cluster that exists cannot be chosen here"),
        ("cluster = 'builtn'\n", ":1:11", "invalid value 'builtn'"),
        ("budget = 'soon'\n", ":1:10", "give a number with s, m or h"),
        ("jobs = 0\n", ":1:8", "number would be zero"),
        ("reports = ['junti=a.xml']\n", ":1:12", "did you mean `junit`?"),
        ("context = 'production'\n", ":1:1", "`context` cannot be said here"),
        ("jobs = [\n", ":1:9", "error"),
    ] {
        let dir = project(text);
        for command in ["run", "check", "list", "config"] {
            let (code, stdout, stderr) = run(kubewalk(&[command]).current_dir(dir.path()));
            assert_eq!((code, stdout.as_str()), (2, ""), "{command}: {text}{stderr}");
            assert!(stderr.contains(&format!("kubewalk.toml{place}")) && stderr.contains(words), "{text}{stderr}");
            assert!(stderr.contains('^'), "{stderr}");
        }
        let (code, _, stderr) = run(kubewalk(&["man"]).current_dir(dir.path()));
        assert_eq!(code, 0, "{stderr}");
    }
    let dir = project("");
    let (code, _, stderr) = run(kubewalk(&["list", "--profile", "ci", "stories"]).current_dir(dir.path()));
    assert!(code == 2 && stderr.contains("there is no profile `ci`"), "{stderr}");
}

#[test]
fn what_is_asked_for_must_be_known_and_a_share_must_be_one() {
    let dir = project("");
    let cache = dir.path().join("cache");
    std::fs::create_dir(&cache).expect("a folder");
    let said = |args: &[&str]| run(kubewalk(args).current_dir(dir.path()).env("KUBEWALK_CACHE", &cache));
    let (code, _, stderr) = said(&["run", "--failed", "stories"]);
    assert!(code == 4 && stderr.contains("no run of this project is known"), "{stderr}");
    let (code, _, stderr) = said(&["run", "--shard", "4/3", "stories"]);
    assert!(code == 2 && stderr.contains("such as 1/3, 2/3 and 3/3"), "{stderr}");
    let (code, _, stderr) = said(&["run", "--shard", "3/3", "stories"]);
    assert!(code == 4 && stderr.contains("fewer scenarios than shares"), "{stderr}");
    std::fs::write(dir.path().join("times"), "{}\n").expect("written");
    let (code, _, stderr) = said(&["run", "--shard", "1/2", "--times", "times", "stories"]);
    assert!(code == 2 && stderr.contains("--times times: line 1: "), "{stderr}");
    let (code, _, stderr) = said(&["run", "--times", "times", "stories"]);
    assert!(code == 2 && stderr.contains("--shard"), "{stderr}");
    let (code, _, stderr) = said(&["watch", "--cluster", "kubeconfig", "stories"]);
    assert!(code == 2 && stderr.contains("`watch` has a cluster of its own"), "{stderr}");
}
