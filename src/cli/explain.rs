//! `kubewalk explain`.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use kube::config::KubeConfigOptions;
use tokio::time::timeout;

use super::explained;
use crate::{
    cluster::{ClusterError, access, kubeconfig_file, plugin},
    exit_code::Exit,
    expect::Refused,
    explain::{Caller, Policy, Question, Verdict, evaluate, explain, fetch, own_kind},
    k8s::{
        Apis, Missing, Served, nearest, resource_name,
        served::{TABLE, is_own_group},
        special, usernames,
    },
    output::print,
    plan::{Request, kinds},
    redact::show,
    settings,
    steps::discovery::{About, Discovery},
};

/// How long the cluster may take for each of two rounds of questions.
const ANSWERS_WITHIN: std::time::Duration = std::time::Duration::from_secs(15);

/// Exit codes: 0 the call is allowed, 1 it is not, 2 usage, 3 the cluster cannot be asked.
#[derive(Debug, Args)]
pub struct Options {
    /// The kubeconfig of the cluster, whose user must be allowed to read roles and bindings; left out: as kubectl, the files that
    /// `KUBECONFIG` lists, else `~/.kube/config`.
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// The context in it; left out: its current one.
    #[arg(long, value_name = "NAME")]
    context: Option<String>,
    /// Who makes the call: `serviceaccount/NAMESPACE/NAME`, `anonymous`, or the name of a user.
    #[arg(long = "as", value_name = "WHO")]
    who: String,
    /// A group of the caller; may be said more than once. Those that every caller has are there without being said.
    #[arg(long = "group", value_name = "GROUP")]
    groups: Vec<String>,
    /// get, list, watch, create, update, patch, delete, deletecollection …
    verb: String,
    /// `pods`, `pods/log` (a subresource), `deployments.apps`, or a path such as `/healthz`.
    #[arg(value_name = "RESOURCE[/SUBRESOURCE]|/PATH")]
    what: String,
    /// The object's name.
    name: Option<String>,
    /// Where; left out: the namespace of the context.
    #[arg(short, long)]
    namespace: Option<String>,
    /// Over all namespaces.
    #[arg(short = 'A', long, conflicts_with = "namespace")]
    all_namespaces: bool,
    /// Sentences, or one document for programs.
    #[arg(short, long, value_enum, default_value_t = Format::Text)]
    output: Format,
}

/// What is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
    Yaml,
}

pub fn main(options: &Options) -> anyhow::Result<Exit> {
    // What is wrong with the question is said before the cluster is looked for.
    let question = match question(options, "default") {
        Ok(_) => |namespace: &str| question(options, namespace),
        Err(wrong) => {
            eprint_line!("error: {wrong}");
            return Ok(Exit::Invalid);
        }
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let files = options.kubeconfig.clone().map_or_else(settings::kubeconfig_files, |file| vec![file]);
        let failed = |e: ClusterError| {
            let remedy = e.remedy.map(|remedy| format!(" ({remedy})")).unwrap_or_default();
            anyhow::Error::msg(show::line(&format!("{}{remedy}", e.message), show::BODY))
        };
        let kubeconfig = kubeconfig_file::read_all(&files).map_err(failed)?;
        let with = KubeConfigOptions { context: options.context.clone(), ..Default::default() };
        let config = kube::Config::from_custom_kubeconfig(kubeconfig, &with).await;
        let config = config.map_err(|e| anyhow::anyhow!("cannot use the kubeconfig: {}", kubeconfig_file::error_in_words(&e)))?;
        let mut config = access::direct(config).map_err(failed)?;
        plugin::settle(&mut config).await.map_err(failed)?;
        let mut question = question(&config.default_namespace).map_err(anyhow::Error::msg)?;
        let server = config.cluster_url.to_string();
        let client = crate::cluster::access::client(config).context("the kubeconfig is unusable")?;
        let silent = |_| {
            let host = show::line(&server, show::BODY);
            anyhow::anyhow!("the cluster at {host} did not answer within {} s", ANSWERS_WITHIN.as_secs())
        };
        let scoped = timeout(ANSWERS_WITHIN, scope(&mut question.request, options, &client)).await;
        if let Err(wrong) = scoped.map_err(silent)? {
            eprint_line!("error: {wrong}");
            return Ok(Exit::Invalid);
        }
        let asked = async { tokio::join!(fetch::policy(&client), fetch::review(&client, &question)) };
        let (policy, review) = timeout(ANSWERS_WITHIN, asked).await.map_err(silent)?;
        let policy = policy.context("cannot read the roles and bindings of the cluster")?;
        let verdict = explain(&policy, &question);
        let mine = matches!(verdict, Verdict::Granted(_));
        let answer = match options.output {
            Format::Text => answer(&verdict, &question),
            Format::Json => format!("{:#}\n", explained::document(&verdict, &question, &review)),
            Format::Yaml => serde_saphyr::to_string(&explained::document(&verdict, &question, &review))?,
        };
        let printed = print(&show::block(&answer, usize::MAX));
        if let Some(more) = nameless(options, &policy, &question) {
            eprint_line!("{}", show::line(&more, show::BODY));
        }
        let allowed = match review {
            Ok(review) if review.allowed == mine => mine,
            Ok(review) => {
                let says = if review.allowed { "the call is allowed" } else { "the call is not allowed" };
                let reason = review.reason.map(|reason| format!(" ({reason})")).unwrap_or_default();
                let why = if question.caller.groups.iter().any(|group| group == "system:masters") {
                    "whoever is in group system:masters may do everything, before RBAC is asked"
                } else {
                    "another authorizer than RBAC decides here, the objects changed just now, or this is a bug in kubewalk"
                };
                eprint_line!("the server says otherwise: {says}{}; {why}", show::line(&reason, show::BODY));
                review.allowed
            }
            Err(e) => {
                eprint_line!("the server's own opinion could not be asked: {}", show::line(&e.to_string(), show::BODY));
                mine
            }
        };
        Ok(printed.worst(if allowed { Exit::Held } else { Exit::Failed }))
    })
}

/// What a custom kind's cluster says of it: whether its objects are in namespaces.
async fn scope(request: &mut Request, options: &Options, client: &kube::Client) -> Result<(), String> {
    let Request::Resource { verb, group, resource, subresource, namespace, .. } = request else { return Ok(()) };
    if is_own_group(group) || group.contains('*') || group.is_empty() {
        return Ok(());
    }
    // Without discovery RBAC can still be read.
    let Ok(Some(apis)) = Discovery::default().apis(client, &[About::Group(group)]).await else { return Ok(()) };
    match apis.resource(verb, group, resource, subresource.as_deref()) {
        Served::Resource(own) if !own.namespaced => {
            if options.namespace.is_some() {
                return Err(format!("{resource}.{group} are not in a namespace: leave -n out"));
            }
            *namespace = None;
        }
        Served::Missing(missing) => {
            let hint = missing.hint().map(|hint| format!("; {hint}")).unwrap_or_default();
            eprint_line!(
                "note: the cluster does not serve this now: {}",
                show::line(&format!("{}{hint}", missing.message), show::BODY)
            );
        }
        Served::Resource(_) | Served::Other | Served::Unsure => {}
    }
    Ok(())
}

/// Whether the objects of one of Kubernetes' own resources are in namespaces.
fn own_scope(group: &str, plural: &str) -> bool {
    TABLE.resources.iter().find(|own| own.group == group && own.plural == plural).is_none_or(|own| own.namespaced)
}

fn missing_sentence(missing: &Missing) -> String {
    missing.hint().map_or_else(|| missing.message.clone(), |hint| format!("{}; {hint}", missing.message))
}

/// What is to be said when a name was given for a request that has none: server-side apply of a new object is the one that has.
fn nameless(options: &Options, policy: &Policy, question: &Question) -> Option<String> {
    let name = options.name.as_ref()?;
    let Request::Resource { verb, name: None, subresource: None, .. } = &question.request else { return None };
    if verb == "deletecollection" {
        return Some(format!("note: this request has no name, so `{name}` was left out; `delete` has one"));
    }
    let mut named = question.clone();
    if let Request::Resource { name: place, .. } = &mut named.request {
        *place = Some(name.clone());
    }
    let may = if evaluate::grant(policy, &named).is_some() { "granted" } else { "not granted" };
    Some(format!(
        "note: a request that creates has no name, so RBAC decides it without `{name}`; to make it by server-side apply, which \
         asks for `create` with the name, is {may}"
    ))
}

/// Sentences, and the patch such that it can be pasted.
fn answer(verdict: &Verdict, question: &Question) -> String {
    let denial = question.request.denial(&question.caller.user);
    let what = Refused::parse(&denial).map(|refused| refused.describe()).unwrap_or(denial);
    let who = crate::explain::misses::who(&question.caller);
    let mut lines = verdict.lines(question);
    match verdict {
        Verdict::Granted(_) => format!("yes, {who} may {what}:\n{}\n", lines.join("\n")),
        Verdict::Denied { patch, .. } => {
            lines.pop();
            let near: String = lines.iter().map(|line| format!("- {line}\n")).collect();
            format!("no, {who} may not {what}:\n{near}\n# {}:\n{}", patch.title, patch.yaml)
        }
    }
}

fn question(options: &Options, default_namespace: &str) -> Result<Question, String> {
    let user = match options.who.strip_prefix("serviceaccount/") {
        Some(account) => match account.split('/').collect::<Vec<_>>()[..] {
            [namespace, name] if !namespace.is_empty() && !name.is_empty() => usernames::username(namespace, name),
            _ => return Err(format!("--as {}: write serviceaccount/NAMESPACE/NAME", options.who)),
        },
        None if options.who == "anonymous" => "system:anonymous".into(),
        None if options.who.is_empty() => return Err("--as names nobody".into()),
        None => options.who.clone(),
    };
    let request = request(options, default_namespace)?;
    Ok(Question { caller: Caller::new(user, options.groups.iter().cloned()), request })
}

fn request(options: &Options, default_namespace: &str) -> Result<Request, String> {
    let (verb, mut name) = (options.verb.clone(), options.name.clone());
    let apis = Apis::of_scenario(vec![], vec![]);
    if options.what.starts_with('/') {
        if let Request::Resource { resource, group, .. } = Request::from_http("GET", &options.what) {
            let group = if group.is_empty() { group } else { format!(".{group}") };
            return Err(format!("{} is the path of a resource: ask about {resource}{group}", options.what));
        }
        if name.is_some() || options.namespace.is_some() || options.all_namespaces {
            return Err("a path has neither a name nor a namespace".into());
        }
        return Ok(Request::Path { verb, path: options.what.clone() });
    }
    let (resource, subresource) = resource_name::split(&options.what);
    let subresource = subresource.map(str::to_owned);
    let (resource, group, namespaced) = match resource.split_once('.') {
        Some((plural, group)) => {
            let namespaced = match apis.resource(&verb, group, plural, subresource.as_deref()) {
                Served::Resource(own) => own.namespaced,
                Served::Other => special::resource(&verb, group, plural).unwrap_or_else(|| own_scope(group, plural)),
                Served::Unsure => true,
                Served::Missing(missing) => return Err(missing_sentence(&missing)),
            };
            (plural.to_owned(), group.to_owned(), namespaced)
        }
        None if resource == "*" => ("*".into(), "*".into(), true),
        // Only authorizers know it: users, groups, an audience.
        None if special::resource(&verb, "", resource).is_some() => {
            (resource.to_owned(), String::new(), special::resource(&verb, "", resource).unwrap_or(true))
        }
        None => {
            let own = own_kind(resource).ok_or_else(|| {
                let known = kinds::OWN.iter().filter_map(|own| own.plural.as_deref());
                let near = nearest(resource, known).map(|near| format!("did you mean `{near}`? "));
                let near = near.unwrap_or_default();
                format!("Kubernetes has no resource `{resource}`; {near}others are written RESOURCE.GROUP")
            })?;
            let plural = own.plural.clone().unwrap_or_default();
            if let Served::Missing(missing) = apis.resource(&verb, &own.group, &plural, subresource.as_deref()) {
                return Err(missing_sentence(&missing));
            }
            (plural, own.group.clone(), own.namespaced)
        }
    };
    if subresource.is_none() && matches!(verb.as_str(), "create" | "deletecollection") {
        // RBAC decides about such a request without a name; `nameless` tells of it.
        name = None;
    }
    let namespace = match (&options.namespace, namespaced) {
        (Some(_), false) => return Err(format!("{resource} are not in a namespace: leave -n out")),
        // The server takes a Namespace to be in itself.
        (None, false) if resource == "namespaces" => name.clone(),
        (None, false) => None,
        (None, true) if options.all_namespaces => None,
        (namespace, true) => Some(namespace.clone().unwrap_or_else(|| default_namespace.to_owned())),
    };
    Ok(Request::Resource { verb, group, resource, subresource, namespace, name })
}
