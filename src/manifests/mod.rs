//! The manifests of a project as its people ship them: a file, a folder, a kustomization, a chart; unchanged, from where they are.
//!
//! What is read here are files inside the project's root ([`crate::scenario::open::Root`]). A kustomization and a chart are gathered
//! into a [`Rendering`]: all files that they are made of, and the words for the tool. Nothing here starts a program: the
//! code that may is installed as a [`Render`].

pub mod chart;
pub mod directory;
mod helm_ignore;
pub mod kustomize;
pub mod render;
mod schema;
pub mod select;
mod shared;
pub mod written;

use std::{collections::BTreeMap, path::Path, sync::Arc};

use self::shared::named;
pub use self::{
    render::{Render, Rendering, Tool, Trouble},
    shared::{Chart, Failed, Loaded, Origin},
};
use crate::scenario::{beside, open::Root};

/// The namespace that a chart is rendered for when it goes into the scenario's own, whose name is new in each run. What was rendered
/// is kept by its content, so it gets this one, and the real one afterwards. Its begin and its end are in no other word.
pub const STAND_IN: &str = "xkwq7own-namespace-7qwkx";

/// Reads what a scenario names; `namespace` is the scenario's own: a name, since it becomes part of a text that is then read as YAML.
///
/// # Errors
/// See [`Failed`].
pub fn load(scenario: &Path, origin: &Origin, namespace: &str) -> Result<Loaded, Failed> {
    let folder = beside::folder(scenario);
    let root = Root::around(folder).map_err(|e| named(origin.key(), beside::unread(".", &e.into())))?;
    let files = |all: &BTreeMap<String, Vec<u8>>| all.keys().map(|name| root.join(name)).collect();
    match origin {
        Origin::File(name) => {
            let found = beside::read(scenario, name).map_err(|why| named("file", why))?;
            let path = found.source.path.clone();
            Ok(Loaded { parts: vec![Arc::new(found)], by: None, read: vec![path.clone()], path, hooks: vec![] })
        }
        Origin::Dir(name) => directory::load(&root, folder, name),
        Origin::Kustomize(name) => {
            let (rendering, path) = kustomize::gather(&root, folder, name)?;
            let text = rendered("kustomize", &rendering)?;
            let parts = kustomize::parts(&text, &path, &rendering)?;
            Ok(Loaded { parts, by: Some(rendering.shown), path, read: files(&rendering.files), hooks: vec![] })
        }
        Origin::Helm(wanted) => {
            let own = wanted.namespace.as_deref().unwrap_or(STAND_IN);
            let (rendering, path) = chart::gather(&root, folder, wanted, own)?;
            let real = wanted.namespace.as_deref().unwrap_or(namespace);
            let text = rendered("helm", &rendering).map_err(|failed| match failed {
                Failed::Refused(key, words, shown) => {
                    Failed::Refused(key, words.replace(STAND_IN, real), shown.replace(STAND_IN, real))
                }
                failed => failed,
            })?;
            if wanted.namespace.is_none() && has_a_part_of_the_stand_in(&text.replace(STAND_IN, "")) {
                let message = format!(
                    "`{}` cuts or encodes the namespace that it is rendered for, which has another name in each run",
                    wanted.chart
                );
                return Err(Failed::Named("helm", message, "name one: `helm: {chart: …, namespace: NAME}`".to_owned()));
            }
            let text = text.replace(STAND_IN, real);
            let parts = chart::parts(&text, &path)?;
            let (by, read) = (Some(rendering.shown.replace(STAND_IN, real)), files(&rendering.files));
            Ok(Loaded { parts, by, path, read, hooks: chart::hooks(&rendering.files) })
        }
    }
}

/// Whether a text has a part of the stand-in, or what is made of it: its beginning or its end, in any case, in base64, or its hash.
fn has_a_part_of_the_stand_in(text: &str) -> bool {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    use sha2::{Digest as _, Sha256};
    const ENOUGH: usize = 8;
    let (begin, end) = (&STAND_IN[..ENOUGH], &STAND_IN[STAND_IN.len() - ENOUGH..]);
    let lower = text.to_lowercase();
    let hash = Sha256::digest(STAND_IN).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    // Three bytes are four letters, so what comes before shifts them in one of three ways.
    let encoded = |before: usize| {
        let all = STANDARD.encode(" ".repeat(before) + STAND_IN);
        all[4..4 + ENOUGH].to_owned()
    };
    lower.contains(begin)
        || lower.contains(end)
        || text.contains(&hash[..ENOUGH])
        || (0..3).any(|before| text.contains(&encoded(before)))
}

fn rendered(key: &'static str, rendering: &Rendering) -> Result<String, Failed> {
    render::render(rendering).map_err(|trouble| match trouble {
        Trouble::Refused(words) => Failed::Refused(
            key,
            format!("{} refuses it: {}", rendering.tool.word(), said(&words)),
            rendering.shown.clone(),
        ),
        Trouble::NotStarted { why, remedy } => Failed::NotRendered(key, why, remedy),
        Trouble::Environment { why, remedy } => Failed::Environment(key, why, remedy),
    })
}

/// The first lines of what a tool says, in one.
fn said(words: &str) -> String {
    let lines: Vec<&str> = words.lines().map(str::trim).filter(|line| !line.is_empty()).take(6).collect();
    let text = lines.join("; ");
    let text = text.trim_start_matches("error: ").trim_start_matches("Error: ");
    match text.char_indices().nth(1200) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    use sha2::{Digest as _, Sha256};

    use super::*;

    #[test]
    fn what_is_made_of_the_stand_in_is_seen() {
        let hash = Sha256::digest(STAND_IN).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        for made in [
            STAND_IN[..12].to_owned(),
            STAND_IN.to_uppercase(),
            format!("x{}", &STAND_IN[5..]),
            STANDARD.encode(STAND_IN),
            STANDARD.encode(format!("a{STAND_IN}-x")),
            STANDARD.encode(format!("ab{STAND_IN}")),
            hash.chars().take(10).collect(),
        ] {
            assert!(has_a_part_of_the_stand_in(&format!("name: {made}")), "{made}");
        }
        for other in ["", "name: kubewalk", "namespace: kw-chart-abcde", "own-namespace"] {
            assert!(!has_a_part_of_the_stand_in(other), "{other}");
        }
    }
}
