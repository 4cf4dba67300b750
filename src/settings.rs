//! Where things are kept, from the environment: read once, here, for the command line and for `cargo test` alike.

use std::path::PathBuf;

use crate::cluster::Settings;

/// Folders from `KUBEWALK_CACHE`, else `XDG_CACHE_HOME`, else `HOME`; and the system's folder for temporary files.
pub fn from_env() -> Settings {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let cache = set("KUBEWALK_CACHE")
        .or_else(|| set("XDG_CACHE_HOME").map(|dir| dir.join("kubewalk")))
        .or_else(|| set("HOME").map(|dir| dir.join(".cache/kubewalk")))
        .unwrap_or_else(|| std::env::temp_dir().join("kubewalk-cache"));
    // The engine's build and the keeper run with other working directories.
    let cache = std::path::absolute(&cache).unwrap_or(cache);
    let temp = std::env::temp_dir();
    Settings { cache, temp: std::path::absolute(&temp).unwrap_or(temp) }
}

/// Whether tests run scenarios tagged `slow`, too: `KUBEWALK_TAG=slow`, as for `kubewalk run`.
pub fn slow() -> bool {
    std::env::var("KUBEWALK_TAG").is_ok_and(|tags| tags.split(',').any(|tag| tag.trim() == "slow"))
}
