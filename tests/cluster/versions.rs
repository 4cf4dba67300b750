//! Other versions of Kubernetes: the engine's nodes of 1.34 and 1.20 beside the newest. On real clusters, which these tests start.
//!
//! A version whose node is not built is left out, which is said on the terminal; `KUBEWALK_VERSIONS=all` builds all of them first.
//! With `KUBEWALK_BLESS=1`, too, what the runs see is written into docs/seen.tsv and docs/what-changed.md.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::Mutex,
};

use kubewalk::{
    cluster::engine::Release,
    docs::{claims, seen::Seen, what_changed},
    event::{Event, Outcome, Record, stream},
    k8s::Version,
    scenario::{self, files},
    settings,
};

/// One cluster after the other: three nodes at once are more than a small machine starts in time.
static TURN: Mutex<()> = Mutex::new(());

const OLD: Version = Version::new(1, 20);

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn is_set(name: &str, word: &str) -> bool {
    std::env::var_os(name).is_some_and(|value| value == word)
}

/// The versions that are tried here, oldest first.
fn versions() -> Vec<Release> {
    let cache = settings::from_env().cache;
    let all = is_set("KUBEWALK_VERSIONS", "all");
    let (mut there, mut missing) = (Vec::new(), Vec::new());
    for release in Release::ALL.into_iter().rev() {
        let list = if all || release.built(&cache).is_some() { &mut there } else { &mut missing };
        list.push(release);
    }
    if !missing.is_empty() {
        let names: Vec<_> = missing.iter().map(ToString::to_string).collect();
        kubewalk::testing::note(&format!(
            "kubewalk: the node of Kubernetes {} is not built here, so nothing is tried on it; KUBEWALK_VERSIONS=all builds it first\n",
            names.join(" and "),
        ));
    }
    there
}

/// Runs scenarios on a version or several, and gives what was told and the exit code.
fn run(versions: &[Release], paths: &[&str]) -> (Vec<Record>, Option<i32>, String) {
    let _turn = TURN.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let folder = tempfile::tempdir().expect("a folder");
    let events = folder.path().join("events.jsonl");
    let list: Vec<_> = versions.iter().map(ToString::to_string).collect();
    let mut command = Command::new(env!("CARGO_BIN_EXE_kubewalk"));
    command.current_dir(root()).args(["run", "--fresh", "--cluster", "builtin", "--kubernetes", &list.join(",")]);
    command.arg("--report").arg(format!("events={}", events.display())).args(paths);
    command.env_remove("KUBEWALK_TAG").env_remove("KUBEWALK_REPORT");
    let output = command.output().expect("kubewalk starts");
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    let text = std::fs::read_to_string(&events).unwrap_or_default();
    (stream::read(&text).expect("a stream"), output.status.code(), said)
}

fn outcomes(records: &[Record]) -> Vec<&Outcome> {
    let steps = records.iter().filter_map(|record| match &record.event {
        Event::StepFinished(step) => Some(&step.outcome),
        _ => None,
    });
    steps.collect()
}

#[test]
fn the_tutorial_of_2019_holds_word_for_word_in_its_time_and_is_skipped_later() {
    for release in versions() {
        let (records, code, said) = run(&[release], &["scenarios/serviceaccount-2019"]);
        assert_eq!(code, Some(0), "{said}");
        let outcomes = outcomes(&records);
        assert!(outcomes.len() > 15, "{said}");
        for outcome in outcomes {
            match outcome {
                Outcome::Held => assert_eq!(release.minor, OLD, "{said}"),
                Outcome::Skipped { reason } => {
                    assert!(release.minor != OLD, "{said}");
                    assert!(reason.starts_with(&format!("needs Kubernetes <1.22, this is {release}")), "{reason}");
                }
                other => panic!("{other:?}\n{said}"),
            }
        }
    }
}

#[test]
fn each_version_answers_the_same_questions_in_its_own_way() {
    let versions = versions();
    if versions.len() < 2 {
        kubewalk::testing::note("kubewalk: with one version there is nothing to compare\n");
        return;
    }
    let paths = ["scenarios/history", "scenarios/serviceaccount-2019"];
    let (records, code, said) = run(&versions, &paths);
    assert_eq!(code, Some(0), "{said}");
    let compared = records.iter().find_map(|record| match &record.event {
        Event::Compared { versions, steps } => Some((versions, steps)),
        _ => None,
    });
    let (names, steps) = compared.expect("the run says how they compare");
    assert_eq!(*names, versions.iter().map(ToString::to_string).collect::<Vec<_>>());
    if versions.len() < Release::ALL.len() {
        return;
    }
    let changes: Vec<&str> = steps.iter().flat_map(|step| &step.changes).map(|change| change.what.as_str()).collect();
    for wanted in [
        "a token Secret for each account",
        "rbac.authorization.k8s.io/v1beta1",
        "the volume of the token",
        "the claims of the mounted token",
        "the role `edit` and tokens",
        "exec over GET",
        "singularName",
        "selfLink",
    ] {
        assert!(changes.contains(&wanted), "{wanted} is not among {changes:?}");
    }
    let page = root().join("docs/what-changed.md");
    let made = what_changed::page(&records);
    if is_set("KUBEWALK_BLESS", "1") {
        std::fs::write(&page, &made).expect("written");
    }
    let committed = std::fs::read_to_string(&page).unwrap_or_default();
    assert!(
        committed == made,
        "docs/what-changed.md is not what a run finds; KUBEWALK_BLESS=1 writes it anew:\n{made}"
    );
}

/// What is noted in docs/seen.tsv is what runs see: of the two scenarios about versions always, of all others when it is written anew.
#[test]
fn what_is_noted_of_each_version_is_what_a_run_sees() {
    let path = root().join("docs/seen.tsv");
    let shown: Vec<_> = files::below(Path::new("scenarios"))
        .expect("there are scenarios")
        .iter()
        .filter_map(|file| scenario::read_file(file).ok())
        .flat_map(|document| claims::steps(&document))
        .collect();
    let bless = is_set("KUBEWALK_BLESS", "1") && is_set("KUBEWALK_VERSIONS", "all");
    let mut seen = Seen::default();
    for release in versions() {
        // Most scenarios are about today; on 1.20 those that are about its time.
        let about: &[&str] = if bless && release.minor != OLD {
            &["scenarios"]
        } else {
            &["scenarios/history", "scenarios/serviceaccount-2019"]
        };
        let (records, code, said) = run(&[release], about);
        assert_eq!(code, Some(0), "{said}");
        seen.take(release.minor, &records, &shown);
    }
    if bless {
        std::fs::write(&path, seen.file_contents()).expect("written");
    }
    let noted = Seen::read(&std::fs::read_to_string(&path).expect("readable")).expect("right");
    let lines = noted.file_contents();
    let missing: Vec<String> =
        seen.file_contents().lines().filter(|line| !lines.contains(line)).map(str::to_owned).collect();
    assert!(missing.is_empty(), "docs/seen.tsv lacks what was seen: {missing:#?}");
}

/// kube's client speaks to an API server that is seventeen versions older without surprises.
#[test]
fn the_client_reads_writes_and_watches_on_each_version() {
    use futures::{StreamExt as _, TryStreamExt as _};
    use k8s_openapi::api::{
        authentication::v1::{TokenRequest, TokenReview, TokenReviewSpec},
        core::v1::{ConfigMap, ServiceAccount},
    };
    use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams, PostParams, WatchEvent, WatchParams};
    use kubewalk::{
        cluster::{self, Wanted},
        cluster_kind::ClusterKind,
        stop::Stop,
    };
    let _turn = TURN.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    for release in versions() {
        runtime.block_on(async {
            let wanted = Wanted { kubernetes: Some(release.minor), ..ClusterKind::Builtin.into() };
            let started = cluster::start(&wanted, &settings::from_env(), &Stop::never(), &mut |_| ()).await;
            let cluster = started.expect("a cluster");
            let client = cluster.client().await.expect("a client");
            let version = client.apiserver_version().await.expect("it says its version");
            assert_eq!(Version::of_release(&version.git_version), Some(release.minor));
            let maps: Api<ConfigMap> = Api::namespaced(client.clone(), "default");
            let map: ConfigMap = serde_json::from_value(serde_json::json!({
                "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"k": "v"},
            }))
            .expect("a ConfigMap");
            let params = PatchParams::apply("kubewalk-test");
            let applied = maps.patch("a", &params, &Patch::Apply(&map)).await.expect("server-side apply");
            let listed = maps.list(&ListParams::default().fields("metadata.name=a")).await.expect("a list");
            assert_eq!(listed.items.len(), 1);
            let from = applied.metadata.resource_version.expect("a version");
            let watched = maps.watch(&WatchParams::default().fields("metadata.name=a"), &from).await.expect("a watch");
            let mut watched = std::pin::pin!(watched);
            maps.delete("a", &DeleteParams::default()).await.expect("deleted");
            let gone = loop {
                match watched.try_next().await.expect("events") {
                    Some(WatchEvent::Deleted(map)) => break map,
                    Some(_) => {}
                    None => panic!("the watch ended before the object was gone"),
                }
            };
            assert_eq!(gone.metadata.name.as_deref(), Some("a"));
            let accounts: Api<ServiceAccount> = Api::namespaced(client.clone(), "default");
            let (params, request) = (PostParams::default(), TokenRequest::default());
            let asked = accounts.create_token_request("default", &params, &request).await;
            let token = asked.expect("an answer").status.and_then(|status| status.token).expect("a token");
            let review =
                TokenReview { spec: TokenReviewSpec { token, ..TokenReviewSpec::default() }, ..TokenReview::default() };
            let reviewed = Api::<TokenReview>::all(client).create(&params, &review).await.expect("a review");
            let user = reviewed.status.and_then(|status| status.user).and_then(|user| user.username);
            assert_eq!(user.as_deref(), Some("system:serviceaccount:default:default"));
            drop(watched.next());
            assert!(cluster.end().await.left.is_empty());
        });
    }
}

/// An engine that is not there is named with those that are, before anything is started.
#[test]
fn an_unknown_version_is_refused_with_the_list() {
    let scenario = PathBuf::from("scenarios/serviceaccount-2019/as-it-was-written.yaml");
    for (cluster, list) in
        [("builtin", "1.37, 1.34, 1.20"), ("docker", "1.37, 1.34, 1.20"), ("auto", "1.37, 1.34, 1.20")]
    {
        for version in ["1.21", "1.37,1.99"] {
            let mut command = Command::new(env!("CARGO_BIN_EXE_kubewalk"));
            command.current_dir(root()).args(["run", "--cluster", cluster, "--kubernetes", version]).arg(&scenario);
            let output = command.output().expect("kubewalk starts");
            let said = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(2), "{said}");
            assert!(said.contains("the engine has no Kubernetes 1.") && said.contains(list), "{said}");
        }
    }
    let mut command = Command::new(env!("CARGO_BIN_EXE_kubewalk"));
    let options = ["run", "--cluster", "kubeconfig", "--yes-this-cluster", "--kubernetes", "1.34"];
    let output = command.current_dir(root()).args(options).arg(&scenario).output().expect("kubewalk starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("a cluster that exists has the version that it has"), "{said}");
}
