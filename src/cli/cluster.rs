//! `kubewalk cluster`: warm clusters, started ahead and used by one run after the other.

use std::{fmt::Write as _, path::PathBuf, time::Duration};

use clap::{Args, Subcommand};

use super::{
    cluster_choice::ClusterChoice, cluster_source, environment::eprint_environment, progress, signals, talk::Talk,
};
use crate::{
    cluster::{
        self, ClusterError, Settings, StartError, Wanted, hold, holder,
        lease::{self, Folder, State, Until},
        warm,
        whose::Whose,
    },
    cluster_kind::ClusterKind,
    duration,
    exit_code::Exit,
    output::{eprint_colored, print},
    plan::{self, Names, Trust},
    scenario::{self, diagnostic},
    settings,
    shape::Shape,
    stop::Stop,
};

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Starts a cluster that stays, and prints its name. `kubewalk run` and `cargo test` use it from then on. When one like it is
    /// there already, that one stays for longer.
    Up(Up),
    /// Lists the clusters that stay: name, kind, version, state, minutes until the end.
    List,
    /// Ends a cluster and removes all of it.
    Down(Down),
    /// Prints the path of a cluster's kubeconfig, of an administrator.
    Kubeconfig(Named),
    /// Holds a cluster; `up` calls this.
    #[command(hide = true)]
    Hold {
        /// The cluster's folder.
        folder: PathBuf,
    },
}

#[derive(Debug, Args)]
pub struct Up {
    #[command(flatten)]
    choice: ClusterChoice,
    /// A scenario whose `cluster:` says how the API server is to be; the cluster is for scenarios that ask for the same.
    #[arg(long, value_name = "SCENARIO")]
    like: Option<PathBuf>,
    /// For scenarios that are not trusted: the cluster refuses all Pods that could reach its node.
    #[arg(long, env = "KUBEWALK_UNTRUSTED", value_parser = clap::builder::FalseyValueParser::new())]
    untrusted: bool,
    /// The cluster ends when it has not been used for this time, e.g. `90s`, `30m`, `2h`.
    #[arg(long, value_name = "TIME", default_value = "30m", value_parser = duration::option)]
    ttl: Duration,
}

#[derive(Debug, Args)]
pub struct Named {
    /// Its name; may be left out when there is only one.
    name: Option<String>,
}

#[derive(Debug, Args)]
pub struct Down {
    #[command(flatten)]
    named: Named,
    /// All of this project; those of others end by their name.
    #[arg(long, conflicts_with = "name")]
    all: bool,
}

impl Command {
    /// Whether it starts a cluster, and so goes by the project's file.
    pub fn starts(&self) -> bool {
        matches!(self, Command::Up(_))
    }
}

pub fn main(command: &Command, talk: Talk) -> anyhow::Result<Exit> {
    let settings = settings::from_env();
    if let Command::Hold { folder } = command {
        let code = hold::hold(&Folder::at(folder.clone()), &settings, true);
        // Nothing runs any more but the thread that waits for the starter.
        std::process::exit(code.into());
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let stop = runtime.block_on(async { signals::listen("kubewalk sweep".into()).1 });
    let done = runtime.block_on(async {
        lease::sweep(&settings.held());
        match command {
            Command::Up(options) => up(options, &settings, &stop, talk).await,
            Command::List => list(&settings),
            Command::Down(options) => down(options, &settings).await,
            Command::Kubeconfig(named) => {
                let (_, state) = find_one(named, &settings)?;
                Ok(print(&format!("{}\n", state.kubeconfig.display())))
            }
            Command::Hold { .. } => Ok(Exit::Held),
        }
    });
    Ok(done.unwrap_or_else(|error| match error {
        StartError::Stopped(why) => {
            eprint_line!("kubewalk: stopped by {why}; everything that was started is removed");
            why.into()
        }
        StartError::Failed(error) => eprint_environment(&error),
    }))
}

async fn up(options: &Up, settings: &Settings, stop: &Stop, talk: Talk) -> Result<Exit, StartError> {
    // A later run that uses it may make calls without credentials.
    let kind = options.choice.cluster.kind();
    let untrusted = options.untrusted;
    let kubernetes = match options.choice.one_version() {
        Ok(kubernetes) => kubernetes,
        Err(exit) => return Ok(exit),
    };
    let shape = match &options.like {
        Some(path) => match shape_of(path, untrusted, talk) {
            Some(shape) => shape,
            None => return Ok(Exit::Invalid),
        },
        None => Shape::default(),
    };
    let wanted = Wanted { kind, kubernetes, anonymous: true, untrusted, shape, ..Wanted::default() };
    if kind == Some(ClusterKind::Kubeconfig) {
        let remedy = "run scenarios in it with --cluster kubeconfig --context NAME";
        return Err(ClusterError::new("a cluster that exists needs no start", remedy).into());
    }
    cluster::check(&wanted, settings)?;
    for (folder, state) in kept(settings)? {
        let sound = folder.read::<ClusterError>("broken.json").is_none();
        if sound
            && folder.kept().is_empty()
            && warm::fits(&state, &wanted)
            && state.ask.whose == Whose::here()
            && state.ask.until == Until::Unused(options.ttl.as_secs())
        {
            if let Ok(using) = folder.open("use.lock") {
                folder.touch(&using);
            }
            eprint_line!("kubewalk: the cluster {} is up already; its time begins anew", folder.name());
            return Ok(print(&format!("{}\n", folder.name())));
        }
    }
    let command = cluster_source::holder()?;
    let begun = std::time::Instant::now();
    let mut progress = |progress| {
        if !talk.quiet {
            progress::show(progress);
        }
    };
    let (folder, state) = warm::up(&wanted, options.ttl, settings, command, stop, &mut progress).await?;
    let (kind, version, took) = (&state.kind, &state.kubernetes, begun.elapsed().as_secs_f64());
    eprint_line!(
        "cluster: {kind} with Kubernetes {version} is ready ({took:.1} s); it ends {} after its last use",
        duration::about(options.ttl.as_secs())
    );
    eprint_line!("kubewalk: look around with KUBECONFIG={}", state.kubeconfig.display());
    Ok(print(&format!("{}\n", folder.name())))
}

/// What the `cluster:` of a scenario asks for; `None` when the file is not valid, which has been said.
fn shape_of(path: &std::path::Path, untrusted: bool, talk: Talk) -> Option<Shape> {
    let planned = scenario::read_file(path).and_then(|document| {
        let source = document.source.clone();
        plan::plan_for(document, &Names::random(), Trust::from_untrusted(untrusted)).map_err(|found| (source, found))
    });
    let say = |(source, found): (_, Vec<_>)| {
        eprint_colored(&diagnostic::render(&found, &source, talk.stderr_colors()), talk.stderr_colors());
    };
    planned.map_err(say).ok().map(|plan| plan.shape)
}

fn list(settings: &Settings) -> Result<Exit, StartError> {
    let (mut text, mut exit, here) = (String::new(), Exit::Held, Whose::here());
    for folder in Folder::all(&settings.held())? {
        let state = match folder.known() {
            Ok(Some(state)) => state,
            Ok(None) => continue,
            Err(error) => {
                exit = exit.worst(eprint_environment(&error));
                continue;
            }
        };
        let used = folder.open("use.lock").is_ok_and(|file| lease::lock_soon(&file).is_err());
        let broken = folder.read::<ClusterError>("broken.json").is_some();
        let word = if broken {
            "broken"
        } else if !folder.kept().is_empty() {
            "kept"
        } else if used {
            "in use"
        } else {
            "free"
        };
        let end = match &state.ask.until {
            Until::Gone(process) => format!("with process {}", process.pid),
            Until::Unused(seconds) if used => format!("{} after its use", duration::about(*seconds)),
            Until::Unused(seconds) => format!("in {}", duration::about(seconds.saturating_sub(unused_for(&folder)))),
        };
        let whose = match &state.ask.whose {
            whose if *whose == here => String::new(),
            whose => format!(", for {}", whose.describe()),
        };
        let shape = match state.ask.wanted.shape.describe() {
            words if words.is_empty() => words,
            words => format!("; API server: {words}"),
        };
        let (name, kind, version) = (folder.name(), &state.kind, &state.kubernetes);
        let _ = writeln!(text, "{name:<12} {kind:<11} {version:<9} {word:<7} ends {end}{shape}{whose}");
    }
    if text.is_empty() && exit == Exit::Held {
        eprint_line!("kubewalk: there are none; `kubewalk cluster up` starts one");
    }
    Ok(print(&text).worst(exit))
}

/// Seconds since the last use.
fn unused_for(folder: &Folder) -> u64 {
    let changed = folder.path().join("use.lock").metadata().and_then(|about| about.modified());
    changed.ok().and_then(|changed| changed.elapsed().ok()).map_or(0, |time| time.as_secs())
}

async fn down(options: &Down, settings: &Settings) -> Result<Exit, StartError> {
    let folders = match options.all {
        true => own(settings)?,
        false => vec![named(&options.named, chosen_from(&options.named, settings)?, |folder| folder)?],
    };
    let mut exit = Exit::Held;
    for folder in folders {
        match holder::end(&folder, false).await {
            Ok(left) if left.is_empty() => eprint_line!("kubewalk: the cluster {} has ended", folder.name()),
            Ok(left) => {
                eprint_line!("kubewalk: the cluster {} has ended, and this is left:", folder.name());
                left.iter().for_each(|line| eprint_line!("  {line}"));
                exit = exit.worst(Exit::CleanUp);
            }
            Err(error) => exit = exit.worst(eprint_environment(&error)),
        }
    }
    Ok(exit)
}

/// The clusters that stay, each with its state.
fn kept(settings: &Settings) -> Result<Vec<(Folder, State)>, ClusterError> {
    let known = |folder: Folder| Some(folder.known().transpose()?.map(|state| (folder, state)));
    Folder::all(&settings.held())?.into_iter().filter_map(known).collect()
}

/// The folders of the clusters that stay, also of those whose state cannot be read.
fn lives(settings: &Settings) -> Result<Vec<Folder>, ClusterError> {
    Ok(Folder::all(&settings.held())?.into_iter().filter(|folder| !matches!(folder.known(), Ok(None))).collect())
}

/// Those of the work that is done here, and those whose state cannot be read: what has no name ends no cluster of others.
fn own(settings: &Settings) -> Result<Vec<Folder>, ClusterError> {
    let here = Whose::here();
    let ours = |folder: &Folder| folder.known().is_ok_and(|known| known.is_none_or(|state| state.ask.whose == here));
    let unknown = |folder: &Folder| folder.known().is_err();
    Ok(lives(settings)?.into_iter().filter(|folder| ours(folder) || unknown(folder)).collect())
}

/// A person who names one may mean any.
fn chosen_from(named: &Named, settings: &Settings) -> Result<Vec<Folder>, ClusterError> {
    if named.name.is_some() { lives(settings) } else { own(settings) }
}

/// The cluster of that name, or the only one of the work that is done here.
fn find_one(name: &Named, settings: &Settings) -> Result<(Folder, State), ClusterError> {
    let here = Whose::here();
    let all = kept(settings)?.into_iter().filter(|(_, state)| name.name.is_some() || state.ask.whose == here);
    named(name, all.collect(), |(folder, _)| folder)
}

fn named<T>(named: &Named, mut all: Vec<T>, folder: impl Fn(&T) -> &Folder) -> Result<T, ClusterError> {
    let names: Vec<_> = all.iter().map(|one| folder(one).name()).collect();
    let list = if names.is_empty() { "there are none".to_owned() } else { format!("there are: {}", names.join(", ")) };
    if let Some(name) = &named.name {
        let found = all.into_iter().find(|one| folder(one).name() == *name);
        return found.ok_or_else(|| ClusterError::new(format!("there is no cluster {name}"), list));
    }
    match all.len() {
        1 => Ok(all.remove(0)),
        0 => Err(ClusterError::new("there is no warm cluster", "`kubewalk cluster up` starts one")),
        _ => Err(ClusterError::new("there is more than one warm cluster, so name one", list)),
    }
}
