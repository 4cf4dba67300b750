//! A namespace of others in which several runs may be at once: they take turns in it, by an object that only one of them can make.
//!
//! Two runs need the same names, and each would see what the other grants. So a scenario in such a namespace waits until no other
//! run is in it; what a killed run has left of its turn is taken away, by its identity.

use serde_json::json;

use crate::{
    clock::Moment,
    cluster::namespaces,
    plan::{Kind, Plan, needs},
    steps::{Context, Made, StepError, api},
};

/// The ConfigMap's name.
const NAME: &str = needs::TURN;

/// How long after a look at another run's turn it is looked at again.
const AGAIN: std::time::Duration = std::time::Duration::from_millis(250);

/// Whether the scenario is in a namespace that is neither its own nor of a cluster of ours.
fn is_shared(plan: &Plan, context: &Context) -> bool {
    context.foreign && !plan.fresh_namespace
}

/// Waits for the scenario's turn in its namespace, if others may be in it. It ends with the scenario.
///
/// # Errors
/// [`StepError::Taken`] when another run was in it all the time, or the object is no run's; [`StepError::Refused`] when the API server does not
/// let it be made, read or removed, and [`StepError::Unreachable`] when it does not answer.
pub(super) async fn wait_for_turn(plan: &Plan, context: &Context, deadline: Moment) -> Result<(), StepError> {
    if !is_shared(plan, context) {
        return Ok(());
    }
    let collection = api::path(&kind(), Some(&plan.namespace), None);
    let path = api::path(&kind(), Some(&plan.namespace), Some(NAME));
    let mut manifest = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": NAME}});
    namespaces::mark(&mut manifest, Some(&plan.namespace));
    let json = Some("application/json");
    let what = format!("ConfigMap {NAME} in {}", plan.namespace);
    let mut again = false;
    loop {
        if again {
            if deadline.left() <= AGAIN {
                return Err(StepError::Taken(format!(
                    "{what} is there, and could be neither read nor removed in time"
                )));
            }
            tokio::time::sleep(AGAIN).await;
        }
        again = true;
        let body = manifest.to_string().into_bytes();
        let made = api::send(&context.client, http::Method::POST, &collection, json, body).await?;
        if made.status == 201 {
            remember(plan, context, api::uid(made.json.as_ref()));
            return Ok(());
        }
        if made.status != 409 {
            return Err(api::busy(&made).unwrap_or_else(|| {
                StepError::Refused(format!("no turn in the namespace {}: {}", plan.namespace, api::message(&made)))
            }));
        }
        let there = api::get(&context.client, &path).await?;
        if there.status == 403 {
            return Err(StepError::Refused(format!("{what} cannot be looked at: {}", api::message(&there))));
        }
        let Some(object) = there.json.filter(|_| there.status == 200) else { continue };
        // An answer got lost, or an earlier scenario of this run could not remove it.
        if namespaces::is_ours(&object) {
            remember(plan, context, api::uid(Some(&object)));
            return Ok(());
        }
        let Some(run) = namespaces::another_run(&object) else {
            return Err(StepError::Taken(format!("{what} is there already, and is not this scenario's")));
        };
        if run.dead {
            let body = namespaces::delete_options(api::uid(Some(&object)).as_deref(), None, None);
            let removed = api::send(&context.client, http::Method::DELETE, &path, json, body).await?;
            if removed.status == 403 {
                let why = format!("{what} of {run} cannot be removed: {}", api::message(&removed));
                return Err(StepError::Refused(why));
            }
        } else if deadline.left() <= AGAIN {
            return Err(StepError::Taken(format!("{what} belongs to {run}, and its turn was not over in time")));
        }
    }
}

fn remember(plan: &Plan, context: &Context, uid: Option<String>) {
    context.remember(Made { kind: kind(), namespace: Some(plan.namespace.clone()), name: NAME.into(), uid });
}

/// Whether it is what a turn is known by, which ends after all else.
pub(super) fn is_turn(made: &Made) -> bool {
    made.kind.is("", "ConfigMap") && made.name == NAME
}

fn kind() -> Kind {
    let plural = Some("configmaps".to_owned());
    Kind { group: String::new(), version: "v1".into(), kind: "ConfigMap".into(), plural, namespaced: true }
}
