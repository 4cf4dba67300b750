//! The filter for texts that come in chunks: what may be the beginning of a credential waits for the rest.

use super::redact;

/// The most that waits for the end of its line.
const MOST: usize = 64 * 1024;

/// Filters a stream. Lines, and private keys over several lines, are looked at whole.
#[derive(Debug, Default)]
pub struct Stream {
    rest: Vec<u8>,
}

impl Stream {
    /// Takes a chunk, and gives what can be shown by now.
    pub fn push(&mut self, chunk: &[u8]) -> String {
        self.rest.extend_from_slice(chunk);
        let line_end = self.rest.iter().rposition(|byte| matches!(byte, b'\n' | b'\r')).map_or(0, |at| at + 1);
        let mut cut = open_key(&self.rest[..line_end]).unwrap_or(line_end);
        if self.rest.len() - cut > MOST {
            let blank = self.rest.iter().rposition(u8::is_ascii_whitespace);
            cut = blank.filter(|at| *at > cut).unwrap_or(self.rest.len());
        }
        if cut == 0 {
            return String::new();
        }
        let ready: Vec<u8> = self.rest.drain(..cut).collect();
        redact(&String::from_utf8_lossy(&ready)).into_owned()
    }

    /// Gives what is left.
    pub fn end(self) -> String {
        redact(&String::from_utf8_lossy(&self.rest)).into_owned()
    }
}

/// Where a private key begins that has not ended.
fn open_key(bytes: &[u8]) -> Option<usize> {
    const BEGIN: &[u8] = b"-----BEGIN ";
    let last = |word: &[u8]| bytes.windows(word.len()).rposition(|window| window == word);
    let begin = last(BEGIN)?;
    let rest = String::from_utf8_lossy(&bytes[begin..]);
    let is_key = rest.lines().next().is_some_and(|line| line.contains("PRIVATE KEY"));
    let ended = rest.split_once("-----END ").is_some_and(|(_, end)| end.contains("-----"));
    (is_key && !ended).then_some(begin)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::redact::{KEY, TOKEN, register};

    fn in_chunks(text: &str, size: usize) -> String {
        let mut stream = Stream::default();
        let shown: String = text.as_bytes().chunks(size).map(|chunk| stream.push(chunk)).collect();
        shown + &stream.end()
    }

    #[test]
    fn it_is_all_the_same_where_chunks_end() {
        let secret = "chunky-0123456789-secret";
        register(secret);
        let jwt = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJrdWJlcm5ldGVzIn0.c2lnbmF0dXJl";
        let text = format!(
            "é one {secret}\r\n{jwt} two\n-----BEGIN PRIVATE KEY-----\nAAAA\nBBBB\n-----END PRIVATE KEY-----\nend {jwt}"
        );
        for size in 1..text.len() {
            assert_eq!(in_chunks(&text, size), format!("é one {TOKEN}\r\n{TOKEN} two\n{KEY}\nend {TOKEN}"), "{size}");
        }
    }

    #[test]
    fn a_line_without_end_does_not_wait_for_ever() {
        let mut stream = Stream::default();
        assert_eq!(stream.push(b"no end yet "), "");
        assert!(stream.push(&b"word ".repeat(20_000)).starts_with("no end yet word "));
    }
}
