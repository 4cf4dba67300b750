//! Credentials that are known by their value: in every form in which they may appear, whole or in pieces. [`table`] is what is
//! known, `learn` adds to it, and `find` looks for it in a text.

mod filter;
mod find;
mod learn;
mod table;

pub use table::Known;

#[cfg(test)]
mod tests;
