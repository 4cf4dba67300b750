//! A run in one sentence, which each report begins with.

use std::collections::HashSet;

use super::{Run, Verdict};
use crate::report::trouble::TroubleClass;

impl Run<'_> {
    /// How the run ended. What is said was counted: a run that was not begun is not one in which all held.
    pub fn sentence(&self) -> String {
        if self.scenarios.is_empty() {
            return self.why_nothing();
        }
        let (all, held, flaky) = (self.scenarios.len(), self.held(), self.flaky_words());
        let failed = self.count(Verdict::Failed);
        let mut text = match failed {
            0 if held == all => format!("all {all} scenarios held{flaky}"),
            0 => format!("{held} of {all} scenarios held{flaky}"),
            _ => format!("{failed} of {all} scenarios failed"),
        };
        let skipped = self.count(Verdict::Skipped);
        if failed == 0 && skipped > 0 && held + skipped == all {
            text += ", the others were skipped";
        }
        let open = self.count(Verdict::Broken) + self.count(Verdict::NotRun);
        if open > 0 {
            text += &format!(", {open} {} no answer", if open == 1 { "has" } else { "have" });
        }
        match self.count(Verdict::Part) {
            0 => {}
            part => text += &format!(", of {part} only a part was run"),
        }
        let troubles = || self.troubles.iter().chain(self.scenarios.iter().flat_map(|story| &story.troubles));
        if troubles().any(|trouble| trouble.class == TroubleClass::CleanUp) {
            text += ", and something is left behind";
        } else if !self.troubles.is_empty() {
            text += ", and something went wrong outside of them";
        }
        text
    }

    /// Why no scenario was run.
    fn why_nothing(&self) -> String {
        let invalid = self.troubles.iter().filter(|trouble| trouble.class == TroubleClass::Invalid);
        let files: HashSet<_> = invalid.map(|trouble| trouble.place.as_ref().map(|(path, _, _)| path)).collect();
        match (files.len(), self.troubles.first()) {
            (0, None) => "no scenario was run".to_owned(),
            (0, Some(trouble)) => format!("no scenario was run: {}", trouble.message),
            (1, _) => "1 file is not valid, and nothing was started".to_owned(),
            (many, _) => format!("{many} files are not valid, and nothing was started"),
        }
    }

    /// On which version of Kubernetes, or on which of several, e.g. `v1.37.2` or `1.20, 1.37`; empty when no cluster was ready.
    pub fn kubernetes(&self) -> String {
        match (&self.versions[..], self.cluster) {
            ([], cluster) => cluster.map(|cluster| cluster.kubernetes.to_owned()).unwrap_or_default(),
            (versions, _) => versions.join(", "),
        }
    }
}
