//! How a kubeconfig is read: what is wrong with it is said without a word of its content, which could be another file's.

use std::path::{Path, PathBuf};

use kube::config::{Kubeconfig, KubeconfigError};

use crate::cluster::{error::ClusterError, own};

/// No kubeconfig has more bytes.
const MOST: u64 = 16 << 20;

/// Why a kubeconfig is not used.
#[derive(Debug, thiserror::Error)]
#[error("{why}")]
pub struct Unusable {
    /// In half a sentence that does not quote the file.
    pub why: String,
    /// What to do.
    pub remedy: &'static str,
}

impl Unusable {
    fn other(why: impl Into<String>) -> Self {
        Unusable { why: why.into(), remedy: "set KUBECONFIG to the file that kubectl uses" }
    }
}

/// Reads a kubeconfig. One that another user could have written may say where a cluster is, but names no program to execute and no
/// file to send.
///
/// # Errors
/// Why not.
pub fn read(path: &Path) -> Result<Kubeconfig, Unusable> {
    match std::fs::metadata(path) {
        Ok(found) if found.is_dir() => return Err(Unusable::other("it is a folder")),
        Ok(found) if found.is_file() && found.len() > MOST => {
            return Err(Unusable::other(format!("it has more than {} MiB", MOST >> 20)));
        }
        Ok(found) if is_endless(&found) => return Err(Unusable::other("it is a device")),
        _ => {}
    }
    let ours = own::nobody_elses(path);
    let read = Kubeconfig::read_from(path).map_err(|e| Unusable::other(error_in_words(&e)))?;
    match (ours, reaches(&read)) {
        (Err(foreign), Some(what)) => Err(Unusable {
            why: format!("{foreign}, and {what}"),
            remedy: "look at what it names, and copy it to a folder that only you can write",
        }),
        _ => Ok(read),
    }
}

/// All files as one; of two of the same name, the first counts.
///
/// # Errors
/// When one of them is not used, or none of them is there.
pub fn read_all(files: &[PathBuf]) -> Result<Kubeconfig, ClusterError> {
    let unusable = |file: &Path, e: Unusable| {
        ClusterError::new(format!("cannot use the kubeconfig {}: {e}", file.display()), e.remedy)
    };
    let mut all = Kubeconfig::default();
    // As kubectl does, a list may name files that are not there, but one of them must be.
    let there: Vec<_> = files.iter().filter(|file| file.exists()).collect();
    if let (true, Some(file)) = (there.is_empty(), files.first()) {
        return Err(unusable(file, Unusable::other("there is no such file")));
    }
    for file in there {
        let one = read(file).map_err(|e| unusable(file, e))?;
        all = all.merge(one).map_err(|e| unusable(file, Unusable::other(error_in_words(&e))))?;
    }
    Ok(all)
}

/// What of this machine a kubeconfig names for kubewalk to execute or to send.
fn reaches(kubeconfig: &Kubeconfig) -> Option<&'static str> {
    let users = kubeconfig.auth_infos.iter().filter_map(|user| user.auth_info.as_ref());
    let mut what = users.filter_map(|user| {
        if user.exec.is_some() || user.auth_provider.is_some() {
            return Some("it names a program, which would be executed");
        }
        let files = [&user.token_file, &user.client_certificate, &user.client_key];
        files.iter().any(|file| file.is_some()).then_some("it names a file of this machine, which would be sent")
    });
    what.next()
}

fn is_endless(found: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::FileTypeExt as _;
    found.file_type().is_block_device() || found.file_type().is_char_device()
}

/// What is wrong with a kubeconfig, or with what it names.
pub fn error_in_words(error: &KubeconfigError) -> String {
    match error {
        KubeconfigError::ReadConfig(e, _) => e.to_string(),
        KubeconfigError::Parse(e) => match e.location() {
            Some(place) => {
                format!("line {}, column {} is not what a kubeconfig has there", place.line(), place.column())
            }
            None => "it is not a kubeconfig".into(),
        },
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_no_kubeconfig_is_not_quoted() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("shadow");
        for text in [
            "root: hunter2hunter2: 19000\n",
            "users: hunter2hunter2\n",
            "clusters:\n- name: a\n  cluster: hunter2hunter2\n",
            "a: \"hunter2hunter2\nb",
            "hunter2hunter2: [",
        ] {
            std::fs::write(&path, text).expect("written");
            let said = read(&path).expect_err(text);
            assert!(!said.why.contains("hunter2"), "{said}");
        }
        assert!(read(folder.path()).expect_err("a folder").why.contains("folder"));
        assert!(read(Path::new("/dev/zero")).expect_err("a device").why.contains("device"));
    }
}
