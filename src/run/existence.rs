//! A denial counts only when there is something to be denied: authorization comes first, so a path, a resource, a namespace, an
//! account or another object that does not exist is denied to all callers.
//!
//! Asked of the cluster when a step claims a denial and all else holds, and not when its line says `# on purpose`. All that a
//! step claims is asked for at once.

use std::collections::BTreeMap;

use super::absent::{Subject, absent};
use crate::{
    expect::{Answer, Class, Mismatch, json, kubectl_error, printed, refused::Refused},
    k8s::{Apis, Missing, Served},
    plan::{Action, Credential, Expected, Request, Step, can::Cell},
    redact::show,
    scenario::verbs::Method,
    steps::{Context, StepError, discovery::About},
};

/// Something that is not there, and where the step claims that it is denied.
struct Absent {
    pointer: String,
    message: String,
    hint: Option<String>,
}

/// What a step claims to be denied although it does not exist.
///
/// # Errors
/// When the API server does not say.
pub(super) async fn missing(step: &Step, answer: &Answer, context: &Context) -> Result<Vec<Mismatch>, StepError> {
    let absent = match (&step.action, answer) {
        (Action::Can(can), Answer::Reviews(_)) => of_questions(&can.cells, context).await?,
        _ if step.questions.iter().any(|cell| !cell.allowed) && !step.on_purpose => {
            of_questions(&step.questions, context).await?
        }
        (Action::Exec(_) | Action::Kubectl(_), Answer::Exec { stdout, stderr, .. }) => {
            // Whatever is said of it: an output that is a refusal as a whole is one.
            let refused = || json::parse(stdout).is_some_and(|json| json["kind"] == "Status" && json["code"] == 403);
            let tells = step.expected.iter().find(|item| item.expect.tells_of_denial());
            let about = |item: &&Expected| printed::about_output(&item.expect);
            // So does who expects a failure, and the failure is a refusal.
            let fails = || step.expected.iter().find(|item| item.expect.must_fail());
            let said = || !kubectl_error::refusals(&String::from_utf8_lossy(stderr)).is_empty();
            let claimed = tells
                .or_else(|| step.expected.iter().find(about).filter(|_| refused()))
                .or_else(|| fails().filter(|_| said()));
            match claimed {
                Some(item) if !step.on_purpose => {
                    let claim = match (item.expect.claim_of_command(), item.expect.exit_code) {
                        (Some(key), _) => format!("/{key}"),
                        _ if item.expect.is_about_status() => format!("/{}", item.expect.claim()),
                        (None, Some(_)) if tells.is_none() => "/exitCode".to_owned(),
                        _ => String::new(),
                    };
                    of_printed((stdout, stderr), makes(step), format!("{}{claim}", item.pointer), context)
                        .await?
                        .into_iter()
                        .collect()
                }
                _ => return Ok(vec![]),
            }
        }
        (Action::Can(_) | Action::Exec(_) | Action::Kubectl(_), _) => return Ok(vec![]),
        _ => match step.expected.iter().find(|item| item.expect.is_denial()) {
            Some(item) if !step.on_purpose => {
                let pointer = format!("{}/{}", item.pointer, item.expect.claim());
                of_call(step, pointer, context).await?.into_iter().collect()
            }
            _ => return Ok(vec![]),
        },
    };
    Ok(absent.into_iter().map(mismatch).collect())
}

fn mismatch(absent: Absent) -> Mismatch {
    let Absent { pointer, message, hint } = absent;
    let meant = "if this is meant, end the line with `# on purpose`";
    Mismatch {
        pointer,
        message: show::line(&format!("denied, but there is nothing to be denied: {message}"), show::BODY),
        expected: "a denial of something that exists".into(),
        got: show::line(&format!("denied, and {message}"), show::BODY),
        server_words: None,
        hint: Some(hint.map_or_else(|| meant.to_owned(), |hint| format!("{}; {meant}", hint.trim_end_matches('.')))),
        class: Class::NotThere,
    }
}

async fn of_call(step: &Step, pointer: String, context: &Context) -> Result<Option<Absent>, StepError> {
    let there_is_no = |message: String, hint: Option<String>| Some(Absent { pointer: pointer.clone(), message, hint });
    let applies = applies(step);
    let mut paths = step.action.paths();
    paths.retain(|(method, _)| !(applies && *method == Method::Post.word()));
    let asked: Vec<About<'_>> = paths.iter().map(|(_, path)| About::Path(path)).collect();
    let user = match (&step.action, &step.caller.credential) {
        (Action::Curl(call), _) => acting_as(&call.headers),
        (_, Credential::Impersonation { user, .. }) => Some(user.as_str()),
        _ => None,
    };
    let requests = step.action.requests();
    // The outermost first: what is in a namespace that is not there is not there either.
    let namespaces = requests.iter().filter_map(Subject::place);
    // What is applied need not be there before.
    let objects = paths.iter().filter(|_| !applies).filter_map(|(method, path)| Subject::at_path(method, path));
    let subjects: Vec<Subject> = namespaces.chain(user.and_then(Subject::user)).chain(objects).collect();
    let (apis, gone) = tokio::join!(context.discovery.apis(&context.client, &asked), absent(subjects.clone(), context));
    if let Some(apis) = apis? {
        for (method, path) in &paths {
            if let Served::Missing(missing) = apis.path(method, path) {
                let hint = missing.hint();
                return Ok(there_is_no(missing.message, hint));
            }
        }
    }
    let gone = gone?;
    let first = subjects.iter().find(|subject| gone.contains(subject));
    Ok(first.and_then(|subject| there_is_no(subject.describe_absence(), None)))
}

/// Whether a step may be about an object that it would make.
fn applies(step: &Step) -> bool {
    let is_apply = |value: &str| value.starts_with("application/apply-patch");
    let typed = |headers: &BTreeMap<String, String>| {
        headers.iter().any(|(key, value)| key.eq_ignore_ascii_case("content-type") && is_apply(value))
    };
    match &step.action {
        Action::Apply(_) => true,
        Action::Request(call) => call.content_type.as_deref().is_some_and(is_apply) || typed(&call.headers),
        Action::Curl(call) => typed(&call.headers),
        _ => false,
    }
}

/// For whom a call asks by a header of its own.
fn acting_as(headers: &BTreeMap<String, String>) -> Option<&str> {
    headers.iter().find(|(key, _)| key.eq_ignore_ascii_case("Impersonate-User")).map(|(_, user)| user.as_str())
}

/// What a refusal by RBAC speaks of that a command has printed.
async fn of_printed(
    (stdout, stderr): (&[u8], &[u8]),
    makes: bool,
    pointer: String,
    context: &Context,
) -> Result<Option<Absent>, StepError> {
    let json = json::parse(stdout);
    let Some(http) = printed::failure(json.as_ref(), &String::from_utf8_lossy(stderr)) else { return Ok(None) };
    let message = http.json.as_ref().and_then(|json| json["message"].as_str()).unwrap_or_default();
    let Some(refused) = Refused::parse(message) else { return Ok(None) };
    let request = refused.request();
    let about = match &request {
        Request::Path { path, .. } => About::Path(path),
        Request::Resource { group, .. } => About::Group(group),
    };
    let about = [about];
    // kubectl's `--as` may name anybody.
    let subjects = Subject::place(&request).into_iter().chain(Subject::user(&refused.user)).collect();
    let looks = absent(subjects, context);
    let (apis, gone) = tokio::join!(context.discovery.apis(&context.client, &about), looks);
    let mut gone = gone?;
    if let Some(apis) = apis? {
        if let Some(missing) = unserved(&apis, &request) {
            let hint = missing.hint();
            return Ok(Some(Absent { pointer, message: missing.message, hint }));
        }
        // Of which version the object is, is known now.
        if gone.is_empty() && !makes {
            gone = absent(object(&apis, &request).into_iter().collect(), context).await?;
        }
    }
    let first = gone.into_iter().next();
    Ok(first.map(|subject| Absent { pointer, message: subject.describe_absence(), hint: None }))
}

/// Whether a command may be about an object that it would make: kubectl looks first whether it is there.
fn makes(step: &Step) -> bool {
    let words = match &step.action {
        Action::Kubectl(call) => &call.args,
        Action::Exec(call) => &call.command,
        _ => return false,
    };
    let made = ["apply", "reconcile", "diff"];
    words.iter().flat_map(|word| word.split(|c: char| !c.is_ascii_alphanumeric())).any(|word| made.contains(&word))
}

/// The object that a question about a resource names.
fn object(apis: &Apis, request: &Request) -> Option<Subject> {
    let Request::Resource { verb, group, resource, .. } = request else { return None };
    match apis.resource(verb, group, resource, None) {
        Served::Resource(own) => Subject::of_resource(request, own),
        Served::Other | Served::Unsure | Served::Missing(_) => None,
    }
}

async fn of_questions(cells: &[Cell], context: &Context) -> Result<Vec<Absent>, StepError> {
    let denied = || cells.iter().filter(|cell| !cell.allowed && !cell.on_purpose);
    let mut asked: Vec<About<'_>> = Vec::new();
    for cell in denied() {
        let about = match &cell.request {
            Request::Path { path, .. } => About::Path(path),
            Request::Resource { group, .. } if group.contains('*') => continue,
            Request::Resource { group, .. } => About::Group(group),
        };
        if !asked.contains(&about) {
            asked.push(about);
        }
    }
    let mut found: Vec<Absent> = Vec::new();
    let mut add = |pointer: &str, message: String, hint: Option<String>| {
        if !found.iter().any(|absent| absent.pointer == pointer) {
            found.push(Absent { pointer: pointer.to_owned(), message, hint });
        }
    };
    let apis = context.discovery.apis(&context.client, &asked).await?;
    // A user that a scenario names need not exist; a ServiceAccount that was deleted may be asked about, too.
    let subjects = |cell: &Cell| {
        let account = cell.account().and_then(|_| Subject::user(&cell.who.user));
        // Of other objects a question is asked before they are there, as of all that an application will make.
        let named = apis.as_ref().and_then(|apis| object(apis, &cell.request));
        let named = named.filter(|named| !matches!(named, Subject::Object { .. }));
        Subject::place(&cell.request).into_iter().chain(account).chain(named).collect::<Vec<_>>()
    };
    let asked: Vec<(&Cell, Vec<Subject>)> = denied().map(|cell| (cell, subjects(cell))).collect();
    let all = asked.iter().flat_map(|(_, subjects)| subjects.clone()).collect();
    let gone = absent(all, context).await?;
    for (cell, subjects) in asked {
        if let Some(missing) = apis.as_ref().and_then(|apis| unserved(apis, &cell.request)) {
            let hint = missing.hint();
            add(&cell.pointer, missing.message, hint);
        } else if let Some(subject) = subjects.iter().find(|subject| gone.contains(subject)) {
            add(&cell.pointer, subject.describe_absence(), None);
        }
    }
    Ok(found)
}

fn unserved(apis: &Apis, request: &Request) -> Option<Missing> {
    let served = match request {
        Request::Path { path, .. } => apis.path("GET", path),
        Request::Resource { verb, group, resource, subresource, .. } => {
            apis.resource(verb, group, resource, subresource.as_deref())
        }
    };
    match served {
        Served::Missing(missing) => Some(missing),
        Served::Resource(_) | Served::Other | Served::Unsure => None,
    }
}
