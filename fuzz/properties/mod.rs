//! What must hold of any input. The fuzz targets look for inputs of which it does not, and `tests/offline/corpus.rs` tries all that
//! are kept in `fuzz/corpus`.
#![allow(dead_code, reason = "each target uses one")]

pub mod curl;
pub mod events;
pub mod redactor;
pub mod scenario;

/// An input taken apart from its front: choices and lengths first, the rest as it is.
pub struct Input<'a>(pub &'a [u8]);

impl<'a> Input<'a> {
    /// A choice or a number; 0 at the end.
    pub fn byte(&mut self) -> u8 {
        self.take(1).first().copied().unwrap_or_default()
    }

    /// A length.
    pub fn number(&mut self) -> usize {
        usize::from(u16::from_le_bytes([self.byte(), self.byte()]))
    }

    /// As many bytes, or all that are left.
    pub fn take(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(count.min(self.0.len()));
        self.0 = rest;
        taken
    }

    /// A text with its length before it.
    pub fn text(&mut self) -> String {
        let length = self.byte();
        String::from_utf8_lossy(self.take(length.into())).into_owned()
    }
}

/// Nothing in a text drives a terminal.
pub fn harmless(text: &str) {
    let harmful = text.chars().find(|c| *c != '\n' && kubewalk::text::unseen(*c));
    assert!(harmful.is_none(), "{harmful:?} in {text:?}");
}
