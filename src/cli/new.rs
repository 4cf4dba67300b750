//! `kubewalk new`: a first scenario to change.

use std::{
    io::{self, Write as _},
    path::{Component, Path, PathBuf},
};

use anyhow::Context as _;
use clap::Args;

use crate::{destination::Destination, exit_code::Exit, given_file, output::print};

#[derive(Debug, Args)]
pub struct Options {
    /// A name (`rbac/my-story` becomes scenarios/rbac/my-story.yaml), or a path that ends in .yaml.
    name: String,
}

const TEMPLATE: &str = include_str!("new.yaml");

pub fn main(options: &Options) -> anyhow::Result<Exit> {
    let path = match path_of(&options.name) {
        Ok(path) => path,
        Err(why) => {
            eprint_line!("error: {why}");
            return Ok(Exit::Invalid);
        }
    };
    let text = scenario_text(&path, schema_for(&path));
    let made = Destination::new_file(&path);
    match made.and_then(|mut file| file.write_all(text.as_bytes())) {
        Ok(()) => {
            copy_schema(&path)?;
            Ok(print(&format!("{}\n", path.display())))
        }
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {
            eprint_line!("error: {} is there already; it is left as it is. Choose another name", path.display());
            Ok(Exit::Invalid)
        }
        Err(e) => Err(e).with_context(|| format!("cannot write {}", path.display())),
    }
}

/// Where a scenario of this name goes.
pub(super) fn path_of(name: &str) -> Result<PathBuf, String> {
    let wrong = |why: &str| Err(format!("`{}` is no name of a scenario: {why}", name.escape_debug()));
    if name.chars().any(char::is_control) {
        return wrong("it has a control character");
    }
    let last = name.rsplit(['/', std::path::MAIN_SEPARATOR]).next().unwrap_or_default();
    let stem = last.strip_suffix(".yaml").or_else(|| last.strip_suffix(".yml")).unwrap_or(last);
    if matches!(stem.trim(), "" | "." | "..") {
        return wrong("say what the file is called, e.g. `rbac/my-story`");
    }
    if stem != last {
        return Ok(PathBuf::from(name));
    }
    let file = format!("{name}.yaml");
    // An absolute name stays where it is.
    Ok(Path::new("scenarios").join(file))
}

/// Where the schema is in a checkout of kubewalk itself, and where it is put elsewhere.
const SCHEMAS: [&str; 2] = ["schema/scenario.schema.json", ".kubewalk/scenario.schema.json"];

/// The schema for the editor of a scenario's author: the one of the checkout, else a copy beside the project's scenarios.
/// `None` for a file elsewhere, from which no path leads there.
pub(super) fn schema_for(path: &Path) -> Option<&'static str> {
    let inside = path.components().all(|part| matches!(part, Component::Normal(_)));
    let [checkout, copy] = SCHEMAS;
    inside.then(|| if Path::new(checkout).is_file() { checkout } else { copy })
}

/// Writes that copy if there is none; one that is there is not overwritten.
pub(super) fn copy_schema(path: &Path) -> anyhow::Result<()> {
    let [_, copy] = SCHEMAS;
    if schema_for(path) != Some(copy) {
        return Ok(());
    }
    let schema = format!("{:#}\n", crate::scenario::schema_json());
    match Destination::new_file(Path::new(copy)).and_then(|mut file| file.write_all(schema.as_bytes())) {
        Ok(()) => {}
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {
            if given_file::read(Path::new(copy), schema.len() as u64).ok().as_deref() != Some(schema.as_bytes()) {
                eprint_line!("{copy}, which your editor reads, is not of this kubewalk: kubewalk schema > {copy}");
            }
        }
        Err(e) => return Err(e).with_context(|| format!("cannot write {copy}")),
    }
    Ok(())
}

/// The scenario, for an editor that finds this schema.
fn scenario_text(path: &Path, schema: Option<&str>) -> String {
    first_line(path, schema) + TEMPLATE
}

/// The line by which an editor finds the schema.
pub(super) fn first_line(path: &Path, schema: Option<&str>) -> String {
    let up = "../".repeat(path.components().count().saturating_sub(1));
    match schema {
        Some(schema) => format!("# yaml-language-server: $schema={up}{schema}\n"),
        None => "# Let your editor help: `kubewalk schema > scenario.schema.json`, then write as the first line\n\
                 # yaml-language-server: $schema=scenario.schema.json\n"
            .to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("mine", Some("scenarios/mine.yaml"))]
    #[case("rbac/mine", Some("scenarios/rbac/mine.yaml"))]
    #[case("elsewhere/mine.yaml", Some("elsewhere/mine.yaml"))]
    #[case("mine.yml", Some("mine.yml"))]
    #[case("/tmp/mine", Some("/tmp/mine.yaml"))]
    #[case("v1.2", Some("scenarios/v1.2.yaml"))]
    #[case("", None)]
    #[case("rbac/", None)]
    #[case(".yaml", None)]
    #[case("..", None)]
    #[case("a\nb", None)]
    fn names_become_paths(#[case] name: &str, #[case] path: Option<&str>) {
        assert_eq!(path_of(name).ok(), path.map(PathBuf::from));
    }

    #[test]
    fn the_schema_is_found_from_the_file() {
        let first =
            |path: &str, schema| scenario_text(Path::new(path), schema).lines().next().unwrap_or_default().to_owned();
        let [checkout, copy] = SCHEMAS.map(Some);
        assert_eq!(
            first("scenarios/a/b.yaml", checkout),
            "# yaml-language-server: $schema=../../schema/scenario.schema.json"
        );
        assert_eq!(first("b.yaml", copy), "# yaml-language-server: $schema=.kubewalk/scenario.schema.json");
        assert!(first("/tmp/b.yaml", None).starts_with("# Let your editor help"));
        assert_eq!(schema_for(Path::new("/tmp/b.yaml")), None);
        assert_eq!(schema_for(Path::new("../b.yaml")), None);
    }
}
