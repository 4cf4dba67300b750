//! One run with one fault, all of it by chance: what may come of it, and what may not.

use std::time::Duration;

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng, seq::IndexedRandom as _};
use rustix::process::Signal;

/// Stories that are true; in each, every status that is said is needed.
const TRUE: [&str; 2] = ["scenarios/rbac/one-role.yaml", "scenarios/serviceaccount/walkthrough.yaml"];

/// Where it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// On a cluster of its own.
    Cold,
    /// On a warm one.
    Warm,
    /// On one that exists, and is somebody else's.
    Kubeconfig,
}

/// What happens to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    None,
    /// A signal that ends it.
    Signal(Signal),
    /// It stands still for a while.
    Pause,
    /// A program of the node ends.
    Kill(&'static str),
    /// A program of the node stands still for a while.
    Freeze(&'static str),
    /// There is no room for its reports.
    Full,
}

/// The programs of a node that are killed and frozen.
const PROGRAMS: [&str; 4] = ["kube-apiserver", "etcd", "kubelet", "containerd"];

/// A run with its fault.
#[derive(Debug, Clone)]
pub struct Shot {
    pub place: Place,
    /// The scenario that it is made of.
    pub path: &'static str,
    /// Its text; with a false expectation unless `truth`.
    pub text: String,
    pub truth: bool,
    pub fault: Fault,
    /// When the fault comes: after the start of the run, or of the program.
    pub after: Duration,
    /// How long something stands still.
    pub pause: Duration,
}

impl Shot {
    /// The shot of a seed.
    pub fn of(seed: u64) -> Shot {
        let mut rng = StdRng::seed_from_u64(seed);
        let place = *[Place::Cold, Place::Cold, Place::Warm, Place::Kubeconfig].choose(&mut rng).expect("some");
        let program = PROGRAMS.choose(&mut rng).expect("some");
        let fault = match rng.random_range(0..20) {
            0..3 => Fault::None,
            3..8 => {
                Fault::Signal(*[Signal::KILL, Signal::TERM, Signal::INT, Signal::HUP].choose(&mut rng).expect("some"))
            }
            8..11 => Fault::Pause,
            11..15 => Fault::Kill(program),
            15..18 => Fault::Freeze(program),
            _ => Fault::Full,
        };
        // The walkthrough takes the namespace `default`, which on a cluster of others is not ours.
        let path = if place == Place::Kubeconfig { TRUE[0] } else { TRUE.choose(&mut rng).expect("some") };
        let text = std::fs::read_to_string(path).expect("a scenario");
        let truth = rng.random_bool(0.5);
        let text = if truth { text } else { falsified(&text, &mut rng) };
        // A cluster takes some seconds to start. The moment is to come before the end of most runs.
        let steps = if path.contains("walkthrough") { 2500 } else { 900 };
        let latest = if place == Place::Cold { 4500 + steps } else { steps };
        let after = Duration::from_millis(rng.random_range(0..latest));
        Shot { place, path, text, truth, fault, after, pause: Duration::from_millis(rng.random_range(300..6000)) }
    }

    /// Why an exit code is a wrong verdict, if it is.
    pub fn wrong(&self, code: i32) -> Option<&'static str> {
        let mine = match self.fault {
            Fault::Signal(signal) => 128 + signal.as_raw(),
            _ => -1,
        };
        let doubtful = matches!(self.fault, Fault::Kill(_) | Fault::Freeze(_));
        match (code, self.truth) {
            (0, false) => Some("held, but it says something false"),
            (1, true) => Some("failed, but all that it says is true"),
            (6 | 7, false) => Some("the verdict is lost: it says something false"),
            (7, true) => (self.fault != Fault::Full).then_some("there was room for the report"),
            (0, true) => (self.fault == Fault::Full).then_some("there was no room for the report"),
            (1, false) => None,
            (6, true) | (3, _) => (!doubtful).then_some("nothing was wrong with the environment"),
            _ if code == mine => None,
            _ => Some("no such end"),
        }
    }
}

/// One of the statuses that are said turned into its contrary.
fn falsified(text: &str, rng: &mut StdRng) -> String {
    let said = |line: &&str| line.contains("status: 403") || line.contains("status: 200");
    let count = text.lines().filter(said).count();
    let chosen = rng.random_range(0..count);
    let mut number = 0;
    let turned = text.lines().map(|line| {
        if !said(&line) {
            return line.to_owned();
        }
        number += 1;
        match (number - 1 == chosen, line.contains("status: 403")) {
            (true, true) => line.replacen("status: 403", "status: 200", 1),
            (true, false) => line.replacen("status: 200", "status: 403", 1),
            (false, _) => line.to_owned(),
        }
    });
    turned.map(|line| line + "\n").collect()
}

impl std::fmt::Display for Shot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = self.path.rsplit('/').next().unwrap_or_default().trim_end_matches(".yaml");
        let truth = if self.truth { "true" } else { "false" };
        write!(f, "{:?} {name} {truth}, {} after {} ms", self.place, self.fault, self.after.as_millis())?;
        match self.fault {
            Fault::Pause | Fault::Freeze(_) => write!(f, " for {} ms", self.pause.as_millis()),
            _ => Ok(()),
        }
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Fault::None => f.write_str("nothing"),
            Fault::Signal(signal) => write!(f, "{} to the run", name(*signal)),
            Fault::Pause => f.write_str("STOP and CONT to the run"),
            Fault::Kill(program) => write!(f, "{program} killed"),
            Fault::Freeze(program) => write!(f, "{program} frozen"),
            Fault::Full => f.write_str("no room for reports"),
        }
    }
}

fn name(signal: Signal) -> &'static str {
    match signal {
        Signal::KILL => "KILL",
        Signal::TERM => "TERM",
        Signal::INT => "INT",
        _ => "HUP",
    }
}
