//! What all passes share: the scenario's facts, the findings, and each step as a draft.

pub(in crate::plan) mod draft;
pub(in crate::plan) mod findings;
pub(in crate::plan) mod on_purpose;
pub(in crate::plan) mod shared;
pub(in crate::plan) mod words;

pub(in crate::plan) use draft::{Draft, Placed};
pub(in crate::plan) use findings::{Finding, Findings};
pub(in crate::plan) use shared::{Context, below};
