//! What the terminal shows of a step: its line, and on failure the line of the file with all that is known.

use super::{
    super::{
        snippet::{Caret, snippet},
        words::{self, label, speaker},
    },
    DIM, GREEN, RED, Terminal, Verbosity, YELLOW, safe,
};
use crate::{
    duration::took,
    event::{Failure, Outcome, StepFinished},
    redact::show,
};

/// Bytes of a line to reproduce that are shown: one that is cut does not reproduce. The kernel takes 128 KiB as one argument.
const MOST_OF_A_LINE: usize = 128 << 10;

impl Terminal {
    /// The line of a step, and what belongs to it.
    pub(in crate::report) fn step(&self, step: &StepFinished) -> String {
        let StepFinished { path, number, title, line, col, outcome, equivalent, .. } = step;
        let (color, mark, word) = match outcome {
            Outcome::Held => (GREEN, "✓", ""),
            Outcome::Failed { .. } => (RED, "✗", "FAILED "),
            Outcome::Broken { .. } => (RED, "!", "BROKEN "),
            Outcome::Skipped { .. } => (YELLOW, "-", "not run: "),
        };
        let mut text = format!("  {} {number} {}{}", self.paint(color, mark), self.paint(color, word), safe(title));
        if let Outcome::Skipped { reason } = outcome {
            return format!("{text}  {}\n", self.paint(DIM, &safe(reason)));
        }
        if !step.summary.is_empty() {
            text += &format!("  {}", self.paint(color, &safe(&step.summary)));
        }
        text += &format!("  {}\n", self.paint(DIM, &took(step.took_ms)));
        if self.verbosity >= Verbosity::Verbose {
            for line in equivalent.lines() {
                text += &format!("      {}\n", self.paint(DIM, &safe(line)));
            }
        }
        if self.verbosity == Verbosity::Answers {
            for line in step.answered.iter().flat_map(words::answer) {
                text += &format!("      {}\n", self.paint(DIM, &safe(&line)));
            }
        }
        if self.verbosity >= Verbosity::Normal {
            for warning in &step.warnings {
                text += &format!("      {}\n", self.paint(YELLOW, &format!("the server warns: {}", safe(warning))));
            }
        }
        match outcome {
            Outcome::Failed { failures } => text += &self.failures(path, equivalent, failures),
            Outcome::Broken { class, message, remedy } => {
                let title = self.paint(RED, &format!("error[{class}]:"));
                text += &format!("\n{title} {}\n", show::block(message, 2 * show::BODY));
                text += &format!("  --> {}:{line}:{col}\n", safe(path));
                text += "   = the step could not be carried out; this says nothing about its claim\n";
                if let Some(remedy) = remedy {
                    text += &format!("   = remedy: {}\n", show::block(remedy, show::BODY));
                }
                text += &format!("   = run just this: {}\n\n", self.just_this(path));
            }
            Outcome::Held | Outcome::Skipped { .. } => {}
        }
        text
    }

    /// Each failure with its line; what all share comes once, at the end.
    fn failures(&self, path: &str, equivalent: &str, failures: &[Failure]) -> String {
        let mut text = String::new();
        let mut said = None;
        for (index, Failure { mismatch, place, why }) in failures.iter().enumerate() {
            let block = |text: &str| show::block(text, 2 * show::BODY);
            let mut notes = vec![("expected", block(&mismatch.expected))];
            let got = block(&mismatch.got);
            let label = label(&got);
            if !label.ends_with(&got) {
                notes.push(("got", got));
            }
            if let Some(words) = mismatch.server_words.as_ref().filter(|words| said != Some(*words)) {
                notes.push((speaker(mismatch.class), block(words)));
                said = Some(words);
            }
            if let Some(hint) = &mismatch.hint {
                notes.push(("hint", block(hint)));
            }
            notes.extend(why.iter().map(|reason| ("why", block(reason))));
            if index + 1 == failures.len() {
                if !equivalent.is_empty() {
                    notes.push(("reproduce", show::block(equivalent, MOST_OF_A_LINE)));
                }
                notes.push(("run just this", self.just_this(path)));
            }
            let caret = Caret { path: &safe(place.file.as_deref().unwrap_or(path)), place, label: &label };
            text += &format!("\n{}\n", snippet(&safe(&mismatch.message), &caret, &notes, self.color, self.width));
        }
        text + "\n"
    }
}
