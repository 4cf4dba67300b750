//! What an answer must look like: pure functions over captured data.
//!
//! [`judge()`] compares an [`Answer`] with an expectation and gives every [`Mismatch`]. What an HTTP answer means is
//! decided in [`verdict`], and what makes a 403 count in [`status_mismatch`].

mod absent;
mod answer;
pub mod can;
pub mod curl;
mod encoded_status;
pub mod foreign_denial;
pub mod hidden;
mod hints;
mod http_answer;
pub mod json;
pub mod judge;
pub mod jwt;
pub mod kubectl_error;
mod mismatch;
mod one_line;
mod parts;
pub mod path;
pub mod pattern;
pub mod plain_refusal;
pub mod printed;
mod process;
pub mod query;
pub mod refused;
pub mod status;
pub mod status_mismatch;
pub mod text;
pub mod token_review;
pub mod verdict;
mod warnings;

pub use answer::{Answer, Http, IntendedCall, Origin, RealRequest, Reviewed};
pub use encoded_status::body_as_json;
pub use judge::judge;
pub use mismatch::{Class, Mismatch};
pub use refused::{Refused, is_bare_denial};
pub use verdict::{Denial, ForeignResponse, Verdict, classify};
pub use warnings::dropped;

#[cfg(test)]
mod tests;
