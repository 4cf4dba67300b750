//! See `tests/docker/attacks.rs`. What another user of the machine can write, a hostile earlier run can change, or an environment can
//! name: none of it directs what root believes, executes, kills or removes.

use std::{
    os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink},
    path::{Path, PathBuf},
    process::{Child, Command},
    time::{Duration, Instant},
};

use kubewalk::cluster::{Owner, engine, own};

use crate::{
    page::Attack,
    stranger::Stranger,
    traces::{Place, Said},
};

pub const SMALL: &str = "scenarios/rbac/one-role.yaml";

/// Until what a killed run left has gone.
pub const SOON: Duration = Duration::from_secs(5);

/// A folder that everybody can write, like `/tmp`, with nothing in it.
pub fn shared_folder() -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a folder");
    mode(dir.path(), 0o1777);
    dir
}

pub fn mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("changed");
}

pub fn said(command: &mut Command) -> Said {
    Said::from(&command.output().expect("it starts"))
}

/// The folder of the engine, which is built first if it must be.
pub fn engine() -> (PathBuf, PathBuf) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let settings = kubewalk::settings::from_env();
    let dir = runtime.block_on(engine::ensure(&settings, &mut |_| ())).expect("the engine can be built");
    (settings.cache, dir)
}

/// Some process of a stranger's, in cgroups that look like a cluster's, one in each hierarchy.
struct Victim {
    child: Child,
    groups: Vec<PathBuf>,
}

impl Victim {
    fn new(stranger: &Stranger, name: &str) -> Victim {
        let child = stranger.command("sleep").arg("600").spawn().expect("it starts");
        let mounts = std::fs::read_to_string("/proc/self/mountinfo").expect("the mounts");
        let tops = mounts.lines().filter(|line| line.contains(" - cgroup")).filter_map(|line| line.split(' ').nth(4));
        let mut groups = Vec::new();
        for top in tops {
            let group = Path::new(top).join(name);
            if std::fs::create_dir(&group).is_ok() {
                // Not every hierarchy takes a process at once: one with processors to be named first, for example.
                let _ = std::fs::write(group.join("cgroup.procs"), child.id().to_string());
                groups.push(group);
            }
        }
        assert!(!groups.is_empty(), "no cgroup can be made");
        Victim { child, groups }
    }

    fn lives(&mut self) -> bool {
        self.child.try_wait().expect("it can be asked").is_none()
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let begun = Instant::now();
        while self.groups.iter().any(|group| group.exists() && std::fs::remove_dir(group).is_err())
            && begun.elapsed() < SOON
        {
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

/// What an attacker says of a cluster whose keeper is dead.
fn planted(id: &str, groups: &[PathBuf]) -> String {
    serde_json::json!({
        "id": id, "keeper": {"pid": 1, "start": 1}, "starter": {"pid": 1, "start": 1}, "engine": "/",
        "cgroups": groups, "boot": "another", "pidns": "pid:[1]",
    })
    .to_string()
}

#[test]
fn attack_a01_owner_files_of_a_stranger() {
    let attack = Attack::new(
        "A01",
        "Another user puts folders of dead clusters into the temporary folder, which name that user's victims: cgroups to kill, \
         and paths to remove",
        file!(),
    );
    engine();
    let (stranger, temp, mut place) = (Stranger::new(), shared_folder(), Place::new());
    let mut victim = Victim::new(&stranger, &format!("victim-{}", std::process::id()));
    let plant = |name: &str, text: &str| {
        let dir = temp.path().join(name);
        stranger.shell(&format!("mkdir {0} && cat > {0}/owner.json <<'END'\n{text}\nEND", dir.display()));
    };
    plant("kubewalk-0123456789", &planted("kubewalk-0123456789", &victim.groups));
    let owner = Owner { start: "1".into(), run: "0123456789".into(), ..Owner::new() };
    plant("kubewalk-run-0123456789", &serde_json::to_string(&owner).expect("JSON"));
    let fifo = temp.path().join("kubewalk-00000000ff");
    stranger.shell(&format!("mkdir {0} && mkfifo {0}/owner.json", fifo.display()));
    for args in [&["sweep"][..], &["run", "--cluster", "builtin", SMALL]] {
        let begun = Instant::now();
        let said = said(place.kubewalk(args).env("TMPDIR", temp.path()));
        assert_eq!(said.code, Some(0), "{said:?}");
        assert!(!format!("{said:?}").contains("0123456789"), "{said:?}");
        assert!(begun.elapsed() < Duration::from_secs(60), "it took {:?}", begun.elapsed());
    }
    place.note_clusters();
    assert!(victim.lives(), "the victim was killed");
    assert_eq!(std::fs::read_dir(temp.path()).expect("it can be read").count(), 3, "something was removed");
    place.nothing_left_within(SOON);
    attack.held("`run` and `sweep` look for nothing in a folder that others can write");
}

#[test]
fn attack_a01b_owner_files_in_our_own_base() {
    let attack = Attack::new(
        "A01b",
        "The same in kubewalk's own base, by a mistake or an older program: a pipe, 1 GB, a link, an id with a path in it",
        file!(),
    );
    engine();
    let (stranger, mut place) = (Stranger::new(), Place::new());
    let outside = tempfile::tempdir().expect("a folder");
    std::fs::write(outside.path().join("owner.json"), planted("kubewalk-00000000a5", &[])).expect("written");
    let nodes = own::Room::make(&place.nodes()).expect("made");
    let dir = |name: &str| {
        let dir = nodes.path().join(name);
        std::fs::create_dir(&dir).expect("made");
        mode(&dir, 0o700);
        dir.join("owner.json")
    };
    let mut victim = Victim::new(&stranger, &format!("victim-b-{}", std::process::id()));
    std::fs::write(dir("kubewalk-00000000a1"), planted("kubewalk-00000000a1", &victim.groups)).expect("written");
    let made = Command::new("mkfifo").arg(dir("kubewalk-00000000a2")).status().expect("mkfifo");
    assert!(made.success());
    let big = std::fs::File::create(dir("kubewalk-00000000a3")).expect("made");
    big.set_len(1 << 30).expect("sparse");
    std::fs::write(dir("kubewalk-00000000a4"), planted("../../../../victim", &victim.groups)).expect("written");
    symlink(outside.path().join("owner.json"), dir("kubewalk-00000000a5")).expect("linked");
    symlink(outside.path(), nodes.path().join("kubewalk-00000000a6")).expect("linked");
    let begun = Instant::now();
    let first = place.run(&["sweep"]);
    let said = place.run(&["sweep"]);
    assert!(begun.elapsed() < Duration::from_secs(10), "it took {:?}", begun.elapsed());
    assert!(victim.lives(), "what is killed was read from the file");
    assert_eq!((first.code, said.code), (Some(6), Some(6)), "{first:?} {said:?}");
    assert!(first.stdout.contains("removed node") && first.stdout.contains("kubewalk-00000000a1"), "{first:?}");
    for (name, why) in [
        ("a2", "not a regular file"),
        ("a3", "too long"),
        ("a4", "about another one"),
        ("a5", "too many levels of symbolic links"),
    ] {
        let line = said.stdout.lines().find(|line| line.contains(&format!("kubewalk-00000000{name}")));
        assert!(line.is_some_and(|line| line.contains(why)), "{name}: {why}: {said:?}");
    }
    assert!(outside.path().join("owner.json").exists(), "a link was followed");
    let run = place.run(&["run", "--cluster", "builtin", SMALL]);
    assert_eq!(run.code, Some(0), "{run:?}");
    attack.held(
        "each that is not sound stays and is told with the reason, within seconds; of a sound one only the id counts",
    );
}

#[test]
fn attack_a01c_a_base_that_is_not_ours() {
    let attack = Attack::new(
        "A01c",
        "The base belongs to another user, can be read by others, is a link, or is in a folder of somebody else's",
        file!(),
    );
    engine();
    let (stranger, shared, place) = (Stranger::new(), shared_folder(), Place::new());
    let at = |name: &str| shared.path().join(name);
    let show = |name: &str| at(name).display().to_string();
    stranger.shell(&format!("mkdir -m 700 {} && mkdir -m 755 {}", show("theirs"), show("above")));
    std::fs::create_dir(at("open")).expect("made");
    mode(&at("open"), 0o755);
    stranger.shell(&format!("ln -s /root {}", show("link")));
    let mut words = Vec::new();
    for (base, why) in [
        ("theirs", "belongs to another user"),
        ("open", "can be used by others (its mode is 755)"),
        ("link", "is not a folder, or a link to one"),
        ("above/base", "belongs to another user"),
    ] {
        for args in [&["run", "--cluster", "builtin", SMALL][..], &["sweep"], &["cluster", "list"]] {
            let said = said(place.kubewalk(args).env("KUBEWALK_STATE", at(base)));
            let nothing_there = args[0] != "run" && base == "above/base";
            assert_eq!(said.code, Some(if nothing_there { 0 } else { 3 }), "{base}: {said:?}");
            let text = said.stdout + &said.stderr;
            assert!(nothing_there || text.contains(why), "{base}: {text}");
        }
        words.push(why);
    }
    assert_eq!(std::fs::read_dir(at("theirs")).expect("it can be read").count(), 0);
    attack.held(&format!("exit 3: it {}; and `sweep` says that it could not look", words[..3].join(", or ")));
}

#[test]
fn attack_a01d_a_runtime_folder_of_another_user() {
    let attack = Attack::new(
        "A01d",
        "`XDG_RUNTIME_DIR` is another user's, as under `sudo -E`, with a warm cluster in it whose commands are that user's",
        file!(),
    );
    let (stranger, runtime) = (Stranger::new(), tempfile::tempdir().expect("a folder"));
    mode(runtime.path(), 0o755);
    let chown = Command::new("chown").arg(stranger.name()).arg(runtime.path()).status().expect("chown");
    assert!(chown.success());
    let held = runtime.path().join("kubewalk/held/warm-bbbbb");
    stranger.shell(&format!(
        "umask 077; mkdir -p {0} && echo '{{}}' > {0}/state.json && touch {0}/holder.lock",
        held.display()
    ));
    let home = tempfile::tempdir().expect("a folder");
    let mut command = Command::new(env!("CARGO_BIN_EXE_kubewalk"));
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.env("HOME", home.path()).env("XDG_RUNTIME_DIR", runtime.path());
    let doctor = said(command.arg("doctor"));
    assert!(doctor.stdout.contains("folder for clusters: /run/kubewalk\n"), "{doctor:?}");
    assert!(held.join("state.json").exists());
    attack.held("root's base is `/run/kubewalk`, and a runtime folder counts only for its owner");
}

#[test]
fn attack_a02_a_folder_that_is_exchanged_while_it_is_removed() {
    let attack = Attack::new(
        "A02",
        "While root removes a folder, what is in it is exchanged again and again for links to files of others",
        file!(),
    );
    let place = Place::new();
    let outside = tempfile::tempdir().expect("a folder");
    let room = own::Room::make(&place.state().join("runs")).expect("made");
    let over = std::sync::atomic::AtomicBool::new(false);
    let tree = room.path().join("tree");
    for name in 0..50 {
        std::fs::create_dir_all(outside.path().join(format!("{name}/below"))).expect("made");
        std::fs::write(outside.path().join(format!("{name}/below/kept")), "").expect("written");
    }
    let mut rounds = 0;
    std::thread::scope(|scope| {
        let swap = scope.spawn(|| {
            let mut swaps = 0;
            while !over.load(std::sync::atomic::Ordering::Relaxed) {
                for name in 0..50 {
                    let at = tree.join(format!("{name}"));
                    let aside = tree.join(format!("{name}.aside"));
                    if std::fs::rename(&at, &aside).is_ok()
                        && symlink(outside.path().join(name.to_string()), &at).is_ok()
                    {
                        swaps += 1;
                    }
                }
            }
            swaps
        });
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(3) {
            for name in 0..50 {
                let _ = std::fs::create_dir_all(tree.join(format!("{name}/below")));
                let _ = std::fs::write(tree.join(format!("{name}/below/goes")), "");
            }
            let _ = room.remove("tree", Instant::now() + SOON);
            rounds += 1;
        }
        over.store(true, std::sync::atomic::Ordering::Relaxed);
        assert!(swap.join().expect("it ends") > 0, "nothing was exchanged");
    });
    assert!(rounds > 5, "only {rounds} rounds");
    for name in 0..50 {
        assert!(outside.path().join(format!("{name}/below/kept")).exists(), "{name} was removed through a link");
    }
    room.remove("tree", Instant::now() + SOON).expect("removed");
    attack.held("a folder is opened and never looked up again: the links go, what they lead to stays");
}

#[test]
fn attack_a16_locks_of_a_stranger() {
    let attack = Attack::new(
        "A16",
        "Another user holds a lock on `/sys/fs/cgroup`, on the cache and all in it, and on every folder above the base",
        file!(),
    );
    let (cache, _) = engine();
    let (stranger, mut place) = (Stranger::new(), Place::new());
    // As where a cache is for all users: everybody can open what others may read.
    let above = cache.ancestors().skip(1).map(Path::to_owned);
    let mut places: Vec<PathBuf> = vec!["/sys/fs/cgroup".into(), "/run".into(), "/run/kubewalk".into(), "/tmp".into()];
    places.extend(above.chain([cache.clone(), cache.join("lock"), cache.join("engine")]));
    let held: Vec<Child> = places
        .iter()
        .map(|path| stranger.command("flock").arg("-x").arg(path).args(["sleep", "600"]).spawn().expect("flock"))
        .collect();
    let begun = Instant::now();
    while !std::fs::read_to_string("/proc/locks").is_ok_and(|locks| {
        held.iter().any(|child| locks.lines().any(|line| line.contains(&format!(" {} ", child.id()))))
    }) {
        assert!(begun.elapsed() < SOON, "nothing is locked");
        std::thread::sleep(Duration::from_millis(10));
    }
    let begun = Instant::now();
    let said = place.run(&["run", "--cluster", "builtin", SMALL]);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(begun.elapsed() < Duration::from_secs(60), "it took {:?}", begun.elapsed());
    let mode = cache.join("lock").metadata().expect("a lock").mode() & 0o777;
    assert_eq!(mode, 0o600, "who can open the lock of a build can hold it");
    drop(stranger);
    for mut child in held {
        let _ = child.wait();
    }
    place.nothing_left_within(SOON);
    attack.held(
        "the run starts as always: every lock is on a file that only its user can open, and has an end to the waiting",
    );
}
