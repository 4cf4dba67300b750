//! What is wrong in a manifest, and where.

/// One slip in a manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slip {
    /// Where: keys and indexes.
    pub path: Vec<String>,
    /// What.
    pub what: What,
}

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// The type has no such field: what it is called there, and the field that was meant, or where it belongs.
    Unknown {
        /// A field of the same object.
        near: Option<String>,
        /// In words, where such a field belongs.
        belongs: Option<String>,
    },
    /// A value of another type is expected: in words.
    Type(String),
    /// It takes only these words.
    Choice(Vec<String>),
    /// The object must have this field.
    Lacks(String),
}
