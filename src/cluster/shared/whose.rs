//! Whose a warm cluster is: work on other things, or of other people, does not meet on it.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::{scenario::open, settings};

/// Which work a cluster belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Whose {
    /// The folder of the project, or the working directory where there is none: two checkouts are two.
    pub project: PathBuf,
    /// The user who called sudo, when that is how this process came to be root.
    pub person: Option<u32>,
}

impl Whose {
    /// That of this process.
    pub fn here() -> Self {
        let folder = std::env::current_dir().and_then(std::fs::canonicalize).unwrap_or_default();
        let person = settings::invoker().filter(|_| rustix::process::geteuid().is_root());
        Whose { project: project(&folder), person }
    }

    /// As the end of a sentence: `/home/dev/shop`, `/home/dev/shop, by user 1000`.
    pub fn describe(&self) -> String {
        let by = self.person.map(|person| format!(", by user {person}")).unwrap_or_default();
        format!("{}{by}", self.project.display())
    }
}

fn project(folder: &Path) -> PathBuf {
    open::project(folder).unwrap_or_else(|| folder.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_project_is_one_from_all_its_folders_and_two_checkouts_are_two() {
        let all = tempfile::tempdir().expect("a folder");
        let (one, other) = (all.path().join("one"), all.path().join("other"));
        for checkout in [&one, &other] {
            std::fs::create_dir_all(checkout.join("scenarios/rbac")).expect("made");
            // As in a worktree, where it is a file.
            std::fs::write(checkout.join(".git"), "gitdir: elsewhere\n").expect("written");
        }
        assert_eq!(project(&one.join("scenarios/rbac")), project(&one));
        assert_ne!(project(&one), project(&other));
        assert_eq!(project(all.path()), all.path(), "without a mark it is the folder itself");
    }
}
