//! A class on a terminal, with a real cluster: driven by its keys in tmux, and seen as somebody sees it who sits there.
#![cfg(target_os = "linux")]

#[path = "../common/traces.rs"]
mod traces;

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use traces::{Place, alone};

const CLASS: &str = "title: A reader comes to its right
say: We look at one account.
steps:
  - title: An account
    say: It has no rights yet.
    serviceAccount: reader
  - title: It may not list Pods
    predict: 200 or 403?
    as: serviceaccount/reader
    get: {kind: Pod}
    expect: {status: 403, reason: Forbidden}
  - title: A Role
    role: {name: read-pods, rules: [{apiGroups: [''], resources: [pods], verbs: [list]}]}
  - title: Its binding
    bind: {role: read-pods, to: [{serviceAccount: reader}]}
  - title: Now it may
    as: serviceaccount/reader
    get: {kind: Pod}
    expect: {status: 200, within: 5s}
";

/// How long something may take to be seen.
const SEEN_WITHIN: Duration = Duration::from_secs(120);

/// A terminal of 80 columns and 24 lines. It ends with this value.
struct Terminal {
    socket: PathBuf,
    _folder: tempfile::TempDir,
}

impl Terminal {
    /// With kubewalk in it.
    fn start(place: &Place, args: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let terminal = Terminal { socket: folder.path().join("tmux"), _folder: folder };
        let mut command = terminal.command();
        place.settle(&mut command);
        command.env("SHELL", "/bin/sh").env("PS1", "there> ").env("TERM", "xterm-256color").env_remove("TMUX");
        // Without a server there is none yet that options could be said to.
        let config = terminal.socket.with_extension("conf");
        fs::write(&config, "set -g status off\nset -g default-terminal screen-256color\n").expect("written");
        command.arg("-f").arg(&config).args(["new-session", "-d", "-x", "80", "-y", "24"]);
        // tmux itself does not always notice how a process ends (3.3a: the end of its terminal comes before SIGCHLD, which is lost
        // while another program notes the logout). A shell does, and its pane stays.
        command.args(["sh", "-c", "\"$@\"; echo \"ended with $?\"; exec cat", "sh"]);
        command.arg(env!("CARGO_BIN_EXE_kubewalk")).args(args);
        good(&command.output().expect("tmux starts"));
        terminal
    }

    fn command(&self) -> Command {
        let mut command = Command::new("tmux");
        command.arg("-S").arg(&self.socket);
        command
    }

    fn ask(&self, args: &[&str]) -> String {
        good(&self.command().args(args).output().expect("tmux starts"))
    }

    fn screen(&self) -> String {
        self.ask(&["capture-pane", "-p"])
    }

    /// All that it has printed, also what is above the screen.
    fn printed(&self) -> String {
        self.ask(&["capture-pane", "-p", "-S", "-"])
    }

    fn press(&self, keys: &[&str]) {
        self.ask(&[&["send-keys"], keys].concat());
    }

    fn types(&self, text: &str) {
        self.ask(&["send-keys", "-l", text]);
        self.press(&["Enter"]);
    }

    /// Waits until all of this is on the screen, and gives the screen.
    #[track_caller]
    fn until(&self, words: &[&str]) -> String {
        let begun = Instant::now();
        loop {
            let screen = self.screen();
            let missing: Vec<_> = words.iter().filter(|word| !screen.contains(**word)).collect();
            if missing.is_empty() {
                return screen;
            }
            assert!(begun.elapsed() < SEEN_WITHIN, "{missing:?} is not seen on\n{screen}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Presses a key until something is seen: what is said while something goes on is not kept.
    #[track_caller]
    fn press_until(&self, key: &str, words: &[&str]) -> String {
        self.press(&[key]);
        self.until(words)
    }

    /// Of kubewalk, which the pane's shell has started.
    fn pid(&self) -> Pid {
        let shell = self.ask(&["list-panes", "-F", "#{pane_pid}"]);
        let shell = shell.trim();
        let children = fs::read_to_string(format!("/proc/{shell}/task/{shell}/children")).expect("a shell");
        Pid::from_raw(children.trim().parse().expect("one child")).expect("a pid")
    }

    /// The exit code, once it has ended.
    #[track_caller]
    fn ended(&self) -> String {
        let screen = self.until(&["ended with "]);
        let code = screen.rsplit("ended with ").next().unwrap_or_default();
        code.lines().next().unwrap_or_default().trim().to_owned()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.command().arg("kill-server").output();
    }
}

#[track_caller]
fn good(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn written(folder: &Path) -> String {
    let path = folder.join("class.yaml");
    fs::write(&path, CLASS).expect("written");
    path.to_string_lossy().into_owned()
}

/// A class of the scenario, written into this folder, on a terminal.
fn begun(place: &Place, folder: &Path) -> Terminal {
    Terminal::start(place, &["demo", &written(folder), "--cluster", "builtin", "--no-typing", "--color=never"])
}

#[test]
fn a_class_goes_there_and_back() {
    let _alone = alone();
    let mut place = Place::new();
    let folder = tempfile::tempdir().expect("a folder");
    let terminal = begun(&place, folder.path());
    terminal.until(&["A reader comes to its right", "We look at one account.", "5 steps", "space next"]);
    place.note_clusters();
    let screen = terminal.press_until("Space", &["Step 1 of 5", "It has no rights yet.", "kind: ServiceAccount"]);
    assert!(!screen.contains("It may not list Pods"), "nothing is given away:\n{screen}");
    terminal.press_until("Space", &["✓ HELD"]);

    // A question, and a wrong guess.
    let screen = terminal.press_until("Space", &["Step 2 of 5", "? 200 or 403?", "What comes?"]);
    assert!(!screen.contains("It may not list Pods") && !screen.contains("403 Forbidden"), "{screen}");
    terminal.press_until("h", &["Hint", "get Pod in namespace kw-class-"]);
    terminal.press_until("Space", &["What comes? (Enter)"]);
    terminal.press_until("2", &["What comes? (Enter) 2"]);
    terminal.types("00");
    terminal.until(&["you said: 200"]);
    let screen = terminal.press_until("Space", &["✓ HELD", "It may not list Pods", "403"]);
    assert!(screen.contains("you said: 200, but something else came"), "{screen}");
    assert!(screen.contains("because no binding"), "{screen}");

    // The grant, and why it is one.
    terminal.press_until("Space", &["Step 3 of 5", "kind: Role"]);
    terminal.press_until("Space", &["✓ HELD"]);
    terminal.press_until("Space", &["Step 4 of 5", "kind: RoleBinding"]);
    terminal.press_until("Space", &["✓ HELD"]);
    terminal.press_until("Space", &["Step 5 of 5", "✓✓✓✓"]);
    terminal.press_until("Space", &["✓ HELD", "✓✓✓✓✓", "RoleBinding"]);
    terminal.press_until("e", &["Why", "read-pods"]);

    // Back twice: the binding is gone, the Role is there.
    terminal.press_until("b", &["Step 5 of 5", "all is as it was before this step"]);
    terminal.press_until("b", &["Step 4 of 5", "all is as it was before this step", "✓✓✓↶·"]);
    terminal.press_until("!", &["there>"]);
    terminal.types("kubectl get rolebindings,roles -o name; echo listed");
    let screen = terminal.until(&["role.rbac.authorization.k8s.io/read-pods", "\nlisted"]);
    assert!(!screen.contains("rolebinding.rbac"), "{screen}");
    terminal.types("kubectl create configmap by-hand -o name");
    terminal.until(&["configmap/by-hand"]);
    terminal.types("exit");
    terminal.until(&["Step 4 of 5", "is undone when the class goes back"]);
    terminal.press_until("Space", &["Step 4 of 5", "kind: RoleBinding"]);
    terminal.press_until("Space", &["✓ HELD", "✓✓✓✓·"]);
    terminal.press_until("b", &["Step 4 of 5", "all is as it was before this step"]);
    terminal.press_until("!", &["there>"]);
    // What the first shell has printed is still there.
    terminal.types("printf '\\033[H\\033[2J'; kubectl get rolebindings,configmaps -o name; echo listed");
    let screen = terminal.until(&["configmap/kube-root-ca.crt", "\nlisted"]);
    assert!(!screen.contains("rolebinding.rbac") && !screen.contains("configmap/by-hand"), "{screen}");
    terminal.types("exit");
    terminal.until(&["Step 4 of 5"]);

    // To the last step at once, and the end.
    terminal.press(&["g", "5", "Enter"]);
    terminal.until(&["Step 5 of 5", "✓✓✓✓▸"]);
    terminal.press_until("Space", &["✓ HELD", "✓✓✓✓✓"]);
    terminal.press_until("Space", &["The end", "5 of 5 steps held"]);
    terminal.press(&["q"]);
    assert_eq!(terminal.ended(), "0");
    assert!(terminal.printed().contains("5 steps held, 0 failed, 0 not run"), "{}", terminal.printed());
    drop(terminal);
    place.nothing_left_within(Duration::from_secs(20));
}

/// The namespace that the screen names.
fn namespace(screen: &str) -> String {
    let (_, rest) = screen.split_once("namespace ").unwrap_or_else(|| panic!("no namespace on\n{screen}"));
    rest.split_whitespace().next().expect("a name").to_owned()
}

#[test]
fn what_was_done_in_a_shell_goes_when_all_is_begun_anew_and_the_class_is_in_its_new_namespace() {
    let _alone = alone();
    let mut place = Place::new();
    let folder = tempfile::tempdir().expect("a folder");
    let terminal = begun(&place, folder.path());
    let before = namespace(&terminal.until(&["5 steps", "space next", "namespace kw-class-"]));
    place.note_clusters();
    // Past the guess, to the refusal.
    terminal.press(&["g", "3", "Enter"]);
    terminal.until(&["Step 3 of 5", "✓✓"]);
    terminal.press_until("!", &["there>"]);
    terminal.types(
        "kubectl create clusterrolebinding by-hand --clusterrole=view --group=system:serviceaccounts -o name; \
         kubectl delete serviceaccount reader",
    );
    terminal.until(&["clusterrolebinding.rbac.authorization.k8s.io/by-hand", "deleted"]);
    terminal.types("exit");
    terminal.until(&["Step 3 of 5", "is undone when the class goes back"]);
    // An account cannot be given its identity back.
    let screen = terminal.press_until("b", &["Step 2 of 5", "the steps before were run again", "begun anew"]);
    let after = namespace(&screen);
    assert_ne!(after, before, "{screen}");
    let screen = terminal.press_until("h", &["Hint", &format!("in namespace {after}")]);
    // Why it was begun anew names the old one; nothing else does.
    assert!(
        !screen.contains(&format!("in namespace {before}")) && !screen.contains(&format!(":{before}:")),
        "{screen}"
    );
    terminal.press(&["g", "3", "Enter"]);
    // It is refused as before: the binding is gone.
    terminal.until(&["Step 3 of 5", "✓✓▸"]);
    terminal.press(&["q", "q"]);
    assert_eq!(terminal.ended(), "0");
    drop(terminal);
    place.nothing_left_within(Duration::from_secs(20));
}

#[test]
fn a_class_that_is_killed_leaves_nothing_and_one_that_is_left_early_says_what_was_not_run() {
    let _alone = alone();
    let mut place = Place::new();
    let folder = tempfile::tempdir().expect("a folder");
    let file = written(folder.path());
    let args = ["demo", &file, "--cluster", "builtin", "--no-typing", "--color=never"];
    let terminal = Terminal::start(&place, &args);
    terminal.until(&["5 steps", "space next"]);
    place.note_clusters();
    terminal.press_until("Space", &["Step 1 of 5"]);
    terminal.press_until("Space", &["✓ HELD"]);
    kill_process(terminal.pid(), Signal::KILL).expect("it lives");
    assert_eq!(terminal.ended(), "137");
    drop(terminal);
    place.nothing_left_within(Duration::from_secs(20));

    let terminal = Terminal::start(&place, &args);
    terminal.until(&["5 steps", "space next"]);
    place.note_clusters();
    terminal.press_until("Space", &["Step 1 of 5"]);
    terminal.press_until("s", &["– LEFT OUT"]);
    terminal.press_until("q", &["q again ends the class"]);
    terminal.press(&["q"]);
    assert_eq!(terminal.ended(), "0");
    assert!(terminal.printed().contains("0 steps held, 0 failed, 5 not run"), "{}", terminal.printed());
    drop(terminal);

    // Ctrl-C is what it is elsewhere.
    let terminal = Terminal::start(&place, &args);
    terminal.until(&["5 steps", "space next"]);
    place.note_clusters();
    terminal.press(&["C-c"]);
    assert_eq!(terminal.ended(), "130");
    assert!(terminal.printed().contains("everything that was started is removed"), "{}", terminal.printed());
    drop(terminal);
    place.nothing_left_within(Duration::from_secs(20));
}

#[test]
fn a_class_whose_terminal_is_closed_ends_and_leaves_nothing() {
    let _alone = alone();
    let mut place = Place::new();
    let folder = tempfile::tempdir().expect("a folder");
    let terminal = begun(&place, folder.path());
    terminal.until(&["5 steps", "space next"]);
    place.note_clusters();
    terminal.press_until("Space", &["Step 1 of 5"]);
    let pid = terminal.pid();
    drop(terminal);
    let begun = Instant::now();
    while is_alive(pid) {
        assert!(begun.elapsed() < SEEN_WITHIN, "it goes on without a terminal");
        std::thread::sleep(Duration::from_millis(50));
    }
    place.nothing_left_within(Duration::from_secs(20));
}

/// Whether a process runs, or nobody has asked how it ended yet.
fn is_alive(pid: Pid) -> bool {
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).unwrap_or_default();
    stat.rsplit(") ").next().is_some_and(|rest| !rest.is_empty() && !rest.starts_with('Z'))
}

#[test]
fn without_a_terminal_it_runs_straight_through_and_what_is_recorded_is_shown_again_without_a_cluster() {
    let _alone = alone();
    let mut place = Place::new();
    let folder = tempfile::tempdir().expect("a folder");
    let file = written(folder.path());
    let events = folder.path().join("events").to_string_lossy().into_owned();
    let said = place.run(&["demo", &file, "--cluster", "builtin", "--record", &events]);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(said.stderr.contains("is no terminal, so nobody can lead"), "{}", said.stderr);
    assert!(said.stdout.contains("5 steps held, 0 failed, 0 not run"), "{}", said.stdout);
    place.nothing_left_within(Duration::from_secs(20));

    let said = place.run(&["demo", "--replay", &events]);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(said.stdout.contains("5 steps held") && said.stderr.contains("is no terminal"), "{said:?}");

    let terminal = Terminal::start(&place, &["demo", "--replay", &events, "--no-typing", "--color=never"]);
    terminal.until(&["A reader comes to its right", "5 steps", "space next"]);
    terminal.press_until("Space", &["Step 1 of 5", "kind: ServiceAccount"]);
    terminal.press_until("Space", &["✓ HELD"]);
    terminal.press_until("Space", &["Step 2 of 5", "? 200 or 403?"]);
    terminal.press_until("Space", &["What comes? (Enter)"]);
    terminal.press_until("Escape", &["Step 2 of 5"]);
    terminal.press_until("Space", &["✓ HELD", "403"]);
    terminal.press_until("b", &["Step 2 of 5", "↶"]);
    terminal.press_until("!", &["there is no cluster"]);
    assert!(place.clusters_now().is_empty());
    terminal.press_until("q", &["q again"]);
    terminal.press(&["q"]);
    assert_eq!(terminal.ended(), "0");
    drop(terminal);
    place.nothing_left_within(Duration::from_secs(5));
}

#[test]
fn what_cannot_be_a_class_is_said_before_anything_starts() {
    let mut place = Place::new();
    let folder = tempfile::tempdir().expect("a folder");
    let file = written(folder.path());
    let said = place.run(&["demo", &file, "--cluster", "kubeconfig"]);
    assert_eq!(said.code, Some(2), "{said:?}");
    assert!(said.stderr.contains("a class has a cluster of its own"), "{}", said.stderr);
    let said = place.run(&["demo", "--replay", &file]);
    assert_eq!(said.code, Some(2), "{said:?}");
    assert!(said.stderr.contains("this is no event stream"), "{}", said.stderr);
    let empty = folder.path().join("empty");
    fs::write(&empty, "").expect("written");
    assert_eq!(place.run(&["demo", "--replay", &empty.to_string_lossy()]).code, Some(2));
    assert_eq!(place.run(&["demo"]).code, Some(2), "no scenario is named");
}
