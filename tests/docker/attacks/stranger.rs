//! Another user of this machine, made for a test and removed with it.
#![allow(dead_code, reason = "each file of attacks uses its part")]

use std::{
    process::{Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
};

/// A user without rights. All of its processes end, and the user goes, when this is dropped.
pub struct Stranger {
    name: String,
}

impl Stranger {
    /// Makes one. It needs root, which these tests have.
    pub fn new() -> Stranger {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("kwx{}n{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let made = Command::new("useradd").args(["--system", "--no-create-home", "--shell", "/bin/sh", &name]).output();
        let made = made.expect("useradd starts");
        assert!(made.status.success(), "useradd: {}", String::from_utf8_lossy(&made.stderr));
        Stranger { name }
    }

    /// The user's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A program that this user starts, with an empty environment but for `PATH`.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new("setpriv");
        command.args(["--reuid", &self.name, "--regid", &self.name, "--clear-groups", "--", program]);
        command.env_clear().env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
        command.current_dir("/").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs a shell script as this user to its end, which must be a success.
    #[track_caller]
    pub fn shell(&self, script: &str) -> String {
        let output = self.command("sh").args(["-euc", script]).output().expect("a shell");
        let (said, error) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "as {}: {script}\n{said}{error}", self.name);
        said.into_owned()
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        let _ = Command::new("pkill").args(["-KILL", "-u", &self.name]).status();
        let _ = Command::new("userdel").arg(&self.name).output();
    }
}

#[test]
fn a_stranger_is_somebody_else() {
    let stranger = Stranger::new();
    assert_eq!(stranger.shell("id -un").trim(), stranger.name());
    assert_eq!(stranger.shell("test -w /root && echo yes || echo no").trim(), "no");
}
