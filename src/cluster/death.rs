//! The death of a cluster's node, told to everyone who waits for it the moment that it is known.

use tokio::sync::watch;

use super::ClusterError;

/// Whether a node has died, and why. Its clones are about the same node.
#[derive(Debug, Clone)]
pub struct Death(watch::Sender<Option<ClusterError>>);

impl Death {
    /// Of a node that lives.
    pub fn none() -> Self {
        Death(watch::Sender::new(None))
    }

    /// Notes why the node has died. The first reason stays.
    pub fn note(&self, why: ClusterError) {
        self.0.send_if_modified(|now| now.is_none() && now.replace(why).is_none());
    }

    /// Why it has died, if it has.
    pub fn known(&self) -> Option<ClusterError> {
        self.0.borrow().clone()
    }

    /// Waits until it has died.
    pub async fn wait(&self) -> ClusterError {
        let mut told = self.0.subscribe();
        let why = told.wait_for(Option::is_some).await.ok().and_then(|why| why.clone());
        match why {
            Some(why) => why,
            // The sender is `self`, so it is there as long as this waits.
            None => std::future::pending().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn whoever_waits_is_told_at_once_and_the_first_reason_stays() {
        let death = Death::none();
        assert!(tokio::time::timeout(Duration::from_millis(1), death.wait()).await.is_err());
        let told = death.clone();
        let waits = tokio::spawn(async move { told.wait().await.message });
        death.note(ClusterError::plain("killed"));
        death.note(ClusterError::plain("its folder is gone"));
        assert_eq!(waits.await.expect("no panic"), "killed");
        assert_eq!(death.known().expect("a reason").message, "killed");
        assert_eq!(death.wait().await.message, "killed", "also who asks later");
    }
}
