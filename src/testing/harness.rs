//! Scenarios as tests with names of their own, in a test target without libtest's harness.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use libtest_mimic::{Arguments, Completion, Failed, Trial};

use super::{Outcome, hold_if_asked, outcome, reports, uncaptured::uncaptured};
use crate::scenario::files;

/// Runs each scenario below a folder as a test, as libtest would: filters, `--list`, `--exact`, `--test-threads` and nextest work. A
/// test is called by its file: `serviceaccount::walkthrough` for `FOLDER/serviceaccount/walkthrough.yaml`, so that its name stays when
/// others come and go. One that ends in `.yml` is called so.
///
/// ```no_run
/// fn main() -> std::process::ExitCode {
///     kubewalk::testing::main("scenarios")
/// }
/// ```
///
/// The target needs `harness = false` in `Cargo.toml`. Where no cluster can be started, the tests fail and say what to do; with
/// `KUBEWALK_REQUIRE=0` they are ignored, each with the reason.
pub fn main(folder: impl AsRef<Path>) -> ExitCode {
    hold_if_asked();
    let arguments = Arguments::from_args();
    let folder = folder.as_ref();
    let found = match files::below(folder) {
        Ok(found) if found.is_empty() => Err("there is no scenario in it".to_owned()),
        Ok(found) => Ok(found),
        Err(e) => Err(e.to_string()),
    };
    match found {
        Ok(found) => {
            let trials = names(folder, found).into_iter().map(|(name, path)| trial(name, path)).collect();
            reports::lead();
            let ended = libtest_mimic::run(&arguments, trials).exit_code();
            match reports::write_owed() {
                Ok(()) => ended,
                Err(why) => {
                    uncaptured(&format!("error: {why}\n"));
                    ExitCode::FAILURE
                }
            }
        }
        Err(why) => {
            uncaptured(&format!("error: {} cannot be used for tests: {why}\n", folder.display()));
            ExitCode::from(2)
        }
    }
}

fn trial(name: String, path: PathBuf) -> Trial {
    let called = name.clone();
    Trial::ignorable_test(name, move || match outcome(&path, Some(&called), true) {
        Outcome::Held(_) => Ok(Completion::Completed),
        Outcome::Ignored(why) => Ok(Completion::ignored_with(why)),
        Outcome::Bad(bad) => Err(Failed::from(crate::redact::outlet::plain(&bad.whole()))),
    })
}

/// The tests of files: by their paths below the folder, without the end that tells YAML.
fn names(folder: &Path, files: Vec<PathBuf>) -> Vec<(String, PathBuf)> {
    let name = |path: &Path| {
        let below = path.strip_prefix(folder).unwrap_or(path);
        let parts = below.components().map(|part| part.as_os_str().to_string_lossy().into_owned());
        // A list of tests has one in a line.
        crate::text::named(&parts.collect::<Vec<_>>().join("::")).into_owned()
    };
    let called = |file: &PathBuf| match file.extension() {
        Some(end) if end == "yaml" => name(&file.with_extension("")),
        // Another file may come, of the same name but for its end.
        _ => name(file),
    };
    files.iter().map(|file| (called(file), file.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_is_called_by_its_file_and_keeps_its_name() {
        let files = |list: &[&str]| list.iter().map(|file| Path::new("s").join(file)).collect::<Vec<_>>();
        let called =
            |list: &[&str]| names(Path::new("s"), files(list)).into_iter().map(|(name, _)| name).collect::<Vec<_>>();
        assert_eq!(called(&["b.yaml", "rbac/one-role.yaml"]), ["b", "rbac::one-role"]);
        assert_eq!(called(&["a.yaml", "b.yaml", "rbac/one-role.yaml"]), ["a", "b", "rbac::one-role"]);
        assert_eq!(called(&["a.yml"]), ["a.yml"]);
        assert_eq!(called(&["a.yaml", "a.yml"]), ["a", "a.yml"]);
    }
}
