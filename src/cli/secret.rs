//! `--secret`: what a user names as secret.

use crate::{
    exit_code::Exit,
    redact::register_named,
    settings::secret::{NamedSecret, named_secret},
};

/// What is said of one secret; its value is in no argument.
#[derive(Debug, clap::Args)]
pub struct Secrets {
    /// Blacks a value out in everything that is shown, also in base64 and in pieces; may be said more than once. NAME=@FILE takes
    /// it from a regular file, NAME=env:VARIABLE from the environment. Never the value itself: every user of this machine can read
    /// arguments.
    #[arg(long, value_name = "NAME=@FILE", value_delimiter = ',', env = "KUBEWALK_SECRET", hide_env_values = true)]
    secret: Vec<String>,
}

impl Secrets {
    /// Makes them known to the filter, or says what is wrong with one.
    pub fn register(&self) -> Result<(), Exit> {
        for text in &self.secret {
            // What was said is not repeated: it may be the value.
            match named_secret(text) {
                Ok(NamedSecret { name, value }) => register_named(&name, &value),
                Err(why) => {
                    eprint_line!("error: --secret {why}");
                    return Err(Exit::Invalid);
                }
            }
        }
        Ok(())
    }
}
