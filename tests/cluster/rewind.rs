//! Back is back: every shipped scenario is led through to its end, back to its middle, back to its beginning, and to its end again, on
//! a real cluster. All objects in the scenario's reach are the same each time that it is at the same place, as far as they do not
//! change by themselves.
#![cfg(target_os = "linux")]
#![allow(clippy::print_stdout, reason = "the figures, shown with --nocapture")]

use std::{
    collections::BTreeMap,
    path::Path,
    sync::Mutex,
    time::{Duration, Instant},
};

use futures::future::BoxFuture;
use kubewalk::{
    cluster::{self, Cluster, Progress, Wanted, rendering::Renderer},
    event::{Event, Outcome, RewoundBy},
    exit_code::Exit,
    manifests,
    plan::{self, Names, Plan, Trust},
    run::{
        self, Afterwards,
        groups::by_server,
        guide::{Guide, Position, Turn},
        look::Look,
        rewind::{Snapshot, look},
    },
    scenario::files,
    settings,
    stop::Stop,
};

/// Scenarios that cannot be gone back in, each with the reason. A tenth of all at most, with those below.
const CANNOT: &[(&str, &str)] = &[(
    "impersonation/acting-as-another.yaml",
    "since 1.36 the API server remembers of a user by which verb it has acted as another, and names that one in later refusals",
)];

/// Scenarios that can be gone back in, and in which an object is another the second time, each with the reason.
const BY_CHANCE: &[(&str, &str, &str)] = &[
    (
        "admission/a-policy-against-the-default-account.yaml",
        "Pod nameless-* in kw-policed is new",
        "a try that comes before the policy has arrived makes a Pod, and how many do differs",
    ),
    (
        "cases/a-webhook-that-denies.yaml",
        "ValidatingWebhookConfiguration kw-denies has changed",
        "its Pod makes a certificate by chance, and what it is called with names it",
    ),
];

/// Those that are tried unless all are asked for: there and back by undoing, with steps that are left out, with a kind of its own, and by
/// beginning anew.
const USUAL: &[&str] = &[
    "serviceaccount/walkthrough.yaml",
    "language/where-a-claim-holds.yaml",
    "cases/a-fresh-kind-is-not-there-at-once.yaml",
    "cases/a-namespace-that-does-not-end.yaml",
];

/// How long controllers may take until a cluster is what it was.
const SETTLES_WITHIN: Duration = Duration::from_secs(10);

/// Where it is on its way there and back and there again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    There,
    BackToTheMiddle,
    BackToTheBegin,
    Again,
    Over,
}

#[derive(Debug)]
struct ThereAndBack {
    known: Mutex<Known>,
}

#[derive(Debug)]
struct Known {
    way: Way,
    /// The numbers of steps that are behind at each stop of the way there.
    stops: Vec<usize>,
    snapshots: BTreeMap<usize, Snapshot>,
    /// The namespace of the way there.
    namespace: String,
    /// What may be another one on the second way.
    by_chance: Vec<&'static str>,
    wrong: Vec<String>,
}

impl ThereAndBack {
    fn new(path: &str) -> Self {
        let by_chance =
            BY_CHANCE.iter().filter(|(name, ..)| path.ends_with(name)).map(|(_, words, _)| *words).collect();
        let known = Known {
            way: Way::There,
            stops: vec![],
            snapshots: BTreeMap::new(),
            namespace: String::new(),
            by_chance,
            wrong: vec![],
        };
        ThereAndBack { known: Mutex::new(known) }
    }

    /// Looks whether the cluster is what it was when it was at this place before.
    async fn compare(&self, at: &Position<'_>) {
        let (way, before, namespace, by_chance) = {
            let known = self.known.lock().expect("whole");
            let by_chance = if known.way == Way::Again { known.by_chance.clone() } else { vec![] };
            (known.way, known.snapshots.get(&at.at).cloned(), known.namespace.clone(), by_chance)
        };
        let Some(before) = before else { return };
        let begun = Instant::now();
        loop {
            let mut different = seen(at).await.difference((&before, &namespace), &at.plan.namespace);
            different.retain(|line| !by_chance.contains(&line.as_str()));
            if different.is_empty() {
                return;
            }
            if begun.elapsed() > SETTLES_WITHIN {
                let wrong = format!("{way:?}, after {} steps: {}", at.at, different.join("; "));
                self.known.lock().expect("whole").wrong.push(wrong);
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

async fn seen(at: &Position<'_>) -> Snapshot {
    let client = at.cluster.client().await.expect("a client");
    look(&client).await.expect("all objects")
}

impl Guide for ThereAndBack {
    fn turn<'a>(&'a self, at: Position<'a>) -> BoxFuture<'a, Turn> {
        Box::pin(async move {
            let steps = at.plan.steps.len();
            let way = self.known.lock().expect("whole").way;
            match way {
                Way::There => {
                    let now = seen(&at).await;
                    let mut known = self.known.lock().expect("whole");
                    known.stops.push(at.at);
                    known.snapshots.insert(at.at, now);
                    known.namespace.clone_from(&at.plan.namespace);
                    if at.at < steps {
                        return Turn::Step;
                    }
                    known.way = Way::BackToTheMiddle;
                    Turn::Back(known.stops[known.stops.len() / 2] + 1)
                }
                Way::BackToTheMiddle => {
                    self.compare(&at).await;
                    let mut known = self.known.lock().expect("whole");
                    known.way = Way::BackToTheBegin;
                    Turn::Back(known.stops[0] + 1)
                }
                Way::BackToTheBegin | Way::Again => {
                    self.compare(&at).await;
                    let mut known = self.known.lock().expect("whole");
                    known.way = if at.at < steps { Way::Again } else { Way::Over };
                    if at.at < steps { Turn::Step } else { Turn::End }
                }
                Way::Over => Turn::End,
            }
        })
    }

    fn touched(&self) -> bool {
        false
    }
}

/// What came of a scenario.
#[derive(Debug, Default)]
struct Came {
    wrong: Vec<String>,
    /// How it went back, how long each took, and why something was replayed.
    undone: usize,
    replayed: Vec<String>,
    took_ms: Vec<u64>,
}

async fn there_and_back(plan: &Plan, cluster: &Cluster) -> Came {
    let guide = ThereAndBack::new(&plan.document.source.path.to_string_lossy());
    let look = Look { guide: Some(&guide as &dyn Guide), ..Look::default() };
    let mut came = Came::default();
    let mut tell = |event: Event| match event {
        Event::Rewound(rewound) => {
            came.took_ms.push(rewound.took_ms);
            match rewound.by {
                RewoundBy::Undo => came.undone += 1,
                RewoundBy::Replay => came.replayed.push(rewound.stays.join("; ")),
            }
        }
        Event::StepFinished(step) if matches!(step.outcome, Outcome::Failed { .. } | Outcome::Broken { .. }) => {
            came.wrong.push(format!("step {} {}: {:?}", step.number, step.title, step.outcome));
        }
        _ => {}
    };
    let afterwards = (Afterwards::CleanUp(Duration::from_secs(60)), look);
    let (ended, going) = run::scenario(plan, cluster, afterwards, &Stop::never(), &mut tell).await;
    let client = cluster.client().await.expect("a client");
    let left = run::cleanup::gone_for_good(&client, &going, Duration::from_secs(60)).await;
    came.wrong.extend(ended.left.into_iter().chain(left).map(|left| format!("left: {left}")));
    if ended.exit != Exit::Held && came.wrong.is_empty() {
        came.wrong.push(format!("it ended with {:?}", ended.exit));
    }
    came.wrong.append(&mut guide.known.lock().expect("whole").wrong);
    came
}

#[test]
fn forward_back_and_forward_is_forward() {
    manifests::render::install(Box::new(Renderer::new(settings::from_env(), None, |_| ())));
    let all = std::env::var_os("KUBEWALK_REWIND").is_some_and(|word| word == "all");
    // Parts of paths, one of which a scenario's own has.
    let only = std::env::var("KUBEWALK_FILTER");
    let only: Vec<&str> = match &only {
        Ok(words) => words.split(' ').collect(),
        Err(_) if all => vec![""],
        Err(_) => USUAL.to_vec(),
    };
    if !all {
        let only = only.join(", ");
        kubewalk::testing::note(&format!(
            "kubewalk: back and forth in {only} only; KUBEWALK_REWIND=all takes half an hour\n"
        ));
    }
    // And what no shipped scenario does, for which an undo has to be careful.
    let careful = files::below(Path::new("tests/cluster/rewind")).expect("scenarios");
    let all = files::below(Path::new("scenarios")).expect("scenarios");
    let only: Vec<&str> = only.into_iter().chain(["tests/cluster/rewind"]).collect();
    let plans = all
        .iter()
        .chain(&careful)
        .filter(|path| only.iter().any(|part| path.to_string_lossy().contains(part)))
        .map(|path| plan::load(path, &Names::random(), Trust::Full).map_err(|(_, found)| found).expect("a plan"));
    // An exercise fails as it is given.
    let plans: Vec<Plan> =
        plans.filter(|plan| !plan.tags.iter().any(|tag| tag == "slow" || tag == "exercise")).collect();
    assert!(plans.len() >= only.len(), "no scenario has one of {only:?} in its path");
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    let (mut wrong, mut cannot, mut count) = (Vec::new(), 0, 0);
    for group in by_server(plans) {
        let wanted = Wanted { shape: group[0].shape.clone(), ..settings::wanted().expect("a kind of cluster") };
        let start = || async {
            let mut progress = |_: Progress| {};
            cluster::start(&wanted, &settings::from_env(), &Stop::never(), &mut progress).await.expect("a cluster")
        };
        let mut cluster = runtime.block_on(start());
        for plan in &group {
            let path = plan.document.source.path.to_string_lossy().into_owned();
            count += 1;
            if let Some((_, why)) = CANNOT.iter().find(|(name, _)| path.ends_with(name)) {
                println!("{path}: cannot be gone back in: {why}");
                cannot += 1;
                continue;
            }
            if let Some((_, what, why)) = BY_CHANCE.iter().find(|(name, ..)| path.ends_with(name)) {
                println!("{path}: the second time, {what}: {why}");
                cannot += 1;
            }
            let begun = Instant::now();
            let came = runtime.block_on(there_and_back(plan, &cluster));
            println!("{path}: {} s, back in {:?} ms, {} undone", begun.elapsed().as_secs(), came.took_ms, came.undone);
            came.replayed.iter().for_each(|why| println!("    replayed: {why}"));
            if !came.wrong.is_empty() {
                println!("    {:#?}", came.wrong);
                wrong.push(format!("{path}: {:#?}", came.wrong));
                // What is not as it was must not be blamed on the next.
                runtime.block_on(cluster.discard());
                cluster = runtime.block_on(start());
            }
        }
        let ended = runtime.block_on(cluster.end());
        assert!(ended.left.is_empty(), "{:?}", ended.left);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count < 10 || 10 * cannot <= count, "{cannot} of {count} cannot be gone back in");
}
