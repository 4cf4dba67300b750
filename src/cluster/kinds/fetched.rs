//! What was made to be on this machine.

/// What is here now.
#[derive(Debug)]
pub struct Fetched {
    /// In words.
    pub what: String,
    /// How many bytes its files have, where that is known.
    pub bytes: Option<u64>,
}
