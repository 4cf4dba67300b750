//! What becomes of a scenario that did not hold, before it is cleaned up: a person may look at it, now or later.

use futures::future::BoxFuture;

use super::{ended::Ended, guide::Guide};
use crate::{cluster::Cluster, event::Event, plan::Plan, text};

/// What of the scenarios stays on the cluster when they have ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Keep {
    /// Nothing.
    #[default]
    #[value(skip)]
    Nothing,
    /// What did not hold.
    Failed,
    /// All of them.
    All,
}

/// A person who looks at a scenario that did not hold, while everything is as it was.
pub trait Looks: Sync + std::fmt::Debug {
    /// Returns when they have seen enough.
    fn at<'a>(&'a self, plan: &'a Plan, cluster: &'a Cluster) -> BoxFuture<'a, ()>;
}

/// Who looks at what failed.
#[derive(Debug, Clone, Copy, Default)]
pub struct Look<'a> {
    /// What stays for later.
    pub keep: Keep,
    /// Who looks now.
    pub now: Option<&'a dyn Looks>,
    /// Whether there is something to see in what the environment kept from an answer: not when it is tried again.
    pub broken: bool,
    /// Who leads through the scenario; `None`: it goes from the first step to the last, and ends at one that does not hold.
    pub guide: Option<&'a dyn Guide>,
}

impl Look<'_> {
    /// Lets a person look at a scenario that did not hold.
    pub(super) async fn at(&self, plan: &Plan, ended: &Ended, cluster: &Cluster) {
        if let Some(looks) = self.now.filter(|_| self.is_about(ended)) {
            looks.at(plan, cluster).await;
        }
    }

    /// Keeps what a scenario made, if that is asked for and the cluster can stay: then nothing of it is removed.
    pub(super) fn kept(&self, plan: &Plan, ended: &Ended, cluster: &Cluster) -> Option<Event> {
        let wanted = match self.keep {
            Keep::Nothing => false,
            Keep::Failed => self.is_about(ended),
            Keep::All => ended.held > 0 || self.is_about(ended),
        };
        if !wanted || cluster.broken().is_some() {
            return None;
        }
        let (namespace, file) = (plan.namespace.clone(), &plan.document.source.path);
        let stays = cluster.keep(file, &namespace)?;
        let path = text::named(&file.to_string_lossy()).into_owned();
        Some(Event::Kept { path, namespace, cluster: stays.name, seconds: stays.seconds })
    }

    fn is_about(&self, ended: &Ended) -> bool {
        ended.failed > 0 || self.broken && ended.broken > 0
    }
}
