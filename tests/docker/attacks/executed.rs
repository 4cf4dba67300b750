//! See `tests/docker/attacks.rs`. What root executes is looked at before it is executed, and nobody else can have written it.

use std::{
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use kubewalk::cluster::{engine, own};

use crate::{
    machine::{SMALL, engine, mode, said, shared_folder},
    page::Attack,
    stranger::Stranger,
    traces::Place,
};

/// A file that, executed, leaves a sign.
pub fn trap(dir: &Path) -> (String, PathBuf) {
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
