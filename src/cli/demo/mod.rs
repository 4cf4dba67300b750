//! `kubewalk demo`: a scenario as a class.
//!
//! A face (a terminal, a browser) sends commands into a room and shows the views that come out of it; the leader carries out what the
//! commands ask for, on a cluster or from an earlier run's events.

mod connections;
mod face;
mod keys;
mod leader;
mod raw;
mod replay;
mod room;
mod server;
mod serving;
mod sink;

use std::{path::PathBuf, sync::Arc, time::Duration};

use clap::Args;
use tokio::time::Instant;

use self::{
    face::{Face, Look},
    leader::Leader,
    raw::is_at_a_terminal,
    room::Room,
    serving::serve,
    sink::ClassSink,
};
use super::{
    class,
    cluster_choice::ClusterChoice,
    cluster_source::Starter,
    look::Pause,
    rendering,
    screen::Screen,
    secret::Secrets,
    select::{self, Selection, Slow},
    signals,
    talk::Talk,
};
use crate::{
    cluster::{self, Wanted},
    event::{Event, VERSION},
    exit_code::Exit,
    output::{eprint, eprint_colored},
    plan::Plan,
    presenter::Lesson,
    report_target::{self, ReportKind, ReportTarget},
    run::{
        self, Ended, exclusion::ExclusionLocks, groups, guide::Guide, look, millis, retry::RetryLoop, sink::EventSink,
    },
    run_limits::RunLimits,
    settings,
    stop::{Stop, Stopper},
};

/// How a class is shown.
#[derive(Debug, Clone, Copy, Args)]
struct Showing {
    /// How fast the commands appear, in characters a second; a long one takes three seconds at most.
    #[arg(long, value_name = "CHARACTERS", default_value_t = 40, value_parser = clap::value_parser!(u32).range(1..), env = "KUBEWALK_SPEED")]
    speed: u32,
    /// Shows commands at once.
    #[arg(long, env = "KUBEWALK_NO_TYPING")]
    no_typing: bool,
    /// For a room that reads from far away: short lines, much space, nothing faint.
    #[arg(long, env = "KUBEWALK_PROJECTOR")]
    projector: bool,
}

#[derive(Debug, Args)]
pub struct Options {
    /// A scenario file, or a folder that holds some: they follow one after the other. With --replay: the file as it is named in the
    /// event stream, when that has several.
    #[arg(value_name = "PATH", required_unless_present = "replay")]
    path: Option<PathBuf>,
    #[command(flatten)]
    showing: Showing,
    /// Shows the class as a page on this machine, for a browser, and a second one that only follows. Nothing of it is for other
    /// machines.
    #[arg(long, env = "KUBEWALK_BROWSER")]
    browser: bool,
    /// Writes the event stream of the class, for --replay and `kubewalk report`.
    #[arg(long, value_name = "EVENTS", conflicts_with = "replay")]
    record: Option<PathBuf>,
    /// Shows an earlier run again, from its event stream: no cluster is started.
    #[arg(long, value_name = "EVENTS")]
    replay: Option<PathBuf>,
    #[command(flatten)]
    pub(super) choice: ClusterChoice,
    /// The scenarios are not trusted: refuses all that could reach the cluster's node.
    #[arg(long, env = "KUBEWALK_UNTRUSTED", value_parser = clap::builder::FalseyValueParser::new())]
    untrusted: bool,
    #[command(flatten)]
    secrets: Secrets,
    /// Starts a new cluster, also when a warm one is there (see `kubewalk cluster`).
    #[arg(long, env = settings::FRESH)]
    fresh: bool,
}

/// How long what a scenario made may take to go.
const GOES_WITHIN: Duration = Duration::from_secs(30);

impl Options {
    fn look(&self, talk: Talk) -> Look {
        let Showing { speed, no_typing, projector } = self.showing;
        Look { speed: (!no_typing).then_some(speed), projector, colors: talk.stdout_colors(), browser: self.browser }
    }

    fn reports(&self) -> Vec<ReportTarget> {
        let events = |path: &PathBuf| ReportTarget { kind: ReportKind::Events, path: Some(path.clone()) };
        self.record.iter().map(events).collect()
    }
}

pub fn main(options: &Options, talk: Talk) -> anyhow::Result<Exit> {
    if let Err(exit) = options.secrets.register() {
        return Ok(exit);
    }
    if let Some(events) = &options.replay {
        return replay::main(events, options.path.as_deref(), options.look(talk), talk);
    }
    if let Err(exit) = class::own_cluster(options.choice.cluster) {
        return Ok(exit);
    }
    let reports = options.reports();
    if let Err(e) = report_target::check_places(&reports) {
        eprint(&format!("error: {e}\n"));
        return Ok(Exit::Invalid);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let (stopper, stop) = runtime.block_on(async { signals::listen("kubewalk sweep".into()) });
    rendering::install(true, options.choice.kubernetes.first().copied());
    let selection = Selection {
        paths: options.path.iter().cloned().collect(),
        filter: None,
        expression: None,
        tag: vec![],
        claims: None,
        untrusted: options.untrusted,
    };
    let mut selected = select::select(&selection, Slow::ButNoExercises, talk.stderr_colors());
    eprint_colored(&selected.complaints(), talk.stderr_colors());
    let places = options.record.iter();
    if let Err(e) = report_target::spares(places, &selected.files_read()) {
        eprint(&format!("error: {e}\n"));
        return Ok(Exit::Invalid);
    }
    if selected.verdict() != Exit::Held {
        return Ok(Screen::new(talk, &reports).nothing_starts(selected));
    }
    let kubernetes = match options.choice.one_version() {
        Ok(kubernetes) => kubernetes,
        Err(exit) => return Ok(exit),
    };
    let wanted =
        Wanted { kind: options.choice.cluster.kind(), kubernetes, untrusted: options.untrusted, ..Wanted::default() };
    if let Err(e) = cluster::check(&wanted, &settings::from_env()) {
        eprint_line!("error: {e}\n   = remedy: {}", e.remedy.as_deref().unwrap_or_default());
        return Ok(Exit::Invalid);
    }
    // In the order in which they are run, and shown.
    let groups = groups::by_server(std::mem::take(&mut selected.plans));
    let plans = || groups.iter().flatten();
    let begun = Instant::now();
    let started = Event::RunStarted {
        version: VERSION,
        kubewalk: env!("CARGO_PKG_VERSION").into(),
        scenarios: plans().count(),
        started: jiff::Timestamp::now().round(jiff::Unit::Second)?.to_string(),
        selected: plans().map(run::selected).collect(),
        options: options.choice.again.clone(),
    };
    let lessons = plans().map(Lesson::of_plan).collect();
    let class = Present { options, wanted, groups, stop: &stop, begun };
    Ok(if is_at_a_terminal() || options.browser {
        // In a browser, a shell opens where kubewalk was started.
        let room = Arc::new(Room::new(lessons, is_at_a_terminal()));
        let mut sink = ClassSink::new(&reports, Arc::clone(&room), talk);
        sink.event(started);
        runtime.block_on(class.led(room, sink, options.look(talk), &stopper))
    } else {
        eprint_line!(
            "kubewalk: standard input or output is no terminal, so nobody can lead: the class runs straight through"
        );
        let mut screen = Screen::new(talk, &reports);
        screen.event(started);
        runtime.block_on(async {
            let ended = class.play(None, &mut screen).await;
            let exit = finish(&ended, &stop, begun, &mut screen);
            exit.worst(screen.finish())
        })
    })
}

/// The scenarios of a class, and their cluster.
struct Present<'a> {
    options: &'a Options,
    wanted: Wanted,
    groups: Vec<Vec<Plan>>,
    stop: &'a Stop,
    begun: Instant,
}

impl Present<'_> {
    /// With the person who leads at this terminal.
    async fn led(self, room: Arc<Room>, mut sink: ClassSink, look: Look, stopper: &Stopper) -> Exit {
        let _server = match serve(&room, look).await {
            Ok(server) => server,
            Err(exit) => return exit,
        };
        let face = Arc::new(Face::new(Arc::clone(&room), look, stopper.clone()));
        sink.shows_with(Arc::clone(&face));
        let pause = Pause { settings: settings::from_env(), existing: None };
        let leader = Leader::new(room, Arc::clone(&face), pause);
        let (stop, begun) = (self.stop, self.begun);
        let ended = self.play(Some(&leader), &mut sink).await;
        face.leave();
        let exit = finish(&ended, stop, begun, &mut sink);
        exit.worst(sink.finish())
    }

    /// All of them, one after the other.
    async fn play(self, guide: Option<&dyn Guide>, sink: &mut dyn EventSink) -> Ended {
        let Present { options, wanted, groups, stop, begun } = self;
        let limits =
            RunLimits { budget: None, cleanup_budget: GOES_WITHIN, retry_environment: 0, fail_on_flaky: false };
        let (settings, exclusion) = (settings::from_env(), ExclusionLocks::new());
        let retry_loop = |plans| {
            let wanted = groups::wanted(plans, &wanted);
            let (fresh, verbose, keep) = (options.fresh, false, None);
            let source = Starter { plans, wanted, settings: &settings, fresh, keep, verbose, stop, begun };
            let look = look::Look { guide, ..look::Look::default() };
            let (limits, exclusion) = (&limits, &exclusion);
            RetryLoop { plans, source, limits, jobs: 1, exclusion, look, fail_fast: false, stop }
        };
        Box::pin(groups::run(&groups, &wanted, retry_loop, sink)).await
    }
}

/// Tells how all ended.
fn finish(ended: &Ended, stop: &Stop, begun: Instant, sink: &mut dyn EventSink) -> Exit {
    let Ended { mut exit, held, failed, broken, skipped, ref left, .. } = *ended;
    if let Some(why) = stop.asked() {
        exit = exit.worst(why.into());
        let stuck = crate::process::still_there();
        let words = match (stuck.is_empty(), left.is_empty()) {
            (false, _) => format!("still there: {}", stuck.join(", ")),
            (true, false) => "what could not be removed is listed above".to_owned(),
            (true, true) => "everything that was started is removed".to_owned(),
        };
        if !stuck.is_empty() {
            exit = exit.worst(Exit::CleanUp);
        }
        sink.note(&format!("kubewalk: stopped by {why}; {words}"));
    }
    let took_ms = millis(begun.elapsed());
    sink.event(Event::RunFinished { held, failed, broken, skipped, took_ms, exit_code: exit.code() });
    exit
}
