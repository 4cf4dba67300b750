use std::{
    os::unix::fs::{PermissionsExt as _, symlink},
    time::Duration,
};

use super::*;

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(20)
}

fn set(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("changed");
}

#[test]
fn a_way_that_others_can_change_is_not_trusted() {
    let temp = tempfile::tempdir().expect("a folder");
    let dir = temp.path().join("a/b");
    std::fs::create_dir_all(&dir).expect("made");
    let file = dir.join("program");
    std::fs::write(&file, "").expect("written");
    let real = trusted(&file).expect("only we can write it");
    assert_eq!(real, file.canonicalize().expect("it is there"));
    for (at, mode) in [(temp.path().join("a"), 0o777), (dir.clone(), 0o770), (file.clone(), 0o666)] {
        let before = at.metadata().expect("it is there").permissions();
        set(&at, mode);
        let e = trusted(&file).expect_err("others can write there");
        assert_eq!((e.path, e.why.as_str()), (at.canonicalize().expect("there"), "can be written by other users"));
        std::fs::set_permissions(&at, before).expect("changed back");
    }
    // Others may make files there, but not touch ours; the last of the way is no such folder.
    set(&dir, 0o1777);
    trusted(&file).expect("what is ours in it stays ours");
    assert!(trusted(&dir).is_err());
    let link = temp.path().join("link");
    symlink(&file, &link).expect("linked");
    assert_eq!(trusted(&link), Ok(real));
}

#[test]
fn a_folder_is_made_and_a_relative_part_of_it_too() {
    let temp = tempfile::tempdir().expect("a folder");
    let made = trusted_folder(&temp.path().join("x/y")).expect("made");
    assert!(made.is_dir());
    assert_eq!(trusted_folder(&made), Ok(made.clone()));
    set(&made, 0o777);
    assert!(trusted_folder(&made.join("z")).is_err() && !made.join("z").exists(), "nothing is made in it");
}

#[test]
fn a_room_is_private_or_not_used() {
    let temp = tempfile::tempdir().expect("a folder");
    let path = temp.path().join("base/room");
    assert!(Room::find(&path).expect("nothing is there").is_none());
    let room = Room::make(&path).expect("made");
    for at in [&path, &temp.path().join("base")] {
        assert_eq!(at.metadata().expect("there").permissions().mode() & 0o7777, 0o700);
        set(at, 0o750);
        let e = Room::find(&path).expect_err("others can read it");
        assert!(e.message.contains("can be used by others (its mode is 750)"), "{e}");
        assert!(Room::make(&path).is_err());
        set(at, 0o700);
    }
    std::fs::create_dir(path.join("one")).expect("made");
    std::fs::write(path.join("file"), "x").expect("written");
    symlink("one", path.join("two")).expect("linked");
    assert_eq!(room.folders().expect("read"), ["one"]);
    set(&path.join("one"), 0o700);
    assert!(room.open("one").is_ok() && room.open("two").is_err());
    std::fs::rename(temp.path().join("base"), temp.path().join("other")).expect("moved");
    symlink("other", temp.path().join("base")).expect("linked");
    assert!(Room::find(&path).is_err() && Room::make(&path).is_err(), "the base is a link");
}

#[test]
fn only_a_small_regular_file_of_ours_is_read() {
    let temp = tempfile::tempdir().expect("a folder");
    let path = temp.path().join("base/room");
    let room = Room::make(&path).expect("made");
    let file = path.join("owner.json");
    std::fs::write(&file, "{}").expect("written");
    set(&file, 0o600);
    assert_eq!(room.read("owner.json", MOST).expect("read"), b"{}");
    assert!(room.read("owner.json", 1).expect_err("too long").to_string().contains("more than 1 bytes"));
    set(&file, 0o622);
    assert!(room.read("owner.json", MOST).expect_err("open").to_string().contains("can be written by others"));
    symlink(&file, path.join("link")).expect("linked");
    assert!(room.read("link", MOST).is_err());
    let made = std::process::Command::new("mkfifo").arg(path.join("fifo")).status().expect("mkfifo");
    assert!(made.success());
    let e = room.read("fifo", MOST).expect_err("nothing is waited for");
    assert!(e.to_string().contains("is not a regular file"), "{e}");
    assert!(room.read("/etc/passwd", MOST).is_err() || rustix::process::geteuid().is_root());
}

#[test]
fn a_tree_goes_and_what_its_links_lead_to_stays() {
    let temp = tempfile::tempdir().expect("a folder");
    let outside = temp.path().join("outside");
    std::fs::create_dir(&outside).expect("made");
    std::fs::write(outside.join("kept"), "").expect("written");
    let path = temp.path().join("base/room");
    let room = Room::make(&path).expect("made");
    // Deeper than a process may have files open, and than a path may be long.
    let mut at = open_folder(&path).expect("opened");
    for name in std::iter::once("tree").chain(std::iter::repeat_n("a-folder-in-a-folder", 3000)) {
        rustix::fs::mkdirat(&at, name, Mode::RWXU).expect("made");
        let how = OFlags::DIRECTORY | OFlags::RDONLY;
        at = rustix::fs::openat(&at, name, how, Mode::empty()).expect("opened");
    }
    symlink(&outside, path.join("tree/link")).expect("linked");
    std::fs::write(path.join("tree/file"), "").expect("written");
    let late = room.remove("tree", Instant::now() - Duration::from_millis(1)).expect_err("there is no time");
    assert_eq!(late.kind(), io::ErrorKind::TimedOut);
    room.remove("tree", soon()).expect("removed");
    assert_eq!(std::fs::read_dir(&path).expect("read").count(), 0);
    symlink(&outside, path.join("link")).expect("linked");
    room.remove("link", soon()).expect("removed");
    room.remove("never-there", soon()).expect("fine");
    assert!(outside.join("kept").exists());
}
