//! A share of the scenarios, for runs on several machines: each gets about the same work.

use std::{
    collections::HashMap,
    fmt,
    path::{Path, PathBuf},
};

use clap::Args;

use crate::{
    event::stream,
    exit_code::Exit,
    given_file::{self, MOST_OF_A_STREAM},
    plan::Plan,
    redact::show,
    report::story::{Run, Verdict},
};

/// A share: `2/3`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    /// 1 for the first.
    number: usize,
    of: usize,
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.number, self.of)
    }
}

fn shard(text: &str) -> Result<Shard, String> {
    let read = |text: &str| text.parse::<usize>().ok();
    let found = text.split_once('/').and_then(|(number, of)| Some(Shard { number: read(number)?, of: read(of)? }));
    found
        .filter(|shard| (1..=shard.of).contains(&shard.number) && shard.of <= 1000)
        .ok_or_else(|| "a share is one of several, such as 1/3, 2/3 and 3/3".into())
}

#[derive(Debug, Args)]
pub struct Sharding {
    /// Runs a share of the scenarios, e.g. 2/3: with 1/3, 2/3 and 3/3 each scenario is run once. All must be given the same
    /// scenarios and the same --times.
    #[arg(long, value_name = "N/M", value_parser = shard, env = "KUBEWALK_SHARD")]
    shard: Option<Shard>,
    /// With --shard: event streams of earlier runs, by whose times the work is shared; without one, by the number of steps. May be
    /// said more than once.
    #[arg(long, value_name = "EVENTS", requires = "shard", value_delimiter = ',', env = "KUBEWALK_TIMES")]
    times: Vec<PathBuf>,
}

/// What a step is taken to need when no time of any is known, in milliseconds.
const STEP: u64 = 100;

impl Sharding {
    /// Leaves those that are not of this share, and gives how many are left out.
    pub fn apply(&self, plans: &mut Vec<Plan>) -> Result<usize, Exit> {
        let Some(shard) = self.shard else { return Ok(0) };
        let mut times = HashMap::new();
        for path in &self.times {
            if let Err(why) = learn(path, &mut times) {
                eprint_line!(
                    "error: --times {}: {}",
                    show::line(&path.to_string_lossy(), show::BODY),
                    show::line(&why, show::BODY)
                );
                return Err(Exit::Invalid);
            }
        }
        let all = plans.len();
        let work: Vec<_> = plans.iter().map(|plan| (name(plan), plan.steps.len())).collect();
        let mine = share(&work, &times, shard);
        let mut at = 0;
        plans.retain(|_| {
            at += 1;
            mine[at - 1]
        });
        Ok(all - plans.len())
    }

    /// The share, if it is one.
    pub fn share(&self) -> Option<Shard> {
        self.shard
    }
}

fn name(plan: &Plan) -> String {
    plan.document.source.path.to_string_lossy().into_owned()
}

/// Adds the times of a recorded run: of each scenario that it came to.
fn learn(path: &Path, times: &mut HashMap<String, u64>) -> Result<(), String> {
    let text = given_file::read_text(path, MOST_OF_A_STREAM).map_err(|e| e.to_string())?;
    let records = stream::read(&text).map_err(|e| format!("line {}: {}", e.line, e.message))?;
    let mut now: HashMap<String, u64> = HashMap::new();
    for story in Run::from_records(&records).scenarios {
        if !matches!(story.verdict, Verdict::NotRun | Verdict::Part | Verdict::Skipped) {
            // On several versions of Kubernetes it takes the time of all.
            *now.entry(story.path.to_owned()).or_default() += story.took_ms.max(1);
        }
    }
    times.extend(now);
    Ok(())
}

/// Which of the scenarios, each with its number of steps, are of a share: the longest first, each to the share that has least so far.
/// What all machines know alike decides, so that all come to the same.
fn share(work: &[(String, usize)], times: &HashMap<String, u64>, shard: Shard) -> Vec<bool> {
    let known: Vec<_> = work.iter().filter_map(|(name, steps)| Some((*times.get(name)?, *steps as u64))).collect();
    let (took, steps) = known.iter().fold((0, 0), |(took, steps), (ms, count)| (took + ms, steps + count));
    let step = took.checked_div(steps).map_or(STEP, |step| step.max(1));
    let weight = |at: usize| {
        let (name, steps) = &work[at];
        times.get(name).copied().unwrap_or(step * (*steps as u64).max(1))
    };
    let mut order: Vec<usize> = (0..work.len()).collect();
    order.sort_by(|a, b| weight(*b).cmp(&weight(*a)).then_with(|| work[*a].0.cmp(&work[*b].0)));
    let (mut loads, mut mine) = (vec![0; shard.of], vec![false; work.len()]);
    for at in order {
        let least = (0..shard.of).min_by_key(|share| loads[*share]).unwrap_or_default();
        loads[least] += weight(at);
        mine[at] = least + 1 == shard.number;
    }
    mine
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_scenario_is_of_one_share_and_the_work_is_even() {
        let work: Vec<_> = (0..40).map(|at| (format!("{at:02}.yaml"), 1 + at % 7)).collect();
        let times: HashMap<_, _> =
            work.iter().step_by(2).map(|(name, steps)| (name.clone(), 50 * *steps as u64)).collect();
        for times in [times, HashMap::new()] {
            let shares: Vec<_> = (1..=3).map(|number| share(&work, &times, Shard { number, of: 3 })).collect();
            let mut sums = [0; 3];
            for at in 0..work.len() {
                assert_eq!(shares.iter().filter(|share| share[at]).count(), 1, "{at}");
                sums[shares.iter().position(|share| share[at]).expect("one")] += work[at].1;
            }
            assert!(sums.iter().max().unwrap() - sums.iter().min().unwrap() <= 7, "{sums:?}");
        }
        // A long one is alone.
        let mut long: HashMap<_, _> = work.iter().map(|(name, _)| (name.clone(), 10)).collect();
        long.insert("00.yaml".to_owned(), 1_000_000);
        let first = share(&work, &long, Shard { number: 1, of: 2 });
        assert_eq!((first[0], first.iter().filter(|mine| **mine).count()), (true, 1));
    }

    #[test]
    fn a_share_is_one_of_several() {
        assert_eq!(shard("2/3").map(|shard| shard.to_string()), Ok("2/3".into()));
        for wrong in ["0/3", "4/3", "3", "a/b", "1/0", "", "1/1001"] {
            assert!(shard(wrong).is_err(), "{wrong}");
        }
    }
}
