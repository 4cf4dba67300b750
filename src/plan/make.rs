//! Makes a [`Plan`] of a [`Document`].
//!
//! Three passes over the steps: `draft` looks at each step alone (its verb, its times, its manifests), `story` walks
//! them in order and knows what exists when, `pairs` looks at the whole. All of them only add to `findings`.

mod absence;
mod accounts;
mod apis;
mod bodies;
pub(super) mod calls;
mod can;
mod captures;
mod draft;
mod existence;
mod expectations;
mod fields;
mod files;
mod findings;
mod from;
mod identity;
mod kubectl;
mod manifests;
mod named_rules;
mod on_purpose;
mod outside;
mod pairs;
mod placeholders;
mod places;
mod rbac;
mod revived;
mod rules;
mod server;
mod shares;
mod short;
mod slips;
mod spoken;
mod story;
mod subjects;
mod targets;
mod texts;
mod tokens;
mod untrusted;
mod url;
mod waits;
mod whats;
mod when;
mod world;

#[cfg(test)]
pub(super) mod testing;
#[cfg(test)]
mod tests;

use std::sync::Arc;

pub use self::calls::settle;
use self::findings::{Finding, Findings};
use super::{Note, Plan, names::dns_label};
use crate::k8s::Apis;
use crate::scenario::{Diagnostic, Document, Severity, each};

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

/// Whether whoever runs a scenario trusts its author with the machine.
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
    pub fn of(untrusted: bool) -> Self {
        if untrusted { Trust::Narrow } else { Trust::Full }
    }
}

/// Makes the plan of a scenario that is trusted, or says all that is wrong.
///
/// # Errors
/// As [`plan_for`].
pub fn plan(document: Arc<Document>, names: &Names) -> Result<Plan, Vec<Diagnostic>> {
    plan_for(document, names, Trust::Full)
}

/// Makes the plan, or says all that is wrong.
///
/// # Errors
/// Every semantic error of the file, in the order of its lines; errors and warnings are told apart by their severity, and
/// warnings alone do not fail.
pub fn plan_for(document: Arc<Document>, names: &Names, trust: Trust) -> Result<Plan, Vec<Diagnostic>> {
    plan_in(document, names, trust, None)
}

/// The same; a scenario that names no namespace is in this one, if any, which is there already.
///
/// # Errors
/// As [`plan_for`].
pub fn plan_in(
    document: Arc<Document>,
    names: &Names,
    trust: Trust,
    home: Option<&str>,
) -> Result<Plan, Vec<Diagnostic>> {
    let (mut plan, findings) = examine(document, names, trust, home);
    let rows = &plan.document.rows;
    let row = |pointer: &str| rows.get(pointer.split('/').nth(2)?.parse::<usize>().ok()?)?.as_ref();
    let mut diagnostics: Vec<_> = (findings.into_iter())
        .filter(|found| !on_purpose::is_meant(&plan.document.source, &found.diagnostic))
        .map(|mut found| {
            each::name(&mut found.diagnostic, row(&found.pointer));
            found.diagnostic
        })
        .collect();
    diagnostics.sort_by_key(|diagnostic| (diagnostic.file.is_some(), diagnostic.span));
    each::once(&mut diagnostics);
    findings::cut(&mut diagnostics);
    if diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error) {
        return Err(diagnostics);
    }
    plan.warnings = diagnostics;
    Ok(plan)
}

/// The plan as far as it could be made, and all that was found.
fn examine(document: Arc<Document>, names: &Names, trust: Trust, home: Option<&str>) -> (Plan, Vec<Finding>) {
    let said = document.scenario.namespace.as_ref().map(|namespace| namespace.0.as_str());
    let home = home.filter(|_| said.is_none());
    let fresh_namespace = home.is_none() && said.is_none_or(|name| !targets::EVERYWHERE.contains(&name));
    let namespace = said.or(home).map_or_else(|| fresh_name(&document, names), str::to_owned);
    let filled = placeholders::filled(&document, &namespace);
    let scenario = &filled.scenario;
    let mut cx =
        Context { namespace: &namespace, findings: Findings::new(&filled), notes: Vec::new(), apis: Apis::default(), trust, unrendered: false };
    placeholders::check(&mut cx, &document);
    let drafts: Vec<_> =
        (scenario.steps.iter().enumerate()).map(|(index, step)| draft::draft(&mut cx, index, step)).collect();
    // What is found from here on may be wrong about objects that nobody has seen.
    let alone = cx.findings.len();
    cx.apis = apis::of(&drafts);
    let mut steps = story::tell(&mut cx, &drafts);
    existence::check(&mut cx, &drafts, &mut steps);
    pairs::check(&mut cx, &steps);
    revived::check(&mut cx, &steps);
    texts::check(&mut cx);
    slips::check(&mut cx, &drafts);
    if cx.unrendered {
        cx.findings.forget_after(alone);
    }
    if trust == Trust::Narrow {
        untrusted::check(&mut cx, &drafts, &steps);
    }
    let shares::Shares { alone, mut holds } = shares::read(&namespace, fresh_namespace, &drafts, &steps);
    if said.is_some() {
        holds.insert(format!("Namespace {namespace}"));
    }
    let home = home.map(str::to_owned);

    let shape = server::shape(&mut cx, &document, trust);
    let timeout = draft::scenario_timeout(&mut cx, scenario.timeout.as_ref());
    expectations::redact(&mut cx, &scenario.redact);

    let Context { findings, notes, .. } = cx;
    let findings = findings.into_list();
    let plan = Plan {
        title: scenario.title.clone(),
        say: scenario.say.clone(),
        tags: scenario.tags.clone(),
        namespace: namespace.clone(),
        fresh_namespace,
        home,
        trust,
        alone,
        holds,
        timeout,
        shape,
        redact: scenario.redact.clone(),
        steps,
        notes,
        warnings: Vec::new(),
        document: document.clone(),
    };
    (plan, findings)
}

/// `kw-<file stem>-<suffix>`.
fn fresh_name(document: &Document, names: &Names) -> String {
    let stem = document.source.path.file_stem().unwrap_or_default();
    let label = dns_label(&stem.to_string_lossy(), 40);
    if label.is_empty() { format!("kw-{}", names.suffix) } else { format!("kw-{label}-{}", names.suffix) }
}

/// What all passes share.
struct Context<'a> {
    /// The scenario's namespace.
    namespace: &'a str,
    /// All that is wrong.
    findings: Findings<'a>,
    /// All that was filled in.
    notes: Vec<Note>,
    /// What the API server serves, the scenario's own kinds included.
    apis: Apis,
    /// Whether the scenario's author is trusted.
    trust: Trust,
    /// Whether there are objects that nobody has rendered, so that what is said of them cannot be checked.
    unrendered: bool,
}

impl Context<'_> {
    /// Notes something that was filled in.
    fn note(&mut self, pointer: &str, text: impl Into<String>) {
        let span = self.findings.document().span(pointer);
        self.notes.push(Note { span, text: text.into() });
    }
}

/// A key or an index below a JSON pointer.
fn below(pointer: &str, key: impl std::fmt::Display) -> String {
    let key = key.to_string().replace('~', "~0").replace('/', "~1");
    format!("{pointer}/{key}")
}
