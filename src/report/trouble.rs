//! What went wrong outside of steps, as reports tell it.

use serde::{Serialize, Serializer};

use crate::{event::Fault, redact::show};

/// Something that went wrong outside of steps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Trouble {
    /// Of which kind it is.
    pub class: TroubleClass,
    /// In one sentence.
    pub message: String,
    /// What to do, and log lines.
    pub more: Vec<String>,
    /// File, line and column, if it is about one.
    pub place: Option<(String, usize, usize)>,
}

/// Of which kind a trouble is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TroubleClass {
    /// A file that cannot be run as it is.
    Invalid,
    /// Something is left behind.
    CleanUp,
    /// The run ended without a last word.
    Killed,
    /// Something kept the run, or a scenario, from an answer.
    Fault(Fault),
}

impl TroubleClass {
    /// The word that reports have for it, e.g. `cleanUp`.
    pub fn word(self) -> &'static str {
        match self {
            TroubleClass::Invalid => "invalid",
            TroubleClass::CleanUp => "cleanUp",
            TroubleClass::Killed => "killed",
            TroubleClass::Fault(fault) => fault.word(),
        }
    }
}

impl Serialize for TroubleClass {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.word())
    }
}

impl Trouble {
    /// The message and all that belongs to it, one line each.
    pub fn told(&self) -> String {
        let more = self.more.iter().map(|line| format!("  {}\n", show::block(line, show::BODY)));
        format!("{}\n{}", show::block(&self.message, 2 * show::BODY), more.collect::<String>())
    }
}
