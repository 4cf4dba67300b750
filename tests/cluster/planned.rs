//! Every shipped scenario is read and planned without a cluster.

use std::{path::PathBuf, sync::Arc};

use kubewalk::{
    cluster::rendering::Renderer,
    manifests,
    plan::{self, Names},
    scenario::{self, diagnostic},
    settings,
};
use rstest::rstest;

#[rstest]
fn scenario_plans(#[files("scenarios/**/*.yaml")] path: PathBuf) {
    // Some scenarios apply charts and kustomizations.
    manifests::render::install(Box::new(Renderer::new(settings::from_env(), None, |_| ())));
    let document = scenario::read_file(&path).unwrap_or_else(|(source, diagnostics)| {
        panic!("{}", diagnostic::render(&diagnostics, &source, false));
    });
    let source = document.source.clone();
    let plan = plan::plan(Arc::clone(&document), &Names { suffix: "abcde".into() })
        .unwrap_or_else(|diagnostics| panic!("{}", diagnostic::render(&diagnostics, &source, false)));
    assert_eq!(plan.steps.len(), document.scenario.steps.len());
    assert!(plan.warnings.is_empty(), "{}", diagnostic::render(&plan.warnings, &source, false));
}
