//! What came of a step.

use crate::expect::Answer;

/// What came of an action.
pub struct StepResult {
    /// The answer.
    pub answer: Answer,
    /// The token that it is about: the one that was made, or that was sent.
    pub token: Option<secrecy::SecretString>,
    /// Of several objects, the last that was asked for, counted from 0.
    pub at: usize,
}
