//! What a step would change for all who use a cluster that exists, once all values are in it.

use super::{Context, StepError, served_kind};
use crate::{
    plan::{
        Action,
        needs::{everybody, made},
    },
    reach::everybody::Own,
};

impl Own for Context {
    fn namespace(&self, name: &str) -> bool {
        name == self.namespace || self.made_as("", "namespaces", None, name).is_some()
    }

    fn definition(&self, name: &str) -> bool {
        self.made_as("apiextensions.k8s.io", "customresourcedefinitions", None, name).is_some()
    }
}

/// Looks at what a step sends, unless the person said that all may be touched: what it says itself was looked at before the run, but a
/// saved value may name another subject, and only the cluster knows which custom kinds are of the whole of it.
///
/// # Errors
/// [`StepError::Taken`] when it would change the cluster for all who use it; nothing was sent.
pub(super) async fn check(action: &Action, context: &Context) -> Result<(), StepError> {
    if !context.foreign || context.kubectl.host().is_some_and(crate::cluster::kubectl::host::Host::yes) {
        return Ok(());
    }
    let refused = |what: &str| {
        StepError::Taken(format!("nothing was sent: it would change the cluster for all who use it: {what}"))
    };
    if let Some(reach) = everybody::changes(action, context).first() {
        return Err(refused(&reach.what));
    }
    for object in made(action).iter().filter(|object| object.kind.plural.is_none()) {
        let Ok(kind) = served_kind::resolve(&object.kind, &context.client).await else { continue };
        let plural = kind.plural.as_deref().unwrap_or_default();
        if !(kind.namespaced || context.definition(&format!("{plural}.{}", kind.group))) {
            return Err(refused(&format!("the cluster-wide kind {} of {}", kind.kind, kind.group)));
        }
    }
    Ok(())
}
