//! A length of time as it is written.

use schemars::JsonSchema;
use serde::Deserialize;

/// A length of time with its unit: `500ms`, `30s`, `2m`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Duration(#[schemars(regex(pattern = r"^[0-9]+(ms|s|m)$"))] pub String);
