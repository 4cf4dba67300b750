//! `when`: versions read, conditions that can never hold, and clusters on which nothing would be expected.

use crate::{
    k8s::Version,
    plan::{
        Expected,
        context::{Context, Draft, below},
        when::{Comparison, Here, Sign, When, everywhere},
    },
    scenario::when as said,
};

/// Reads a condition; `at` is its pointer.
pub(in crate::plan) fn read(cx: &mut Context<'_>, at: &str, when: &said::When) -> When {
    let errors = cx.findings.errors();
    let mut read = When::default();
    if let Some(versions) = &when.kubernetes {
        read.kubernetes =
            versions.0.split(',').filter_map(|part| comparison(cx, &below(at, "kubernetes"), part)).collect();
    }
    if let Some(kinds) = &when.cluster {
        if kinds.is_empty() {
            cx.findings.error(&below(at, "cluster"), "an empty list: no cluster is of none of the kinds");
        }
        read.cluster = Some(kinds.clone());
    }
    read.feature = when.feature.clone().unwrap_or_default();
    if when.kubernetes.is_none() && when.cluster.is_none() && when.feature.is_none() {
        cx.findings.error(at, "a `when` that says nothing").hint("e.g. `when: {kubernetes: '>=1.24'}`");
    }
    if cx.findings.errors() == errors && !everywhere().any(|here| read.holds(&here)) {
        let at = if read.kubernetes.is_empty() { at.to_owned() } else { below(at, "kubernetes") };
        cx.findings
            .error(&at, "no cluster is like this")
            .hint("all comparisons must hold at once; they go from 1.20 up");
    }
    read
}

fn comparison(cx: &mut Context<'_>, at: &str, text: &str) -> Option<Comparison> {
    let text = text.trim();
    let sign = Sign::ALL.into_iter().find(|sign| text.starts_with(sign.written()));
    let version =
        sign.and_then(|sign| Some(Comparison { sign, version: text[sign.written().len()..].trim().parse().ok()? }));
    if version.is_none() {
        cx.findings
            .error(at, format!("`{text}` is no comparison of versions"))
            .hint("MAJOR.MINOR with `>=`, `>`, `<=`, `<` or `=`, e.g. `'>=1.24, <1.35'`");
    }
    version
}

/// Whether something is expected on every cluster on which the step is run.
pub(in crate::plan) fn covers(cx: &mut Context<'_>, draft: &Draft<'_>, step: Option<&When>, expected: &[Expected]) {
    let bare = |here: &Here| !expected.iter().any(|item| item.when.as_ref().is_none_or(|when| when.holds(here)));
    let runs = |here: &Here| step.is_none_or(|when| when.holds(here));
    if expected.is_empty() || expected.iter().any(|item| item.when.is_none()) {
        return;
    }
    let Some(here) = everywhere().filter(runs).find(bare) else { return };
    let all_versions = (20..=60).all(|minor| bare(&Here { kubernetes: Version::new(1, minor), ..here.clone() }));
    let place = match (all_versions, here.feature.len()) {
        (false, _) => format!("Kubernetes {}", here.kubernetes),
        (true, 2) => format!("a cluster of kind {}", here.cluster),
        (true, _) => "a cluster that lacks the feature".to_owned(),
    };
    cx.findings
        .error(&draft.expect_at(), format!("on {place} nothing is expected of this step"))
        .at_key()
        .hint("add an expectation for it, or say by a `when` of the step that it is not run there");
}
