//! Who may do what, beside the step.

use serde::Serialize;

use crate::{event::StepFinished, report::diagram::Diagram};

/// The picture, and the same in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Picture {
    /// For a page that has [`Diagram::CSS`].
    pub svg: String,
    /// For a reader who does not see it.
    pub sentences: Vec<String>,
}

impl Picture {
    /// After these steps; `None`: they have made and shown nothing of it.
    pub fn from_steps<'a>(steps: impl Iterator<Item = &'a StepFinished>) -> Option<Self> {
        let drawn = Diagram::from_steps(steps);
        (!drawn.is_empty()).then(|| Picture { svg: drawn.tree("who"), sentences: drawn.sentences() })
    }
}
