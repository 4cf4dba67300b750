//! kubewalk's own evaluator and the API server's authorizer give the same answer, to every question.
#![allow(clippy::print_stdout, reason = "the seed and the counts: shown on failure, and with --nocapture")]

#[path = "../../src/explain/testing/generate.rs"]
mod generate;

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use futures::{StreamExt as _, TryStreamExt as _, stream};
use generate::{Generated, LABEL};
use k8s_openapi::{
    NamespaceResourceScope,
    api::{
        core::v1::Namespace,
        rbac::v1::{ClusterRole, ClusterRoleBinding, Role, RoleBinding},
    },
};
use kube::{
    Api, Client,
    api::{DeleteParams, ListParams, PostParams},
};
use kubewalk::{
    explain::{Caller, Policy, Question, evaluate::grant, fetch},
    plan::Request,
    testing,
};
use rand::{SeedableRng as _, rngs::StdRng};
use serde_json::json;

const ROUNDS: usize = 2;
const POLICIES: usize = 26;
/// Of each policy.
const QUESTIONS: usize = 40;
/// Requests at a time.
const WIDTH: usize = 32;
const BUDGET: Duration = Duration::from_secs(20);

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// The policies of one test are near misses to another one.
static ALONE: Mutex<()> = Mutex::new(());

#[test]
fn the_evaluator_agrees_with_the_server() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let seed = std::env::var("KUBEWALK_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(rand::random);
    println!("seed {seed}: KUBEWALK_SEED={seed} cargo test --test explain repeats it");
    let cluster = testing::shared();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let client = cluster.client().await.expect("a client");
        let begun = Instant::now();
        let tag = format!("{:08x}", rand::random::<u32>());
        let namespaces = ["a", "b", "c"].map(|name| format!("kw-{tag}-{name}"));
        let asked = all_rounds(&client, seed, &tag, &namespaces).await;
        println!("all is asked after {:?}", begun.elapsed());
        let removed = remove(&client, &tag, &namespaces).await;
        let Counts { yes, no, wrong } = asked.expect("the cluster answers");
        println!("{yes} granted and {no} denied, all in {:?}", begun.elapsed());
        assert!(wrong.is_empty(), "seed {seed}: {} answers differ:\n{}", wrong.len(), wrong.join("\n"));
        assert!(yes + no >= 2000 && yes * 5 >= yes + no && no * 5 >= yes + no, "{yes} granted, {no} denied");
        removed.expect("everything is removed");
    });
}

#[derive(Default)]
struct Counts {
    yes: usize,
    no: usize,
    wrong: Vec<String>,
}

async fn all_rounds(client: &Client, seed: u64, tag: &str, namespaces: &[String]) -> Result<Counts> {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut counts = Counts::default();
    for name in namespaces {
        let namespace =
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": {LABEL: tag}}});
        let namespace: Namespace = serde_json::from_value(namespace)?;
        Api::all(client.clone()).create(&PostParams::default(), &namespace).await?;
    }
    for round in 0..ROUNDS {
        let policies: Vec<Generated> =
            (0..POLICIES).map(|index| Generated::new(&mut rng, tag, namespaces, round * POLICIES + index)).collect();
        let begun = Instant::now();
        for generated in &policies {
            let Policy { roles, cluster_roles, role_bindings, cluster_role_bindings } = &generated.policy;
            tokio::try_join!(
                stream::iter(roles).map(|role| create(client, role)).buffer_unordered(8).try_collect::<Vec<_>>(),
                stream::iter(role_bindings)
                    .map(|role| create(client, role))
                    .buffer_unordered(8)
                    .try_collect::<Vec<_>>(),
                stream::iter(cluster_roles).map(|role| make(client, role)).buffer_unordered(8).try_collect::<Vec<_>>(),
                stream::iter(cluster_role_bindings)
                    .map(|role| make(client, role))
                    .buffer_unordered(8)
                    .try_collect::<Vec<_>>(),
            )?;
        }
        let policy = gathered(client).await?;
        sentinel(client, &format!("kw-{tag}-sentinel-{round}"), tag, &namespaces[0]).await?;
        let questions: Vec<Question> = policies
            .iter()
            .flat_map(|made| (0..QUESTIONS).map(|_| made.question(&mut rng)).collect::<Vec<_>>())
            .collect();
        println!("round {round}: {:?} until the server knows all", begun.elapsed());
        let reviews =
            stream::iter(&questions).map(|question| async move { (question, fetch::review(client, question).await) });
        let mut reviews = reviews.buffer_unordered(WIDTH);
        while let Some((question, review)) = reviews.next().await {
            let review = review?;
            let mine = grant(&policy, question);
            *(if review.allowed { &mut counts.yes } else { &mut counts.no }) += 1;
            if mine.is_some() != review.allowed {
                counts.wrong.push(format!("{question:?}\n  the server: {review:?}\n  kubewalk: {mine:?}"));
            }
        }
    }
    Ok(counts)
}

async fn create<K>(client: &Client, object: &K) -> kube::Result<K>
where
    K: kube::Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
    K: Clone + std::fmt::Debug + serde::Serialize + serde::de::DeserializeOwned,
{
    let namespace = object.meta().namespace.as_deref().unwrap_or_default();
    Api::namespaced(client.clone(), namespace).create(&PostParams::default(), object).await
}

async fn make<K>(client: &Client, object: &K) -> kube::Result<K>
where
    K: kube::Resource<DynamicType = ()> + Clone + std::fmt::Debug + serde::Serialize + serde::de::DeserializeOwned,
{
    Api::all(client.clone()).create(&PostParams::default(), object).await
}

/// All objects, as soon as every aggregated role has the rules of its parts.
async fn gathered(client: &Client) -> Result<Policy> {
    let begun = Instant::now();
    let mut ticks = tokio::time::interval(Duration::from_millis(20));
    loop {
        ticks.tick().await;
        let policy = fetch::policy(client).await?;
        let filled = |role: &ClusterRole| {
            let Some(gathers) = &role.aggregation_rule else { return true };
            let wanted =
                gathers.cluster_role_selectors.iter().flatten().filter_map(|selector| selector.match_labels.as_ref());
            let parts = policy.cluster_roles.iter().filter(|part| {
                let labels = part.metadata.labels.clone().unwrap_or_default();
                wanted.clone().any(|wanted| wanted.iter().all(|(key, value)| labels.get(key) == Some(value)))
            });
            let rules = role.rules.clone().unwrap_or_default();
            parts.flat_map(|part| part.rules.iter().flatten()).all(|rule| rules.contains(rule))
        };
        if policy.cluster_roles.iter().all(filled) {
            return Ok(policy);
        }
        if begun.elapsed() > BUDGET {
            return Err("the aggregated roles are not filled in".into());
        }
    }
}

/// Made last, one of each kind: when the authorizer knows these, it knows everything before them.
async fn sentinel(client: &Client, name: &str, tag: &str, namespace: &str) -> Result<()> {
    let group = "rbac.authorization.k8s.io";
    let version = format!("{group}/v1");
    let rules = json!([{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]);
    let local = json!({"name": name, "namespace": namespace, "labels": {LABEL: tag}});
    let global = json!({"name": name, "labels": {LABEL: tag}});
    let subject = |user: &str| json!([{"kind": "User", "name": format!("{name}-{user}"), "apiGroup": group}]);
    let reference = |kind: &str| json!({"apiGroup": group, "kind": kind, "name": name});
    let role: Role =
        serde_json::from_value(json!({"apiVersion": version, "kind": "Role", "metadata": local, "rules": rules}))?;
    let cluster_role: ClusterRole = serde_json::from_value(
        json!({"apiVersion": version, "kind": "ClusterRole", "metadata": global, "rules": rules}),
    )?;
    let binding: RoleBinding = serde_json::from_value(json!({"apiVersion": version, "kind": "RoleBinding",
        "metadata": local, "roleRef": reference("Role"), "subjects": subject("local")}))?;
    let cluster_binding: ClusterRoleBinding = serde_json::from_value(json!({"apiVersion": version,
        "kind": "ClusterRoleBinding", "metadata": global, "roleRef": reference("ClusterRole"), "subjects": subject("global")}))?;
    tokio::try_join!(
        create(client, &role),
        create(client, &binding),
        make(client, &cluster_role),
        make(client, &cluster_binding)
    )?;
    let begun = Instant::now();
    let mut ticks = tokio::time::interval(Duration::from_millis(5));
    for user in ["local", "global"] {
        let request = Request::from_http("GET", &format!("/api/v1/namespaces/{namespace}/pods/x"));
        let question = Question { caller: Caller::new(format!("{name}-{user}"), []), request };
        while !fetch::review(client, &question).await?.allowed {
            if begun.elapsed() > BUDGET {
                return Err(format!("the authorizer does not get to know {name}").into());
            }
            ticks.tick().await;
        }
    }
    Ok(())
}

/// Everything with the tag.
async fn remove(client: &Client, tag: &str, namespaces: &[String]) -> Result<()> {
    let ours = ListParams::default().labels(&format!("{LABEL}={tag}"));
    let params = DeleteParams::default();
    for name in namespaces {
        Api::<RoleBinding>::namespaced(client.clone(), name).delete_collection(&params, &ours).await?;
        Api::<Role>::namespaced(client.clone(), name).delete_collection(&params, &ours).await?;
        Api::<Namespace>::all(client.clone()).delete(name, &params).await?;
    }
    Api::<ClusterRoleBinding>::all(client.clone()).delete_collection(&params, &ours).await?;
    Api::<ClusterRole>::all(client.clone()).delete_collection(&params, &ours).await?;
    // They go within seconds; there is nothing in them any more.
    let namespaces = Api::<Namespace>::all(client.clone()).list(&ours).await?;
    if let Some(stays) = namespaces.items.iter().find(|namespace| namespace.metadata.deletion_timestamp.is_none()) {
        return Err(format!("namespace {:?} does not go", stays.metadata.name).into());
    }
    let left = fetch::policy(client).await?;
    let metadata = left.roles.iter().map(|role| &role.metadata);
    let metadata = metadata.chain(left.cluster_roles.iter().map(|role| &role.metadata));
    let metadata = metadata.chain(left.role_bindings.iter().map(|binding| &binding.metadata));
    let mut metadata = metadata.chain(left.cluster_role_bindings.iter().map(|binding| &binding.metadata));
    match metadata
        .find(|metadata| metadata.labels.as_ref().is_some_and(|labels| labels.get(LABEL).is_some_and(|of| of == tag)))
    {
        Some(stays) => Err(format!("{:?} stays", stays.name).into()),
        None => Ok(()),
    }
}

/// `kubewalk explain` on the cluster: exit code and standard output.
fn explain(args: &[&str]) -> (Option<i32>, String) {
    let kubeconfig = testing::shared().kubeconfig();
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_kubewalk"))
        .args(["explain", "--kubeconfig"])
        .arg(kubeconfig)
        .args(args)
        .output()
        .expect("kubewalk starts");
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    (output.status.code(), String::from_utf8(output.stdout).expect("UTF-8"))
}

/// The same as a document, with the kubeconfig that `KUBECONFIG` lists.
fn document(format: &str, args: &[&str]) -> (Option<i32>, serde_json::Value) {
    let files = [std::path::Path::new("/no/such/file"), testing::shared().kubeconfig()];
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_kubewalk"))
        .env("KUBECONFIG", std::env::join_paths(files).expect("paths"))
        .args(["explain", "--output", format])
        .args(args)
        .output()
        .expect("kubewalk starts");
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let document = match format {
        "json" => serde_json::from_str(&text).expect("JSON"),
        _ => serde_saphyr::from_str(&text).expect("YAML"),
    };
    (output.status.code(), document)
}

#[test]
fn the_command_writes_documents_for_programs() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    for format in ["json", "yaml"] {
        let (code, said) = document(format, &["--as", "anonymous", "get", "/healthz"]);
        assert_eq!((code, &said["status"]["allowed"]), (Some(0), &json!(true)), "{said}");
        assert_eq!(said["spec"]["nonResourceAttributes"], json!({"path": "/healthz", "verb": "get"}), "{said}");
        let granted = &said["granted"];
        assert_eq!(
            granted["binding"],
            json!({"kind": "ClusterRoleBinding", "name": "system:public-info-viewer"}),
            "{said}"
        );
        assert!(granted["rule"]["rule"]["nonResourceURLs"].as_array().is_some_and(|urls| urls.len() > 1), "{said}");
        let (code, said) =
            document(format, &["--as", "serviceaccount/default/kw-reader", "list", "po", "-n", "default"]);
        assert_eq!((code, &said["status"]["allowed"]), (Some(1), &json!(false)), "{said}");
        assert_eq!(said["spec"]["resourceAttributes"]["resource"], "pods", "{said}");
        assert_eq!((&said["granted"], &said["nearest"]), (&json!(null), &json!([])), "{said}");
        assert!(said["patch"]["yaml"].as_str().is_some_and(|yaml| yaml.contains("kind: Role\n")), "{said}");
    }
}

#[test]
fn the_command_says_why_and_what_would_grant() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let (code, said) = explain(&["--as", "anonymous", "get", "/healthz"]);
    assert_eq!(code, Some(0), "{said}");
    let start = "yes, system:anonymous (a call without a token) may get path /healthz:\nClusterRoleBinding \
                 system:public-info-viewer gives Group system:unauthenticated, to which ";
    assert!(said.starts_with(start), "{said}");
    let (code, said) = explain(&["--as", "serviceaccount/default/kw-reader", "list", "po", "-n", "default"]);
    assert_eq!(code, Some(1), "{said}");
    let start = "no, ServiceAccount kw-reader of namespace default may not list pods in namespace \"default\":\n\
                 - no binding gives ServiceAccount kw-reader of namespace default anything like it\n\n\
                 # this would grant just that:\napiVersion: rbac.authorization.k8s.io/v1\nkind: Role\n";
    assert!(said.starts_with(start), "{said}");
    let (code, said) = explain(&["--as", "ann", "--group", "system:masters", "delete", "nodes", "n"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("ClusterRoleBinding cluster-admin gives Group system:masters"), "{said}");
}
