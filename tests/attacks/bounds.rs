//! See `tests/attacks.rs`.
