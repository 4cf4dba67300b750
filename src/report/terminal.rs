//! The report for people: one line a step, and on failure the line of the file with all that is known.

use std::{
    collections::{BTreeMap, BTreeSet},
    mem,
};

use anstyle::{AnsiColor, Style};
use unicode_width::UnicodeWidthStr as _;

use super::{
    versions,
    words::{self, argument, options_in_words},
};
use crate::{
    duration::{self, took},
    event::{ENDED, Event, Fault, LEFT_OUT, Outcome, Rewound, RewoundBy, StepFinished},
    redact::show,
};

mod step;

/// How much is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verbosity {
    /// Failures and the last line.
    Quiet,
    /// Narration and one line a step, too.
    Normal,
    /// The kubectl lines of each step, too.
    Verbose,
    /// What came back, too.
    Answers,
}

/// Turns events into text. Scenarios that run side by side are not mixed: one is shown as it runs, the others when they
/// have ended.
#[derive(Debug)]
pub struct Terminal {
    color: bool,
    width: usize,
    verbosity: Verbosity,
    /// The scenario that is shown as it runs.
    live: Option<String>,
    /// What the others have said so far, by path, in the order of their start; `true`: ended.
    waiting: Vec<(String, String, bool)>,
    /// Scenarios of which a step did not hold: what follows is not run, which is said once, at the end.
    over: BTreeSet<String>,
    /// How many steps of a scenario were skipped, by path.
    skipped: BTreeMap<String, usize>,
    /// Scenarios that were run again.
    again: BTreeSet<String>,
    /// How many of them held then.
    flaky: usize,
    /// How many scenarios have begun.
    begun: BTreeSet<String>,
    /// The steps that did not hold, by the path of their scenario.
    bad: BTreeMap<String, String>,
    /// The command that runs a scenario again; left out: `kubewalk run PATH`.
    again_by: Option<String>,
    /// The words with which a scenario is run again as it was, each with a blank before it.
    options: String,
    /// Titles and headings that were not needed yet (quiet mode).
    headings: BTreeMap<String, String>,
    /// The version of Kubernetes that is told of, where the run is on several.
    kubernetes: Option<String>,
}

const GREEN: Style = AnsiColor::Green.on_default();
const RED: Style = AnsiColor::Red.on_default().bold();
const YELLOW: Style = AnsiColor::Yellow.on_default();
const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();

impl Terminal {
    /// A report for a terminal of `width` columns.
    pub fn new(color: bool, verbosity: Verbosity, width: usize) -> Self {
        Self {
            color,
            width: width.clamp(40, 140),
            verbosity,
            live: None,
            waiting: Vec::new(),
            over: BTreeSet::new(),
            skipped: BTreeMap::new(),
            again: BTreeSet::new(),
            flaky: 0,
            begun: BTreeSet::new(),
            bad: BTreeMap::new(),
            again_by: None,
            options: String::new(),
            headings: BTreeMap::new(),
            kubernetes: None,
        }
    }

    /// The same, where another command runs a scenario again.
    #[must_use]
    pub fn again_by(mut self, command: Option<String>) -> Self {
        self.again_by = command;
        self
    }

    /// The same, in a run with these options.
    #[must_use]
    pub fn with_options(mut self, options: &[String]) -> Self {
        self.options = options_in_words(options);
        self
    }

    /// Takes the options of a run from its first event.
    pub fn note_options(&mut self, event: &Event) {
        if let Event::RunStarted { options, .. } = event {
            self.options = options_in_words(options);
        }
    }

    fn just_this(&self, path: &str) -> String {
        let version = self.kubernetes.as_ref().map(|version| format!(" --kubernetes {}", argument(version)));
        let ours = || format!("kubewalk run {}{}{}", argument(path), self.options, version.unwrap_or_default());
        self.again_by.as_ref().map_or_else(ours, |command| safe(command))
    }

    /// The text to print for an event, with its newlines; often empty.
    pub fn on(&mut self, event: &Event) -> String {
        self.note_options(event);
        words::defuse(&self.shown(event))
    }

    fn shown(&mut self, event: &Event) -> String {
        let text = self.event_text(event);
        let Some(path) = path(event) else {
            let ends =
                matches!(event, Event::RunFinished { .. } | Event::VersionStarted { .. } | Event::Compared { .. });
            let rest = if ends { self.flush_all() } else { String::new() };
            return rest + &text;
        };
        if self.live.is_none() && matches!(event, Event::ScenarioStarted { .. }) {
            self.live = Some(path.to_owned());
        }
        if self.live.as_deref() == Some(path) {
            return if matches!(event, Event::ScenarioFinished { .. }) { text + &self.next() } else { text };
        }
        let Some(entry) = self.waiting.iter_mut().find(|(waiting, ..)| waiting == path) else {
            if matches!(event, Event::ScenarioStarted { .. }) {
                self.waiting.push((path.to_owned(), text, false));
                return String::new();
            }
            return text;
        };
        entry.1 += &text;
        entry.2 |= matches!(event, Event::ScenarioFinished { .. });
        String::new()
    }

    /// The live scenario has ended: all that have ended since, and the next that is live.
    fn next(&mut self) -> String {
        self.live = None;
        let mut text = String::new();
        let waiting = mem::take(&mut self.waiting);
        for (path, said, ended) in waiting {
            if ended {
                text += &said;
            } else if self.live.is_none() {
                self.live = Some(path);
                self.waiting.insert(0, (String::new(), said, true));
            } else {
                self.waiting.push((path, said, ended));
            }
        }
        if self.live.is_some() {
            text += &self.waiting.remove(0).1;
        }
        text
    }

    fn flush_all(&mut self) -> String {
        mem::take(&mut self.waiting).into_iter().map(|(_, said, _)| said).collect()
    }

    fn event_text(&mut self, event: &Event) -> String {
        let normal = self.verbosity >= Verbosity::Normal;
        match event {
            Event::ClusterPhase { name, elapsed_ms } if normal => {
                self.paint(DIM, &format!("cluster: {} ({})", safe(name), took(*elapsed_ms))) + "\n"
            }
            Event::VersionStarted { kubernetes } => {
                (self.live, self.kubernetes) = (None, Some(kubernetes.clone()));
                self.over.clear();
                self.skipped.clear();
                self.again.clear();
                self.headings.clear();
                format!("\n{}\n", self.paint(BOLD, &format!("Kubernetes {}", safe(kubernetes))))
            }
            Event::Compared { versions, steps } => {
                versions::compared_text(versions, steps, &|text| self.paint(BOLD, text))
            }
            Event::ClusterReady { kind, kubernetes, shape, elapsed_ms } if normal => {
                let shape = if shape.is_empty() { String::new() } else { format!(" (API server: {})", safe(shape)) };
                let ready = format!("cluster: {} with Kubernetes {}{shape} is ready", safe(kind), safe(kubernetes));
                self.paint(DIM, &format!("{ready} ({})", took(*elapsed_ms))) + "\n"
            }
            Event::ScenarioAgain { path, attempt, of } => self.again(path, (*attempt, *of)),
            Event::ScenarioFinished { path, failed: 0, broken: 0, held, skipped, .. }
                if *held > 0
                    && self.again.contains(path)
                    // Each of the others was told as skipped: the run was not stopped in it.
                    && self.skipped.get(path).copied().unwrap_or_default() == *skipped =>
            {
                self.flaky += 1;
                let heading = self.headings.remove(path).unwrap_or_default();
                format!("{heading}  {}\n", self.paint(YELLOW, "~ flaky: it held only when it was run again"))
            }
            Event::ScenarioStarted { path, title, say, namespace, .. } => {
                self.begun.insert(path.clone());
                let place = self.paint(DIM, &format!("{}, namespace {}", safe(path), safe(namespace)));
                let heading = format!("\n{}\n  {place}\n", self.paint(BOLD, &safe(title)));
                if normal {
                    return heading + &say.as_deref().map(|say| self.wrapped(say)).unwrap_or_default();
                }
                self.headings.insert(path.clone(), heading);
                String::new()
            }
            Event::StepStarted { say: Some(say), .. } if normal => self.wrapped(say),
            Event::ScenarioFinished { path, held: 0, failed: 0, broken: 0, skipped, .. }
                if self.skipped.get(path) == Some(skipped) && *skipped > 0 =>
            {
                let heading = self.headings.remove(path).unwrap_or_default();
                let words = "- every step was skipped: on this cluster the scenario says nothing";
                format!("{heading}  {}\n", self.paint(YELLOW, words))
            }
            Event::StepFinished(step) => self.step_finished(step),
            Event::Aborted { path, class, message, remedy, log } => {
                let heading = path.as_ref().and_then(|path| self.headings.remove(path)).unwrap_or_default();
                heading + &self.aborted(*class, message, remedy.as_deref(), log)
            }
            Event::Rewound(rewound) => self.rewound(rewound),
            Event::Kept { path, namespace, cluster, seconds } => {
                let heading = self.headings.remove(path).unwrap_or_default();
                let ends = duration::about(*seconds);
                let kept = format!("kept: namespace {} of the cluster {}, which", safe(namespace), safe(cluster));
                let kept = self.paint(YELLOW, &format!("{kept} ends {ends} after its last use"));
                let (look, end) = (argument(path), argument(cluster));
                format!(
                    "{heading}  {kept}\n    look around: kubewalk shell {look}\n    end it: kubewalk cluster down {end}\n"
                )
            }
            Event::CleanUp { left, path, .. } if !left.is_empty() => {
                let of = path.as_deref().map(|path| format!(" of {}", safe(path))).unwrap_or_default();
                let mut text = self.paint(RED, &format!("! clean-up{of} failed, this is left behind:")) + "\n";
                for item in left {
                    text += &format!("  - {}\n", safe(item));
                }
                text
            }
            Event::CleanUp { took_ms, .. } if self.verbosity >= Verbosity::Verbose => {
                self.paint(DIM, &format!("  cleaned up ({})", took(*took_ms))) + "\n"
            }
            Event::RunFinished { held, failed, broken, skipped, took_ms, .. } => {
                self.totals((*held, *failed, *broken, *skipped), *took_ms)
            }
            _ => String::new(),
        }
    }

    fn again(&mut self, path: &str, (attempt, of): (usize, usize)) -> String {
        self.over.remove(path);
        self.skipped.remove(path);
        let on = self.kubernetes.as_ref().map(|version| format!(" (Kubernetes {})", safe(version)));
        self.bad.remove(&format!("{path}{}", on.unwrap_or_default()));
        self.again.insert(path.to_owned());
        let text = format!("~ {} is run again ({attempt} of {of}): the environment kept it from an answer", safe(path));
        format!("\n{}\n", self.paint(YELLOW, &text))
    }

    /// How a step ended, where it is to be shown.
    fn step_finished(&mut self, step: &StepFinished) -> String {
        let normal = self.verbosity >= Verbosity::Normal;
        let StepFinished { path, outcome, .. } = step;
        let of_class = |reason: &str| reason == ENDED || reason.starts_with(LEFT_OUT);
        if matches!(outcome, Outcome::Skipped { reason } if !of_class(reason)) {
            *self.skipped.entry(path.clone()).or_default() += 1;
        }
        let bad = matches!(outcome, Outcome::Failed { .. } | Outcome::Broken { .. });
        let after = self.over.contains(path) && self.verbosity < Verbosity::Verbose;
        if !bad && (!normal || after) {
            return String::new();
        }
        if bad {
            self.over.insert(path.clone());
            let mark = if matches!(outcome, Outcome::Broken { .. }) { "!" } else { "✗" };
            let place = format!("{}:{}", safe(path), step.line);
            let on = self.kubernetes.as_ref().map(|version| format!(" (Kubernetes {})", safe(version)));
            let on = on.unwrap_or_default();
            let told = format!("{mark} {place}  {} {}{on}", step.number, safe(&step.title));
            self.bad.insert(format!("{path}{on}"), told);
        }
        self.headings.remove(path).unwrap_or_default() + &self.step(step)
    }

    fn aborted(&self, class: Fault, message: &str, remedy: Option<&str>, log: &[String]) -> String {
        let word = if let Fault::Budget | Fault::Bug = class { class.word() } else { "environment" };
        let title = self.paint(RED, &format!("error[{word}]:"));
        let mut text = format!("{title} {}\n", show::block(message, 2 * show::BODY));
        for line in log {
            text += &format!("   | {}\n", safe(line));
        }
        if let Some(remedy) = remedy {
            text += &format!("   = remedy: {}\n", show::block(remedy, show::BODY));
        }
        text
    }

    fn rewound(&mut self, rewound: &Rewound) -> String {
        let Rewound { path, to, by, took_ms, stays, .. } = rewound;
        self.over.remove(path);
        self.skipped.remove(path);
        self.bad.remove(path);
        let how = match by {
            RewoundBy::Undo => "what came after is undone",
            RewoundBy::Replay => "all was removed, and the steps before were run again",
        };
        let text = format!("  < back to before step {to}: {how} ({})", took(*took_ms));
        let mut text = self.paint(YELLOW, &text) + "\n";
        for stays in stays {
            text += &format!("      {}\n", self.paint(DIM, &safe(stays)));
        }
        text
    }

    /// The last lines: how many steps ended how, and what was bad once more.
    fn totals(&self, (held, failed, broken, skipped): (usize, usize, usize, usize), took_ms: u64) -> String {
        let steps = if held == 1 { "step" } else { "steps" };
        let broken = match broken {
            0 => String::new(),
            many => format!("{many} could not be carried out, "),
        };
        let flaky = match self.flaky {
            0 => String::new(),
            1 => "; 1 scenario is flaky".into(),
            many => format!("; {many} scenarios are flaky"),
        };
        let good = failed == 0 && broken.is_empty();
        let line =
            format!("{held} {steps} held, {failed} failed, {broken}{skipped} not run in {}{flaky}", took(took_ms));
        // Of one alone it stands just above.
        let bad = self.bad.values().filter(|_| self.begun.len() > 1);
        let bad: String = bad.map(|bad| format!("  {}\n", self.paint(RED, bad))).collect();
        format!("\n{}\n{bad}", self.paint(if good { GREEN } else { RED }, &line))
    }

    fn paint(&self, style: Style, text: &str) -> String {
        if self.color && !text.is_empty() { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }

    /// Narration: paragraphs wrapped to the width and indented.
    fn wrapped(&self, say: &str) -> String {
        let mut text = String::from("\n");
        for paragraph in show::block(say.trim_end(), usize::MAX).split('\n') {
            let mut line = String::new();
            for word in paragraph.split(' ').filter(|word| !word.is_empty()) {
                if !line.is_empty() && line.width() + 1 + word.width() > self.width - 2 {
                    text += &format!("  {line}\n");
                    line.clear();
                }
                if !line.is_empty() {
                    line.push(' ');
                }
                line += word;
            }
            text += if line.is_empty() { String::from("\n") } else { format!("  {line}\n") }.as_str();
        }
        text + "\n"
    }
}

fn path(event: &Event) -> Option<&str> {
    match event {
        Event::ScenarioStarted { path, .. }
        | Event::ScenarioAgain { path, .. }
        | Event::StepStarted { path, .. }
        | Event::CleanUp { path: Some(path), .. }
        | Event::Kept { path, .. }
        | Event::Aborted { path: Some(path), .. }
        | Event::ScenarioFinished { path, .. } => Some(path),
        Event::StepFinished(step) => Some(&step.path),
        Event::Rewound(rewound) => Some(&rewound.path),
        _ => None,
    }
}

fn safe(text: &str) -> String {
    show::line(text, show::BODY)
}

#[cfg(test)]
mod tests;
