//! Makes a [`Plan`] of a [`Document`].
//!
//! First each step alone becomes a draft (`lower::step`: its verb, its times, its manifests). Then the
//! steps are walked in order: what they name is looked up in what exists at that point (`resolve`), and each
//! becomes what it does (`lower`). At last `lint` looks at the whole.

mod walk;

#[cfg(test)]
mod server_takes;
#[cfg(test)]
pub(super) mod testing;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, sync::Arc};

use super::{
    Names, Plan, Step, Trust,
    context::{Context, Draft, Finding, Findings, findings, on_purpose},
    lint::{
        absent_fields, aggregation, bare_denial, custom_objects, endless_wait, existence, free_words, granted_only,
        images, mounted_paths, paths_in_commands, revived, rule_words, scopes, slips, unpaired_denial, untrusted,
        version_bound_text,
    },
    lower::{cluster, duration, exclusivity, expect, placeholders, step},
    names::dns_label,
    needs::everybody,
    resolve::apis,
};
use crate::{
    k8s::{Apis, well_known::EVERYWHERE},
    scenario::{Diagnostic, Document, Severity, each},
};

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
    let source = plan.document.source.clone();
    let said = findings.into_iter().filter(|found| !on_purpose::is_meant(&source, &found.diagnostic)).collect();
    let diagnostics = diagnostics(&plan.document, said);
    if diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error) {
        return Err(diagnostics);
    }
    plan.warnings = diagnostics;
    Ok(plan)
}

/// Findings in the order of their places, with the rows of `each` that they are about.
fn diagnostics(document: &Document, findings: Vec<Finding>) -> Vec<Diagnostic> {
    let row = |pointer: &str| document.rows.get(pointer.split('/').nth(2)?.parse::<usize>().ok()?)?.as_ref();
    let mut diagnostics: Vec<_> = (findings.into_iter())
        .map(|mut found| {
            each::name(&mut found.diagnostic, row(&found.pointer));
            found.diagnostic
        })
        .collect();
    diagnostics.sort_by_key(|diagnostic| (diagnostic.file.is_some(), diagnostic.span));
    each::once(&mut diagnostics);
    findings::cut(&mut diagnostics);
    diagnostics
}

impl Plan {
    /// Makes it one for a cluster that exists: its namespace, if it names one, must be there, and if it names none, it is in the one
    /// that the person owns.
    ///
    /// # Errors
    /// What is wrong with it there.
    pub fn in_existing(&mut self, home: Option<&str>) -> Result<(), Vec<Diagnostic>> {
        if self.document.scenario.namespace.is_some() {
            self.fresh_namespace = false;
        } else if home.is_some() {
            *self = plan_in(self.document.clone(), &Names::random(), self.trust, home)?;
        }
        Ok(())
    }

    /// The same scenario under a new name, so that nothing of it stands in its own way.
    pub fn again(&self, names: &Names) -> Plan {
        match plan_in(self.document.clone(), names, self.trust, self.home.as_deref()) {
            Ok(mut plan) => {
                plan.fresh_namespace = self.fresh_namespace;
                plan.left_out.clone_from(&self.left_out);
                plan
            }
            Err(_) => self.clone(),
        }
    }
}

/// The plan as far as it could be made, and all that was found.
pub(in crate::plan) fn examine(
    document: Arc<Document>,
    names: &Names,
    trust: Trust,
    home: Option<&str>,
) -> (Plan, Vec<Finding>) {
    let said = document.scenario.namespace.as_ref().map(|namespace| namespace.0.as_str());
    let home = home.filter(|_| said.is_none());
    let fresh_namespace = home.is_none() && said.is_none_or(|name| !EVERYWHERE.contains(&name));
    let namespace = said.or(home).map_or_else(|| fresh_name(&document, names), str::to_owned);
    let filled = placeholders::filled(&document, &namespace);
    let scenario = &filled.scenario;
    let mut cx = Context {
        namespace: &namespace,
        findings: Findings::new(&filled),
        notes: Vec::new(),
        apis: Apis::default(),
        trust,
        unrendered: false,
    };
    placeholders::check(&mut cx, &document);
    let drafts: Vec<_> =
        (scenario.steps.iter().enumerate()).map(|(index, step)| step::read(&mut cx, index, step)).collect();
    // What is found from here on may be wrong about objects that no tool has rendered.
    let alone = cx.findings.len();
    cx.apis = apis::served_with(&drafts);
    let mut steps = walk::steps(&mut cx, &drafts);
    lint(&mut cx, &drafts, &mut steps);
    if cx.unrendered {
        cx.findings.forget_after(alone);
    }
    if trust == Trust::Narrow {
        untrusted::check(&mut cx, &drafts, &steps);
    }
    let told = cx.findings.len();
    everybody::check(&mut cx, &drafts, &steps);
    let for_everybody = cx.findings.take_after(told);
    let exclusivity::Exclusivity { alone, mut holds } = exclusivity::read(&namespace, fresh_namespace, &drafts, &steps);
    if said.is_some() {
        holds.insert(format!("Namespace {namespace}"));
    }
    let home = home.map(str::to_owned);

    let refs: Vec<_> = scenario.refs.iter().map(|id| id.0.as_str()).collect();
    step::twice(&mut cx, "/refs", "claim", &refs);
    let shape = cluster::shape(&mut cx, &document, trust);
    let timeout = duration::scenario_timeout(&mut cx, scenario.timeout.as_ref());
    expect::redact(&mut cx, &scenario.redact);

    let Context { findings, notes, .. } = cx;
    let (findings, files) = findings.into_parts();
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
        left_out: BTreeMap::new(),
        notes,
        warnings: Vec::new(),
        for_everybody: diagnostics(&document, for_everybody),
        files,
        document: document.clone(),
    };
    (plan, findings)
}

/// All that only shows when all steps are known.
fn lint(cx: &mut Context<'_>, drafts: &[Draft<'_>], steps: &mut [Step]) {
    existence::check(cx, drafts, steps);
    paths_in_commands::check(cx, steps);
    custom_objects::check(cx, drafts, steps);
    unpaired_denial::check(cx, steps);
    granted_only::check(cx, steps);
    free_words::check(cx, drafts, steps);
    absent_fields::check(cx, steps);
    mounted_paths::check(cx, drafts, steps);
    images::check(cx, drafts, steps);
    revived::check(cx, steps);
    version_bound_text::check(cx);
    slips::check(cx, drafts);
    rule_words::check(cx, drafts);
    scopes::check(cx, drafts);
    endless_wait::by_kubectl(cx, drafts);
    aggregation::check(cx, drafts);
    bare_denial::check(cx, drafts);
}

/// `kw-<file stem>-<suffix>`.
fn fresh_name(document: &Document, names: &Names) -> String {
    let stem = document.source.path.file_stem().unwrap_or_default();
    let label = dns_label(&stem.to_string_lossy(), 40);
    if label.is_empty() { format!("kw-{}", names.suffix) } else { format!("kw-{label}-{}", names.suffix) }
}
