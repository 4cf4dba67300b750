//! What the API server of the version that we ship can be told: its admission plugins, its feature gates, and the versions of its
//! API. Tests write the lists from what the server says of itself (`--help`, and discovery when all is on), and compare them each time.

use std::{collections::BTreeMap, sync::LazyLock};

use super::served::TABLE;

/// What an API server can be told.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Its version, e.g. `v1.37.2`.
    pub version: String,
    /// Admission plugins, and whether each is on by itself.
    pub plugins: BTreeMap<String, bool>,
    /// Features that can be switched, and whether each is on by itself.
    pub gates: BTreeMap<String, bool>,
}

impl Options {
    /// As the file has it.
    pub fn file_contents(&self) -> String {
        let lines = |word: &str, of: &BTreeMap<String, bool>| {
            of.iter()
                .map(|(name, on)| format!("{word} {name} {}\n", if *on { "on" } else { "off" }))
                .collect::<String>()
        };
        format!("version {}\n{}{}", self.version, lines("plugin", &self.plugins), lines("gate", &self.gates))
    }

    /// Reads the file.
    pub fn read(text: &str) -> Self {
        let mut options = Options::default();
        for line in text.lines() {
            match line.split(' ').collect::<Vec<_>>()[..] {
                ["version", version] => version.clone_into(&mut options.version),
                ["plugin", name, on] => drop(options.plugins.insert(name.to_owned(), on == "on")),
                ["gate", name, on] => drop(options.gates.insert(name.to_owned(), on == "on")),
                _ => {}
            }
        }
        options
    }

    /// Reads what `kube-apiserver --help` says.
    pub fn of_help(version: &str, help: &str) -> Self {
        let mut options = Options { version: version.to_owned(), ..Options::default() };
        let names = |text: &str| text.split(", ").map(|name| name.trim().to_owned()).collect::<Vec<_>>();
        for line in help.lines() {
            let line = line.trim();
            if let Some((_, rest)) = line.split_once("kube:")
                && let Some((gate, rest)) = rest.split_once("=true|false (")
                && let Some((_, on)) = rest.split_once("default=")
            {
                options.gates.insert(gate.to_owned(), on.starts_with("true"));
            }
            if line.starts_with("--enable-admission-plugins")
                && let Some((_, rest)) = line.split_once("default enabled ones (")
                && let Some((usual, rest)) = rest.split_once("). Comma-delimited list of admission plugins: ")
                && let Some((all, _)) = rest.split_once(". The order")
            {
                options.plugins.extend(names(all).into_iter().map(|name| (name, false)));
                options.plugins.extend(names(usual).into_iter().map(|name| (name, true)));
            }
        }
        options
    }
}

/// The versions of the API that it can serve, and whether it does by itself.
pub static APIS: LazyLock<BTreeMap<String, bool>> = LazyLock::new(|| {
    let usual = |api: &str| TABLE.resources.iter().any(|resource| resource.api_version() == api);
    include_str!("apis.txt")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|api| (api.to_owned(), usual(api)))
        .collect()
});

/// Those of the version that we ship. Its node has one plugin on beside those that are on by themselves.
pub static OPTIONS: LazyLock<Options> = LazyLock::new(|| {
    let mut options = Options::read(include_str!("server.txt"));
    options.plugins.insert("NodeRestriction".into(), true);
    options
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_says_what_was_read() {
        let help = "      --enable-admission-plugins strings   admission plugins that should be enabled in addition to default \
                    enabled ones (A, B). Comma-delimited list of admission plugins: A, B, C. The order of plugins in this flag \
                    does not matter.\n                 kube:X=true|false (ALPHA - default=false)\n   \
                    kube:Y=true|false (BETA - default=true)\n";
        let options = Options::of_help("v1.2.3", help);
        assert_eq!(
            options.file_contents(),
            "version v1.2.3\nplugin A on\nplugin B on\nplugin C off\ngate X off\ngate Y on\n"
        );
        assert_eq!(Options::read(&options.file_contents()), options);
        assert!(OPTIONS.plugins.len() > 30 && OPTIONS.gates.len() > 100);
    }
}
