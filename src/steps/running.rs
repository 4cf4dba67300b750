//! A command that could not be run in a Pod: its container is looked at, which says why; and the wait until it runs.

use std::time::Duration;

use serde_json::Value;

use super::{
    Context, Made, RUNNING_CONTAINER, StepError, api, pod_trouble, pod_wait,
    states::{self, Standing},
    terminal_state, watch,
};
use crate::{clock::Moment, plan::Place, redact::show, sync::locked};

/// How long the status of a Pod may lag behind what the kubelet says of its containers.
const LAG: Duration = Duration::from_secs(3);

/// How often it is looked at meanwhile.
const AGAIN: Duration = Duration::from_millis(100);

/// Ends of a command that its own time explains.
const OWN: [&str; 2] = ["its end was not seen in time", "it wrote more than"];

/// How the kubelet says that a container does not run, whatever the Pod's status says: that comes later, on a busy machine by seconds.
const NOT_FOUND: &str = "container not found";

/// What is told of such a container.
const UNTOLD: &str = "the kubelet finds no container that runs, and the Pod's status does not say so yet";

/// How the API server or the kubelet says that a program is not in the image.
const NO_PROGRAM: [&str; 2] = ["executable file not found", "no such file or directory"];

/// The exit code that a shell has for a program that is not there, when an image lacks the program of an exec.
pub(super) fn without_program(fault: &StepError) -> Option<(i32, String)> {
    let StepError::Exec { why, .. } = fault else { return None };
    let at = why.find("exec: \"")?;
    let code = match why {
        why if NO_PROGRAM.iter().any(|words| why[at..].contains(words)) => 127,
        why if why[at..].contains("permission denied") => 126,
        _ => return None,
    };
    Some((code, why[at..].split(": unknown").next().unwrap_or_default().to_owned()))
}

/// What a fault of a command in a Pod is really: what its container's state explains, the scenario or the node answers for.
pub(super) async fn explain(place: &Place, fault: StepError, context: &Context) -> StepError {
    let StepError::Exec { why: said, .. } = &fault else { return fault };
    let subject = subject(place);
    let until = Moment::now() + if OWN.iter().any(|words| said.contains(words)) { Duration::ZERO } else { LAG };
    loop {
        let now = api::get(&context.client, &format!("{}/{}", subject.collection, api::escape(&place.pod))).await;
        match now.map_or((0, None), |now| (now.status, now.json)) {
            (404, _) => return there_is_none(place, context),
            (200, Some(pod)) => {
                let standing = states::of_container(&pod, place.container.as_deref());
                let last = match standing {
                    Standing::Running => {
                        if let Some(end) = ended_meanwhile(&pod, place) {
                            let last = format!("{end} while the command ran");
                            return StepError::NotYet { place: Box::new(place.clone()), last };
                        }
                        if until.left().is_zero() {
                            return match said.contains(NOT_FOUND) {
                                true => StepError::NotYet { place: Box::new(place.clone()), last: UNTOLD.into() },
                                false => fault,
                            };
                        }
                        tokio::time::sleep(AGAIN).await;
                        continue;
                    }
                    Standing::NotYet(last) => (last, true),
                    Standing::Never(last) => (last, false),
                };
                let seen = pod_trouble::look(&subject, &context.client).await;
                if let Some(why) = seen.environment(&context.curl_image) {
                    return StepError::Node { what: not_run(place), why };
                }
                if going(place, context).await {
                    return StepError::Going(format!("Namespace {} is being deleted", place.namespace));
                }
                return match last {
                    (last, true) => StepError::NotYet { place: Box::new(place.clone()), last },
                    (last, false) => never(place, last),
                };
            }
            // No answer about the Pod says nothing about its container.
            _ if until.left().is_zero() => return fault,
            _ => tokio::time::sleep(AGAIN).await,
        }
    }
}

/// Waits until the container runs.
///
/// # Errors
/// [`StepError::Waited`] when it does not until then, or never can; [`StepError::Node`].
pub async fn wait(place: &Place, context: &Context, until: Moment) -> Result<(), StepError> {
    let look = |pod: Option<&Value>| match pod {
        None if was_made(place, context) => watch::Step::GiveUp("it was deleted".into()),
        None => watch::Step::GoOn,
        Some(pod) => match states::of_container(pod, place.container.as_deref()) {
            Standing::Running => watch::Step::Done,
            Standing::NotYet(_) => watch::Step::GoOn,
            Standing::Never(why) => watch::Step::GiveUp(why),
        },
    };
    let waited = pod_wait::until(&subject(place), None, until, &not_run(place), look, context).await;
    waited.map(drop).map_err(|fault| fault.expecting(RUNNING_CONTAINER))
}

fn subject(place: &Place) -> watch::Subject {
    let collection = format!("/api/v1/namespaces/{}/pods", api::escape(&place.namespace));
    watch::Subject { collection, name: place.pod.clone() }
}

fn not_run(place: &Place) -> String {
    let container = place.container.as_ref().map(|name| format!("container {name} of ")).unwrap_or_default();
    format!("the command was not run: {container}Pod {} did not run", place.pod)
}

fn never(place: &Place, last: String) -> StepError {
    let last = show::line(&last, show::BODY);
    watch::failed(not_run(place), last).expecting(RUNNING_CONTAINER)
}

fn there_is_none(place: &Place, context: &Context) -> StepError {
    if was_made(place, context) {
        return never(place, format!("Pod {} was deleted", place.pod));
    }
    let last = format!("there is no Pod `{}` in namespace `{}`", place.pod, place.namespace);
    StepError::NotYet { place: Box::new(place.clone()), last }
}

/// Whether the scenario itself has made this Pod.
fn was_made(place: &Place, context: &Context) -> bool {
    let made = locked(&context.made);
    let same = |one: &Made| one.namespace.as_deref() == Some(&place.namespace) && one.name == place.pod;
    made.iter().any(|one| one.kind.is("", "Pod") && same(one))
}

/// Whether the namespace goes, and takes the Pod with it.
async fn going(place: &Place, context: &Context) -> bool {
    let path = format!("/api/v1/namespaces/{}", api::escape(&place.namespace));
    let now = api::get(&context.client, &path).await.ok().and_then(|now| now.json);
    now.is_some_and(|json| json["metadata"]["deletionTimestamp"].is_string())
}

/// The end of a container that has just been started again.
fn ended_meanwhile(pod: &Value, place: &Place) -> Option<String> {
    const JUST: jiff::SignedDuration = jiff::SignedDuration::from_secs(5);
    let all = pod["status"]["containerStatuses"].as_array()?;
    let own = match &place.container {
        Some(name) => all.iter().find(|one| one["name"] == name.as_str())?,
        None => {
            let first = &pod["spec"]["containers"][0]["name"];
            all.iter().find(|one| one["name"] == *first)?
        }
    };
    let started: jiff::Timestamp = own["state"]["running"]["startedAt"].as_str()?.parse().ok()?;
    let fresh = own["restartCount"].as_u64()? > 0 && jiff::Timestamp::now().duration_since(started) < JUST;
    let end = terminal_state::ended(&own["lastState"], own).filter(|_| fresh)?;
    Some(format!("container {end}, and was started again,"))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("Internal error occurred: OCI runtime exec failed: exec failed: unable to start container process: exec: \"curl\": executable file not found in $PATH: unknown (500)",
        Some((127, "exec: \"curl\": executable file not found in $PATH")))]
    #[case("unable to start container process: exec: \"/x\": stat /x: no such file or directory: unknown", Some((127, "exec: \"/x\": stat /x: no such file or directory")))]
    #[case("unable to start container process: exec: \"/etc/passwd\": permission denied: unknown", Some((126, "exec: \"/etc/passwd\": permission denied")))]
    #[case("container not found (\"main\") (500)", None)]
    fn a_program_that_is_not_there_ends_as_in_a_shell(#[case] why: &str, #[case] code: Option<(i32, &str)>) {
        let fault = StepError::Exec { pod: "p".into(), why: why.into() };
        assert_eq!(without_program(&fault), code.map(|(code, words)| (code, words.to_owned())));
    }
}
