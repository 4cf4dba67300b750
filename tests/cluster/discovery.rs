//! The table of what an API server serves is what a live one of the version that we ship says. On a real cluster.
//!
//! `KUBEWALK_BLESS=1 cargo test --test discovery` writes `src/k8s/served.txt` anew.

use std::{fs, path::Path};

use k8s_openapi::api::rbac::v1::{ClusterRole, Role};
use kube::{Api, Client, api::ListParams};
use kubewalk::{
    cluster::{self, Wanted, engine::Release},
    cluster_kind::ClusterKind,
    k8s::{
        Resource,
        served::{TABLE, Table},
    },
    settings,
    shape::Shape,
    steps::discovery::of_list,
    stop::Stop,
    testing,
};
use serde_json::Value;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Marks what an API server makes when it starts.
const OWN: &str = "kubernetes.io/bootstrapping=rbac-defaults";

#[test]
fn the_table_is_what_a_live_api_server_says() {
    let cluster = testing::shared();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let live = runtime.block_on(async {
        let client = cluster.client().await.expect("a client");
        read(&client).await.expect("discovery answers")
    });
    compare(&live, "served.txt");
    assert!(TABLE.resources.len() > 100, "and the one that was compiled in is not empty");
}

/// The same of the older versions whose nodes are built; `KUBEWALK_VERSIONS=all` builds all of them first.
#[test]
fn the_tables_of_older_versions_are_what_their_api_servers_say() {
    let settings = settings::from_env();
    let all = std::env::var_os("KUBEWALK_VERSIONS").is_some_and(|word| word == "all");
    for release in Release::ALL.into_iter().filter(|release| *release != Release::NEWEST) {
        if !all && release.built(&settings.cache).is_none() {
            testing::note(&format!(
                "kubewalk: the node of Kubernetes {release} is not built here, so its table is not compared; KUBEWALK_VERSIONS=all builds it first\n"
            ));
            continue;
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let live = runtime.block_on(async {
            let wanted = Wanted { kubernetes: Some(release.minor), ..ClusterKind::Builtin.into() };
            let cluster = cluster::start(&wanted, &settings, &Stop::never(), &mut |_| ()).await.expect("a cluster");
            let live = read(&cluster.client().await.expect("a client")).await.expect("discovery answers");
            assert!(cluster.end().await.left.is_empty());
            live
        });
        compare(&live, &format!("served-{release}.txt"));
    }
}

/// The roles and bindings that `kubewalk init` takes for those of every cluster.
#[test]
fn the_roles_of_a_new_cluster_are_those_of_a_live_api_server() {
    let cluster = testing::shared();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let live = runtime.block_on(async {
        let client = cluster.client().await.expect("a client");
        let mut lines = Vec::new();
        for (plural, kind) in [
            ("clusterroles", "ClusterRole"),
            ("clusterrolebindings", "ClusterRoleBinding"),
            ("roles", "Role"),
            ("rolebindings", "RoleBinding"),
        ] {
            let path = format!("/apis/rbac.authorization.k8s.io/v1/{plural}?labelSelector={OWN}");
            let list = get(&client, &path).await.expect("a list");
            lines.extend(list["items"].as_array().expect("items").iter().map(|item| line_of_role(kind, item)));
        }
        lines
    });
    same(&format!("[\n{}\n]\n", live.join(",\n")), "../init/builtin.json");
}

/// What counts of a role or a binding, in a line. The rules of one that is aggregated come of others.
fn line_of_role(kind: &str, item: &Value) -> String {
    let mut labels = item["metadata"]["labels"].clone();
    labels.as_object_mut().expect("labels").remove("kubernetes.io/bootstrapping");
    let mut metadata = serde_json::Map::new();
    metadata.insert("name".into(), item["metadata"]["name"].clone());
    if let namespace @ Value::String(_) = &item["metadata"]["namespace"] {
        metadata.insert("namespace".into(), namespace.clone());
    }
    metadata.insert("labels".into(), labels);
    let mut line = serde_json::Map::new();
    line.insert("kind".into(), kind.into());
    line.insert("metadata".into(), metadata.into());
    for key in ["aggregationRule", "rules", "roleRef", "subjects"] {
        let aggregated = key == "rules" && !item["aggregationRule"].is_null();
        if !item[key].is_null() && !aggregated {
            line.insert(key.into(), item[key].clone());
        }
    }
    Value::from(line).to_string()
}

fn compare(live: &Table, name: &str) {
    same(&live.file_contents(), name);
}

fn same(live: &str, name: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/k8s").join(name);
    if std::env::var_os("KUBEWALK_BLESS").is_some_and(|value| value == "1") {
        fs::write(&file, live).expect("writable");
    }
    let known = fs::read_to_string(&file).expect("readable");
    assert_eq!(live, known, "KUBEWALK_BLESS=1 cargo test --test discovery writes {} anew", file.display());
}

async fn get(client: &Client, path: &str) -> Result<Value> {
    Ok(client.request(http::Request::get(path).body(Vec::new())?).await?)
}

async fn read(client: &Client) -> Result<Table> {
    let mut table = Table::default();
    let version = get(client, "/version").await?["gitVersion"].as_str().unwrap_or_default().to_owned();
    // What a distribution appends is none of Kubernetes'.
    table.version = version.split(['+', '-']).next().unwrap_or_default().to_owned();
    resources(client, "", "v1", &mut table).await?;
    let groups = get(client, "/apis").await?;
    let mut lists: Vec<(String, String)> = Vec::new();
    for group in groups["groups"].as_array().into_iter().flatten() {
        let name = group["name"].as_str().unwrap_or_default();
        // Scenarios that run meanwhile make kinds of their own.
        if name.contains('.') && !name.ends_with(".k8s.io") {
            continue;
        }
        for version in group["versions"].as_array().into_iter().flatten() {
            lists.push((name.to_owned(), version["version"].as_str().unwrap_or_default().to_owned()));
        }
    }
    lists.sort_by_key(|(group, _)| group.clone());
    for (group, version) in &lists {
        resources(client, group, version, &mut table).await?;
    }
    let paths = get(client, "/").await?;
    let paths = paths["paths"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let of_scenarios = |path: &str| match path.strip_prefix("/apis/") {
        Some(group) => group.split('/').next().is_some_and(|group| group.contains('.') && !group.ends_with(".k8s.io")),
        None => false,
    };
    table.paths = paths.filter(|path| !of_scenarios(path)).map(str::to_owned).collect();
    table.paths.sort();
    let own = ListParams::default().labels(OWN);
    let roles = Api::<ClusterRole>::all(client.clone()).list(&own).await?;
    table.cluster_roles = roles.into_iter().filter_map(|role| role.metadata.name).collect();
    table.cluster_roles.sort();
    let roles = Api::<Role>::all(client.clone()).list(&own).await?;
    table.roles = roles.into_iter().filter_map(|role| Some((role.metadata.namespace?, role.metadata.name?))).collect();
    table.roles.sort();
    Ok(table)
}

async fn resources(client: &Client, group: &str, version: &str, table: &mut Table) -> Result<()> {
    let list = get(client, &kubewalk::k8s::served::root(group, version)).await?;
    let list = list["resources"].as_array().into_iter().flatten();
    let mut found: Vec<Resource> = list.filter_map(|one| of_list(group, version, one)).collect();
    found.sort_by(|one, other| (&one.plural, &one.sub).cmp(&(&other.plural, &other.sub)));
    table.resources.extend(found);
    Ok(())
}

/// What could be served beside what is: an API server with all versions and all features on says it.
#[test]
fn the_versions_that_could_be_served_are_what_a_live_api_server_says() {
    let shape = Shape {
        apis: [("api/all".to_owned(), true)].into(),
        gates: ["AllAlpha", "AllBeta"].map(|gate| (gate.to_owned(), true)).into(),
        ..Shape::default()
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let text = runtime.block_on(async {
        let wanted = Wanted { shape, ..ClusterKind::Builtin.into() };
        let started = cluster::start(&wanted, &settings::from_env(), &Stop::never(), &mut |_| ()).await;
        let cluster = started.expect("a cluster");
        let live = read(&cluster.client().await.expect("a client")).await.expect("discovery answers");
        assert!(cluster.end().await.left.is_empty());
        let mut apis: Vec<String> = live.resources.iter().map(Resource::api_version).collect();
        apis.sort();
        apis.dedup();
        format!(
            "# The versions of its API that the API server that we ship can serve: those that it has with all of them and all features on.\n\
             # Written from a live cluster: KUBEWALK_BLESS=1 cargo test --test discovery\n{}\n",
            apis.join("\n")
        )
    });
    same(&text, "apis.txt");
    assert!(text.contains("resource.k8s.io/v1alpha3\n"), "one that is off by itself is among them");
}
