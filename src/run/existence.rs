//! A denial counts only when there is something to be denied: authorization comes first, so a path, a resource, a namespace or
//! an account that does not exist is denied to everybody.
//!
//! Asked of the cluster when a step claims a denial and all else holds, and not when its line says `# on purpose`.

use crate::{
    expect::{
        Answer, Class, Mismatch, json, printed,
        refused::{Refused, What},
        show,
    },
    k8s::{Apis, Missing, Served},
    plan::{Action, Credential, Request, Step, can::Cell},
    scenario::verbs::Method,
    steps::{Context, Fault, api, discovery::About},
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
pub(super) async fn missing(step: &Step, answer: &Answer, context: &Context) -> Result<Vec<Mismatch>, Fault> {
    let absent = match (&step.action, answer) {
        (Action::Can(can), Answer::Reviews(_)) => of_questions(&can.cells, context).await?,
        _ if step.questions.iter().any(|cell| !cell.allowed) && !step.on_purpose => {
            of_questions(&step.questions, context).await?
        }
        (Action::Exec(_) | Action::Kubectl(_), Answer::Exec { stdout, stderr, .. }) => {
            match step.expected.iter().find(|item| item.expect.tells_of_denial()) {
                Some(item) if !step.on_purpose => {
                    let claim =
                        if item.expect.is_about_status() { format!("/{}", item.expect.claim()) } else { String::new() };
                    of_printed((stdout, stderr), format!("{}{claim}", item.pointer), context)
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

async fn of_call(step: &Step, pointer: String, context: &Context) -> Result<Option<Absent>, Fault> {
    let absent = |message: String, hint: Option<String>| Some(Absent { pointer: pointer.clone(), message, hint });
    let applies = matches!(step.action, Action::Apply(_));
    let mut paths = step.action.paths();
    paths.retain(|(method, _)| !(applies && *method == Method::Post.word()));
    let asked: Vec<About<'_>> = paths.iter().map(|(_, path)| About::Path(path)).collect();
    if let Some(apis) = context.discovery.apis(&context.client, &asked).await? {
        for (method, path) in &paths {
            if let Served::Missing(missing) = apis.path(method, path) {
                let hint = missing.hint();
                return Ok(absent(missing.message, hint));
            }
        }
    }
    for namespace in step.action.requests().iter().filter_map(namespace_of) {
        if !is_there("namespaces", None, namespace, context).await? {
            return Ok(absent(format!("there is no namespace `{namespace}`"), None));
        }
    }
    if let Credential::Impersonation { user, .. } = &step.caller.credential
        && let Some(message) = no_account(user, context).await?
    {
        return Ok(absent(message, None));
    }
    Ok(None)
}

/// What a refusal by RBAC speaks of that a command has printed.
async fn of_printed(
    (stdout, stderr): (&[u8], &[u8]),
    pointer: String,
    context: &Context,
) -> Result<Option<Absent>, Fault> {
    let json = json::read(stdout);
    let Some(http) = printed::failure(json.as_ref(), &String::from_utf8_lossy(stderr)) else { return Ok(None) };
    let message = http.json.as_ref().and_then(|json| json["message"].as_str()).unwrap_or_default();
    let Some(refused) = Refused::parse(message) else { return Ok(None) };
    let request = match refused.what {
        What::Path(path) => Request::Path { verb: refused.verb, path },
        What::Resource { resource, group, namespace, name } => {
            let (plural, sub) =
                resource.split_once('/').map_or((resource.as_str(), None), |(one, sub)| (one, Some(sub)));
            let (resource, subresource) = (plural.to_owned(), sub.map(str::to_owned));
            Request::Resource { verb: refused.verb, group, resource, subresource, namespace, name }
        }
    };
    let about = match &request {
        Request::Path { path, .. } => About::Path(path),
        Request::Resource { group, .. } => About::Group(group),
    };
    if let Some(apis) = context.discovery.apis(&context.client, &[about]).await?
        && let Some(missing) = unserved(&apis, &request)
    {
        let hint = missing.hint();
        return Ok(Some(Absent { pointer, message: missing.message, hint }));
    }
    if let Some(namespace) = namespace_of(&request)
        && !is_there("namespaces", None, namespace, context).await?
    {
        return Ok(Some(Absent { pointer, message: format!("there is no namespace `{namespace}`"), hint: None }));
    }
    Ok(None)
}

async fn of_questions(cells: &[Cell], context: &Context) -> Result<Vec<Absent>, Fault> {
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
    if let Some(apis) = context.discovery.apis(&context.client, &asked).await? {
        for cell in denied() {
            if let Some(missing) = unserved(&apis, &cell.request) {
                let hint = missing.hint();
                add(&cell.pointer, missing.message, hint);
            }
        }
    }
    let mut namespaces: Vec<(&str, bool)> = Vec::new();
    let mut users: Vec<(&str, Option<String>)> = Vec::new();
    for cell in denied() {
        if let Some(namespace) = namespace_of(&cell.request) {
            let there = match namespaces.iter().find(|(known, _)| *known == namespace) {
                Some((_, there)) => *there,
                None => {
                    let there = is_there("namespaces", None, namespace, context).await?;
                    namespaces.push((namespace, there));
                    there
                }
            };
            if !there {
                add(&cell.pointer, format!("there is no namespace `{namespace}`"), None);
            }
        }
        let user = cell.who.user.as_str();
        let message = match users.iter().find(|(known, _)| *known == user) {
            Some((_, message)) => message.clone(),
            // Who is written as a user may be nobody; a ServiceAccount that was deleted may be asked about, too.
            None => {
                let message = if cell.who.is_account() { no_account(user, context).await? } else { None };
                users.push((user, message.clone()));
                message
            }
        };
        if let Some(message) = message {
            add(&cell.pointer, message, None);
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

/// The namespace in which a request looks; that of a Namespace itself is its name.
fn namespace_of(request: &Request) -> Option<&str> {
    match request {
        Request::Resource { namespace, resource, group, .. } if !(group.is_empty() && resource == "namespaces") => {
            namespace.as_deref()
        }
        _ => None,
    }
}

/// Says that an account does not exist, if the user is one and it does not.
async fn no_account(user: &str, context: &Context) -> Result<Option<String>, Fault> {
    let Some((namespace, name)) = user.strip_prefix("system:serviceaccount:").and_then(|rest| rest.split_once(':'))
    else {
        return Ok(None);
    };
    let there = is_there("serviceaccounts", Some(namespace), name, context).await?;
    Ok((!there).then(|| format!("there is no ServiceAccount `{name}` in namespace `{namespace}`")))
}

/// Whether an object is there; what the administrator may not see, may be.
async fn is_there(plural: &str, namespace: Option<&str>, name: &str, context: &Context) -> Result<bool, Fault> {
    let place = namespace.map(|namespace| format!("namespaces/{}/", api::escape(namespace))).unwrap_or_default();
    let http = api::get(&context.client, &format!("/api/v1/{place}{plural}/{}", api::escape(name))).await?;
    match api::busy(&http) {
        Some(busy) => Err(busy),
        None => Ok(http.status != 404),
    }
}
