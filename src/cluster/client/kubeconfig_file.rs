//! How a kubeconfig is read: what is wrong with it is said without a word of its content, which could be another file's.

use std::{
    io::ErrorKind,
    path::{Path, PathBuf},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::HeaderValue;
use kube::config::{Kubeconfig, KubeconfigError};
use secrecy::{ExposeSecret as _, SecretString};

use crate::{
    cluster::{error::ClusterError, own},
    given_file,
};

/// No kubeconfig has more bytes.
const MOST: u64 = 16 << 20;

/// No certificate, key or token that it names has more.
const MOST_OF_A_FILE: u64 = 1 << 20;

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
    let (file, about) = given_file::open(path).map_err(|e| Unusable::other(in_words(&e)))?;
    let ours = own::nobody_elses(path);
    let mut read = match &ours {
        Ok(()) if about.is_file() && about.len() <= MOST => {
            Kubeconfig::read_from(path).map_err(|e| Unusable::other(error_in_words(&e)))?
        }
        // Another file can be in its place by now, so what was opened is read.
        _ => {
            let text = given_file::text_within(file, MOST).map_err(|e| Unusable::other(in_words(&e)))?;
            let mut read = Kubeconfig::from_yaml(&text).map_err(|e| Unusable::other(error_in_words(&e)))?;
            beside(&mut read, path);
            read
        }
    };
    if let (Err(foreign), Some(what)) = (ours, reaches(&read)) {
        return Err(Unusable {
            why: format!("{foreign}, and {what}"),
            remedy: "look at what it names, and copy it to a folder that only you can write",
        });
    }
    take_in(&mut read)?;
    Ok(read)
}

/// The system's words, or ours.
fn in_words(e: &std::io::Error) -> String {
    match e.kind() {
        ErrorKind::IsADirectory => "it is a folder".into(),
        _ => e.to_string(),
    }
}

/// A certificate of a cluster that is named by a relative path lies beside the kubeconfig.
fn beside(read: &mut Kubeconfig, path: &Path) {
    let folder = path.parent().unwrap_or(Path::new(""));
    for cluster in read.clusters.iter_mut().filter_map(|one| one.cluster.as_mut()) {
        if let Some(file) = &mut cluster.certificate_authority {
            *file = folder.join(&*file).to_string_lossy().into_owned();
        }
    }
}

/// Puts the certificates and keys that it names in the place of their names, so that no later read meets a file without an end. What is
/// not there or is not to be read is told where it is needed.
fn take_in(read: &mut Kubeconfig) -> Result<(), Unusable> {
    let take = |file: &mut Option<String>| match file
        .as_ref()
        .map(|path| (path, given_file::read(path.as_ref(), MOST_OF_A_FILE)))
    {
        Some((_, Ok(bytes))) => {
            *file = None;
            Ok(Some(STANDARD.encode(bytes)))
        }
        Some((path, Err(e))) if matches!(e.kind(), ErrorKind::Other | ErrorKind::FileTooLarge) => {
            Err(Unusable::other(format!("it names {path}, and {e}")))
        }
        _ => Ok(None),
    };
    for cluster in read.clusters.iter_mut().filter_map(|one| one.cluster.as_mut()) {
        if cluster.certificate_authority_data.is_none() {
            cluster.certificate_authority_data = take(&mut cluster.certificate_authority)?;
        }
    }
    for user in read.auth_infos.iter_mut().filter_map(|one| one.auth_info.as_mut()) {
        let sent = |token: &SecretString| HeaderValue::from_str(token.expose_secret()).is_ok();
        if user.token.as_ref().is_some_and(|token| !sent(token)) {
            return Err(Unusable::other("a token in it has characters that cannot be sent, such as the end of a line"));
        }
        if user.client_certificate_data.is_none() {
            user.client_certificate_data = take(&mut user.client_certificate)?;
        }
        if user.client_key_data.is_none() {
            user.client_key_data = take(&mut user.client_key)?.map(Into::into);
        }
        // Its content may be another each time.
        if let Some(path) = &user.token_file {
            take(&mut Some(path.clone()))?;
        }
    }
    Ok(())
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
