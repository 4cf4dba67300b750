//! The keys of an expectation, by which it is asked what an answer can have.

use std::fmt;

use super::expect::Expect;

/// Makes [`ExpectKey`] and [`Expect::keys`] of one table. A field of `Expect` that is not in the table does not compile.
macro_rules! keys {
    ($($variant:ident = $key:literal in $field:ident: $there:expr),* $(,)?) => {
        /// What is expected of an answer. It is matched without `_`, so that the compiler names the place when a key is added.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[allow(missing_docs, reason = "each is described where it is read: in `Expect`")]
        pub enum ExpectKey {
            $($variant),*
        }

        impl ExpectKey {
            /// As it is written, e.g. `exitCode`.
            pub const fn key(self) -> &'static str {
                match self {
                    $(ExpectKey::$variant => $key),*
                }
            }
        }

        impl Expect {
            /// The keys that are there, in the order of the language.
            pub fn keys(&self) -> Vec<ExpectKey> {
                let Expect { when: _, $($field),* } = self;
                let all = [$((ExpectKey::$variant, $there)),*];
                all.into_iter().filter_map(|(key, there)| there.then_some(key)).collect()
            }
        }
    };
}

keys! {
    Status = "status" in status: status.is_some(),
    Reason = "reason" in reason: reason.is_some(),
    Message = "message" in message: message.is_some(),
    By = "by" in by: by.is_some(),
    Json = "json" in json: json.is_some(),
    Object = "object" in object: object.is_some(),
    Path = "path" in path: !path.is_empty(),
    ExitCode = "exitCode" in exit_code: exit_code.is_some(),
    Stdout = "stdout" in stdout: stdout.is_some(),
    Stderr = "stderr" in stderr: stderr.is_some(),
    Within = "within" in within: within.is_some(),
    Warning = "warning" in warning: warning.is_some(),
    NoWarning = "noWarning" in no_warning: no_warning.is_some(),
    Absent = "absent" in absent: absent.is_some(),
    Empty = "empty" in empty: empty.is_some(),
    TokenReview = "tokenReview" in token_review: token_review.is_some(),
}

impl fmt::Display for ExpectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.key())
    }
}
