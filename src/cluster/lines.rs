//! Lines from programs and from Docker, none of which may be too long: a program that writes without an end fills no memory.

use std::io::{self, Read};

use tokio::io::{AsyncRead, AsyncReadExt as _};

/// No line of a program of ours is longer, in bytes: the longest carry the last lines of a log.
pub const MOST_LINE: usize = 1 << 20;

/// A line has more than [`MOST_LINE`] bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a line of more than {} MiB", MOST_LINE >> 20)]
pub struct TooLong;

impl From<TooLong> for io::Error {
    fn from(error: TooLong) -> Self {
        io::Error::new(io::ErrorKind::InvalidData, error)
    }
}

/// Puts lines together of the parts that come.
#[derive(Debug, Default)]
pub struct Splitter {
    rest: Vec<u8>,
    /// Of a line that is too long, what still comes of it.
    skips: bool,
}

impl Splitter {
    /// Takes what has come, and gives the lines that are whole. One that is too long is told once, and left out.
    pub fn push(&mut self, bytes: &[u8], each: &mut dyn FnMut(Result<String, TooLong>)) {
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            let (line, whole) = part.strip_suffix(b"\n").map_or((part, false), |line| (line, true));
            if !self.skips && self.rest.len() + line.len() > MOST_LINE {
                self.skips = true;
                self.rest = Vec::new();
                each(Err(TooLong));
            }
            if !self.skips {
                self.rest.extend_from_slice(line);
            }
            if whole {
                let line = std::mem::take(&mut self.rest);
                if !std::mem::take(&mut self.skips) {
                    each(Ok(line_text(&line)));
                }
            }
        }
    }

    /// What has come of the last line, which has no end.
    pub fn end(self) -> Option<String> {
        (!self.rest.is_empty()).then(|| line_text(&self.rest))
    }
}

fn line_text(line: &[u8]) -> String {
    String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(line)).into_owned()
}

/// Reads to the end, line by line.
pub fn read(mut from: impl Read, each: &mut dyn FnMut(Result<String, TooLong>)) {
    let (mut splitter, mut chunk) = (Splitter::default(), [0; 8 << 10]);
    loop {
        match from.read(&mut chunk) {
            Ok(0) => break,
            Ok(n) => splitter.push(&chunk[..n], each),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => break,
        }
    }
    splitter.end().into_iter().for_each(|line| each(Ok(line)));
}

/// The same, one line after the other.
#[derive(Debug)]
pub struct Lines<R> {
    from: R,
    splitter: Option<Splitter>,
    ready: std::collections::VecDeque<Result<String, TooLong>>,
}

impl<R: AsyncRead + Unpin> Lines<R> {
    /// Of this stream.
    pub fn new(from: R) -> Self {
        Lines { from, splitter: Some(Splitter::default()), ready: std::collections::VecDeque::new() }
    }

    /// The next line, or nothing at the end. Can be dropped and called again: no line is lost.
    ///
    /// # Errors
    /// When the stream breaks off, or a line is too long.
    pub async fn next_line(&mut self) -> io::Result<Option<String>> {
        loop {
            if let Some(line) = self.ready.pop_front() {
                return Ok(Some(line?));
            }
            let Some(splitter) = &mut self.splitter else { return Ok(None) };
            let mut chunk = [0; 8 << 10];
            match self.from.read(&mut chunk).await? {
                0 => return Ok(self.splitter.take().and_then(Splitter::end)),
                n => splitter.push(&chunk[..n], &mut |line| self.ready.push_back(line)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(bytes: &[u8]) -> Vec<Result<String, TooLong>> {
        let mut lines = Vec::new();
        read(bytes, &mut |line| lines.push(line));
        lines
    }

    #[test]
    fn a_line_without_an_end_is_told_once_and_the_next_ones_are_read() {
        let long = [vec![b'x'; 3 * MOST_LINE], b"\nafter\r\n\nlast".to_vec()].concat();
        assert_eq!(all(&long), [Err(TooLong), Ok("after".into()), Ok(String::new()), Ok("last".into())]);
        let just = [vec![b'x'; MOST_LINE], b"\n".to_vec()].concat();
        assert_eq!(all(&just).len(), 1);
        assert!(all(&just)[0].is_ok());
    }

    #[tokio::test]
    async fn the_same_holds_of_a_stream() {
        let long = [b"first\n".to_vec(), vec![b'x'; 2 * MOST_LINE]].concat();
        let mut lines = Lines::new(long.as_slice());
        assert_eq!(lines.next_line().await.expect("a line").as_deref(), Some("first"));
        let error = lines.next_line().await.expect_err("too long").to_string();
        assert_eq!(error, "a line of more than 1 MiB");
        assert_eq!(lines.next_line().await.expect("the end"), None);
    }
}
