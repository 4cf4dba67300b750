//! See `tests/docker/attacks.rs`.

use std::{
    fs,
    os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _, symlink},
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    page::Attack,
    stranger::Stranger,
    traces::{Place, Said},
};

#[path = "../../common/fake_api.rs"]
mod fake_api;
use fake_api::{FakeApi, Reply};

/// A colour that kubewalk does not use.
const COLOUR: &str = "\u{1b}[35;7m";

const ESCAPES: &str = "\u{1b}[35;7m\u{1b}[2J\u{1b}]0;owned\u{7}\u{202e}\u{9b}31m";

/// What another file holds.
const SECRET: &str = "hunter2hunter2";

/// A text that drives neither a terminal nor a CI server.
#[track_caller]
fn harmless(said: &Said) {
    for text in [&said.stdout, &said.stderr] {
        let drives = |c: char| (c.is_control() && c != '\n' && c != '\t') || ('\u{202a}'..='\u{202e}').contains(&c);
        assert!(!text.contains(drives), "{text:?}");
        let commands = text.lines().any(|line| line.trim_start().starts_with("::"));
        assert!(!commands && !text.contains("##[") && !text.contains("##vso["), "{text:?}");
    }
}

fn run(command: &mut Command) -> Said {
    let output = command.output().expect("it starts");
    Said::from(&output)
}

const TRUE: &str = "title: T\nsteps:\n  - {title: An account, serviceAccount: a}\n";

#[test]
fn attack_a09_names_of_files_drive_nobody() {
    let place = Place::new();
    let folder = tempfile::tempdir().expect("a folder");
    let hostile = format!("{ESCAPES}\n::error::owned\n##[group]x");
    let below = folder.path().join(format!("d{hostile}"));
    fs::create_dir(&below).expect("a folder");
    fs::write(below.join("good.yaml"), TRUE).expect("written");
    fs::write(below.join("bad.yaml"), format!("{TRUE}stepz: 1\n")).expect("written");
    fs::write(below.join(format!("x{ESCAPES}.yaml")), [0xff, 0xfe, 0x00]).expect("written");
    let below = below.to_str().expect("UTF-8");
    let missing = format!("{below}/none.yaml");
    let mut tried = 0;
    for (arguments, code) in [
        (vec!["check", below], 2),
        (vec!["list", below], 2),
        (vec!["check", &missing], 2),
        (vec!["run", "--cluster", "builtin", below, "--report", &format!("junit={below}")], 2),
        (vec![hostile.as_str()], 2),
        (vec!["run", "--jobs", hostile.as_str()], 2),
        (vec!["new", &hostile], 2),
        (vec!["report", &missing], 2),
        (vec!["report", "--report", "json=/dev/full", &format!("{below}/good.yaml")], 2),
        (vec!["explain", "--kubeconfig", &missing, "--as", "a", "get", "pods"], 3),
        (vec!["explain", "--kubeconfig", &missing, "--as", "a", "get", &hostile], 2),
        (vec!["cluster", "down", &hostile], 3),
        (vec!["run", "--cluster", "kubeconfig", "--context", &hostile, "scenarios/rbac/one-role.yaml"], 3),
    ] {
        for color in ["never", "always"] {
            let mut command = Command::new(env!("CARGO_BIN_EXE_kubewalk"));
            place.settle(&mut command);
            command.args(&arguments).arg(format!("--color={color}")).env("KUBECONFIG", &missing);
            let mut said = run(&mut command);
            assert!(!format!("{}{}", said.stdout, said.stderr).contains(COLOUR), "{said:?}");
            if color == "always" {
                said.stdout = without_colors(&said.stdout);
                said.stderr = without_colors(&said.stderr);
            }
            harmless(&said);
            assert_eq!(said.code, Some(code), "{arguments:?} {said:?}");
            tried += 1;
        }
    }
    let variable = run(place.kubewalk(&["check"]).env("KUBEWALK_COLOR", &hostile).current_dir(folder.path()));
    harmless(&variable);
    assert_eq!(tried, 26);
    Attack::new("A09", "names of files and folders, words of the command line, and variables with escapes, turns of the writing direction and commands to a CI server", file!())
        .held("every outlet escapes them, with colours and without");
}

/// Without sequences that choose a colour or a weight.
fn without_colors(text: &str) -> String {
    let colors = regex::Regex::new("\u{1b}\\[[0-9;]*m").expect("a pattern");
    colors.replace_all(text, "").into_owned()
}

#[test]
fn attack_a09b_a_fake_api_servers_words_drive_nobody() {
    let hostile = format!("no{ESCAPES}\n::error::owned\n##vso[task.setvariable]x");
    let message = hostile.clone();
    let api = FakeApi::start(move |asked| {
        asked.path.contains("/namespaces").then(|| Reply::refusal(403, "Forbidden", &message))
    });
    let (place, folder) = (Place::new(), tempfile::tempdir().expect("a folder"));
    let kubeconfig = api.kubeconfig(folder.path());
    let kubewalk = |arguments: &[&str]| {
        let mut command = place.kubewalk(arguments);
        command.args(["--cluster", "kubeconfig", "--context", "fake"]).env("KUBECONFIG", &kubeconfig);
        run(&mut command)
    };
    let swept = kubewalk(&["sweep"]);
    harmless(&swept);
    assert_eq!(swept.code, Some(3), "{swept:?}");
    let scenario = folder.path().join("s.yaml");
    fs::write(&scenario, TRUE).expect("written");
    let ran = kubewalk(&["run", scenario.to_str().expect("UTF-8")]);
    harmless(&ran);
    // Its contexts are names that whoever wrote the file chose.
    let text = fs::read_to_string(&kubeconfig).expect("a kubeconfig");
    let name = serde_json::to_string(&hostile).expect("a name");
    fs::write(&kubeconfig, text.replace("\"fake\"", &name).replace(": fake", &format!(": {name}"))).expect("written");
    let unknown = kubewalk(&["run", scenario.to_str().expect("UTF-8")]);
    harmless(&unknown);
    assert_ne!(unknown.code, Some(0));
    Attack::new("A09b", "an API server's refusal and the names in a kubeconfig with escapes and commands to a CI server (fake API server)", file!())
        .held("`sweep` and `run` escape them");
}

#[test]
fn attack_a10_no_line_of_another_file_is_shown() {
    let place = Place::new();
    let root = tempfile::tempdir().expect("a folder");
    let at = |name: &str| root.path().join(name);
    let text = |path: &Path| path.to_str().expect("UTF-8").to_owned();
    fs::create_dir_all(at("project/scenarios/deep")).expect("folders");
    fs::create_dir(at("elsewhere")).expect("a folder");
    fs::write(at("project/Cargo.toml"), "").expect("written");
    let shadow = at("elsewhere/shadow.yaml");
    fs::write(&shadow, format!("root:{SECRET}:19000:0:99999:7:::\ntitle: {SECRET}\n")).expect("written");
    let below = at("project/scenarios");
    symlink(&shadow, below.join("link.yaml")).expect("a link");
    symlink("../../elsewhere/shadow.yaml", below.join("relative.yaml")).expect("a link");
    symlink("link.yaml", below.join("twice.yaml")).expect("a link");
    symlink(format!("/proc/self/root{}", text(&shadow)), below.join("proc.yaml")).expect("a link");
    symlink(at("elsewhere"), below.join("folder")).expect("a link");
    symlink("/proc/self/environ", below.join("environ.yaml")).expect("a link");
    symlink("/dev/zero", below.join("zero.yaml")).expect("a link");
    let pipe = below.join("pipe.yaml");
    let fifo = Command::new("mkfifo").arg(&pipe).status().expect("mkfifo");
    assert!(fifo.success() && pipe.metadata().expect("a pipe").file_type().is_fifo());
    let mut ways: Vec<String> = ["link", "relative", "twice", "proc", "environ", "zero", "pipe", "folder/shadow"]
        .map(|name| text(&below.join(format!("{name}.yaml"))))
        .to_vec();
    ways.push(text(&below));
    let quiet = |said: &Said, what: &str| {
        let shown = format!("{}{}", said.stdout, said.stderr);
        assert!(!shown.contains(SECRET) && !shown.contains("KUBEWALK_TEST_MARK"), "{what}: {said:?}");
    };
    for way in &ways {
        for verb in ["check", "list", "run"] {
            let said = run(place.kubewalk(&[verb, way]).env("KUBEWALK_CLUSTER", "builtin"));
            quiet(&said, way);
            assert_eq!(said.code, Some(2), "{said:?}");
        }
    }
    // A manifest that a scenario names.
    for (index, name) in
        ["../link.yaml", "m.yaml", "up/elsewhere/shadow.yaml", "pipe.yaml", "zero.yaml"].iter().enumerate()
    {
        let folder = below.join("deep");
        let _ = symlink(&shadow, folder.join("m.yaml"));
        let _ = symlink("../../..", folder.join("up"));
        let _ = symlink("/dev/zero", folder.join("zero.yaml"));
        let _ = Command::new("mkfifo").arg(folder.join("pipe.yaml")).output();
        let file = folder.join(format!("s{index}.yaml"));
        fs::write(&file, format!("title: T\nsteps:\n  - {{title: A, apply: {{file: {name}}}}}\n")).expect("written");
        let said = run(&mut place.kubewalk(&["check", &text(&file)]));
        quiet(&said, name);
        assert_eq!(said.code, Some(2), "{name}: {said:?}");
    }
    // Files of other kinds, named by hand or by a variable.
    let shadow = text(&shadow);
    let events = run(&mut place.kubewalk(&["report", &shadow]));
    let explained = run(&mut place.kubewalk(&["explain", "--kubeconfig", &shadow, "--as", "a", "get", "pods"]));
    let existing = ["run", "--cluster", "kubeconfig", "--context", "x", "scenarios/rbac/one-role.yaml"];
    let existing = run(place.kubewalk(&existing).env("KUBECONFIG", &shadow));
    let kind = ["run", "--cluster", "kind", "scenarios/rbac/one-role.yaml"];
    let kind = run(place.kubewalk(&kind).env("KUBEWALK_KIND_CONFIG", &shadow));
    for (said, code) in [(events, 2), (explained, 3), (existing, 3), (kind, 2)] {
        quiet(&said, "a file of another kind");
        assert_eq!(said.code, Some(code), "{said:?}");
    }
    // Inside of its project, a link is as good as the file.
    fs::write(at("project/shared.yaml"), TRUE).expect("written");
    symlink("../shared.yaml", below.join("shared.yaml")).expect("a link");
    let good = run(&mut place.kubewalk(&["check", &text(&below.join("shared.yaml"))]));
    assert_eq!(good.code, Some(0), "{good:?}");
    Attack::new("A10", "scenarios, manifests, event streams, kubeconfigs and configs for kind that are links to other files, /proc, pipes and devices", file!())
        .held("no line of another file is shown: `error: a link on the way to this scenario leads out of its project`");
}

#[test]
fn attack_a18_nothing_left_is_said_only_of_what_was_looked_at() {
    let place = Place::new();
    let nobody = run(place.kubewalk(&["sweep", "--dry-run"]).env("DOCKER_HOST", "tcp://127.0.0.1:1"));
    assert_eq!(nobody.code, Some(3), "{nobody:?}");
    assert!(nobody.stdout.contains("could not look for containers and kind clusters in Docker: "), "{nobody:?}");
    let exists = ["sweep", "--cluster", "kubeconfig", "--context", "x"];
    let config = place.temp.path().join("none");
    assert_eq!(run(place.kubewalk(&exists).env("KUBECONFIG", config)).code, Some(3));
    // Another user may not open this socket.
    let (stranger, folder) = (Stranger::new(), tempfile::tempdir().expect("a folder"));
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).expect("it is ours");
    let (program, socket) = (folder.path().join("kubewalk"), folder.path().join("docker.sock"));
    fs::copy(env!("CARGO_BIN_EXE_kubewalk"), &program).expect("copied");
    let listener = std::os::unix::net::UnixListener::bind(&socket).expect("a socket");
    fs::set_permissions(&socket, fs::Permissions::from_mode(0o600)).expect("it is ours");
    let mut command = stranger.command(program.to_str().expect("UTF-8"));
    let unseen = run(command.args(["sweep", "--dry-run"]).env("DOCKER_HOST", format!("unix://{}", socket.display())));
    drop(listener);
    assert_eq!(unseen.code, Some(3), "{unseen:?}");
    assert!(unseen.stdout.contains("could not look for containers"), "{unseen:?}");
    Attack::new("A18", "`sweep` with a Docker that does not answer, a socket without rights, a cluster that is not there", file!())
        .held("`could not look for containers and kind clusters in Docker: …`, exit 3; \"left nothing\" names only places that were looked at");
}

#[test]
fn attack_a19_results_that_nobody_gets_are_no_success() {
    let (place, folder) = (Place::new(), tempfile::tempdir().expect("a folder"));
    let api = FakeApi::start(|_| None);
    let kubeconfig = api.kubeconfig(folder.path());
    let scenario = folder.path().join("s.yaml");
    fs::write(&scenario, TRUE).expect("written");
    let scenario = scenario.to_str().expect("UTF-8");
    let events = folder.path().join("events");
    let stream = format!("events={}", events.display());
    let existing = ["run", scenario, "--cluster", "kubeconfig", "--context", "fake"];
    let with = |arguments: &[&str], redirection: &str| {
        let script = format!("exec \"$0\" \"$@\" {redirection}");
        let mut command = Command::new("sh");
        command.args(["-c", &script, env!("CARGO_BIN_EXE_kubewalk")]).args(arguments);
        place.settle(&mut command);
        run(command.env("KUBECONFIG", &kubeconfig))
    };
    let first = with(&[&existing[..], &["--report", &stream]].concat(), "");
    assert_eq!(first.code, Some(0), "{first:?}");
    let mut tried = 0;
    for arguments in [
        &existing[..],
        &["check", scenario],
        &["list", scenario],
        &["schema"],
        &["schema", "events"],
        &["report", events.to_str().expect("UTF-8")],
        &["docs", "language"],
        &["--help"],
        &["--version"],
    ] {
        for redirection in [">&-", ">/dev/full", "<&- >&-"] {
            let said = with(arguments, redirection);
            assert_eq!(said.code, Some(7), "{arguments:?} {redirection}: {said:?}");
            assert!(said.stderr.contains("error[report]: not all could be shown"), "{arguments:?}: {said:?}");
            tried += 1;
        }
        // Sent to nowhere on purpose, however it was opened.
        for redirection in [">/dev/null", "1<>/dev/null", ">/dev/null 2>&-"] {
            assert_eq!(with(arguments, redirection).code, Some(0), "{arguments:?} {redirection}");
        }
    }
    assert_eq!(tried, 27);
    Attack::new("A19", "standard output that is closed (`>&-`) or full, with all commands", file!()).held(
        "exit 7 and `error[report]: not all could be shown, because standard output …`; `>/dev/null` is no fault",
    );
}

#[test]
fn attack_a20_limits_of_the_process_are_named() {
    let (place, folder) = (Place::new(), tempfile::tempdir().expect("a folder"));
    let with = |limit: &str, arguments: &[&str], redirection: &str| {
        let script = format!("ulimit {limit} && exec \"$0\" \"$@\" {redirection}");
        let mut command = Command::new("bash");
        command.args(["-c", &script, env!("CARGO_BIN_EXE_kubewalk")]).args(arguments);
        place.settle(&mut command);
        run(&mut command)
    };
    // On a new machine helm is built first, which takes more than these limits leave.
    assert_eq!(with("-n 4096", &["check", "--render", "scenarios/shipped"], "").code, Some(0));
    let builtin = ["run", "--cluster", "builtin", "scenarios/rbac/one-role.yaml"];
    let (mut named, mut files) = (0, vec![8, 12, 16, 24, 32, 48, 63]);
    for most in files.clone() {
        for arguments in [
            &builtin[..],
            &["run", "--cluster", "docker", "scenarios/rbac/one-role.yaml"],
            &["doctor"],
            &["sweep"],
            &["cluster", "list"],
        ] {
            let said = with(&format!("-n {most}"), arguments, "");
            assert_eq!(said.code, Some(3), "{most} {arguments:?}: {said:?}");
            let sentence = format!("only {most} files may be open at a time, and 64 are needed");
            assert!(
                said.stderr.contains(&sentence) && said.stderr.contains("ulimit -n"),
                "{most} {arguments:?}: {said:?}"
            );
            named += 1;
        }
    }
    files.extend([64, 100, 255]);
    for (limit, sentence) in [
        ("-n 100", "only 100 files may be open at a time, and 256 are needed"),
        ("-n 255", "only 255 files may be open at a time, and 256 are needed"),
        ("-f 1000", "a file may not be larger than "),
        ("-v 4000000", "a program's memory may not be larger than "),
    ] {
        let said = with(limit, &builtin, "");
        assert_eq!(said.code, Some(3), "{limit}: {said:?}");
        assert!(
            said.stderr.contains(sentence) && said.stderr.contains("= remedy: raise the limit: `ulimit "),
            "{limit}: {said:?}"
        );
        named += 1;
    }
    // What needs no cluster goes on with little, and a default is raised.
    for most in files {
        assert_eq!(with(&format!("-n {most}"), &["check", "scenarios/rbac"], "").code, Some(0), "{most}");
    }
    for limit in ["-Sn 16", "-Sf 1", "-Sv 4000000"] {
        let said = with(limit, &["doctor"], "");
        assert!(said.stdout.contains("ok       limits: "), "{limit}: {said:?}");
    }
    // A write that would make a file too large is an error, and not the end of the process.
    let file = folder.path().join("schema.json");
    let said = with("-f 1", &["schema"], &format!(">{}", file.display()));
    assert_eq!(said.code, Some(7), "{said:?}");
    assert!(said.stderr.contains("standard output does not take it: File too large"), "{said:?}");
    let wanted = format!("html={}", folder.path().join("report").display());
    let said = with("-f 1", &["run", "--filter", "no scenario has this", "--report", &wanted], "");
    assert!(said.code == Some(4) && said.stderr.contains("raise the limit: `ulimit -f unlimited`"), "{said:?}");
    assert_eq!(named, 39);
    Attack::new("A20", "8 to 255 open files, and limits on the size of files and on memory", file!())
        .held("exit 3: `only 16 files may be open at a time, and 64 are needed`, with the line that raises it; a limit that is only a default is raised");
}

/// A folder that all may write, with another user's things in it.
struct Shared {
    folder: tempfile::TempDir,
    victim: PathBuf,
    stranger: Stranger,
}

impl Shared {
    fn new() -> Shared {
        let folder = tempfile::tempdir().expect("a folder");
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).expect("it is ours");
        let shared = folder.path().join("shared");
        fs::create_dir(&shared).expect("a folder");
        fs::set_permissions(&shared, fs::Permissions::from_mode(0o1777)).expect("it is ours");
        let victim = folder.path().join("victim");
        fs::create_dir(&victim).expect("a folder");
        fs::write(victim.join("precious"), "precious").expect("written");
        Shared { folder, victim, stranger: Stranger::new() }
    }

    fn at(&self, name: &str) -> String {
        self.folder.path().join("shared").join(name).to_str().expect("UTF-8").to_owned()
    }
}

#[test]
fn attack_a21_nothing_is_written_through_another_users_link() {
    let (place, shared) = (Place::new(), Shared::new());
    let victim = shared.victim.display();
    let here = shared.at("");
    shared.stranger.shell(&format!(
        "cd {here}; ln -s {victim}/precious file; ln -s {victim} folder; mkdir own; ln -s {victim}/precious own/file; \
         ln -s {victim} own/folder; mkfifo pipe; chmod 666 pipe; ln -s {victim}/new.yaml new.yaml; ln -s {victim} scenarios"
    ));
    let events = {
        let path = shared.folder.path().join("events");
        let wanted = format!("events={}", path.display());
        run(&mut place.kubewalk(&["run", "--filter", "no scenario has this", "--report", &wanted]));
        path.to_str().expect("UTF-8").to_owned()
    };
    let mut refused = 0;
    for name in ["file", "folder/precious", "folder/new", "own/file", "own/folder/precious", "pipe"] {
        let path = shared.at(name);
        for kind in ["junit", "html", "json"] {
            let said = run(&mut place.kubewalk(&["report", &events, "--report", &format!("{kind}={path}")]));
            assert_eq!(said.code, Some(7), "{name}: {said:?}");
            assert!(said.stderr.contains("of another user (uid "), "{name}: {said:?}");
            refused += 1;
        }
        let stream = format!("events={path}");
        let said = run(&mut place.kubewalk(&["run", "--filter", "no scenario has this", "--report", &stream]));
        assert!(said.stderr.contains("of another user (uid "), "{name}: {said:?}");
        let summary = run(place.kubewalk(&["report", &events, "--report", "github"]).env("GITHUB_STEP_SUMMARY", &path));
        assert_eq!(summary.code, Some(7), "{name}: {summary:?}");
        refused += 2;
    }
    for name in ["new.yaml", "folder/mine.yaml"] {
        assert_ne!(run(&mut place.kubewalk(&["new", &shared.at(name)])).code, Some(0), "{name}");
    }
    let before = fs::metadata(shared.victim.join("precious")).expect("it is there");
    assert_eq!(fs::read_to_string(shared.victim.join("precious")).expect("it is there"), "precious");
    assert_eq!(fs::read_dir(&shared.victim).expect("a folder").count(), 1);
    assert_eq!(before.uid(), 0);
    // What is not a link is fine there, and another user's file is replaced, not written.
    shared.stranger.shell(&format!("cd {here}; echo old >report; chmod 666 report; exec 9>report"));
    let good = run(&mut place.kubewalk(&["report", &events, "--report", &format!("json={}", shared.at("report"))]));
    assert_eq!(good.code, Some(0), "{good:?}");
    assert_eq!(fs::metadata(shared.at("report")).expect("a report").uid(), 0);
    assert_eq!(refused, 30);
    Attack::new("A21", "reports, event streams, a step summary and new scenarios where another user's link or pipe is on the way, in a sticky folder and below", file!())
        .held("`… is a link of another user (uid …), which is not followed; name another place`; what it led to is as it was");
}

#[test]
fn attack_a24_a_config_for_kind_that_nobody_named() {
    let (place, shared) = (Place::new(), Shared::new());
    let config = "kind: Cluster\nnodes: [{role: control-plane, extraMounts: [{hostPath: /, containerPath: /host}]}]\n";
    let scenario = shared.folder.path().join("s.yaml");
    fs::write(&scenario, TRUE).expect("written");
    let here = shared.at("");
    shared.stranger.shell(&format!("cd {here}; mkdir .git; printf '%s' '{config}' >kind-config.yaml"));
    let run_in = |folder: &str| {
        let mut command = place.kubewalk(&["run", "--cluster", "kind", scenario.to_str().expect("UTF-8")]);
        run(command.current_dir(folder))
    };
    let said = run_in(&here);
    assert_eq!(said.code, Some(2), "{said:?}");
    // A mark of theirs makes no project.
    assert!(said.stderr.contains("which is not used by itself: this is not the folder of a project"), "{said:?}");
    let folder = |name: &str, mark: bool| {
        let folder = shared.folder.path().join(name);
        fs::create_dir_all(if mark { folder.join(".git") } else { folder.clone() }).expect("a folder");
        folder
    };
    let (plain, linked, open, theirs) =
        (folder("plain", false), folder("linked", true), folder("open", true), folder("theirs", true));
    for folder in [&plain, &open, &theirs] {
        fs::write(folder.join("kind-config.yaml"), config).expect("written");
    }
    symlink(plain.join("kind-config.yaml"), linked.join("kind-config.yaml")).expect("a link");
    fs::set_permissions(open.join("kind-config.yaml"), fs::Permissions::from_mode(0o666)).expect("it is ours");
    let stranger = fs::metadata(shared.at("kind-config.yaml")).expect("it is there").uid();
    std::os::unix::fs::chown(theirs.join("kind-config.yaml"), Some(stranger), None).expect("root");
    for (folder, why) in [
        (&plain, "this is not the folder of a project"),
        (&linked, "it is a link, or no file"),
        (&open, "other users of this machine can write it"),
        (&theirs, "other users of this machine can write it"),
    ] {
        let said = run_in(folder.to_str().expect("UTF-8"));
        assert_eq!(said.code, Some(2), "{said:?}");
        assert!(said.stderr.contains(why), "{said:?}");
    }
    Attack::new("A24", "`kind-config.yaml` in a working directory that others can write, that is no project, as a link, or as a file that others can write", file!())
        .held("`there is a kind-config.yaml here, which is not used by itself: other users of this machine can write it`, exit 2; nothing is started");
}
