//! Clients that are used again, with their connections: a TLS handshake costs the API server and us more than most requests, and a
//! run would else make a dozen of them before its first step, and again at its end.

use std::{path::Path, sync::Mutex};

use sha2::{Digest as _, Sha256};
use tokio::runtime::{Handle, Id};

use super::access::{client, config_of, gone};
use crate::{cluster::ClusterError, sync::locked};

/// How many are kept: the clusters of a run, each with a client that has a credential and one that has none.
const MOST: usize = 8;

/// What makes a client another one: its runtime, to which its connections belong, what its kubeconfig says, and whether it has a
/// credential.
type Key = (Id, [u8; 32], bool);

static KEPT: Mutex<Vec<(Key, kube::Client)>> = Mutex::new(Vec::new());

/// A client of the cluster of a kubeconfig file; one `without` has no credential. The same as before in this runtime, as long as the
/// file says the same.
///
/// # Errors
/// When the kubeconfig cannot be read, which means that the cluster has gone.
pub(in crate::cluster) async fn client_of(kubeconfig: &Path, without: bool) -> Result<kube::Client, ClusterError> {
    let text = std::fs::read_to_string(kubeconfig).map_err(|e| gone(&e))?;
    let key = (Handle::current().id(), Sha256::digest(&text).into(), without);
    if let Some((_, kept)) = locked(&KEPT).iter().find(|(known, _)| *known == key) {
        return Ok(kept.clone());
    }
    let mut config = config_of(&text).await?;
    if without {
        config.auth_info = kube::config::AuthInfo::default();
    }
    let new = client(config).map_err(|e| gone(&e))?;
    let mut kept = locked(&KEPT);
    if kept.len() == MOST {
        kept.remove(0);
    }
    kept.push((key, new.clone()));
    Ok(new)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kubeconfig(port: u16) -> String {
        format!(
            "{{apiVersion: v1, kind: Config, current-context: a, contexts: [{{name: a, context: {{cluster: a, user: a}}}}], \
             clusters: [{{name: a, cluster: {{server: 'http://127.0.0.1:{port}'}}}}], users: [{{name: a, user: {{}}}}]}}"
        )
    }

    fn kept() -> usize {
        let here = Handle::current().id();
        locked(&KEPT).iter().filter(|((runtime, ..), _)| *runtime == here).count()
    }

    #[tokio::test]
    async fn one_is_used_again_while_its_file_says_the_same() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        let says = |port| std::fs::write(file.path(), kubeconfig(port)).expect("written");
        says(1);
        for (without, expected) in [(false, 1), (false, 1), (true, 2), (true, 2)] {
            client_of(file.path(), without).await.expect("a client");
            assert_eq!(kept(), expected);
        }
        says(2);
        client_of(file.path(), false).await.expect("a client");
        assert_eq!(kept(), 3);
        std::fs::remove_file(file.path()).expect("removed");
        assert!(client_of(file.path(), false).await.is_err(), "its cluster has gone");
    }
}
