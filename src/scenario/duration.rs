//! Lengths of time as a scenario has them: the grammar of [`crate::duration`], and a type for each of the examples that fit.

use schemars::JsonSchema;
use serde::Deserialize;

/// A length of time with its unit: `500ms`, `30s`, `2m`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Duration(#[schemars(regex(pattern = crate::duration::PATTERN))] pub String);

/// A length of time with its unit: `600s`, `30m`, `2h`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Lifetime(#[schemars(regex(pattern = crate::duration::PATTERN))] pub String);
