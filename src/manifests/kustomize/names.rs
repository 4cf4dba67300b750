//! Names of kustomize's files, and paths in a kustomization.

use std::path::{Component, Path, PathBuf};

/// The key that names a kustomization in a step.
pub(in crate::manifests) const KEY: &str = "kustomize";

/// The names that kustomize takes for a kustomization.
pub const NAMES: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// All fields of a kustomization but those that are looked at for names. kustomize takes a field in any case of letters, those beyond
/// ASCII too (`ſ` is an `s`), so what is not exactly a field is refused.
pub(super) const FIELDS: [&str; 18] = [
    "apiVersion",
    "buildMetadata",
    "commonAnnotations",
    "commonLabels",
    "generatorOptions",
    "imageTags",
    "images",
    "inventory",
    "kind",
    "labels",
    "metadata",
    "namePrefix",
    "nameSuffix",
    "namespace",
    "openapi",
    "replicas",
    "sortOptions",
    "vars",
];

/// The fields of the elements that name files.
pub(super) const INNER: [&str; 14] = [
    "behavior",
    "env",
    "envs",
    "files",
    "literals",
    "name",
    "namespace",
    "options",
    "patch",
    "path",
    "source",
    "target",
    "targets",
    "type",
];

/// A name behind a folder below the root.
pub(super) fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}

/// A name behind a folder that people see, without `.` and `..`.
pub(super) fn shown_of(folder: &Path, name: &str) -> PathBuf {
    let mut path = folder.to_owned();
    for part in Path::new(name).components() {
        match part {
            Component::ParentDir if matches!(path.components().next_back(), Some(Component::Normal(_))) => {
                path.pop();
            }
            Component::CurDir => {}
            part => path.push(part),
        }
    }
    path
}
