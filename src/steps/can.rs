//! `can`: SubjectAccessReviews, all at once, and a sample of them confirmed by real requests.

use futures::StreamExt as _;
use serde_json::json;

use super::{Context, StepError, api, discovery::About};
use crate::{
    expect::{Answer, Http, IntendedCall, RealRequest, Reviewed},
    k8s::Served,
    plan::{
        Request,
        can::{Api, Can, Cell},
    },
};

/// How many questions are on their way at once.
const AT_ONCE: usize = 16;

const GROUP: &str = "/apis/authorization.k8s.io/v1";

/// Asks everything.
///
/// # Errors
/// When the API server does not answer, or does not answer a question.
pub async fn run(can: &Can, context: &Context) -> Result<Answer, StepError> {
    let sampled = sample(can);
    let asked = can.cells.iter().enumerate().map(|(index, cell)| {
        let proof = cell.proof().filter(|_| sampled.contains(&index));
        async move {
            let (allowed, reason) = review(cell, context).await?;
            let real = match proof {
                Some((method, path)) => Some(real(cell, method, &path, context).await?),
                None => None,
            };
            let (pointer, words, request) = (cell.pointer.clone(), cell.describe(), cell.request.clone());
            Ok(Reviewed { pointer, words, request, expected: cell.allowed, allowed, reason, real })
        }
    });
    let answers: Vec<Result<Reviewed, StepError>> = futures::stream::iter(asked).buffered(AT_ONCE).collect().await;
    Ok(Answer::Reviews(answers.into_iter().collect::<Result<_, _>>()?))
}

/// Which questions are confirmed: as many allowed as denied ones, spread over the table.
fn sample(can: &Can) -> Vec<usize> {
    let of = |allowed: bool| -> (Vec<usize>, Vec<usize>) {
        let cells = can.cells.iter().enumerate().map(|(index, cell)| (index, cell, cell.proof()));
        let usable = cells.filter(|(_, cell, proof)| cell.allowed == allowed && proof.is_some());
        // A watch that is allowed takes a second.
        let (slow, quick): (Vec<_>, Vec<_>) =
            usable.partition(|(.., proof)| proof.as_ref().is_some_and(|(_, path)| path.contains("?watch=")));
        let index = |(index, ..): (usize, _, _)| index;
        (quick.into_iter().map(index).collect(), slow.into_iter().map(index).collect())
    };
    let (yes, no) = (of(true), of(false));
    let (yes_len, no_len) = (yes.0.len() + yes.1.len(), no.0.len() + no.1.len());
    let many = can.sample.min(yes_len + no_len);
    let from_yes = many.div_ceil(2).min(yes_len).max(many.saturating_sub(no_len));
    let mut chosen = Vec::new();
    for ((quick, slow), wanted) in [(yes, from_yes), (no, many - from_yes)] {
        let from_quick = wanted.min(quick.len());
        chosen.extend(spread(&quick, from_quick));
        chosen.extend(spread(&slow, wanted - from_quick));
    }
    chosen
}

/// Finds out what only the cluster knows: whether the objects of a custom kind are in namespaces, and its version. About what is
/// not served the questions stay as they are.
///
/// # Errors
/// When the API server does not say.
pub async fn resolve(can: &mut Can, context: &Context) -> Result<(), StepError> {
    let mut groups: Vec<String> = Vec::new();
    for cell in can.cells.iter().filter(|cell| cell.api == Api::Unsure) {
        if let Request::Resource { group, .. } = &cell.request
            && !groups.contains(group)
        {
            groups.push(group.clone());
        }
    }
    if groups.is_empty() {
        return Ok(());
    }
    let asked: Vec<About<'_>> = groups.iter().map(|group| About::Group(group)).collect();
    let apis = context.discovery.apis(&context.client, &asked).await?;
    for cell in can.cells.iter_mut().filter(|cell| cell.api == Api::Unsure) {
        let Request::Resource { verb, group, resource, namespace, .. } = &mut cell.request else { continue };
        cell.api = match apis.as_ref().map(|apis| apis.resource(verb, group, resource, None)) {
            Some(Served::Resource(own)) => {
                namespace.take_if(|_| !own.namespaced);
                Api::Served { version: own.version.clone(), namespaced: own.namespaced }
            }
            _ => Api::Other,
        };
    }
    Ok(())
}

fn spread(list: &[usize], many: usize) -> impl Iterator<Item = usize> + '_ {
    (0..many).map(move |index| list[index * list.len() / many])
}

async fn review(cell: &Cell, context: &Context) -> Result<(bool, String), StepError> {
    let mut body = cell.review();
    // A user who owns a namespace only may ask about it there.
    let local = context.foreign && context.own.is_none() && cell.is_in(&context.namespace);
    let path = if local {
        body["kind"] = "LocalSubjectAccessReview".into();
        body["metadata"] = json!({"namespace": context.namespace});
        format!("{GROUP}/namespaces/{}/localsubjectaccessreviews", api::escape(&context.namespace))
    } else {
        format!("{GROUP}/subjectaccessreviews")
    };
    let body = body.to_string().into_bytes();
    let http = api::send(&context.client, http::Method::POST, &path, Some("application/json"), body).await?;
    let status = http.json.as_ref().map(|json| &json["status"]).filter(|_| http.status == 201);
    let Some((status, allowed)) = status.and_then(|status| Some((status, status["allowed"].as_bool()?))) else {
        if let Some(busy) = api::busy(&http) {
            return Err(busy);
        }
        let words = api::message(&http);
        return Err(StepError::Refused(format!("the API server did not answer a review ({}): {words}", http.status)));
    };
    let reasons: Vec<_> = ["reason", "evaluationError"]
        .iter()
        .filter_map(|key| status[*key].as_str().filter(|text| !text.is_empty()))
        .collect();
    Ok((allowed, reasons.join("; ")))
}

/// The same as a real request of that identity, which the administrator impersonates.
async fn real(cell: &Cell, method: &str, path: &str, context: &Context) -> Result<RealRequest, StepError> {
    let who = &cell.who;
    let mut request = http::Request::builder().method(method).uri(path).header("Impersonate-User", &who.user);
    // Without any, the API server gives those that such an identity has; with one, an account would lose the others.
    for group in who.groups.iter().filter(|_| who.has_other_groups()) {
        request = request.header("Impersonate-Group", group);
    }
    let body = match method {
        "POST" | "PUT" => ("application/json", "{}"),
        "PATCH" => ("application/merge-patch+json", "{}"),
        _ => ("", ""),
    };
    if !body.0.is_empty() {
        request = request.header(http::header::CONTENT_TYPE, body.0);
    }
    let http: Http = api::perform(&context.client, request, body.1.as_bytes().to_vec()).await?;
    let meant = IntendedCall { user: who.user.clone(), denial: cell.request.denial(&who.user) };
    Ok(RealRequest { request: format!("{method} {path}"), http, meant })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::can::Who;

    fn cell(number: usize, allowed: bool) -> Cell {
        Cell {
            pointer: "/can".into(),
            who: Who { words: "w".into(), user: "system:serviceaccount:a:b".into(), groups: vec!["g".into()] },
            request: Request::Resource {
                verb: "get".into(),
                group: "apps".into(),
                resource: "deployments".into(),
                subresource: Some("scale".into()),
                namespace: Some("a".into()),
                name: Some(number.to_string()),
            },
            allowed,
            api: Api::Served { version: "v1".into(), namespaced: true },
            on_purpose: false,
        }
    }

    #[test]
    fn the_sample_has_both_answers() {
        let cells: Vec<_> = (0..20).map(|number| cell(number, number < 3)).collect();
        let many = |sample| super::sample(&Can { cells: cells.clone(), sample });
        assert_eq!(many(0), Vec::<usize>::new());
        assert_eq!(many(4), [0, 1, 3, 11]);
        assert_eq!(many(8).len(), 8);
        assert_eq!(many(100).len(), 20);
    }
}
