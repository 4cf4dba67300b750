//! What the environment says of colours.

/// Whether the environment lets a terminal have colours: `NO_COLOR` and `CLICOLOR=0` do not, nor does a terminal that has none.
pub fn colors_by_environment() -> bool {
    !anstyle_query::no_color()
        && anstyle_query::clicolor() != Some(false)
        && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// Whether the environment wants colours wherever the text goes (`CLICOLOR_FORCE`, `FORCE_COLOR`). `NO_COLOR` is stronger.
pub fn colors_are_forced() -> bool {
    let force_color = std::env::var_os("FORCE_COLOR").is_some_and(|value| !value.is_empty() && value != "0");
    !anstyle_query::no_color() && (anstyle_query::clicolor_force() || force_color)
}
