//! What calls have shown of an arrow, as a sign and in words.

/// What calls have shown of an arrow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// The last call that could go by it was allowed, in the step of this number.
    Allowed(usize),
    /// It was refused.
    Denied(usize),
    /// No call went by it.
    NotAsked,
}

impl Shown {
    /// A sign beside the colour.
    pub fn sign(self) -> &'static str {
        match self {
            Shown::Allowed(_) => "✓",
            Shown::Denied(_) => "✗",
            Shown::NotAsked => "?",
        }
    }

    /// The sign and the step, e.g. `✓ 4`.
    pub fn label(self) -> String {
        match self {
            Shown::Allowed(step) | Shown::Denied(step) => format!("{} {step}", self.sign()),
            Shown::NotAsked => self.sign().to_owned(),
        }
    }

    /// A word for style sheets.
    pub fn class(self) -> &'static str {
        match self {
            Shown::Allowed(_) => "allowed",
            Shown::Denied(_) => "denied",
            Shown::NotAsked => "unasked",
        }
    }

    /// In words, e.g. `allowed in step 4`.
    pub fn describe(self) -> String {
        match self {
            Shown::Allowed(step) => format!("allowed in step {step}"),
            Shown::Denied(step) => format!("denied in step {step}"),
            Shown::NotAsked => "not asked".to_owned(),
        }
    }
}
