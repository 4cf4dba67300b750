//! A private folder for the kubeconfig of a cluster that lives in a container.
//!
//! It goes with the run, however that ends: a shell waits for the end of a pipe that we hold, and then removes the folder.
//! The kernel closes the pipe even after a `kill -9`, and at the end of a test process, where nothing is dropped.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use super::{Room, owner::Owner, program};
use crate::cluster::ClusterError;

/// What the names of such folders begin with.
pub const PREFIX: &str = "kubewalk-run-";

/// The file in it that says whose it is.
pub const OWNER: &str = "owner.json";

/// Deaf to what a terminal sends to a whole group: it is the one that cleans up afterwards. A kubectl that has outlived its run may
/// write into the folder until its own time is over, so it is removed again until it is gone; an hour is longer than any step.
const REMOVER: &str = r#"trap "" INT TERM HUP QUIT; cat >/dev/null; n=0
until rm -rf -- "$1" 2>/dev/null && ! [ -e "$1" ]; do n=$((n + 1)); [ "$n" -lt 3600 ] || exit 1; sleep 1; done"#;

/// How long the end of a run waits for its folder to go, and how often it looks.
const REMOVED_WITHIN: Duration = Duration::from_secs(5);
const LOOK: Duration = Duration::from_millis(2);

/// A folder (mode 0700) that is removed when this is dropped, or when the process ends.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    remover: Child,
}

impl Folder {
    /// Makes it in a room that only this user can use: [`Settings::runs`](crate::cluster::Settings::runs).
    ///
    /// # Errors
    /// When nothing can be written there, or others can.
    pub fn make(room: &Path, owner: &Owner) -> Result<Self, ClusterError> {
        let room = Room::make(room)?;
        let path = room.path().join(format!("{PREFIX}{}", owner.run));
        let shell = program::find("sh").map_err(|e| e.into_error("make sure that sh is on the PATH"))?;
        let make = || {
            // First the one that removes it, so that there is no moment in which a death of ours leaves it behind.
            let mut command = Command::new(&shell);
            command.args(["-c", REMOVER, "sh"]).arg(&path).env("PATH", program::path());
            command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
            #[cfg(unix)]
            std::os::unix::process::CommandExt::process_group(&mut command, 0);
            let remover = command.spawn()?;
            let folder = Folder { path: path.clone(), remover };
            let mut builder = std::fs::DirBuilder::new();
            #[cfg(unix)]
            std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
            builder.create(&folder.path)?;
            folder.write(OWNER, &serde_json::to_string(owner)?)?;
            Ok(folder)
        };
        make().map_err(|e: std::io::Error| {
            ClusterError::new(
                format!("cannot make the private folder {}: {e}", path.display()),
                "free some space there, or set KUBEWALK_STATE to a folder of your own that can be written",
            )
        })
    }

    /// Writes a file (mode 0600) and gives its path.
    ///
    /// # Errors
    /// When it cannot be written, or is there already.
    pub fn write(&self, name: &str, text: &str) -> std::io::Result<PathBuf> {
        let path = self.path.join(name);
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.open(&path)?.write_all(text.as_bytes())?;
        Ok(path)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(self.remover.stdin.take());
        let begun = Instant::now();
        // What takes longer, it does alone.
        while begun.elapsed() < REMOVED_WITHIN && self.remover.try_wait().is_ok_and(|ended| ended.is_none()) {
            std::thread::sleep(LOOK);
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn it_is_private_and_goes_with_its_holder() {
        let temp = tempfile::tempdir().expect("a folder");
        let room = temp.path().join("base/runs");
        let folder = Folder::make(&room, &Owner::new()).expect("it can be made");
        let file = folder.write("kubeconfig", "secret").expect("it can be written");
        let mode = |path: &Path| std::fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
        assert_eq!((mode(folder.path()), mode(&file), mode(&folder.path().join(OWNER))), (0o700, 0o600, 0o600));
        drop(folder);
        assert_eq!(std::fs::read_dir(room).expect("it can be read").count(), 0);
    }

    #[test]
    fn it_goes_although_a_program_writes_into_it_after_the_end() {
        let temp = tempfile::tempdir().expect("a folder");
        let room = temp.path().join("base/runs");
        let folder = Folder::make(&room, &Owner::new()).expect("it can be made");
        // As kubectl does with what it has found out: below a folder that it has made.
        let script = r#"mkdir "$1/cache"; n=0; while [ $n -lt 100 ]; do n=$((n + 1)); mkdir "$1/cache/$n"; sleep 0.01; done 2>/dev/null"#;
        let mut writer = Command::new("sh").args(["-c", script, "sh"]).arg(folder.path()).spawn().expect("it starts");
        drop(folder);
        writer.wait().expect("it ends");
        let begun = Instant::now();
        while std::fs::read_dir(&room).expect("it can be read").count() > 0 {
            assert!(begun.elapsed() < Duration::from_secs(30), "it stays");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    #[test]
    fn where_nothing_can_be_written_it_says_so() {
        let e = Folder::make(Path::new("/proc/base/runs"), &Owner::new()).expect_err("no folder there");
        assert!(e.message.starts_with("cannot use /proc/base for what belongs to clusters: "), "{}", e.message);
    }
}
