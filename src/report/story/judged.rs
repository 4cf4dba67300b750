//! How a scenario ended, by what was told of it.

use std::collections::HashSet;

use super::{Earlier, Step, Story, Verdict};
use crate::{
    event::{Outcome, was_left_out},
    report::trouble::TroubleClass,
};

/// What keeps a scenario of which no step failed from having held.
enum Missing {
    /// The first step that has no end.
    Step(usize),
    /// The first step that the person who ran it has left out, and how that was said.
    LeftOut(usize, String),
    /// Every step was skipped, and why the first was.
    All(String),
}

/// The reason of a step that was not run.
fn skipped<'s>(step: &'s Step<'_>) -> Option<&'s str> {
    match &step.finished.outcome {
        Outcome::Skipped { reason } => Some(reason),
        _ => None,
    }
}

fn every_one_skipped(steps: &[Step<'_>]) -> Option<Missing> {
    let reasons: Option<Vec<_>> = steps.iter().map(skipped).collect();
    reasons?.first().map(|reason| Missing::All((*reason).to_owned()))
}

impl Story<'_> {
    /// The step without which nothing is known of the whole.
    fn missing(&self) -> Option<Missing> {
        let left_out = |step: &Step<'_>| {
            let reason = skipped(step).filter(|reason| was_left_out(reason))?;
            Some(Missing::LeftOut(step.finished.number, reason.to_owned()))
        };
        let ended: HashSet<_> = self.steps.iter().map(|step| step.finished.number).collect();
        let first = self.steps.iter().find_map(left_out);
        first.or_else(|| (1..=self.expected).find(|number| !ended.contains(number)).map(Missing::Step))
    }

    /// It is run again: what was told so far is what was before.
    pub(super) fn again(&mut self) {
        self.judge();
        let (left, troubles) =
            std::mem::take(&mut self.troubles).into_iter().partition(|one| one.class == TroubleClass::CleanUp);
        let mut now = Story::new(self.path, self.title, self.line);
        (now.troubles, now.earlier, now.shape) = (left, std::mem::take(&mut self.earlier), self.shape);
        now.kubernetes = self.kubernetes;
        let culprit = self.culprit();
        // Behind the sentence may come the log of a component.
        let sentence = self.reason.lines().next().unwrap_or_default().trim_end_matches(':');
        let (class, reason) = (self.class(), sentence.to_owned());
        now.earlier.push(Earlier { class, reason, begun_ms: self.begun_ms, took_ms: self.took_ms, culprit, troubles });
        *self = now;
    }

    /// Its verdict, and why.
    pub(super) fn judge(&mut self) {
        let aborted = self.troubles.iter().find(|trouble| trouble.class != TroubleClass::CleanUp);
        (self.verdict, self.reason) = match (self.culprit(), aborted) {
            (Some(step), _) => match &step.outcome {
                Outcome::Failed { failures } => {
                    let message = failures.first().map(|failure| failure.mismatch.message.clone());
                    (Verdict::Failed, message.unwrap_or_else(|| "an expectation failed".into()))
                }
                Outcome::Broken { message, .. } => (Verdict::Broken, message.clone()),
                Outcome::Held | Outcome::Skipped { .. } => (Verdict::Held, String::new()),
            },
            (None, Some(trouble)) => (Verdict::Broken, trouble.message.clone()),
            (None, None) => match (self.begun_ms, self.begun) {
                (None, _) => (Verdict::NotRun, "the run ended before this scenario began".into()),
                (_, Some(begun)) => {
                    (Verdict::NotRun, format!("the run was stopped in step {}: {}", begun.number, begun.title))
                }
                _ if !self.ended => (Verdict::NotRun, "the run was stopped in this scenario".into()),
                _ => match self.missing().map_or_else(|| every_one_skipped(&self.steps), Some) {
                    Some(Missing::Step(number)) => {
                        (Verdict::NotRun, format!("the run was stopped before step {number}"))
                    }
                    Some(Missing::LeftOut(number, reason)) => {
                        (Verdict::Part, format!("only a part of it was run; step {number}: {reason}"))
                    }
                    Some(Missing::All(reason)) => (Verdict::Skipped, format!("every step was skipped: {reason}")),
                    None if self.earlier.is_empty() => (Verdict::Held, String::new()),
                    None => {
                        let before = &self.earlier[self.earlier.len() - 1].reason;
                        (Verdict::Flaky, format!("held only when it was run again; before: {before}"))
                    }
                },
            },
        };
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use crate::{
        event::{ENDED, Event, LEFT_OUT, OF_NO_PART, Outcome, Record, StepFinished},
        report::story::{Run, Verdict},
    };

    const SKIPPED: &str = "only on kind";

    fn finished(number: usize, outcome: Outcome) -> StepFinished {
        StepFinished {
            path: "a.yaml".into(),
            number,
            title: String::new(),
            line: 1,
            col: 1,
            took_ms: 0,
            outcome,
            equivalent: String::new(),
            summary: String::new(),
            warnings: vec![],
            yaml: String::new(),
            asked: vec![],
            answered: None,
            attempts: 1,
            rbac: vec![],
            rows: vec![],
            when: vec![],
            why: vec![],
        }
    }

    /// A scenario of three steps that was begun and has ended, of which these ends were told; `None`: it held.
    fn ended(steps: &[Option<&str>]) -> Verdict {
        let path = "a.yaml".to_owned();
        let (title, namespace) = ("A claim".to_owned(), "kw-a".to_owned());
        let begun = Event::ScenarioStarted { path, title, say: None, line: 1, namespace, steps: 3, sum: String::new() };
        let mut events = vec![begun];
        for (index, reason) in steps.iter().enumerate() {
            let outcome = reason.map_or(Outcome::Held, |reason| Outcome::Skipped { reason: reason.to_owned() });
            events.push(Event::StepFinished(Box::new(finished(index + 1, outcome))));
        }
        let (path, title) = ("a.yaml".to_owned(), "A claim".to_owned());
        events.push(Event::ScenarioFinished { path, title, held: 0, failed: 0, broken: 0, skipped: 0, took_ms: 1 });
        let records: Vec<_> = events.into_iter().map(|event| Record { at_ms: 0, event }).collect();
        Run::from_records(&records).scenarios[0].verdict
    }

    #[rstest]
    #[case(&[], Verdict::NotRun)]
    #[case(&[None, None], Verdict::NotRun)]
    #[case(&[Some(SKIPPED)], Verdict::NotRun)]
    #[case(&[None, None, None], Verdict::Held)]
    #[case(&[None, Some(SKIPPED), None], Verdict::Held)]
    #[case(&[Some(SKIPPED), Some(SKIPPED), Some(SKIPPED)], Verdict::Skipped)]
    #[case(&[None, Some(ENDED), Some(ENDED)], Verdict::Part)]
    #[case(&[None, Some(LEFT_OUT), None], Verdict::Part)]
    #[case(&[None, None, Some(OF_NO_PART[1])], Verdict::Part)]
    #[case(&[Some(OF_NO_PART[0]), None, None], Verdict::Part)]
    fn what_was_not_run_to_its_end_has_not_held(#[case] steps: &[Option<&str>], #[case] expected: Verdict) {
        assert_eq!(ended(steps), expected, "{steps:?}");
    }
}
