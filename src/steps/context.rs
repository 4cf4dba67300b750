//! What every step of a scenario shares.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard},
};

use super::{
    changed::ChangedObject,
    discovery::Discovery,
    identity::Identities,
    made::{Made, Own, Renewed},
    mounted::Mounted,
    shell::Shells,
};
use crate::{cluster, plan::Kind, sync::locked};

/// What every step of a scenario shares.
pub struct Context {
    /// The kubectl of the cluster's node.
    pub kubectl: cluster::Kubectl,
    /// The administrator's client, of the runtime in which the scenario runs.
    pub client: kube::Client,
    /// The image behind the alias `curl`.
    pub curl_image: String,
    /// The scenario's namespace.
    pub namespace: String,
    /// What the scenario has made so far, for its removal.
    pub made: Mutex<Vec<Made>>,
    /// What the scenario has changed so far that was there before, for its restoration.
    pub changed: Mutex<Vec<ChangedObject>>,
    /// Whether the cluster belongs to others, so that all that is made in it is marked.
    pub foreign: bool,
    /// The scenario's own namespace, if it has one.
    pub own: Option<Own>,
    /// As whom steps ask.
    pub identities: Identities,
    /// What the cluster serves.
    pub discovery: Discovery,
    /// The shells in which calls from inside Pods are made.
    pub shells: Shells,
    /// The tokens of Pods that are known.
    pub mounted: Mounted,
    /// The containers that were put into Pods without curl, by the Pod's uid and the container beside which they are. `None`: none
    /// is needed.
    pub guests: Mutex<HashMap<(String, String), Option<String>>>,
}

impl Context {
    /// Notes an object for its removal.
    pub fn remember(&self, made: Made) {
        locked(&self.made).push(made);
    }

    /// What the scenario has changed that was there before.
    pub fn changed(&self) -> MutexGuard<'_, Vec<ChangedObject>> {
        locked(&self.changed)
    }

    /// How many objects it has made, and changed, so far.
    pub fn counts(&self) -> (usize, usize) {
        (locked(&self.made).len(), self.changed().len())
    }

    /// Forgets what it has made and changed since there were so many; of what stays, these have another identity now.
    pub fn forget_since(&self, (made, changed): (usize, usize), renewed: &[Renewed]) {
        let mut all = locked(&self.made);
        all.truncate(made);
        for Renewed { group, kind, namespace, name, uid } in renewed {
            let same = |one: &&mut Made| one.kind.is(group, kind) && one.namespace == *namespace && one.name == *name;
            all.iter_mut().filter(same).for_each(|one| one.uid = Some(uid.clone()));
        }
        drop(all);
        self.changed().truncate(changed);
        self.identities.forget_all();
    }

    /// The identity of an object that the scenario made.
    pub fn made_uid(&self, kind: &Kind, namespace: Option<&str>, name: &str) -> Option<String> {
        self.last_made(namespace, name, |made| made == kind).and_then(|one| one.uid)
    }

    /// The object of this resource that the scenario made.
    pub fn made_as(&self, group: &str, plural: &str, namespace: Option<&str>, name: &str) -> Option<Made> {
        self.last_made(namespace, name, |made| made.group == group && made.plural.as_deref() == Some(plural))
    }

    /// What the scenario made last by this name, of a kind that is meant.
    fn last_made(&self, namespace: Option<&str>, name: &str, is_meant: impl Fn(&Kind) -> bool) -> Option<Made> {
        let made = locked(&self.made);
        let same = |one: &&Made| is_meant(&one.kind) && one.namespace.as_deref() == namespace && one.name == name;
        made.iter().rev().find(same).cloned()
    }

    /// Whether others make objects in this place, too: it is in a cluster of others, and not in the scenario's own namespace.
    pub fn is_shared(&self, namespace: Option<&str>) -> bool {
        self.foreign && namespace.is_none_or(|place| self.own.as_ref().is_none_or(|own| own.name != place))
    }
}
