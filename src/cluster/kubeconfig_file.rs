//! How a kubeconfig is read: what is wrong with it is said without a word of its content, which could be another file's.

use std::path::Path;

use kube::config::{Kubeconfig, KubeconfigError};

/// No kubeconfig has more bytes.
const MOST: u64 = 16 << 20;

/// Reads a kubeconfig.
///
/// # Errors
/// Why not, in half a sentence that does not quote the file.
pub fn read(path: &Path) -> Result<Kubeconfig, String> {
    match std::fs::metadata(path) {
        Ok(found) if found.is_dir() => return Err("it is a folder".into()),
        Ok(found) if found.is_file() && found.len() > MOST => {
            return Err(format!("it has more than {} MiB", MOST >> 20));
        }
        Ok(found) if is_endless(&found) => return Err("it is a device".into()),
        _ => {}
    }
    Kubeconfig::read_from(path).map_err(|e| words(&e))
}

fn is_endless(found: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::FileTypeExt as _;
    found.file_type().is_block_device() || found.file_type().is_char_device()
}

/// What is wrong with a kubeconfig, or with what it names.
pub fn words(error: &KubeconfigError) -> String {
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
            assert!(!said.contains("hunter2"), "{said}");
        }
        assert!(read(folder.path()).expect_err("a folder").contains("folder"));
        assert!(read(Path::new("/dev/zero")).expect_err("a device").contains("device"));
    }
}
