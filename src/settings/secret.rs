//! Secrets that a user names, by `--secret` or `KUBEWALK_SECRET`.

use std::path::Path;

use secrecy::SecretString;

use crate::{
    redact::register_named,
    scenario::open::{self, Unopened},
};

/// A secret that a user names.
#[derive(Debug)]
pub struct NamedSecret {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: SecretString,
}

/// The longest value of a secret that a user names, in bytes.
const LONGEST_SECRET: u64 = 1 << 20;

/// The shortest: a shorter one would black out parts of ordinary words.
const SHORTEST_SECRET: usize = 4;

/// Reads what `--secret` and `KUBEWALK_SECRET` say of one: `NAME=@FILE` or `NAME=env:VARIABLE`.
///
/// # Errors
/// What is wrong, without what was said: that may be the secret itself.
pub fn named_secret(text: &str) -> Result<NamedSecret, String> {
    let how = "write NAME=@FILE or NAME=env:VARIABLE";
    let is_name = |name: &str| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    let Some((name, from)) = text.split_once('=').filter(|(name, _)| is_name(name)) else {
        return Err(format!("has no name: {how}"));
    };
    let value = if let Some(file) = from.strip_prefix('@') {
        secret_in(Path::new(file)).map_err(|why| format!("{name}: {why}"))?
    } else if let Some(variable) = from.strip_prefix("env:") {
        std::env::var(variable).map_err(|_| format!("{name}: the variable {variable} is not set"))?
    } else {
        return Err(format!("{name}: a value in an argument can be read by everybody on this machine; {how}"));
    };
    let value = value.trim_end_matches(['\n', '\r']);
    match value.len() {
        length if length < SHORTEST_SECRET => {
            Err(format!("{name}: a value of less than {SHORTEST_SECRET} bytes cannot be hidden"))
        }
        length if length as u64 > LONGEST_SECRET => Err(format!("{name}: its value has more than 1 MiB")),
        _ => Ok(NamedSecret { name: name.to_owned(), value: SecretString::from(value) }),
    }
}

/// What is in the file of a secret, a regular one: a pipe could keep kubewalk waiting for ever.
fn secret_in(file: &Path) -> Result<String, String> {
    let cannot = |e: std::io::Error| format!("its file cannot be read: {e}");
    if std::fs::metadata(file).map_err(cannot)?.is_dir() {
        return Err("its file is a folder".into());
    }
    let pipe = "its file is no regular one but a pipe or a device; from a program, give it by NAME=env:VARIABLE";
    if !std::fs::metadata(file).map_err(cannot)?.is_file() {
        return Err(pipe.into());
    }
    let real = std::fs::canonicalize(file).map_err(cannot)?;
    // With the end of its line.
    match open::read_real(&real, LONGEST_SECRET + 2) {
        Ok(bytes) => String::from_utf8(bytes).map_err(|_| "its file is no text in UTF-8".into()),
        Err(Unopened::TooBig(_)) => Err("its value has more than 1 MiB".into()),
        Err(Unopened::Irregular) => Err(pipe.into()),
        Err(other) => Err(format!("its file cannot be read: {other}")),
    }
}

/// Makes the secrets of `KUBEWALK_SECRET` known to the filter, for tests, as `kubewalk run` does.
///
/// # Errors
/// As [`named_secret`].
pub fn register_secrets() -> Result<(), String> {
    let list = std::env::var("KUBEWALK_SECRET").unwrap_or_default();
    for text in list.split(',').filter(|text| !text.is_empty()) {
        let NamedSecret { name, value } = named_secret(text).map_err(|why| format!("KUBEWALK_SECRET: {why}"))?;
        register_named(&name, &value);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use secrecy::ExposeSecret as _;

    use super::*;

    #[test]
    fn a_secret_comes_from_a_file_or_the_environment_and_never_from_the_argument() {
        let mut file = tempfile::NamedTempFile::new().expect("a file");
        file.write_all(b"from-a-file\n").expect("written");
        let named = named_secret(&format!("db=@{}", file.path().display())).expect("a secret");
        assert_eq!((named.name.as_str(), named.value.expose_secret()), ("db", "from-a-file"));
        assert_eq!(
            named_secret("path=env:PATH").expect("a secret").value.expose_secret(),
            std::env::var("PATH").unwrap()
        );
        for (text, why) in [
            ("db=hunter2", "db: a value in an argument"),
            ("hunter2", "has no name"),
            ("db=@/dev/zero", "db: its file is no regular one"),
            ("db=@/", "db: its file is a folder"),
            ("db=@/no/such/file", "db: its file cannot be read"),
            ("db=env:NO_SUCH_VARIABLE_1", "db: the variable NO_SUCH_VARIABLE_1 is not set"),
        ] {
            let said = named_secret(text).expect_err("an error");
            assert!(said.starts_with(why) && !said.contains("hunter2"), "{said}");
        }
    }
}
