//! x
use crate::run::Record;
/// x
pub fn annotations(_: &[Record]) -> String {
    String::new()
}
/// x
pub fn summary(_: &[Record], _: usize) -> String {
    String::new()
}
