//! What is looked at before the first step on a cluster that is not ours: that the scenarios touch nothing of others, and
//! that the person who runs them has the rights that they need.

use futures::{StreamExt as _, stream};

use crate::{
    cluster::{Cluster, ClusterError, Existing, namespaces},
    plan::{Plan, Request, needs},
    steps::api,
};

/// How many questions are asked at a time.
const AT_A_TIME: usize = 8;

/// The most that an error lists.
const MOST_LISTED: usize = 20;

/// Looks at all plans, and changes nothing.
///
/// # Errors
/// What of others they would touch (unless the person allows it), or which rights are missing, each in a line of the log.
pub async fn check(plans: &[Plan], cluster: &Cluster, existing: &Existing) -> Result<(), ClusterError> {
    let (yes, named) = (existing.all(), &existing.namespaces);
    let touches = plans.iter().flat_map(|plan| needs::touches(plan, named).into_iter().map(|t| place(plan, t)));
    let touches: Vec<String> = touches.collect();
    if !touches.is_empty() && !yes {
        return Err(listed(
            "the scenarios would touch what is not their own, in a cluster that is not kubewalk's",
            "leave out `namespace`, or name the namespaces there that are yours with --namespace NAME; --yes-this-cluster allows all",
            touches,
        ));
    }
    let client = cluster.client().await?;
    let failed =
        |e: &dyn std::fmt::Display| ClusterError::plain(format!("the cluster cannot be asked for rights: {e}"));
    let mut rights: Vec<((&Plan, String), Request)> = Vec::new();
    for plan in plans {
        for (pointer, right) in needs::rights(plan) {
            if !rights.iter().any(|(_, known)| *known == right) {
                rights.push(((plan, pointer), right));
            }
        }
    }
    let asked: Vec<_> = rights.iter().map(|(_, right)| may(client.clone(), needs::review(right))).collect();
    let answers: Vec<_> = stream::iter(asked).buffered(AT_A_TIME).collect().await;
    let mut missing = Vec::new();
    for (((plan, pointer), right), answer) in rights.into_iter().zip(answers) {
        if !answer.map_err(|e| failed(&e))? {
            missing.push(place(plan, (pointer, needs::right_in_words(&right))));
        }
    }
    if !missing.is_empty() {
        return Err(listed(
            "whoever runs the scenarios lacks rights that they need",
            "use a context of somebody who has them, or choose other scenarios",
            missing,
        ));
    }
    let mut there = Vec::new();
    for plan in plans {
        for (kind, name) in needs::makes_cluster_wide(plan) {
            if kind.plural.is_none() {
                continue;
            }
            let answer = api::get(&client, &api::path(kind, None, Some(name))).await.map_err(|e| failed(&e))?;
            // A caller who may not look gets a 403; then the API server decides whether the object can be made.
            if answer.status == 200 {
                let run = answer.json.as_ref().and_then(namespaces::another_run);
                let why = match run {
                    // It is waited for, in the step that makes its own.
                    Some(run) if !run.dead => continue,
                    Some(run) => format!(", left by {run}, which was killed: `kubewalk sweep` removes it"),
                    None => String::new(),
                };
                there.push(format!("{}: {} {name}{why}", plan.document.source.path.display(), kind.kind));
            }
        }
    }
    if there.is_empty() || yes {
        return Ok(());
    }
    Err(listed(
        "the scenarios would change cluster-wide objects that are there already",
        "remove them, or give those of the scenarios other names",
        there,
    ))
}

fn place(plan: &Plan, (pointer, what): (String, String)) -> String {
    let span = plan.document.span(&format!("{pointer}/title"));
    let (line, _) = crate::scenario::diagnostic::line_col(&plan.document.source, span.start);
    format!("{}:{line}: {what}", plan.document.source.path.display())
}

fn listed(message: &str, remedy: &str, mut lines: Vec<String>) -> ClusterError {
    let more = lines.len().saturating_sub(MOST_LISTED);
    lines.truncate(MOST_LISTED);
    if more > 0 {
        lines.push(format!("and {more} more"));
    }
    ClusterError { message: message.to_owned(), remedy: Some(remedy.to_owned()), log: lines }
}

async fn may(client: kube::Client, review: serde_json::Value) -> Result<bool, crate::steps::StepError> {
    let path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
    let body = review.to_string().into_bytes();
    let answer = api::send(&client, http::Method::POST, path, Some("application/json"), body).await?;
    if answer.status != 201 {
        return Err(crate::steps::StepError::Refused(api::message(&answer)));
    }
    Ok(answer.json.is_some_and(|json| json["status"]["allowed"] == true))
}
