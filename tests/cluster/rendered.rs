//! Kustomizations and charts as they are rendered by the real tools: the engine's kubectl, and helm.
#![cfg(target_os = "linux")]

use std::{
    fs,
    path::{Path, PathBuf},
};

use kubewalk::{
    cluster::rendering::Renderer,
    manifests,
    plan::{self, Action, Names, Plan, Trust},
    scenario::diagnostic,
    settings,
};

/// What comes of a scenario's text under a name: its plan, or what is said.
fn load(path: &Path, text: &str) -> Result<Plan, String> {
    manifests::render::install(Box::new(Renderer::new(settings::from_env(), None, |_| ())));
    let names = Names { suffix: "test0".to_owned() };
    plan::load_bytes(path, text.as_bytes(), &names, Trust::Full)
        .map_err(|(source, found)| diagnostic::render(&found, &source, false))
}

fn here(apply: &str) -> Result<Plan, String> {
    load(Path::new("scenarios/shipped/test.yaml"), &format!("title: T\nsteps:\n  - title: S\n    apply: {apply}\n"))
}

/// The objects of the first step, in words, and where it says that they are from.
fn objects(plan: &Plan) -> (Vec<String>, Option<String>) {
    let Action::Apply(objects) = &plan.steps[0].action else { panic!("an apply") };
    let words = objects.iter().map(|object| {
        let place = object.namespace.as_deref().unwrap_or("-");
        format!("{} {place}/{}", object.kind.kind, object.name)
    });
    (words.collect(), objects[0].file.as_ref().and_then(|file| file.by.clone()))
}

#[test]
fn a_chart_is_rendered_with_its_values() {
    let plan = here("{helm: {chart: ../../examples/chart}}").expect("a plan");
    let (words, by) = objects(&plan);
    let own = "kw-test-test0";
    let expected = ["ServiceAccount", "Role", "RoleBinding", "Deployment"].map(|kind| {
        let name = if kind == "ServiceAccount" { "reports" } else { "chart" };
        format!("{kind} {own}/{name}")
    });
    let mut words = words;
    let mut expected = expected.to_vec();
    words.sort();
    expected.sort();
    assert_eq!(words, expected);
    assert_eq!(
        by.as_deref(),
        Some(
            "helm template chart examples/chart --namespace kw-test-test0 --include-crds --no-hooks --kube-version v1.37.2"
        )
    );
    let plan = here(
        "{helm: {chart: ../../examples/chart, values: ../../examples/chart/values-platform.yaml, release: p, namespace: default}, only: rbac}",
    );
    let mut words = objects(&plan.expect("a plan")).0;
    words.sort();
    assert_eq!(words, ["ClusterRole -/p", "ClusterRoleBinding -/p", "ServiceAccount default/platform-reports"]);
}

#[test]
fn a_kustomization_is_rendered_and_chosen_from() {
    let plan =
        here("{kustomize: ../../examples/overlay/overlays/dev, select: {kind: [Role, RoleBinding], name: 'dev-*'}}");
    let plan = plan.expect("a plan");
    let (words, by) = objects(&plan);
    assert_eq!(words, ["Role kw-test-test0/dev-deployer", "RoleBinding kw-test-test0/dev-deployer"]);
    assert_eq!(by.as_deref(), Some("kubectl kustomize examples/overlay/overlays/dev"));
    let Action::Apply(objects) = &plan.steps[0].action else { panic!("an apply") };
    assert!(objects.iter().all(|object| object.manifest["metadata"].get("annotations").is_none()), "{objects:?}");
    let line = plan::equivalent::equivalent(&plan.steps[0]);
    assert!(line.contains("dev-deployer") && line.contains("pods/exec"), "{line}");
}

/// A project with a chart and a kustomization.
fn project(template: &str, kustomization: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, text) in [
        ("kubewalk.toml", ""),
        ("chart/Chart.yaml", "apiVersion: v2\nname: web\nversion: 0.1.0\n"),
        ("chart/templates/rbac.yaml", template),
        ("k/kustomization.yaml", kustomization),
        (
            "k/role.yaml",
            "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {name: r}\nrules:\n  - {apiGroups: [\"\"], resources: [pod], verbs: [get]}\n",
        ),
        ("scenarios/s.yaml", ""),
    ] {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("folders");
        fs::write(path, text).expect("written");
    }
    let story = folder.path().join("scenarios/s.yaml");
    (folder, story)
}

fn said(story: &Path, apply: &str) -> String {
    match load(story, &format!("title: T\nsteps:\n  - title: S\n    apply: {apply}\n")) {
        Ok(plan) => diagnostic::render(&plan.warnings, &plan.document.source, false),
        Err(said) => said,
    }
}

#[test]
fn errors_are_the_tools_own_with_the_users_file() {
    let (_folder, story) =
        project("kind: {{ required \"say who\" .Values.who }}\n", "resources: [role.yaml]\nnamePrefixx: a\n");
    let helm = said(&story, "{helm: {chart: ../chart}}");
    assert!(helm.starts_with("error: helm refuses it: ") && helm.contains("web/templates/rbac.yaml:1"), "{helm}");
    assert!(helm.contains("say who") && helm.contains("the same by hand: `helm template chart "), "{helm}");
    let kustomize = said(&story, "{kustomize: ../k}");
    assert!(kustomize.contains("kustomize refuses it") && kustomize.contains("namePrefixx"), "{kustomize}");
    assert!(!kustomize.contains("kubewalk-render") && !helm.contains("kubewalk-render"), "{kustomize}{helm}");
}

/// What `check` finds in a rendered object is shown there, under the name of the file that it is from.
#[test]
fn findings_point_at_what_was_rendered_and_name_its_file() {
    let (_folder, story) = project(
        "apiVersion: v1\nkind: ServiceAccount\nmetadata: {nam: x}\n",
        "namePrefix: a-\nresources: [role.yaml]\n",
    );
    let helm = said(&story, "{helm: {chart: ../chart}}");
    assert!(helm.contains("chart/templates/rbac.yaml (rendered):") && helm.contains("metadata"), "{helm}");
    let kustomize = said(&story, "{kustomize: ../k}");
    assert!(kustomize.contains("k/role.yaml (rendered):") && kustomize.contains("did you mean `pods`"), "{kustomize}");
}

/// A template that would take all memory, or all time, is ended; one that asks for other files or variables gets nothing.
#[test]
fn a_hostile_template_gets_nothing_and_ends() {
    let secret = std::env::var("HOME").unwrap_or_default();
    let template = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\ndata:\n  a: {{ .Files.Get \"/etc/passwd\" | quote }}\n  \
                    b: {{ .Files.Get \"../../kubewalk.toml\" | quote }}\n  c: {{ tpl \"{{ .Release.Namespace }}\" . }}\n";
    let (_folder, story) = project(template, "resources: [role.yaml]\n");
    let plan = load(&story, "title: T\nsteps:\n  - title: S\n    apply: {helm: {chart: ../chart}}\n").expect("a plan");
    let Action::Apply(objects) = &plan.steps[0].action else { panic!("an apply") };
    let data = &objects[0].manifest["data"];
    assert!(data["a"] == "" && data["b"] == "" && data["c"] == plan.namespace.as_str(), "{data} {secret}");
    let (_folder, story) = project("a: {{ range until 2000000000 }}x{{ end }}\n", "resources: []\n");
    let words = said(&story, "{helm: {chart: ../chart}}");
    assert!(words.contains("helm refuses it"), "{words}");
}
