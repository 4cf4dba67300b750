//! A scenario made ready to run: the plan, its steps, and what must come of them.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use sha2::{Digest as _, Sha256};

use super::{
    action::Action,
    caller::{Caller, Credential},
    can::Cell,
    request::Identity,
    when::{Here, When},
};
use crate::{
    cluster_kind::ClusterKind,
    k8s::Version,
    scenario::{Diagnostic, Document, Source, Span, Verb, beside::Beside, expect::Expect, when::Feature},
    shape::Shape,
    text,
};

/// A scenario made ready to run.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The file it came from, with the place of every value (`document.span("/steps/0/expect/status")`).
    pub document: Arc<Document>,
    /// The claim of the whole file.
    pub title: String,
    /// Narration.
    pub say: Option<String>,
    /// Words by which a run can choose.
    pub tags: Vec<String>,
    /// The namespace of everything that names none.
    pub namespace: String,
    /// Whether that namespace is made for the run and removed afterwards.
    pub fresh_namespace: bool,
    /// The namespace that the person owns, where a scenario is that names none.
    pub home: Option<String>,
    /// Whether it is trusted.
    pub trust: Trust,
    /// Whether it must run alone on its cluster: what it makes or changes concerns all scenarios there.
    pub alone: bool,
    /// Names of which only one scenario may make use at a time: namespaces that it shares and cluster-wide objects that it
    /// makes, e.g. `ClusterRole read-all`.
    pub holds: BTreeSet<String>,
    /// The longest that all steps together may take.
    pub timeout: Duration,
    /// How its API server is to be other than usual.
    pub shape: Shape,
    /// Patterns of what is secret.
    pub redact: Vec<String>,
    /// The steps, in order.
    pub steps: Vec<Step>,
    /// The numbers of those that are not played in this run, each with the reason.
    pub left_out: BTreeMap<usize, String>,
    /// What the plan filled in without being told, each with its place.
    pub notes: Vec<Note>,
    /// What is probably not meant, in the order of the lines; the scenario can run.
    pub warnings: Vec<Diagnostic>,
    /// What it changes for all who use its cluster: errors in a cluster that exists, unless all may be touched there.
    pub for_everybody: Vec<Diagnostic>,
    /// The files that it names, each with the pointer below which its documents are.
    pub files: Vec<(String, Arc<Beside>)>,
}

impl Plan {
    /// Where a pointer leads: into a file that the scenario names, or into the scenario.
    pub fn place(&self, pointer: &str) -> (&Source, Span) {
        let inside = |prefix: &str| pointer.strip_prefix(prefix).filter(|rest| rest.starts_with('/'));
        match self.files.iter().find_map(|(prefix, beside)| Some((beside, inside(prefix)?))) {
            Some((beside, rest)) => (&beside.source, beside.span(rest, false)),
            None => (&self.document.source, self.document.span(pointer)),
        }
    }

    /// The sum of its file and of the files that it names, in their order: `sha256:…`. What was rendered for the namespace of this run
    /// is the same in any other.
    pub fn sum(&self) -> String {
        let mut sum = Sha256::new();
        let mut add = |text: &str| {
            sum.update(text.len().to_le_bytes());
            sum.update(text.as_bytes());
        };
        add(&self.document.source.text);
        self.files.iter().for_each(|(_, beside)| add(&beside.source.text.replace(&self.namespace, "{namespace}")));
        text::sum(&sum)
    }

    /// Why no cluster of this version of Kubernetes need be started for it: none of its steps is for that version.
    pub fn not_on(&self, version: Version) -> Option<String> {
        let others = self.steps.iter().map(|step| {
            let when = When { kubernetes: step.when.as_ref()?.kubernetes.clone(), ..When::default() };
            when.missing(&Here { kubernetes: version, cluster: ClusterKind::Builtin, feature: vec![] })
        });
        others.collect::<Option<Vec<_>>>()?.into_iter().next()
    }

    /// Whether it may call without a credential: then the cluster must let `system:anonymous` in. It is unknown what a
    /// command inside a Pod calls.
    pub fn anonymous(&self) -> bool {
        let asked = |when: Option<&When>| when.is_some_and(|when| when.feature.contains(&Feature::Anonymous));
        self.steps.iter().any(|step| {
            let calls = match &step.action {
                Action::Curl(curl) => curl.identity == Identity::Anonymous,
                Action::Exec(_) => true,
                _ => {
                    step.caller.identity == Some(Identity::Anonymous) || step.caller.credential == Credential::Anonymous
                }
            };
            calls || asked(step.when.as_ref()) || step.expected.iter().any(|item| asked(item.when.as_ref()))
        })
    }
}

/// Something that the plan filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// Where.
    pub span: Span,
    /// What.
    pub text: String,
}

/// A step made ready to run.
#[derive(Debug, Clone)]
pub struct Step {
    /// 1 for the first.
    pub number: usize,
    /// JSON pointer of the step in its document, e.g. `/steps/0`.
    pub pointer: String,
    /// The claim.
    pub title: String,
    /// Narration.
    pub say: Option<String>,
    /// A question that a class is asked before it sees the answer.
    pub predict: Option<String>,
    /// Ids of the claims that it proves.
    pub rows: Vec<String>,
    /// The longest it may take, waiting included.
    pub timeout: Duration,
    /// Its verb.
    pub verb: Verb,
    /// What it does.
    pub action: Action,
    /// What must come of it, one at least.
    pub expected: Vec<Expected>,
    /// Where it is run; `None`: everywhere.
    pub when: Option<When>,
    /// Who asks.
    pub caller: Caller,
    /// What is kept for later steps.
    pub save: Vec<Save>,
    /// Whether its lines say that what it is denied need not exist.
    pub on_purpose: bool,
    /// What it asks the authorizer by other means than `can`.
    pub questions: Vec<Cell>,
    /// Of several manifests, where each stands.
    pub placed: Vec<String>,
}

/// An expectation made ready.
#[derive(Debug, Clone)]
pub struct Expected {
    /// Where it stands, as a JSON pointer from the step: `/expect`, `/expect/1`.
    pub pointer: String,
    /// Where it must hold; `None`: everywhere.
    pub when: Option<When>,
    /// What must come.
    pub expect: Expect,
    /// Its `within`, read.
    pub within: Option<Duration>,
}

/// A value that is kept for later steps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Save {
    /// Its name.
    pub name: String,
    /// Where it is found.
    pub what: Saved,
}

/// Where a value is found that is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Saved {
    /// The token, which no reader may see.
    Token,
    /// The text of the standard output, without newlines at its end.
    Stdout,
    /// At a JSON path of the answer.
    Path(String),
}

/// What a plan needs to name things that no other run uses.
#[derive(Debug, Clone)]
pub struct Names {
    /// Lower-case letters and digits, new for each run of a scenario, e.g. `x7k2p`.
    pub suffix: String,
}

impl Names {
    /// A suffix that no other run has, for all that can be foreseen.
    pub fn random() -> Self {
        use rand::RngExt as _;
        const ALPHABET: &[u8] = b"bcdfghjklmnpqrstvwxz2456789"; // no vowels: no words
        let mut rng = rand::rng();
        Names { suffix: (0..5).map(|_| char::from(ALPHABET[rng.random_range(0..ALPHABET.len())])).collect() }
    }
}

/// Whether the person who runs a scenario trusts its author with the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, PartialOrd, Ord)]
pub enum Trust {
    /// It may do what root can.
    #[default]
    Full,
    /// `--untrusted`: nothing in it may reach the cluster's node.
    Narrow,
}

impl Trust {
    /// [`Trust::Narrow`] when the scenario is said to be untrusted.
    pub fn from_untrusted(untrusted: bool) -> Self {
        if untrusted { Trust::Narrow } else { Trust::Full }
    }
}
