use std::{fs, os::unix::fs::symlink};

use rstest::rstest;

use super::{origin::without_origin, *};

/// A project with these files.
fn project(files: &[(&str, &str)]) -> tempfile::TempDir {
    let place = tempfile::tempdir().expect("a folder");
    for (name, text) in files {
        let path = place.path().join("p").join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("folders");
        fs::write(path, text).expect("written");
    }
    fs::create_dir_all(place.path().join("p")).expect("a folder");
    fs::write(place.path().join("p/kubewalk.toml"), "").expect("written");
    fs::create_dir_all(place.path().join("out")).expect("a folder");
    fs::write(place.path().join("out/secret.yaml"), "secret: value\n").expect("written");
    fs::write(place.path().join("out/kustomization.yaml"), "resources: [secret.yaml]\n").expect("written");
    place
}

/// The files that the kustomization in `k` is made of, or what is wrong with it.
fn gathered(place: &tempfile::TempDir) -> Result<Vec<String>, String> {
    let folder = place.path().join("p/scenarios");
    fs::create_dir_all(&folder).expect("a folder");
    let root = Root::around(&folder).expect("a root");
    match gather(&root, &folder, "../k") {
        Ok((rendering, _)) => Ok(rendering.files.into_keys().collect()),
        Err(Failed::Named(_, message, _)) => Err(message),
        Err(Failed::Text(_, found)) => Err(found[0].message.clone()),
        Err(other) => panic!("{other:?}"),
    }
}

#[test]
fn all_that_it_is_made_of_is_found() {
    let overlay = "resources: [../base, role.yaml]\npatches: [{path: patch.yaml}, {patch: 'x'}]\n\
                   configMapGenerator: [{name: a, files: [key=values.txt], envs: [a.env]}]\nreplacements: [{path: r.yaml}]\n";
    let place = project(&[
        ("k/kustomization.yaml", overlay),
        ("k/role.yaml", "a: 1\n"),
        ("k/patch.yaml", "a: 1\n"),
        ("k/values.txt", "x"),
        ("k/a.env", "A=1"),
        ("k/r.yaml", "[]"),
        ("k/never.yaml", "a: 1\n"),
        ("base/kustomization.yml", "resources: [x.yaml]\n"),
    ]);
    symlink(place.path().join("p/k/role.yaml"), place.path().join("p/base/x.yaml")).expect("a link");
    let expected = ["base/kustomization.yml", "base/x.yaml", "k/a.env", "k/kustomization.yaml", "k/patch.yaml"];
    let expected = expected.into_iter().chain(["k/r.yaml", "k/role.yaml", "k/values.txt"]);
    assert_eq!(gathered(&place).expect("files"), expected.collect::<Vec<_>>());
}

#[rstest]
#[case("resources: [../../out]", "leads out of the project")]
#[case("bases: ['../../out']", "leads out of the project")]
#[case("resources: [/etc]", "leads out of the project")]
#[case("resources: [linked.yaml]", "leads out of the project")]
#[case("resources: [linked/secret.yaml]", "leads out of the project")]
#[case("components: [linked]", "leads out of the project")]
#[case("patches: [{path: ../../out/secret.yaml}]", "leads out of the project")]
#[case("secretGenerator: [{name: a, files: ['k=../../out/secret.yaml']}]", "leads out of the project")]
#[case("openapi: {path: ../../out/secret.yaml}", "leads out of the project")]
#[case("resources: ['https://example.com/a.yaml']", "not in the project but elsewhere")]
#[case("resources: [github.com/a/b]", "not in the project but elsewhere")]
#[case("resources: ['git@host:a/b']", "not in the project but elsewhere")]
#[case("resources: ['host:a/b']", "not in the project but elsewhere")]
#[case("resources: ['a//b?ref=x']", "not in the project but elsewhere")]
#[case("resources: ['../a.git/b']", "not in the project but elsewhere")]
#[case("RESOURCES: ['https://example.com/a.yaml']", "is written `resources`")]
#[case("re\u{17f}ources: [../../out]", "`re\u{17f}ources` is no field")]
#[case("ba\u{17f}es: [../../out]", "is no field")]
#[case("generator\u{17f}: [plugin.yaml]", "is no field")]
#[case("patches: [{PATH: ../../out/secret.yaml}]", "`PATH` is written `path`")]
#[case("secretGenerator: [{name: a, file\u{17f}: ['k=../../out/secret.yaml']}]", "is no field")]
#[case("configMapGenerator: [{name: a, files: [config]}]", "something hidden")]
#[case("configMapGenerator: [{name: a, files: [../.git/config]}]", "elsewhere")]
#[case("configMapGenerator: [{name: a, envs: [settings]}]", "something hidden")]
#[case("helmCharts: [{name: a, repo: 'https://example.com'}]", "`helmCharts` in a kustomization")]
#[case("HelmCharts: [{name: a}]", "`HelmCharts` in a kustomization")]
#[case("generators: [plugin.yaml]", "`generators` in a kustomization")]
#[case("transformers: [f.yaml]", "`transformers` in a kustomization")]
#[case("validators: [f.yaml]", "`validators` in a kustomization")]
#[case("resources: [none.yaml]", "there is no `none.yaml`")]
#[case("resources: []\n---\nresources: []", "not one mapping")]
#[case("resources: [] # x\u{85}bases: [../../out]", "not one mapping")]
#[case("resources: []\nresources: [../../out]", "said twice")]
fn what_leads_out_or_starts_something_is_refused(#[case] text: &str, #[case] said: &str) {
    let place = project(&[("k/kustomization.yaml", text), (".git/config", "token"), (".env", "")]);
    symlink("../.env", place.path().join("p/k/settings")).expect("a link");
    symlink("../.git/config", place.path().join("p/k/config")).expect("a link");
    symlink("../../out/secret.yaml", place.path().join("p/k/linked.yaml")).expect("a link");
    symlink("../../out", place.path().join("p/k/linked")).expect("a link");
    let wrong = gathered(&place).expect_err("refused");
    assert!(wrong.contains(said), "{wrong}");
}

#[test]
fn one_kustomization_and_only_one() {
    assert!(gathered(&project(&[("k/role.yaml", "a: 1")])).expect_err("none").contains("no kustomization"));
    let two = project(&[("k/kustomization.yaml", "{}"), ("k/Kustomization", "{}")]);
    assert!(gathered(&two).expect_err("two").contains("two kustomizations"));
    let linked = project(&[]);
    symlink("../out", linked.path().join("p/k")).expect("a link");
    assert!(gathered(&linked).expect_err("out").contains("leads out"));
    let circle =
        project(&[("k/kustomization.yaml", "resources: [../l]"), ("l/kustomization.yaml", "resources: [../k]")]);
    assert_eq!(gathered(&circle).expect("kustomize itself tells a circle").len(), 2);
}

#[test]
fn the_note_of_the_file_is_taken_out() {
    let document = "apiVersion: v1\nkind: ConfigMap\ndata:\n  a: |\n    config.kubernetes.io/origin: |\n      path: no\nmetadata:\n  \
                    annotations:\n    config.kubernetes.io/origin: |\n      path: ../base/a.yaml\n    z: y\n  name: a";
    let (origin, bare) = without_origin(document);
    assert_eq!(origin.as_deref(), Some("../base/a.yaml"));
    assert!(bare.contains("path: no") && bare.contains("z: y") && !bare.contains("../base"), "{bare}");
    let alone = "kind: A\nmetadata:\n  annotations:\n    config.kubernetes.io/origin: |\n      path: a.yaml\n  name: a";
    assert_eq!(without_origin(alone).1, "kind: A\nmetadata:\n  name: a");
    assert_eq!(shown_of(Path::new("config/overlay"), "../base/a.yaml"), Path::new("config/base/a.yaml"));
}
