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

/// Scenarios that cannot be gone back in, each with the reason. A tenth of all at most.
const CANNOT: &[(&str, &str)] = &[];

/// Those that are tried unless all are asked for: each is run three times, which takes 20 s.
const USUAL: &str = "scenarios/serviceaccount/";

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
    wrong: Vec<String>,
}

impl ThereAndBack {
    fn new() -> Self {
        let known = Known {
            way: Way::There,
            stops: vec![],
            snapshots: BTreeMap::new(),
            namespace: String::new(),
            wrong: vec![],
        };
        ThereAndBack { known: Mutex::new(known) }
    }

    /// Looks whether the cluster is what it was when it was at this place before.
    async fn compare(&self, at: &Position<'_>) {
        let (way, before, namespace) = {
            let known = self.known.lock().expect("whole");
            (known.way, known.snapshots.get(&at.at).cloned(), known.namespace.clone())
        };
        let Some(before) = before else { return };
        let begun = Instant::now();
        loop {
            let different = seen(at).await.difference((&before, &namespace), &at.plan.namespace);
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
    let guide = ThereAndBack::new();
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
    manifests::render::install(Box::new(Renderer::new(settings::from_env(), |_| ())));
    let all = std::env::var_os("KUBEWALK_REWIND").is_some_and(|word| word == "all");
    let only = std::env::var("KUBEWALK_FILTER").unwrap_or_else(|_| if all { "" } else { USUAL }.to_owned());
    if !all {
        kubewalk::testing::note(&format!(
            "kubewalk: back and forth in {only} only; KUBEWALK_REWIND=all takes half an hour\n"
        ));
    }
    let all = files::below(Path::new("scenarios")).expect("scenarios");
    let plans = all
        .iter()
        .filter(|path| path.to_string_lossy().contains(&only))
        .map(|path| plan::load(path, &Names::random(), Trust::Full).map_err(|(_, found)| found).expect("a plan"));
    // An exercise fails as it is given.
    let plans: Vec<Plan> =
        plans.filter(|plan| !plan.tags.iter().any(|tag| tag == "slow" || tag == "exercise")).collect();
    assert!(!plans.is_empty(), "no scenario has `{only}` in its name");
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
    assert!(10 * cannot <= count, "{cannot} of {count} cannot be gone back in");
}
