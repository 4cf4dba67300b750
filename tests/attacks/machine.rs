//! See `tests/attacks.rs`. What another user of the machine can write, a hostile earlier run can change, or an environment can
//! name: none of it directs what root believes, executes, kills or removes.

use std::{
    io::Read as _,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use kubewalk::cluster::{Owner, engine, own};
use rustix::process::{Pid, Signal, kill_process};

use crate::{
    page::Attack,
    stranger::Stranger,
    traces::{Place, Said},
};

const SMALL: &str = "scenarios/rbac/one-role.yaml";

/// Until what a killed run left has gone.
const SOON: Duration = Duration::from_secs(5);

/// A folder that everybody can write, like `/tmp`, with nothing in it.
fn shared_folder() -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a folder");
    mode(dir.path(), 0o1777);
    dir
}

fn mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("changed");
}

fn said(command: &mut Command) -> Said {
    Said::from(&command.output().expect("it starts"))
}

/// The folder of the engine, which is built first if it must be.
fn engine() -> (PathBuf, PathBuf) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let cache = kubewalk::settings::from_env().cache;
    let dir = runtime.block_on(engine::ensure(&cache, &mut |_| ())).expect("the engine can be built");
    (cache, dir)
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

/// A file that, executed, leaves a sign.
fn trap(dir: &Path) -> (String, PathBuf) {
    let sign = dir.join("executed");
    (format!("#!/bin/sh\nid > {}\nexit 0\n", sign.display()), sign)
}

#[test]
fn attack_a03_no_home_and_a_planted_cache() {
    let attack = Attack::new(
        "A03",
        "`HOME` is not set, and another user has put a whole engine where a fallback in the temporary folder was",
        file!(),
    );
    let (stranger, temp) = (Stranger::new(), shared_folder());
    let (script, sign) = trap(temp.path());
    let dir = temp.path().join("kubewalk-cache/engine").join(engine::hash());
    stranger.shell(&format!(
        "mkdir -p {0} && touch {0}/COMPLETE && printf '%s' '{script}' > {0}/supervisor && chmod 755 {0}/supervisor",
        dir.display()
    ));
    let place = Place::new();
    for home in [None, Some("")] {
        let mut command = place.kubewalk(&["doctor"]);
        command.env_remove("HOME").env_remove("XDG_CACHE_HOME").env_remove("KUBEWALK_CACHE").env("TMPDIR", temp.path());
        home.map(|home| command.env("HOME", home));
        let said = said(&mut command);
        assert!(!said.stdout.contains("kubewalk-cache"), "{said:?}");
        let ours = ["cache: /", "set KUBEWALK_CACHE to a folder"].iter().any(|words| said.stdout.contains(words));
        assert!(ours, "{said:?}");
    }
    assert!(!sign.exists());
    attack.held("the cache is in the home folder that the system knows of this user; where there is none, an error says to set KUBEWALK_CACHE");
}

#[test]
fn attack_a03b_a_cache_that_others_can_write() {
    let attack = Attack::new(
        "A03b",
        "`KUBEWALK_CACHE` is a folder of another user's, one that all can write, or below such a one, or a link of another \
         user's, with a whole engine in it",
        file!(),
    );
    let (stranger, temp, place) = (Stranger::new(), shared_folder(), Place::new());
    let (script, sign) = trap(temp.path());
    let open = temp.path().join("open");
    std::fs::create_dir(&open).expect("made");
    mode(&open, 0o777);
    let theirs = temp.path().join("theirs");
    for cache in [&theirs, &open.join("below")] {
        let dir = cache.join("engine").join(engine::hash());
        stranger.shell(&format!(
            "mkdir -p {0} && touch {0}/COMPLETE && printf '%s' '{script}' > {0}/supervisor && chmod 755 {0}/supervisor",
            dir.display()
        ));
    }
    let ours = temp.path().join("ours");
    std::fs::create_dir(&ours).expect("made");
    stranger.shell(&format!("ln -s {} {}", ours.display(), temp.path().join("link").display()));
    for (cache, why) in [
        (theirs, "belongs to another user"),
        (open.join("below"), "can be written by other users"),
        (open.join("nothing/here"), "can be written by other users"),
    ] {
        let said = said(place.kubewalk(&["run", "--cluster", "builtin", SMALL]).env("KUBEWALK_CACHE", &cache));
        assert_eq!(said.code, Some(3), "{said:?}");
        let text = said.stdout + &said.stderr;
        assert!(text.contains("cannot use the cache") && text.contains(why), "{text}");
        assert!(text.contains("set KUBEWALK_CACHE to a folder of your own"), "{text}");
    }
    assert!(!sign.exists(), "it was executed");
    // The link may lead elsewhere the next moment, so only where it leads now is used.
    let real = own::cache(&temp.path().join("link")).expect("it leads to ours");
    assert_eq!(real, ours.canonicalize().expect("it is there"));
    attack.held("exit 3: cannot use the cache, whose programs would be executed; it says which folder is whose");
}

#[test]
fn attack_a03c_an_engine_that_was_changed() {
    let attack = Attack::new(
        "A03c",
        "A hostile earlier run has changed a file of the cached engine, added one, or changed a link, and set the times back",
        file!(),
    );
    let (_, dir) = engine();
    let cache = tempfile::tempdir().expect("a folder");
    let copy = cache.path().join("engine").join(engine::hash());
    std::fs::create_dir(cache.path().join("engine")).expect("made");
    let copied = Command::new("cp").arg("-a").arg(&dir).arg(&copy).status().expect("cp");
    assert!(copied.success());
    let place = Place::new();
    let run = || {
        let said = said(place.kubewalk(&["run", "--cluster", "builtin", SMALL]).env("KUBEWALK_CACHE", cache.path()));
        (said.code, said.stdout + &said.stderr)
    };
    assert!(engine::checked(cache.path()).expect("it is as it was built").is_some());
    let keep_times = |path: &Path, change: &dyn Fn()| {
        let before = path.metadata().expect("it is there").modified().expect("a time");
        change();
        std::fs::File::options().append(true).open(path).expect("opened").set_modified(before).expect("set back");
    };
    let (script, sign) = trap(cache.path());
    for name in ["supervisor", "runc", "rootfs/usr/sbin/init", "rootfs/usr/local/bin/kube"] {
        let file = copy.join(name);
        let aside = cache.path().join("aside");
        std::fs::copy(&file, &aside).expect("copied");
        let mut bytes = std::fs::read(&file).expect("read");
        let mut head = script.clone().into_bytes();
        head.truncate(bytes.len());
        bytes[..head.len()].copy_from_slice(&head);
        keep_times(&file, &|| std::fs::write(&file, &bytes).expect("written"));
        let (code, text) = run();
        assert_eq!(code, Some(3), "{text}");
        assert!(text.contains(&format!("its file {name} is not the one that was built")), "{text}");
        assert!(text.contains("it is built again"), "{text}");
        keep_times(&file, &|| assert!(std::fs::copy(&aside, &file).is_ok()));
        assert!(engine::checked(cache.path()).expect("it is as it was built again").is_some());
    }
    let more = copy.join("rootfs/etc/ld.so.preload");
    std::fs::write(&more, "/planted.so").expect("written");
    let (code, text) = run();
    assert_eq!(code, Some(3), "{text}");
    assert!(text.contains("the build did not make its file rootfs/etc/ld.so.preload"), "{text}");
    std::fs::remove_file(&more).expect("removed");
    let link = copy.join("rootfs/usr/local/bin/kubelet");
    std::fs::remove_file(&link).expect("removed");
    symlink("../../../bin/busybox", &link).expect("linked");
    let (code, text) = run();
    assert_eq!(code, Some(3), "{text}");
    assert!(text.contains("its link rootfs/usr/local/bin/kubelet is not the one that was built"), "{text}");
    assert!(!sign.exists(), "it was executed");
    attack.held("exit 3, before anything of it is executed: its file … is not the one that was built");
}

#[test]
fn attack_a03d_programs_by_name() {
    let attack = Attack::new(
        "A03d",
        "The PATH begins with a folder that others can write, or with `.`, and `bash`, `sh`, `go` and `docker` are in it",
        file!(),
    );
    let (stranger, temp, place) = (Stranger::new(), shared_folder(), Place::new());
    let (script, sign) = trap(temp.path());
    let dir = temp.path().join("bin");
    stranger.shell(&format!("mkdir {}", dir.display()));
    for name in ["bash", "sh", "go", "gcc", "docker", "kind"] {
        let file = dir.join(name);
        stranger.shell(&format!("printf '%s' '{script}' > {0} && chmod 755 {0}", file.display()));
    }
    let path = |first: &str| format!("{first}:{}", std::env::var("PATH").expect("a PATH"));
    let cache = tempfile::tempdir().expect("a folder");
    let mut command = place.kubewalk(&["run", "--cluster", "builtin", SMALL]);
    command.env("PATH", path(&dir.to_string_lossy())).env("KUBEWALK_CACHE", cache.path());
    let refused = said(&mut command);
    assert_eq!(refused.code, Some(3), "{refused:?}");
    assert!(refused.stderr.contains("go is not started: "), "{refused:?}");
    assert!(refused.stderr.contains("belongs to another user"), "{refused:?}");
    assert!(refused.stderr.contains("take that folder out of the PATH"), "{refused:?}");
    // A relative entry means a folder of the moment, and does not count.
    for relative in [".", "", "bin"] {
        let mut command = place.kubewalk(&["doctor"]);
        command.current_dir(if relative == "bin" { temp.path() } else { &dir }).env("PATH", path(relative));
        said(command.env("KUBEWALK_CACHE", cache.path()));
    }
    assert!(!sign.exists(), "{}", std::fs::read_to_string(&sign).unwrap_or_default());
    attack.held("exit 3: go is not started, since another user could have put it there; relative entries do not count");
}

/// The sums of all files of a folder, by another program.
fn sums(dir: &Path) -> String {
    let script =
        "find . -printf '%p %y %m %U:%G %s %T@ %l\\n' | sort; find . -type f -print0 | sort -z | xargs -0 sha256sum";
    let output = Command::new("sh").args(["-c", script]).current_dir(dir).output().expect("find");
    assert!(output.status.success() && output.stdout.len() > 1000, "{output:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A Pod with all that a Pod can have, which runs a script and says what it could do.
const HOSTILE: &str = r#"title: A hostile Pod
steps:
  - title: A privileged Pod with the node's root and all of its namespaces
    apply:
      - apiVersion: v1
        kind: Pod
        metadata: {name: p}
        spec:
          hostPID: true
          hostNetwork: true
          hostIPC: true
          terminationGracePeriodSeconds: 0
          containers:
            - name: c
              image: kubewalk.local/curl:1
              command: [sleep, infinity]
              securityContext: {privileged: true}
              volumeMounts:
                - {name: host, mountPath: /host}
                - {name: logs, mountPath: /logs}
          volumes:
            - {name: host, hostPath: {path: /}}
            - {name: logs, hostPath: {path: /kubewalk/logs}}
  - title: It runs
    wait: {kind: Pod, name: p, for: {condition: Ready}}
  - title: It tries
    exec:
      in: p
      command:
        - sh
        - -c
        - |
          exec 2>/dev/null
          SCRIPT
          echo end
    expect: {stdout: EXPECTED}
"#;

fn hostile(dir: &Path, script: &str, expected: &str) -> PathBuf {
    let script = script.trim().lines().map(str::trim).collect::<Vec<_>>().join("\n          ");
    let file = dir.join("hostile.yaml");
    std::fs::write(&file, HOSTILE.replace("SCRIPT", &script).replace("EXPECTED", expected)).expect("written");
    file
}

#[test]
fn attack_a05_a_pod_that_wants_to_change_the_engine() {
    let attack = Attack::new(
        "A05m",
        "A privileged Pod with the node's root (`hostPath: /`) and all namespaces mounts it anew to write, and writes to what a \
         later run or root on the host executes",
        file!(),
    );
    let (_, dir) = engine();
    let before = sums(&dir);
    for name in ["supervisor", "runc"] {
        assert_eq!(dir.join(name).metadata().expect("it is there").nlink(), 1, "{name} is also another file");
    }
    let (mut place, files) = (Place::new(), tempfile::tempdir().expect("a folder"));
    let script = r#"
        for at in /host /; do
          mount -o remount,rw $at; mount -o remount,rw,bind $at; chroot /host mount -o remount,rw $at
        done
        mkdir /again && mount --bind /host /again && mount -o remount,rw,bind /again
        for root in /host /again /proc/1/root; do
          for f in usr/sbin/init usr/local/sbin/runc usr/local/bin/kube etc/planted; do
            (echo x >> $root/$f) && echo "WROTE $root/$f"
          done
        done
        nsenter -t 1 -m sh -c 'mount -o remount,rw /; echo x >> /usr/sbin/init' && echo "WROTE by nsenter"
        (echo x > /proc/1/exe) && echo "WROTE its program"
    "#;
    let scenario = hostile(files.path(), script, "{equals: \"end\\n\"}");
    let said = place.run(&["run", "--cluster", "builtin", &scenario.to_string_lossy()]);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(sums(&dir) == before, "the engine was changed");
    place.nothing_left_within(SOON);
    let next = place.run(&["run", "--cluster", "builtin", SMALL]);
    assert_eq!(next.code, Some(0), "{next:?}");
    attack.held("read-only file system: nothing was written, and every file of the engine is as before");
}

#[test]
fn attack_a05b_a_pod_that_wants_the_machine_s_disks() {
    let attack = Attack::new(
        "A05n",
        "The same Pod makes device files for each disk of the machine, its memory and its ports, and opens them; and asks for the \
         capabilities to open any file by its number, to load modules, to set the clock",
        file!(),
    );
    let disks = std::fs::read_to_string("/proc/partitions").expect("the disks");
    let numbers: Vec<String> = disks
        .lines()
        .skip(2)
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            Some(format!("{}:{}", words.next()?, words.next()?))
        })
        .collect();
    let (mut place, files) = (Place::new(), tempfile::tempdir().expect("a folder"));
    let script = format!(
        r#"
        for n in {} 254:0 8:0 7:0 259:0; do
          mknod /dev/d$n b ${{n%:*}} ${{n#*:}}; head -c 1 /dev/d$n > /tmp/read && echo "READ $n"
        done
        for n in 1:1 1:4 10:237 10:229 10:232; do
          mknod /dev/c$n c ${{n%:*}} ${{n#*:}}; (exec 3</dev/c$n) && echo "OPENED $n"
        done
        for g in /sys/fs/cgroup/devices /host/sys/fs/cgroup/devices; do (echo a > $g/devices.allow) && echo "ALLOWED $g"; done
        caps=$(sed -n 's/^CapBnd:.*\(........\)$/\1/p' /proc/self/status)
        for bit in 2 9 16 17 22 25; do [ $(( (0x$caps >> bit) & 1 )) = 0 ] || echo "HAS $bit"; done
        for n in 1:3 1:5 1:9; do mknod /dev/n$n c ${{n%:*}} ${{n#*:}}; (exec 3</dev/n$n) || echo "LACKS $n"; done
        "#,
        numbers.join(" ")
    );
    let scenario = hostile(files.path(), &script, "{equals: \"end\\n\"}");
    let said = place.run(&["run", "--cluster", "builtin", &scenario.to_string_lossy()]);
    assert_eq!(said.code, Some(0), "{said:?}");
    place.nothing_left_within(SOON);
    attack.held("no disk, memory, port or KVM can be opened: the node has the devices of any container, and no privileged Pod more");
}

#[test]
fn attack_a05c_a_pod_that_fills_the_folder_of_logs() {
    let attack = Attack::new(
        "A05o",
        "The same Pod leaves in the folder of the node's logs, the one folder of the host that it can write: links to host files in \
         place of logs, a pipe, folders 2,000 deep, and files that nobody may remove",
        file!(),
    );
    let (mut place, files) = (Place::new(), tempfile::tempdir().expect("a folder"));
    let kept = files.path().join("kept");
    std::fs::write(&kept, "kept").expect("written");
    let script = format!(
        r#"
        cd /logs && rm -f init.log kubelet.log && ln -s {kept} kubelet.log && ln -s {kept} init.log && mkfifo pipe.log
        ln -s {folder} folder; echo x > fixed; chattr +i fixed
        i=0; while [ $i -lt 2000 ]; do mkdir deep-folder && cd deep-folder || break; i=$((i+1)); done
        "#,
        kept = kept.display(),
        folder = files.path().display()
    );
    let scenario = hostile(files.path(), &script, "{equals: \"end\\n\"}");
    let begun = Instant::now();
    let said = place.run(&["run", "--cluster", "builtin", &scenario.to_string_lossy()]);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(begun.elapsed() < Duration::from_secs(60), "it took {:?}", begun.elapsed());
    assert_eq!(std::fs::read_to_string(&kept).expect("it is there"), "kept");
    place.nothing_left_within(SOON);
    attack.held("all of it is removed, no link is followed, and the run ends in its time");
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

/// A run that is in its second step, which lasts.
fn begin(place: &mut Place, files: &Path) -> Child {
    let scenario = files.join("long.yaml");
    let text = "title: Long\nsteps:\n  - {title: A Pod, pod: {name: p, image: curl}}\n  \
                - {title: A command, exec: {in: p, command: [sleep, '60']}, timeout: 30s}\n";
    std::fs::write(&scenario, text).expect("written");
    let events = files.join("events");
    let mut command =
        place.kubewalk(&["run", "--cluster", "builtin", "--report", &format!("events={}", events.display())]);
    let child = command.arg(scenario).spawn().expect("it starts");
    let begun = Instant::now();
    let in_step = || {
        std::fs::read_to_string(&events).is_ok_and(|text| {
            text.lines().any(|line| line.contains("\"event\":\"stepStarted\"") && line.contains("\"number\":2"))
        })
    };
    while !in_step() {
        assert!(begun.elapsed() < Duration::from_secs(90), "it does not get to its second step");
        std::thread::sleep(Duration::from_millis(10));
    }
    place.note_clusters();
    child
}

fn end(mut child: Child) -> Said {
    let (mut stdout, mut stderr) = (String::new(), String::new());
    child.stdout.take().expect("piped").read_to_string(&mut stdout).expect("text");
    child.stderr.take().expect("piped").read_to_string(&mut stderr).expect("text");
    Said { code: child.wait().expect("it ends").code(), stdout, stderr }
}

/// The processes of a cluster, and what each has open.
fn of_cluster(name: &str) -> Vec<(u32, String, Vec<String>)> {
    let numbers = std::fs::read_dir("/proc").expect("the processes").flatten();
    let numbers = numbers.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let of = |pid: &u32| std::fs::read_to_string(format!("/proc/{pid}/cgroup")).is_ok_and(|text| text.contains(name));
    let open = |pid: u32| {
        let files = std::fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
        files.filter_map(|file| Some(std::fs::read_link(file.path()).ok()?.display().to_string())).collect()
    };
    let named = |pid: u32| std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default().trim().to_owned();
    numbers.filter(of).map(|pid| (pid, named(pid), open(pid))).collect()
}

#[test]
fn attack_a23_what_components_and_pods_reach() {
    let attack = Attack::new(
        "A23",
        "A component or a Pod takes over the host's listening socket; a Pod on the node's network talks to etcd without a \
         credential, as a client and as another etcd",
        file!(),
    );
    engine();
    let (mut place, files) = (Place::new(), tempfile::tempdir().expect("a folder"));
    let mut run = begin(&mut place, files.path());
    let cluster = place.clusters_now().pop_first().expect("a cluster");
    let kubeconfig = std::fs::read_to_string(place.nodes().join(&cluster).join("kubeconfig")).expect("a kubeconfig");
    let port: u16 = kubeconfig
        .split("https://127.0.0.1:")
        .nth(1)
        .and_then(|rest| rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok())
        .expect("a port");
    let listening = std::fs::read_to_string("/proc/net/tcp").expect("the sockets");
    let inode = listening.lines().skip(1).find_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        (words[1].ends_with(&format!(":{port:04X}")) && words[3] == "0A").then(|| words[9].to_owned())
    });
    let socket = format!("socket:[{}]", inode.expect("the host listens"));
    let processes = of_cluster(&cluster);
    assert!(processes.iter().any(|(_, name, _)| name == "kube-apiserver"), "{processes:?}");
    let holders: Vec<_> = processes.iter().filter(|(_, _, open)| open.contains(&socket)).collect();
    assert_eq!(holders.iter().map(|(_, name, _)| name.as_str()).collect::<Vec<_>>(), ["init"], "{holders:?}");
    kill_process(Pid::from_raw(run.id().cast_signed()).expect("a pid"), Signal::INT).expect("sent");
    assert_eq!(run.wait().expect("it ends").code(), Some(130));
    place.nothing_left_within(SOON);

    let script = r#"
        for port in 2379 4001; do curl -s --max-time 3 http://127.0.0.1:$port/health && echo "ANSWERS $port"; done
        for path in version members health; do
          curl -sk --max-time 3 https://127.0.0.1:2380/$path && echo "ANSWERS a peer"
          curl -s --max-time 3 http://127.0.0.1:2380/$path && echo "ANSWERS a peer without TLS"
        done
    "#;
    let scenario = hostile(files.path(), script, "{equals: \"end\\n\"}");
    let said = place.run(&["run", "--cluster", "builtin", &scenario.to_string_lossy()]);
    assert_eq!(said.code, Some(0), "{said:?}");
    attack.held("only init has the socket; etcd's clients come by a file of the node's, and no peer is let in without its certificate");
}

#[test]
fn attack_a25_a_keeper_that_is_killed() {
    let attack = Attack::new("A25", "`kill -9` of a cluster's keeper, during its start and in a step", file!());
    engine();
    let (mut place, files) = (Place::new(), tempfile::tempdir().expect("a folder"));
    let keeper = |place: &Place| {
        let name = place.clusters_now().into_iter().find(|name| name.starts_with("kubewalk-"))?;
        let owner = std::fs::read(place.nodes().join(name).join("owner.json")).ok()?;
        let owner: serde_json::Value = serde_json::from_slice(&owner).ok()?;
        Pid::from_raw(i32::try_from(owner["keeper"]["pid"].as_i64()?).ok()?)
    };
    let run = begin(&mut place, files.path());
    kill_process(keeper(&place).expect("a keeper"), Signal::KILL).expect("killed");
    let said = end(run);
    assert_eq!(said.code, Some(3), "{said:?}");
    assert!(said.stdout.contains("the cluster's keeper was killed"), "{said:?}");
    // What it says of what stays was measured.
    let left = place.left();
    assert!(left.is_empty(), "{left:#?} {said:?}");

    let child = place.kubewalk(&["run", "--cluster", "builtin", SMALL]).spawn().expect("it starts");
    let begun = Instant::now();
    let pid = loop {
        if let Some(pid) = keeper(&place) {
            break pid;
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "no keeper");
        std::thread::sleep(Duration::from_millis(1));
    };
    place.note_clusters();
    kill_process(pid, Signal::KILL).expect("killed");
    let said = end(child);
    assert_eq!(said.code, Some(3), "{said:?}");
    assert!(said.stderr.contains("the engine's keeper ended before the cluster was ready"), "{said:?}");
    assert!(said.stderr.contains("left by the keeper that was killed"), "{said:?}");
    place.nothing_left_within(SOON);
    let swept = place.run(&["sweep"]);
    assert!(swept.stdout.starts_with("runs that were killed have left nothing in: "), "{swept:?}");
    attack.held(
        "exit 3; the run removes its folder and cgroups, or says that they stay until the next run or `kubewalk sweep`",
    );
}

#[test]
fn attack_k35_a_cache_of_root_for_another_user() {
    let attack = Attack::new("K35", "A cache that root has made is used by a user without rights", file!());
    let (_, dir) = engine();
    let (stranger, temp) = (Stranger::new(), tempfile::tempdir().expect("a folder"));
    mode(temp.path(), 0o755);
    let cache = temp.path().join("cache");
    std::fs::create_dir_all(cache.join("engine")).expect("made");
    let copied = Command::new("cp").arg("-a").arg(&dir).arg(cache.join("engine")).status().expect("cp");
    assert!(copied.success());
    let program = temp.path().join("kubewalk");
    std::fs::copy(env!("CARGO_BIN_EXE_kubewalk"), &program).expect("copied");
    let home = temp.path().join("home");
    std::fs::create_dir(&home).expect("made");
    let chown = Command::new("chown").arg(stranger.name()).arg(&home).status().expect("chown");
    assert!(chown.success());
    let mut command = stranger.command(&program.to_string_lossy());
    command.arg("doctor").env("HOME", &home).env("KUBEWALK_CACHE", &cache).stdin(Stdio::null());
    let said = said(&mut command);
    assert!(said.stdout.contains("ok       engine: built, in"), "{said:?}");
    assert!(said.stdout.contains("ok       folder for clusters: "), "{said:?}");
    // All of the node, as it is loaded into Docker.
    let root = cache.join("engine").join(engine::hash()).join("rootfs");
    stranger.shell(&format!("tar -c -C {} . | wc -c", root.display()));
    let unreadable = stranger.shell(&format!("find {} ! -type l ! -readable", root.display()));
    assert_eq!(unreadable, "", "not everything can be read");
    attack.held("reading is enough: it is found sound, and locks are in a folder of that user's own");
}
