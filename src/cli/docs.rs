//! `kubewalk docs`: pages made of the sources, on standard output.

use std::path::Path;

use anyhow::Context as _;
use clap::Subcommand;

use crate::{
    docs::{claims, language},
    exit_code::Exit,
    scenario::{self, diagnostic},
};

#[derive(Debug, Subcommand)]
pub enum Page {
    /// The claims of docs/claims.yaml and the steps below scenarios/ that show them.
    Claims,
    /// The scenario language.
    Language,
}

pub fn main(page: &Page) -> anyhow::Result<Exit> {
    match page {
        Page::Claims => claims_page(),
        Page::Language => Ok(super::print(&language::page(&scenario::schema_json()))),
    }
}

fn claims_page() -> anyhow::Result<Exit> {
    let source = "docs/claims.yaml";
    let text = std::fs::read_to_string(source).with_context(|| format!("cannot read {source}"))?;
    let claims = match claims::read(&text) {
        Ok(claims) => claims,
        Err(e) => {
            tell!("error: {source}: {e}");
            return Ok(Exit::Invalid);
        }
    };
    let mut shown = Vec::new();
    for file in super::select::files_below(Path::new("scenarios")).context("cannot read scenarios/")? {
        match scenario::read_file(&file) {
            Ok(document) => shown.extend(claims::steps(&document)),
            Err((source, wrong)) => {
                super::complain(&diagnostic::render(&wrong, &source, false));
                return Ok(Exit::Invalid);
            }
        }
    }
    match claims::page(&claims, &shown, &|file| Path::new(file).is_file()) {
        Ok(page) => Ok(super::print(&page)),
        Err(wrong) => {
            wrong.iter().for_each(|line| tell!("error: {line}"));
            Ok(Exit::Invalid)
        }
    }
}
