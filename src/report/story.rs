//! The event stream put in order: scenarios with their steps, and what went wrong outside of them. Scenarios that ran side by
//! side are told apart here, once for all reports.

use serde::Serialize;

mod judged;
mod sentence;

use super::trouble::{Trouble, TroubleClass};
use crate::{
    duration::took,
    event::{ComparedStep, Event, Fault, Outcome, Record, Selected, StepFinished},
};

/// A run.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Run<'a> {
    /// kubewalk's version.
    pub kubewalk: &'a str,
    /// When, in UTC.
    pub started: &'a str,
    /// Kind and version of the cluster; `None` when none was ready.
    pub cluster: Option<Cluster<'a>>,
    /// The minor versions of Kubernetes, where the run is on several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub versions: Vec<&'a str>,
    /// What was found by comparing them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compared: Option<&'a [ComparedStep]>,
    /// The words with which a scenario is run again as it was.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    pub options: &'a [String],
    /// The scenarios that each of them is to run.
    #[serde(skip)]
    selected: &'a [Selected],
    /// The scenarios, in the order of their files.
    pub scenarios: Vec<Story<'a>>,
    /// What went wrong outside of scenarios, in order.
    pub troubles: Vec<Trouble>,
    /// How long everything took; as far as is known when there is no end.
    pub took_ms: u64,
    /// kubewalk's exit code; `None`: the run was killed.
    pub exit_code: Option<u8>,
}

/// What ran the scenarios.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Cluster<'a> {
    /// e.g. `builtin`.
    pub kind: &'a str,
    /// e.g. `v1.37.2`.
    pub kubernetes: &'a str,
    /// Since the start of the run.
    pub ready_ms: u64,
}

/// A scenario.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Story<'a> {
    /// The file.
    pub path: &'a str,
    /// The minor version of Kubernetes that it is about, where the run is on several; else empty.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub kubernetes: &'a str,
    /// Its claim.
    pub title: &'a str,
    /// The line of the claim.
    pub line: usize,
    /// Narration.
    pub say: Option<&'a str>,
    /// Where it happened; empty when it did not begin.
    pub namespace: &'a str,
    /// How its API server was other than usual, in words; empty when it was not.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub shape: &'a str,
    /// How it ended.
    pub verdict: Verdict,
    /// Why it ended so, in one sentence; empty when it held.
    pub reason: String,
    /// The sum of its file and of the files that it names; empty when it did not begin.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub sum: &'a str,
    /// When it began, since the start of the run; `None`: it did not.
    pub begun_ms: Option<u64>,
    /// How long it took, its clean-up included.
    pub took_ms: u64,
    /// Its steps, as far as it came.
    pub steps: Vec<Step<'a>>,
    /// What kept it from going on, outside of its steps.
    pub troubles: Vec<Trouble>,
    /// How it ended before, when the environment kept it from an answer and it was run again.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub earlier: Vec<Earlier<'a>>,
    /// The step that has begun and not ended.
    #[serde(skip)]
    begun: Option<Begun<'a>>,
    #[serde(skip)]
    ended: bool,
    /// How many steps it has; 0 as long as it has not begun.
    #[serde(skip)]
    expected: usize,
    /// Those of its run.
    #[serde(skip)]
    options: &'a [String],
}

/// An attempt at a scenario that the environment broke off.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Earlier<'a> {
    /// A word for what happened, e.g. `cluster`, `unreachable`.
    pub class: String,
    /// In one sentence.
    pub reason: String,
    /// When it began, since the start of the run.
    pub begun_ms: Option<u64>,
    /// How long it took.
    pub took_ms: u64,
    /// The step that could not be carried out.
    #[serde(skip)]
    pub culprit: Option<&'a StepFinished>,
    /// What else went wrong.
    #[serde(skip)]
    pub troubles: Vec<Trouble>,
}

#[derive(Debug, Clone, Copy)]
struct Begun<'a> {
    number: usize,
    title: &'a str,
    say: Option<&'a str>,
    at_ms: u64,
}

/// A step.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Step<'a> {
    /// When it began, since the start of the run.
    pub begun_ms: u64,
    /// Narration before it.
    pub say: Option<&'a str>,
    /// How it ended.
    #[serde(flatten)]
    pub finished: &'a StepFinished,
}

/// How a scenario ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Verdict {
    /// Everything was as expected.
    Held,
    /// Everything was as expected, but only when it was run again.
    Flaky,
    /// An expectation failed.
    Failed,
    /// The environment: nothing is known about the claim.
    Broken,
    /// None of its steps is for this cluster.
    Skipped,
    /// What was run of it held, and that was not all: a part was asked for, or a class left a step out.
    Part,
    /// The run ended before it began, or before it ended.
    NotRun,
}

impl<'a> Run<'a> {
    /// Puts records in order.
    pub fn from_records(records: &'a [Record]) -> Self {
        let mut run = Run::default();
        for Record { at_ms, event } in records {
            run.took_ms = run.took_ms.max(*at_ms);
            run.take(*at_ms, event);
        }
        if run.exit_code.is_none() {
            let message = format!("the run ended without a last word after {}; was it killed?", took(run.took_ms));
            run.troubles.push(Trouble { class: TroubleClass::Killed, message, more: vec![], place: None });
        }
        let spent = run
            .troubles
            .iter()
            .find(|trouble| trouble.class == TroubleClass::Fault(Fault::Budget))
            .map(|trouble| trouble.message.clone());
        for story in &mut run.scenarios {
            story.options = run.options;
            story.judge();
            if let (Verdict::NotRun, Some(spent)) = (story.verdict, &spent) {
                story.reason += &format!(": {spent}");
            }
        }
        run
    }

    fn take(&mut self, at_ms: u64, event: &'a Event) {
        match event {
            Event::RunStarted { kubewalk, started, selected, options, .. } => {
                (self.kubewalk, self.started, self.options) = (kubewalk, started, options);
                self.scenarios = selected.iter().map(Story::selected).collect();
                self.selected = selected;
            }
            Event::VersionStarted { kubernetes } => {
                if self.versions.is_empty() {
                    self.scenarios.clear();
                }
                self.versions.push(kubernetes);
                self.scenarios.extend(self.selected.iter().map(|one| Story { kubernetes, ..Story::selected(one) }));
            }
            Event::Compared { steps, .. } => self.compared = Some(steps),
            Event::ClusterReady { kind, kubernetes, elapsed_ms, shape } => {
                // One with an API server of its own is named with the scenarios that it was for.
                if shape.is_empty() || self.cluster.is_none() {
                    self.cluster = Some(Cluster { kind, kubernetes, ready_ms: *elapsed_ms });
                }
            }
            Event::Invalid { path, line, col, message, hint } => self.troubles.push(Trouble {
                class: TroubleClass::Invalid,
                message: message.clone(),
                more: hint.iter().cloned().collect(),
                place: Some((path.clone(), *line, *col)),
            }),
            Event::Aborted { path, class, message, remedy, log } => {
                let remedy = remedy.iter().map(|remedy| format!("remedy: {remedy}"));
                let trouble = Trouble {
                    class: TroubleClass::Fault(*class),
                    message: message.clone(),
                    more: remedy.chain(log.iter().cloned()).collect(),
                    place: None,
                };
                self.trouble(path.as_deref(), trouble);
            }
            Event::ScenarioAgain { path, .. } => self.story(path, "").again(),
            Event::ScenarioStarted { path, title, say, line, namespace, steps, sum } => {
                let story = self.story(path, title);
                story.expected = *steps;
                (story.line, story.namespace, story.say, story.sum) = (*line, namespace, say.as_deref(), sum);
                story.begun_ms = Some(at_ms);
            }
            Event::StepStarted { path, number, title, say, .. } => {
                self.story(path, "").begun = Some(Begun { number: *number, title, say: say.as_deref(), at_ms });
            }
            Event::StepFinished(finished) => {
                let story = self.story(&finished.path, "");
                let (begun_ms, say) = story.begun.take().map_or((at_ms, None), |begun| (begun.at_ms, begun.say));
                story.steps.push(Step { begun_ms, say, finished });
            }
            Event::Rewound(rewound) => {
                let story = self.story(&rewound.path, "");
                story.steps.retain(|step| step.finished.number < rewound.to);
                story.begun = None;
                story.namespace = &rewound.namespace;
            }
            Event::CleanUp { path, left, .. } if !left.is_empty() => {
                let message = "the clean-up failed; this is left behind".into();
                let trouble = Trouble { class: TroubleClass::CleanUp, message, more: left.clone(), place: None };
                self.trouble(path.as_deref(), trouble);
            }
            Event::ScenarioFinished { path, took_ms, .. } => {
                let story = self.story(path, "");
                (story.took_ms, story.ended) = (*took_ms, true);
            }
            Event::RunFinished { took_ms, exit_code, .. } => {
                (self.took_ms, self.exit_code) = (*took_ms, Some(*exit_code));
            }
            Event::ClusterPhase { .. }
            | Event::CleanUp { .. }
            | Event::Kept { .. }
            | Event::Sealed { .. }
            | Event::Unknown => {}
        }
    }

    fn trouble(&mut self, path: Option<&'a str>, trouble: Trouble) {
        match path {
            Some(path) => self.story(path, "").troubles.push(trouble),
            None => self.troubles.push(trouble),
        }
    }

    fn story(&mut self, path: &'a str, title: &'a str) -> &mut Story<'a> {
        let kubernetes = self.versions.last().copied().unwrap_or_default();
        let at = self.scenarios.iter().position(|story| story.path == path && story.kubernetes == kubernetes);
        let at = at.unwrap_or_else(|| {
            self.scenarios.push(Story { kubernetes, ..Story::new(path, title, 1) });
            self.scenarios.len() - 1
        });
        &mut self.scenarios[at]
    }

    /// How many scenarios held, some perhaps only when they were run again.
    pub fn held(&self) -> usize {
        self.count(Verdict::Held) + self.count(Verdict::Flaky)
    }

    /// `, 2 of them only when they were run again`, if there are any.
    pub fn flaky_words(&self) -> String {
        match self.count(Verdict::Flaky) {
            0 => String::new(),
            1 => ", 1 of them only when it was run again".into(),
            many => format!(", {many} of them only when they were run again"),
        }
    }

    /// How many scenarios ended so.
    pub fn count(&self, verdict: Verdict) -> usize {
        self.scenarios.iter().filter(|story| story.verdict == verdict).count()
    }
}

impl<'a> Story<'a> {
    /// The words with which it is run again as it was.
    pub fn again_options(&self) -> Vec<String> {
        let version = Some(self.kubernetes).filter(|version| !version.is_empty());
        let version = version.into_iter().flat_map(|version| ["--kubernetes".to_owned(), version.to_owned()]);
        self.options.iter().cloned().chain(version).collect()
    }

    /// Its claim, and on which version of Kubernetes where the run is on several.
    pub fn heading(&self) -> String {
        match self.kubernetes {
            "" => self.title.to_owned(),
            version => format!("{} (Kubernetes {version})", self.title),
        }
    }

    fn new(path: &'a str, title: &'a str, line: usize) -> Self {
        Story {
            path,
            kubernetes: "",
            title,
            line,
            say: None,
            namespace: "",
            shape: "",
            sum: "",
            verdict: Verdict::NotRun,
            reason: String::new(),
            begun_ms: None,
            took_ms: 0,
            steps: vec![],
            troubles: vec![],
            earlier: vec![],
            begun: None,
            ended: false,
            expected: 0,
            options: &[],
        }
    }

    fn selected(selected: &'a Selected) -> Self {
        Story { shape: &selected.shape, ..Self::new(&selected.path, &selected.title, selected.line) }
    }

    /// The step that ended the scenario.
    pub fn culprit(&self) -> Option<&'a StepFinished> {
        let steps = self.steps.iter().map(|step| step.finished);
        steps.into_iter().find(|step| matches!(step.outcome, Outcome::Failed { .. } | Outcome::Broken { .. }))
    }

    /// A word for the kind of what went wrong.
    pub fn class(&self) -> String {
        match self.culprit().map(|step| &step.outcome) {
            Some(Outcome::Failed { failures }) => failures.first().map(|failure| failure.mismatch.class.word()),
            Some(Outcome::Broken { class, .. }) => Some(class.word().to_owned()),
            _ => self.troubles.first().map(|trouble| trouble.class.word().to_owned()),
        }
        .unwrap_or_else(|| "interrupted".into())
    }
}
