//! Why a call is allowed or refused: the binding and rule that grant it, or the nearest misses and what would grant it.
//!
//! [`explain()`] is a pure function of the RBAC objects; [`fetch`] reads them from a cluster and asks the server's own
//! opinion.

pub mod element;
pub mod evaluate;

pub mod misses;

pub mod patch;

mod slips;

pub mod fetch;

#[cfg(test)]
pub(crate) mod testing;

#[cfg(test)]
mod tests;

pub use element::Element;
pub use evaluate::{Caller, Grant, Id, Policy, Question};
pub use misses::Miss;
pub use patch::Patch;
pub use slips::own_kind;

/// RBAC's decision with its reasons.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// Something grants it.
    Granted(Box<Grant>),
    /// Nothing does.
    Denied {
        /// What is nearest to a grant, the nearest first; often empty.
        misses: Vec<Miss>,
        /// What would grant just this.
        patch: Patch,
    },
}

/// Decides as the API server's RBAC authorizer does, and says why.
pub fn explain(policy: &Policy, question: &Question) -> Verdict {
    match evaluate::grant(policy, question) {
        Some(grant) => Verdict::Granted(Box::new(grant)),
        None => {
            let misses = misses::nearest(policy, question);
            let patch = patch::patch(policy, question, misses.first());
            Verdict::Denied { misses, patch }
        }
    }
}

impl Verdict {
    /// Sentences without a period, the most important first; the last of a denial is the patch, with its YAML below it.
    pub fn lines(&self, question: &Question) -> Vec<String> {
        match self {
            Self::Granted(grant) => vec![misses::granted(grant, question)],
            Self::Denied { misses, patch } => {
                let mut lines: Vec<String> = misses.iter().take(SAID).map(|miss| miss.sentence.clone()).collect();
                if lines.is_empty() {
                    lines.push(misses::nothing_near(question));
                }
                lines.push(format!("{}:\n{}", patch.title, patch.yaml.trim_end()));
                lines
            }
        }
    }
}

/// How many misses are said: more are no help.
const SAID: usize = 3;
