//! Commands that are too long to be handed over: by the kernel's limit of one argument, and by that of the URL in which a command
//! gets into a Pod.

use super::{Exec, Kubectl};

/// The most bytes of one argument that Linux takes: 32 pages, with the byte that ends it.
const ARGUMENT: usize = (128 << 10) - 1;

/// The most bytes of a command in the URL of the request that starts it. Clients and servers take 64 KiB; the path, the other
/// parameters and what kubewalk puts before the command need some of it.
const IN_URL: usize = 63 << 10;

/// What to do instead.
pub const BY_STDIN: &str = "let it come by `stdin`, which has no such limit";

impl Exec {
    /// Why the command cannot be started, if it is too long for that.
    pub fn too_long(&self) -> Option<String> {
        // As a form encodes it: `&command=` before each word, and three bytes for what is no letter and no digit.
        let encoded = |byte: u8| if byte.is_ascii_alphanumeric() || b"*-._ ".contains(&byte) { 1 } else { 3 };
        let word = |word: &String| "&command=".len() + word.bytes().map(encoded).sum::<usize>();
        let bytes: usize = self.command.iter().map(word).sum();
        (bytes > IN_URL).then(|| {
            format!("a command of {bytes} bytes: it goes into a Pod in the URL of a request, which has {IN_URL} for it")
        })
    }
}

impl Kubectl {
    /// The argument that is too long, counted from those that the scenario says, and why.
    pub fn too_long(&self) -> Option<(usize, String)> {
        let own = self.args.iter().skip(self.added).enumerate();
        own.filter(|(_, word)| word.len() > ARGUMENT).map(|(index, word)| (index, size_in_words(word.len()))).next()
    }
}

fn size_in_words(bytes: usize) -> String {
    format!("an argument of {bytes} bytes: Linux takes {ARGUMENT} at most")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Identity, Place};

    #[test]
    fn what_is_too_long_is_counted_as_it_is_sent() {
        let exec = |word: String| Exec {
            place: Place::default(),
            identity: Identity::Anonymous,
            command: vec!["echo".into(), word],
            stdin: None,
        };
        assert_eq!(exec("x".repeat(60_000)).too_long(), None);
        assert!(exec("x".repeat(65_000)).too_long().is_some());
        assert!(exec("ü".repeat(11_000)).too_long().is_some(), "two bytes of three letters each");
        let kubectl = |bytes: usize| Kubectl {
            args: vec!["--namespace=a".into(), "get".into(), "x".repeat(bytes)],
            added: 1,
            own: None,
            stdin: None,
            denied: false,
            makes: vec![],
        };
        assert_eq!(kubectl(ARGUMENT).too_long(), None);
        assert_eq!(kubectl(ARGUMENT + 1).too_long().map(|(index, _)| index), Some(1));
    }
}
