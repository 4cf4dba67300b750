//! A value of JSON in one line.

use serde_json::Value;

use crate::redact::show;

/// A value in one line, at most 200 bytes.
pub fn value(value: &Value) -> String {
    let mut head = Head::new(show::VALUE + (32 << 10));
    // It ends when it is full, with an error that means nothing else.
    let _ = serde_json::to_writer(&mut head, value);
    if head.is_full() {
        show::beginning(&head.to_string_lossy(), show::VALUE)
    } else {
        show::line(&head.to_string_lossy(), show::VALUE)
    }
}

/// What is written, up to a number of bytes; and how much it would have been, as far as that was asked for.
pub struct Head {
    bytes: Vec<u8>,
    most: usize,
}

impl Head {
    /// Takes so many bytes.
    pub fn new(most: usize) -> Self {
        Head { bytes: Vec::new(), most }
    }

    /// What was written.
    pub fn to_string_lossy(&self) -> String {
        String::from_utf8_lossy(&self.bytes).trim_end_matches('\u{fffd}').to_owned()
    }

    /// Whether there was more.
    pub fn is_full(&self) -> bool {
        self.bytes.len() >= self.most
    }
}

impl std::io::Write for Head {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let room = self.most - self.bytes.len();
        if room == 0 {
            return Err(std::io::ErrorKind::StorageFull.into());
        }
        let taken = bytes.len().min(room);
        self.bytes.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
