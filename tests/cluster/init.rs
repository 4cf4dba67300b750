//! `kubewalk init`: first scenarios for manifests of many shapes, which are what `tests/cluster/init/stories` has and hold at the first run,
//! all on one cluster.
#![cfg(target_os = "linux")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// What a command printed, and its exit code.
fn kubewalk(dir: &Path, args: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_kubewalk")).args(args).current_dir(dir).output();
    let output = output.expect("kubewalk starts");
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (output.status.code(), text)
}

/// The manifests, by their names.
fn manifests() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cluster/init");
    let mut all: Vec<PathBuf> = fs::read_dir(folder)
        .expect("a folder")
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.is_file())
        .collect();
    all.sort();
    all
}

/// A project with all of them and a first scenario for each.
fn project() -> tempfile::TempDir {
    let project = tempfile::tempdir().expect("a folder");
    fs::create_dir(project.path().join("deploy")).expect("a folder");
    fs::write(project.path().join("kubewalk.toml"), "").expect("written");
    for path in manifests() {
        let name = path.file_name().expect("a name").to_str().expect("UTF-8");
        fs::copy(&path, project.path().join("deploy").join(name)).expect("copied");
        let (code, said) = kubewalk(project.path(), &["init", "--from", &format!("deploy/{name}")]);
        assert_eq!(code, Some(0), "{name}: {said}");
    }
    project
}

#[test]
fn the_stories_are_these() {
    let project = project();
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cluster/init/stories");
    let bless = std::env::var_os("KUBEWALK_BLESS").is_some_and(|word| word == "1");
    let mut wrong = Vec::new();
    for path in manifests() {
        let name = path.with_extension("yaml");
        let name = name.file_name().expect("a name");
        let made = fs::read_to_string(project.path().join("scenarios").join(name)).expect("a story");
        if bless {
            fs::create_dir_all(&golden).expect("a folder");
            fs::write(golden.join(name), &made).expect("written");
        }
        if fs::read_to_string(golden.join(name)).unwrap_or_default() != made {
            wrong.push(format!("{}:\n{made}", name.to_string_lossy()));
        }
    }
    assert!(wrong.is_empty(), "KUBEWALK_BLESS=1 cargo test --test init\n{}", wrong.join("\n"));
}

#[test]
fn all_of_them_hold_at_the_first_run_on_one_cluster() {
    assert!(manifests().len() >= 20, "{:?}", manifests());
    let project = project();
    let (code, said) = kubewalk(project.path(), &["run", "--cluster", "builtin", "-q"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains(" steps held, 0 failed, 0 not run"), "{said}");
    // And they say something: a right more in the manifests, and one less, are seen.
    for (name, from, to) in [
        ("by-name.yaml", "verbs: [get, update, delete]", "verbs: [get, update, delete, list, patch]\n    # more"),
        ("people.yaml", "verbs: [get, list, watch]", "verbs: [get]"),
        ("several-namespaces.yaml", "namespace: production}\nroleRef", "namespace: default}\nroleRef"),
    ] {
        let path = project.path().join("deploy").join(name);
        let text = fs::read_to_string(&path).expect("a manifest");
        let changed = text.replacen(from, to, 1);
        assert_ne!(text, changed, "{name}");
        let changed = if name == "by-name.yaml" {
            changed.replace("    resourceNames: [dashboard-key-holder, dashboard-certs]\n", "")
        } else {
            changed
        };
        fs::write(&path, changed).expect("written");
    }
    let stories = ["scenarios/by-name.yaml", "scenarios/people.yaml", "scenarios/several-namespaces.yaml"];
    let (code, said) = kubewalk(project.path(), &[&["run", "--cluster", "builtin", "-q"], stories.as_slice()].concat());
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("3 failed"), "{said}");
}

#[test]
fn it_overwrites_nothing_and_says_what_it_cannot_read() {
    let project = tempfile::tempdir().expect("a folder");
    let at = |name: &str| project.path().join(name);
    fs::write(at("role.yaml"), "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: a}\n").expect("written");
    fs::write(at("none.yaml"), "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n").expect("written");
    fs::write(at("wrong.yaml"), "kind: [\n").expect("written");
    let (code, said) = kubewalk(project.path(), &["init", "--from", "role.yaml"]);
    assert_eq!(code, Some(0), "{said}");
    // Without a mark the scenario's own folder would be the project, and the manifest beside it.
    assert!(at("kubewalk.toml").exists() && said.contains("kubewalk.toml marks this folder"), "{said}");
    fs::write(at("scenarios/role.yaml"), "precious").expect("written");
    let (code, said) = kubewalk(project.path(), &["init", "--from", "role.yaml"]);
    assert!(code == Some(2) && said.contains("scenarios/role.yaml is there already"), "{said}");
    assert_eq!(fs::read_to_string(at("scenarios/role.yaml")).expect("it is there"), "precious");
    for (from, expected) in [
        ("none.yaml", "there is no ServiceAccount, no Role and no binding in it"),
        ("wrong.yaml", "wrong.yaml:"),
        ("missing.yaml", "cannot read missing.yaml: no such file or directory"),
        ("chart-1.0.0.tgz", "chart-1.0.0.tgz is an archive"),
        ("/etc/hostname", "leads out of the scenario's project"),
    ] {
        let (code, said) = kubewalk(project.path(), &["init", "--from", from, "--name", "other"]);
        assert!(code == Some(2) && said.contains(expected), "{from}: {said}");
        assert!(!at("scenarios/other.yaml").exists());
    }
}

/// A folder, a kustomization and a chart, each named as what it is.
#[test]
fn it_takes_what_a_project_has() {
    let project = tempfile::tempdir().expect("a folder");
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    for name in ["operator", "chart", "overlay"] {
        let copied = Command::new("cp").arg("-r").arg(examples.join(name)).arg(project.path()).status();
        assert!(copied.expect("cp starts").success());
    }
    for (args, expected) in [
        (vec!["overlay/base"], "    apply: {kustomize: ../overlay/base}\n"),
        (
            vec!["operator/config/manager/../default", "--name", "default"],
            "    apply: {kustomize: ../operator/config/default, only: rbac}\n",
        ),
        (
            vec!["chart", "--values", "chart/values-team.yaml", "--namespace", "teams"],
            "    apply: {helm: {chart: ../chart, values: [../chart/values-team.yaml], namespace: teams}, only: rbac}\n",
        ),
    ] {
        let (code, said) = kubewalk(project.path(), &[&["init", "--from"], args.as_slice()].concat());
        assert_eq!(code, Some(0), "{said}");
        let path = said.lines().find(|line| line.starts_with("scenarios/")).expect("a path");
        let story = fs::read_to_string(project.path().join(path)).expect("a story");
        assert!(story.contains(expected), "{story}");
    }
    let (code, said) = kubewalk(project.path(), &["run", "--cluster", "builtin", "-q"]);
    assert_eq!(code, Some(0), "{said}");
}

/// A chart as most are written: the release's namespace unquoted and as a part of names, and a condition on Kubernetes' version, which
/// is the cluster's and not the one that helm was built with.
#[test]
fn a_chart_is_written_for_its_namespace_and_the_clusters_version() {
    let project = tempfile::tempdir().expect("a folder");
    let templates = project.path().join("app/templates");
    fs::create_dir_all(&templates).expect("a folder");
    let chart = "apiVersion: v2\nname: app\nversion: 0.1.0\nkubeVersion: '>=1.25.0-0'\n";
    fs::write(project.path().join("app/Chart.yaml"), chart).expect("written");
    fs::write(
        templates.join("rbac.yaml"),
        "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: app}\n---\n\
         apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata:\n  name: {{ .Release.Namespace }}-app\nrules:\n\
         {{- if semverCompare \">=1.37-0\" .Capabilities.KubeVersion.Version }}\n\
         - {apiGroups: [''], resources: [nodes], verbs: [get]}\n{{- end }}\n\
         - {apiGroups: [''], resources: [configmaps], verbs: [get]}\n---\n\
         apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata:\n  name: {{ .Release.Namespace }}-app\n\
         roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: {{ .Release.Namespace }}-app}\nsubjects:\n\
         - kind: ServiceAccount\n  name: app\n  namespace: {{ .Release.Namespace }}\n---\n\
         apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata:\n  name: {{ .Release.Namespace }}-app\n  namespace: kube-system\n\
         roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: extension-apiserver-authentication-reader}\nsubjects:\n\
         - kind: ServiceAccount\n  name: app\n  namespace: {{ .Release.Namespace }}\n",
    )
    .expect("written");
    let (code, said) = kubewalk(project.path(), &["init", "--from", "app"]);
    assert_eq!(code, Some(0), "{said}");
    let story = fs::read_to_string(project.path().join("scenarios/app.yaml")).expect("a story");
    assert!(story.contains("who: serviceaccount/app\n") && story.contains("resource: nodes"), "{story}");
    assert!(!story.contains("7qwkx") && !story.contains("neither read nor create"), "{story}");
    let run = ["run", "--cluster", "builtin", "-q"];
    let (code, said) = kubewalk(project.path(), &run);
    assert_eq!(code, Some(0), "{said}");
    // helm puts what names another namespace there, whatever `--namespace` says.
    let (code, said) = kubewalk(project.path(), &["init", "--from", "app", "--namespace", "teams", "--name", "two"]);
    assert_eq!(code, Some(0), "{said}");
    let (code, said) = kubewalk(project.path(), &["check", "--deny-warnings", "scenarios/two.yaml"]);
    assert_eq!(code, Some(0), "{said}");
    fs::remove_file(project.path().join("scenarios/two.yaml")).expect("removed");
    // What is made of the namespace's name cannot be put right afterwards.
    fs::write(
        templates.join("cut.yaml"),
        "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: '{{ .Release.Namespace | trunc 12 }}-b'}\n",
    )
    .expect("written");
    let (code, said) = kubewalk(project.path(), &run);
    assert!(code == Some(2) && said.contains("cuts or encodes the namespace that it is rendered for"), "{said}");
    fs::remove_file(templates.join("cut.yaml")).expect("removed");
    // Another version has another chart: what is only for newer ones is not in it, and a whole one may refuse it.
    let (code, said) = kubewalk(project.path(), &["run", "--cluster", "builtin", "--kubernetes", "1.20"]);
    assert!(code == Some(2) && said.contains("kubeVersion: >=1.25.0-0"), "{said}");
    assert!(said.contains("incompatible with Kubernetes v1.20.15"), "{said}");
}
