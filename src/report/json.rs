//! The run as one JSON document: scenarios with their steps, where the event stream has them as they came.

use serde::Serialize;

use super::story::Run;
use crate::event::{Record, VERSION};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    /// That of the events, whose words it uses.
    version: u32,
    #[serde(flatten)]
    run: Run<'a>,
}

/// The report.
pub fn render(records: &[Record]) -> String {
    let document = Document { version: VERSION, run: Run::from_records(records) };
    serde_json::to_string_pretty(&document).unwrap_or_default() + "\n"
}
