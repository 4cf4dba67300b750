//! `kubewalk docs`: pages for readers of scenarios, and those of kubewalk's own documentation.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::{Args, Subcommand};

use super::{pages, select::EXERCISE, talk::Talk};
use crate::{
    docs::{claims, language, sbom, seen::Seen},
    exit_code::Exit,
    output::{eprint, print},
    scenario::{self, diagnostic, files},
};

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
#[group(skip)]
pub struct Options {
    #[command(subcommand)]
    own: Option<Page>,
    #[command(flatten)]
    pub(super) made: pages::Options,
}

/// Pages of kubewalk's own documentation, made of its sources.
#[derive(Debug, Subcommand)]
pub enum Page {
    /// The claims of docs/claims.yaml and the steps below scenarios/ that show them.
    #[command(hide = true)]
    Claims,
    /// The scenario language.
    #[command(hide = true)]
    Language,
    /// A software bill of materials; `scripts/sbom` calls it.
    #[command(hide = true)]
    Sbom {
        /// The engine's manifest.json.
        #[arg(long, value_name = "FILE")]
        engine: PathBuf,
        /// What `cargo metadata` said.
        #[arg(long, value_name = "FILE")]
        metadata: PathBuf,
        /// Cargo.lock.
        #[arg(long, value_name = "FILE")]
        lock: PathBuf,
    },
}

pub fn main(options: &Options, talk: Talk) -> anyhow::Result<Exit> {
    match &options.own {
        Some(page) => own(page),
        None => pages::main(&options.made, talk),
    }
}

fn own(page: &Page) -> anyhow::Result<Exit> {
    match page {
        Page::Claims => claims_page(),
        Page::Sbom { engine, metadata, lock } => {
            let text =
                |path: &Path| std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()));
            let engine = serde_json::from_str(&text(engine)?).context("this is no manifest of an engine")?;
            let metadata = serde_json::from_str(&text(metadata)?).context("this is not what cargo metadata says")?;
            let created = jiff::Timestamp::now().round(jiff::Unit::Second)?.to_string();
            let made = sbom::document(&engine, &metadata, &sbom::sums(&text(lock)?), &created);
            Ok(print(&format!("{made:#}\n")))
        }
        Page::Language => Ok(print(&language::page(&scenario::schema_json()))),
    }
}

fn claims_page() -> anyhow::Result<Exit> {
    let source = "docs/claims.yaml";
    let text = std::fs::read_to_string(source).with_context(|| format!("cannot read {source}"))?;
    let claims = match claims::read(&text) {
        Ok(claims) => claims,
        Err(e) => {
            eprint_line!("error: {source}: {e}");
            return Ok(Exit::Invalid);
        }
    };
    let source = "docs/seen.tsv";
    let text = std::fs::read_to_string(source).with_context(|| format!("cannot read {source}"))?;
    let seen = match Seen::read(&text) {
        Ok(seen) => seen,
        Err(e) => {
            eprint_line!("error: {e}");
            return Ok(Exit::Invalid);
        }
    };
    let mut shown = Vec::new();
    for file in files::below(Path::new("scenarios")).context("cannot read scenarios/")? {
        match scenario::read_file(&file) {
            // What an exercise says is not so until a learner repairs it.
            Ok(document) if document.scenario.tags.iter().any(|tag| tag == EXERCISE) => {}
            Ok(document) => shown.extend(claims::steps(&document)),
            Err((source, wrong)) => {
                eprint(&diagnostic::render(&wrong, &source, false));
                return Ok(Exit::Invalid);
            }
        }
    }
    match claims::page(&claims, &shown, &seen, &|file| Path::new(file).is_file()) {
        Ok(page) => Ok(print(&page)),
        Err(wrong) => {
            wrong.iter().for_each(|line| eprint_line!("error: {line}"));
            Ok(Exit::Invalid)
        }
    }
}
