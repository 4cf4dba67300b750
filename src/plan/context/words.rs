//! How placeholders are written in a text.

/// The placeholder for the scenario's namespace.
pub(in crate::plan) const NAMESPACE: &str = "{namespace}";
/// How a saved value is named in a text.
pub(in crate::plan) const PREFIX: &str = "{saved.";
/// The name in a text that is only `{saved.NAME}`.
pub(in crate::plan) fn only(text: &str) -> Option<&str> {
    let name = text.strip_prefix(PREFIX)?.strip_suffix('}')?;
    (!name.contains(['{', '}'])).then_some(name)
}
/// A text as the scenario would have it: the name of a fresh namespace is another one each time.
pub(in crate::plan) fn if_fresh(namespace: &str, text: &str) -> String {
    if namespace == "default" { text.to_owned() } else { text.replace(namespace, NAMESPACE) }
}
