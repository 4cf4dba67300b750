//! Checks a tree against the JSON Schema that the types give.
