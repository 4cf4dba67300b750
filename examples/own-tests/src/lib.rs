//! Nothing: this crate only shows how another crate tests its own scenarios (see `tests/scenarios.rs`).
