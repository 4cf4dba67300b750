//! How a scenario ended, by what was told of it.

use super::{Earlier, Step, Story, Verdict};
use crate::{event::Outcome, report::trouble::TroubleClass};

impl Story<'_> {
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
        let skipped = |step: &Step<'_>| match &step.finished.outcome {
            Outcome::Skipped { reason } => Some(reason.clone()),
            _ => None,
        };
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
                _ => match self
                    .steps
                    .iter()
                    .map(skipped)
                    .collect::<Option<Vec<_>>>()
                    .and_then(|all| all.into_iter().next())
                {
                    Some(reason) => (Verdict::Skipped, format!("every step was skipped: {reason}")),
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
