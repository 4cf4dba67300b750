//! Every shipped scenario is read and planned without a cluster.

use std::{path::PathBuf, sync::Arc};

use kubewalk::{
    plan::{self, Names},
    scenario::{self, diagnostic},
};
use rstest::rstest;

#[rstest]
fn scenario_plans(#[files("scenarios/**/*.yaml")] path: PathBuf) {
    let document = scenario::read_file(&path).unwrap_or_else(|(source, diagnostics)| {
        panic!("{}", diagnostic::render(&diagnostics, &source, false));
    });
    let source = document.source.clone();
    let plan = plan::plan(Arc::clone(&document), &Names { suffix: "abcde".into() })
        .unwrap_or_else(|diagnostics| panic!("{}", diagnostic::render(&diagnostics, &source, false)));
    assert_eq!(plan.steps.len(), document.scenario.steps.len());
    assert!(plan.warnings.is_empty(), "{}", diagnostic::render(&plan.warnings, &source, false));
}
