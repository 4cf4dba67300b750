//! Variables by which programs execute files: shells, linkers, interpreters, compilers, Docker's command line. kubewalk hands its
//! environment on to the programs that it starts by name, so none of these may name what another user can change.

use std::{
    ffi::OsStr,
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
};

use super::way::{Foreign, nobody_elses};

/// The variables: what each says is executed, loaded, or says what is.
const EXECUTED: &[&str] = &[
    // Shells.
    "BASH_ENV",
    "ENV",
    "ZDOTDIR",
    // The dynamic linker, and what libraries load.
    "LD_PRELOAD",
    "LD_LIBRARY_PATH",
    "LD_AUDIT",
    "GCONV_PATH",
    "OPENSSL_CONF",
    "OPENSSL_MODULES",
    "OPENSSL_ENGINES",
    // Interpreters, in which credential plugins and helpers are often written.
    "PYTHONPATH",
    "PYTHONHOME",
    "PYTHONSTARTUP",
    "PYTHONUSERBASE",
    "PERL5LIB",
    "PERL5OPT",
    "PERLLIB",
    "RUBYLIB",
    "RUBYOPT",
    "GEM_PATH",
    "NODE_OPTIONS",
    "NODE_PATH",
    "JAVA_TOOL_OPTIONS",
    "_JAVA_OPTIONS",
    // The build's tools.
    "APT_CONFIG",
    "DPKG_ROOT",
    "DPKG_ADMINDIR",
    "TAR_OPTIONS",
    "GCC_EXEC_PREFIX",
    "COMPILER_PATH",
    "LIBRARY_PATH",
    "CPATH",
    "C_INCLUDE_PATH",
    "CC",
    "CXX",
    "AR",
    "PKG_CONFIG",
    "PKG_CONFIG_PATH",
    "CGO_CFLAGS",
    "CGO_LDFLAGS",
    "GOFLAGS",
    "GOAUTH",
    "GIT_EXEC_PATH",
    "GIT_SSH",
    "GIT_SSH_COMMAND",
    "GIT_ASKPASS",
    "GIT_CONFIG",
    "GIT_CONFIG_GLOBAL",
    "GIT_CONFIG_SYSTEM",
    "GIT_TEMPLATE_DIR",
    // Docker's command line starts plugins, and credential helpers by name.
    "DOCKER_CONFIG",
    "DOCKER_CLI_PLUGIN_EXTRA_DIRS",
];

/// A variable that names what another user can change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// The variable.
    pub variable: &'static str,
    /// What it names, and whose that is.
    pub foreign: Foreign,
}

/// The first of the variables that names what another user can change.
pub fn foreign() -> Option<Named> {
    foreign_in(|name| std::env::var_os(name).map(|value| value.as_bytes().to_vec()))
}

fn foreign_in(value: impl Fn(&str) -> Option<Vec<u8>>) -> Option<Named> {
    EXECUTED.iter().find_map(|variable| {
        let value = value(variable)?;
        paths(&value).find_map(|path| nobody_elses(&path).err()).map(|foreign| Named { variable, foreign })
    })
}

/// What a value may name: each of its words that has a slash, from there or behind a flag's `=`, and a value that is one word alone.
fn paths(value: &[u8]) -> impl Iterator<Item = PathBuf> {
    let words = value.split(|byte| b" \t\n:;,='\"|".contains(byte)).filter(|word| !word.is_empty());
    // `-I/a/b`, `-L/a`, `@/a`.
    let named = words.filter_map(|word| {
        let flag = word.first().is_some_and(|byte| b"-@".contains(byte));
        let at = if flag { word.iter().position(|byte| *byte == b'/')? } else { 0 };
        let path = Path::new(OsStr::from_bytes(&word[at..]));
        (flag || word.contains(&b'/') || path.exists()).then(|| path.to_owned())
    });
    named.filter_map(|path| std::path::absolute(path).ok()).collect::<Vec<_>>().into_iter()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("/a/b", &["/a/b"])]
    #[case("-toolexec=/a/b -trimpath", &["/a/b"])]
    #[case("/a:/b/c", &["/a", "/b/c"])]
    #[case("-I/a/include -O2", &["/a/include"])]
    #[case("--checkpoint-action='exec=sh /a/b'", &["/a/b"])]
    #[case("-mod=readonly", &[])]
    #[case("", &[])]
    fn what_a_value_names(#[case] value: &str, #[case] expected: &[&str]) {
        let named: Vec<PathBuf> = paths(value.as_bytes()).collect();
        assert_eq!(named, expected.iter().map(PathBuf::from).collect::<Vec<_>>());
    }

    #[test]
    fn a_file_that_others_can_change_is_found_in_any_of_them() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("script");
        std::fs::write(&file, "").expect("written");
        std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o666)).expect("changed");
        for variable in EXECUTED {
            let value = format!("-x={}", file.display());
            let found = foreign_in(|name| (name == *variable).then(|| value.clone().into_bytes()));
            let found = found.unwrap_or_else(|| panic!("{variable} is not looked at"));
            assert_eq!((found.variable, found.foreign.path), (*variable, file.clone()));
        }
        let own = format!("-x={}", folder.path().join("none").display());
        assert_eq!(foreign_in(|name| (name == "GOFLAGS").then(|| own.clone().into_bytes())), None);
    }
}
