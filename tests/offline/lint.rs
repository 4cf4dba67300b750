//! What `kubewalk check` warns about: scenarios that can run, but do not mean what they say.
//!
//! `lint/NAME.yaml` has the slip and `lint/NAME.stderr` the words; `KUBEWALK_BLESS=1 cargo test --test lint` writes them anew.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use kubewalk::{
    plan::{self, Names, Plan},
    scenario::{self, diagnostic},
};
use rstest::rstest;

fn plan(name: &Path, bytes: &[u8]) -> Plan {
    let document = scenario::read(name, bytes)
        .unwrap_or_else(|(source, found)| panic!("{}", diagnostic::render(&found, &source, false)));
    plan::plan(Arc::clone(&document), &Names { suffix: "test0".to_owned() })
        .unwrap_or_else(|found| panic!("{}", diagnostic::render(&found, &document.source, false)))
}

#[rstest]
fn a_file(#[files("tests/offline/lint/*.yaml")] path: PathBuf) {
    let name = Path::new("tests/offline/lint").join(path.file_name().expect("a name"));
    let plan = plan(&name, &fs::read(&path).expect("the scenario"));
    let said = diagnostic::render(&plan.warnings, &plan.document.source, false);
    assert!(said.starts_with("warning: "), "nothing is warned about:\n{said}");
    for warning in &plan.warnings {
        assert!(warning.span.is_some() && warning.hint.is_some(), "{warning:?}");
    }
    let golden = path.with_extension("stderr");
    if std::env::var_os("KUBEWALK_BLESS").is_some_and(|word| word == "1") {
        fs::write(&golden, &said).expect("the golden file is written");
    }
    let expected = fs::read_to_string(&golden).unwrap_or_default().replace("\r\n", "\n");
    assert!(said == expected, "{} is not what is said now:\n{said}", golden.display());
}

#[test]
fn a_subject_without_a_namespace_gets_the_scenarios_and_the_notes_say_so() {
    let text = "title: t\nsteps:\n  - title: account\n    serviceAccount: reader\n  - title: bound\n    apply:\n      \
                apiVersion: rbac.authorization.k8s.io/v1\n      kind: ClusterRoleBinding\n      metadata: {name: b}\n      \
                roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view}\n      \
                subjects: [{kind: ServiceAccount, name: reader}]\n";
    let plan = plan(Path::new("filled-in.yaml"), text.as_bytes());
    assert!(plan.warnings.is_empty());
    let note =
        plan.notes.iter().find(|note| note.text == "namespace `kw-filled-in-test0` of the subject").expect("a note");
    assert_eq!(diagnostic::line_col(&plan.document.source, note.span.start), (11, 18));
}
