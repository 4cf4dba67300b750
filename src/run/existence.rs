//! A denial counts only when there is something to be denied: authorization comes first, so a path, a resource, a namespace or
//! an account that does not exist is denied to all callers.
//!
//! Asked of the cluster when a step claims a denial and all else holds, and not when its line says `# on purpose`. All that a
//! step claims is asked for at once.

use std::collections::BTreeSet;

use futures::future::join_all;

use crate::{
    expect::{Answer, Class, Mismatch, json, kubectl_error, printed, refused::Refused},
    k8s::{Apis, Missing, Served, usernames},
    plan::{Action, Credential, Expected, Request, Step, can::Cell},
    redact::show,
    scenario::verbs::Method,
    steps::{Context, StepError, api, discovery::About},
};

/// How many requests are made at a time.
const AT_A_TIME: usize = 8;

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
                    let claim = match item.expect.exit_code {
                        _ if item.expect.is_about_status() => format!("/{}", item.expect.claim()),
                        Some(_) if tells.is_none() => "/exitCode".to_owned(),
                        _ => String::new(),
                    };
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

async fn of_call(step: &Step, pointer: String, context: &Context) -> Result<Option<Absent>, StepError> {
    let there_is_no = |message: String, hint: Option<String>| Some(Absent { pointer: pointer.clone(), message, hint });
    let applies = matches!(step.action, Action::Apply(_));
    let mut paths = step.action.paths();
    paths.retain(|(method, _)| !(applies && *method == Method::Post.word()));
    let asked: Vec<About<'_>> = paths.iter().map(|(_, path)| About::Path(path)).collect();
    let requests = step.action.requests();
    let user = match &step.caller.credential {
        Credential::Impersonation { user, .. } => Some(user.as_str()),
        _ => None,
    };
    let namespaces: Vec<&str> = requests.iter().filter_map(namespace_of).collect();
    let subjects = namespaces.iter().map(|name| Subject::Namespace(name)).chain(user.and_then(Subject::account));
    let (apis, gone) = tokio::join!(context.discovery.apis(&context.client, &asked), absent(subjects, context));
    if let Some(apis) = apis? {
        for (method, path) in &paths {
            if let Served::Missing(missing) = apis.path(method, path) {
                let hint = missing.hint();
                return Ok(there_is_no(missing.message, hint));
            }
        }
    }
    let gone = gone?;
    let subjects = namespaces.into_iter().map(Subject::Namespace).chain(user.and_then(Subject::account));
    let first = subjects.into_iter().find(|subject| gone.contains(subject));
    Ok(first.and_then(|subject| there_is_no(subject.describe_absence(), None)))
}

/// What a refusal by RBAC speaks of that a command has printed.
async fn of_printed(
    (stdout, stderr): (&[u8], &[u8]),
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
    let namespace = namespace_of(&request);
    let about = [about];
    // kubectl's `--as` may name anybody.
    let subjects = namespace.map(Subject::Namespace).into_iter().chain(Subject::account(&refused.user));
    let looks = absent(subjects, context);
    let (apis, gone) = tokio::join!(context.discovery.apis(&context.client, &about), looks);
    if let Some(apis) = apis?
        && let Some(missing) = unserved(&apis, &request)
    {
        let hint = missing.hint();
        return Ok(Some(Absent { pointer, message: missing.message, hint }));
    }
    let first = gone?.into_iter().next();
    Ok(first.map(|subject| Absent { pointer, message: subject.describe_absence(), hint: None }))
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
    // A user that a scenario names need not exist; a ServiceAccount that was deleted may be asked about, too.
    let account = |cell: &'_ Cell| cell.account().map(|_| cell.who.user.clone());
    let accounts: BTreeSet<String> = denied().filter_map(account).collect();
    let namespaces = denied().filter_map(|cell| namespace_of(&cell.request)).map(Subject::Namespace);
    let subjects = namespaces.chain(accounts.iter().filter_map(|user| Subject::account(user)));
    let (apis, gone) = tokio::join!(context.discovery.apis(&context.client, &asked), absent(subjects, context));
    if let Some(apis) = apis? {
        for cell in denied() {
            if let Some(missing) = unserved(&apis, &cell.request) {
                let hint = missing.hint();
                add(&cell.pointer, missing.message, hint);
            }
        }
    }
    let gone = gone?;
    for cell in denied() {
        let namespace = namespace_of(&cell.request).map(Subject::Namespace);
        let user = account(cell);
        let account = user.as_deref().and_then(Subject::account);
        for subject in namespace.into_iter().chain(account).filter(|subject| gone.contains(subject)) {
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

/// The namespace in which a request looks; that of a Namespace itself is its name.
fn namespace_of(request: &Request) -> Option<&str> {
    match request {
        Request::Resource { namespace, resource, group, .. } if !(group.is_empty() && resource == "namespaces") => {
            namespace.as_deref()
        }
        _ => None,
    }
}

/// What a request must find before a denial of it says anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Subject<'a> {
    Namespace(&'a str),
    /// Of a namespace, by name.
    Account(&'a str, &'a str),
}

impl<'a> Subject<'a> {
    /// The ServiceAccount that a user is, if it is one.
    fn account(user: &'a str) -> Option<Self> {
        usernames::account(user).map(|(namespace, name)| Subject::Account(namespace, name))
    }

    fn path(self) -> String {
        match self {
            Subject::Namespace(name) => format!("/api/v1/namespaces/{}", api::escape(name)),
            Subject::Account(namespace, name) => {
                format!("/api/v1/namespaces/{}/serviceaccounts/{}", api::escape(namespace), api::escape(name))
            }
        }
    }

    /// That it is not there.
    fn describe_absence(self) -> String {
        match self {
            Subject::Namespace(name) => format!("there is no namespace `{name}`"),
            Subject::Account(namespace, name) => {
                format!("there is no ServiceAccount `{name}` in namespace `{namespace}`")
            }
        }
    }
}

/// Which of these do not exist, each asked for once; what the administrator may not see, may be there.
async fn absent<'a>(
    subjects: impl Iterator<Item = Subject<'a>>,
    context: &Context,
) -> Result<BTreeSet<Subject<'a>>, StepError> {
    let subjects: BTreeSet<Subject<'a>> = subjects.collect();
    let subjects: Vec<Subject<'a>> = subjects.into_iter().collect();
    let mut absent = BTreeSet::new();
    for some in subjects.chunks(AT_A_TIME) {
        let answers = join_all(some.iter().map(|subject| async { api::get(&context.client, &subject.path()).await }));
        for (subject, answer) in some.iter().zip(answers.await) {
            let http = answer?;
            match api::busy(&http) {
                Some(busy) => return Err(busy),
                None if http.status == 404 => absent.insert(*subject),
                None => false,
            };
        }
    }
    Ok(absent)
}
