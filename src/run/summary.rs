//! A few words about an answer, for the line of its step.

use crate::{
    expect::{Answer, ForeignResponse, Http, Verdict, can, classify},
    plan::{Action, Place, Step},
};

/// e.g. `403 Forbidden, as system:anonymous`.
pub fn summarize(step: &Step, answer: &Answer) -> String {
    match answer {
        Answer::Reviews(reviews) => can::summary(reviews),
        Answer::Api(http) => api(step, http),
        Answer::Curl(http) => match &step.action {
            Action::Curl(curl) => {
                let by = match classify(http) {
                    Verdict::NotKubernetes(ForeignResponse::PlainRefusal(refusal)) => {
                        format!(" by {}", refusal.speaker())
                    }
                    _ => String::new(),
                };
                format!("{}{by}, as {}{}", status(http), curl.identity.username(), picked(&curl.place))
            }
            _ => status(http),
        },
        Answer::CurlFailed { exit_code, .. } => format!("curl exit {exit_code}"),
        Answer::Exec { exit_code, .. } => match &step.action {
            Action::Exec(exec) => format!("exit {exit_code}{}", picked(&exec.place)),
            _ => format!("exit {exit_code}"),
        },
    }
}

/// Which Pod it was, when the step does not say it.
fn picked(place: &Place) -> String {
    if place.told.is_empty() { String::new() } else { format!(", from Pod {} ({})", place.pod, place.told) }
}

fn api(step: &Step, http: &Http) -> String {
    match &step.action {
        Action::Pod(_) if (200..300).contains(&http.status) => "Ready".into(),
        Action::Wait(..) => "reached".into(),
        Action::Apply(objects) | Action::Create(objects) if objects.len() > 1 => {
            format!("{} objects, {}", objects.len(), status(http))
        }
        _ => match &step.caller.identity {
            // A caller that gets a 401 is unknown to the server.
            Some(identity) if http.status != 401 => format!("{}, as {}", status(http), identity.username()),
            _ => status(http),
        },
    }
}

fn status(http: &Http) -> String {
    let reason = http.json.as_ref().filter(|json| json["kind"] == "Status").and_then(|json| json["reason"].as_str());
    let words = reason.unwrap_or_else(|| {
        http::StatusCode::from_u16(http.status).ok().and_then(|status| status.canonical_reason()).unwrap_or_default()
    });
    format!("{} {words}", http.status).trim_end().to_owned()
}
