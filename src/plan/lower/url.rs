//! URLs that a Pod calls.

use http::Uri;

use crate::{
    k8s::paths,
    plan::{Request, context::words::NAMESPACE, kinds::nearest},
    scenario::{placeholder, verbs::Method},
};

/// A URL taken apart.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::plan) struct Url {
    /// As curl gets it.
    pub text: String,
    pub https: bool,
    /// In lower case, without a dot at its end.
    pub host: String,
    pub port: Option<u16>,
    pub path_and_query: String,
}

/// What is wrong with a URL.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::plan) struct BadUrl {
    pub message: String,
    pub hint: Option<String>,
}

fn bad<T>(message: impl Into<String>, hint: impl Into<String>) -> Result<T, BadUrl> {
    let hint = hint.into();
    Err(BadUrl { message: message.into(), hint: (!hint.is_empty()).then_some(hint) })
}

/// Takes a URL apart.
pub(in crate::plan) fn read(text: &str) -> Result<Url, BadUrl> {
    let filled = text.to_owned();
    if let Some(letters) = escaped(text) {
        let message = format!("`{{{letters}}}` in the URL stands for the letters `{letters}` themselves");
        return bad(message, format!("did you mean `{letters}`?"));
    }
    // What earlier steps saved is put in when the step runs.
    let known = saved(&filled);
    if let Some(start) = known.find(['{', '}']) {
        let rest = &known[start..];
        let inner = &rest[..rest.find('}').map_or(rest.len(), |end| end + 1)];
        // A dollar before it, and a second pair of braces about it, belong to the slip.
        let before = known[..start].len() - known[..start].trim_end_matches('$').len();
        let outer = rest.starts_with("{{") && rest[inner.len()..].starts_with('}');
        let placeholder = &known[start - before..start + inner.len() + usize::from(outer)];
        let slip = placeholder::slip(if outer { &inner[1..] } else { inner });
        if before > 0 && inner == NAMESPACE {
            return bad(
                format!("unknown placeholder `{placeholder}` in the URL"),
                format!("did you mean `{NAMESPACE}`?"),
            );
        }
        let hint = match slip {
            Some(slip) => format!("did you mean `{}`?", slip.meant),
            None => "`{namespace}` and `{saved.NAME}` are filled in; write a brace that means itself as `%7B` or `%7D`"
                .into(),
        };
        return bad(format!("unknown placeholder `{placeholder}` in the URL"), hint);
    }
    if let Some(slip) = shells(&filled) {
        let hint = match is_namespace(slip) {
            true => "did you mean `{namespace}`?",
            false => "the scenario's namespace is `{namespace}`, what a step saved is `{saved.NAME}`",
        };
        return bad(format!("`{slip}` is not filled in"), hint);
    }
    if let Some((at, c)) = (filled.chars().enumerate()).find(|(_, c)| c.is_whitespace() || c.is_control()) {
        let name = if c == ' ' { "a blank".into() } else { format!("{c:?}") };
        return bad(format!("{name} at character {} of the URL", at + 1), "write a blank as `%20`");
    }
    if filled.starts_with('/') && !filled.starts_with("//") {
        return bad("the URL is not absolute", format!("write `https://kubernetes.default{text}`"));
    }
    // Of a saved value, the rest is read as if it stood there.
    let likely = likely(&filled);
    let Some((scheme, rest)) = likely.split_once("://") else {
        return bad("the URL is not absolute", format!("write `{}`", absolute(text)));
    };
    if !matches!(scheme, "http" | "https") {
        let near = nearest(scheme, ["https", "http"].into_iter());
        return bad(
            format!("`{scheme}` is neither https nor http"),
            near.map(|near| format!("did you mean `{near}`?")).unwrap_or_default(),
        );
    }
    if let Some(part) = rest.find('/').and_then(|at| paths::dots(&rest[at..])) {
        let message = match part {
            "." | ".." => "`.` or `..` as a part of the path".to_owned(),
            part => format!("`{part}` as a part of the path stands for `{}`", paths::decoded(part)),
        };
        return bad(message, "curl would resolve it before it asks: write the path that is meant");
    }
    let uri: Uri = match likely.parse() {
        Ok(uri) => uri,
        Err(error) => return bad(format!("this is no URL: {error}"), ""),
    };
    let authority = match uri.authority() {
        Some(authority) if !authority.host().is_empty() => authority,
        _ => {
            return bad("the URL has no host", "e.g. `https://kubernetes.default/api`");
        }
    };
    if authority.as_str().contains('@') {
        return bad("a user in the URL", "a credential must not stand in a file; `token: mounted` sends the Pod's own");
    }
    let port = match authority.as_str()[authority.host().len()..].strip_prefix(':') {
        None => None,
        Some(port) => match port.parse() {
            Ok(port) => Some(port),
            Err(_) => return bad(format!("`{port}` is no port"), ""),
        },
    };
    Ok(Url {
        https: scheme == "https",
        host: authority.host().trim_end_matches('.').to_lowercase(),
        port,
        path_and_query: (uri.path_and_query()).map_or_else(|| "/".into(), |path| path.as_str().to_owned()),
        text: filled,
    })
}

/// A placeholder that is escaped, and so stands for letters that no URL has. That of the namespace is filled in already.
fn escaped(text: &str) -> Option<&str> {
    let pieces = placeholder::pieces(text, |name| name.starts_with(placeholder::SAVED));
    let saved = pieces.into_iter().find_map(|piece| match piece {
        placeholder::Piece::Literal(letters) => Some(letters),
        _ => None,
    });
    // Behind a dollar it is a variable of a shell.
    let namespace = || text.match_indices(NAMESPACE).find(|(at, _)| !text[..*at].ends_with('$'));
    saved.or_else(|| namespace().map(|(_, letters)| letters))
}

/// A placeholder as shells and other tools write it: `$NAMESPACE`, `<namespace>`, `($namespace)`. `${…}` and
/// `{{…}}` have braces, and are told as such.
pub(in crate::plan) fn shells(text: &str) -> Option<&str> {
    static SHELLS: std::sync::LazyLock<regex::Regex> = std::sync::LazyLock::new(|| {
        regex::Regex::new(r"\(\$\w+\)|\$[A-Z_][A-Z0-9_]+|\$namespace\b|\$ns\b|<[A-Za-z][\w-]*>|\$\(\w+\)")
            .expect("a pattern")
    });
    SHELLS.find(text.split('?').next().unwrap_or_default()).map(|found| found.as_str())
}

/// Whether a placeholder of another tool means the namespace.
pub(in crate::plan) fn is_namespace(slip: &str) -> bool {
    let word = slip.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase();
    word == "ns" || word.contains("namespace")
}

/// The URL that was meant by one without `://`: `https//host`, `https:/host`, `http:host`, `//host`, `host/path`.
fn absolute(text: &str) -> String {
    let lower = text.to_lowercase();
    let scheme = ["https", "http"].into_iter().find(|scheme| {
        lower.strip_prefix(scheme).is_some_and(|rest| {
            rest.starts_with([':', '/', ';', '.']) && rest.trim_start_matches([':', '/', ';']).len() < rest.len()
        })
    });
    let rest = text[scheme.map_or(0, str::len)..].trim_start_matches([':', '/', ';']);
    format!("{}://{rest}", scheme.unwrap_or("https"))
}

/// Whether the host, or what stands before it, is a saved value.
pub(in crate::plan) fn is_late(text: &str) -> bool {
    let head = match text.split_once("://") {
        Some((scheme, rest)) => scheme.len() + 3 + rest.find(['/', '?', '#']).unwrap_or(rest.len()),
        None => text.find(['/', '?', '#']).unwrap_or(text.len()),
    };
    text[..head].contains("{saved.")
}

/// A URL in which the saved values before its path are replaced by something that may stand there.
fn likely(text: &str) -> std::borrow::Cow<'_, str> {
    static PORT: std::sync::LazyLock<regex::Regex> =
        std::sync::LazyLock::new(|| regex::Regex::new(r"^([^/]*//[^/]*):\{saved\.[^{}]*\}").expect("a pattern"));
    if !is_late(text) {
        return text.into();
    }
    let text = PORT.replace(text, "$1:1");
    let text = saved(&text);
    match text.strip_prefix("saved://") {
        Some(rest) => format!("https://{rest}"),
        None if !text.contains("://") => format!("https://{text}"),
        None => text.into_owned(),
    }
    .into()
}

/// The text with each `{saved.NAME}` as a word.
fn saved(text: &str) -> std::borrow::Cow<'_, str> {
    static SAVED: std::sync::LazyLock<regex::Regex> =
        std::sync::LazyLock::new(|| regex::Regex::new(r"\{saved\.[^{}]*\}").expect("a pattern"));
    SAVED.replace_all(text, "saved")
}

/// The names of the API server's Service, as Pods can say them.
const API_SERVER: [&str; 4] =
    ["kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local"];

impl Url {
    /// What the API server is asked, if it is the one that is called.
    pub(in crate::plan) fn request(&self, method: Method) -> Option<Request> {
        let is_api = self.is_api_server() && self.https && self.port.is_none_or(|port| port == 443);
        is_api.then(|| Request::from_http(method.word(), &self.path_and_query))
    }

    /// Whether the host is the API server's.
    pub(in crate::plan) fn is_api_server(&self) -> bool {
        API_SERVER.contains(&self.host.as_str())
    }

    /// The API server's name that was probably meant by a host that is none.
    pub(in crate::plan) fn meant_api_server(&self) -> Option<&'static str> {
        if self.is_api_server() {
            return None;
        }
        nearest(&self.host, API_SERVER.into_iter())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("https://kubernetes", "kubernetes", None, "/", true)]
    #[case("https://kubernetes.default:443/api?x=1", "kubernetes.default", Some(443), "/api?x=1", true)]
    #[case("https://Kubernetes.Default.SVC./", "kubernetes.default.svc", None, "/", true)]
    #[case(
        "https://kubernetes.default.svc.cluster.local/api/v1/namespaces/ns/pods/",
        "kubernetes.default.svc.cluster.local",
        None,
        "/api/v1/namespaces/ns/pods/",
        true
    )]
    #[case("http://example.com:8080", "example.com", Some(8080), "/", false)]
    #[case("https://[::1]:6443/api#x", "[::1]", Some(6443), "/api", false)]
    fn reads(#[case] text: &str, #[case] host: &str, #[case] port: Option<u16>, #[case] path: &str, #[case] api: bool) {
        let url = read(text).unwrap();
        assert_eq!((&*url.host, url.port, &*url.path_and_query), (host, port, path));
        assert_eq!(url.is_api_server(), api);
    }

    #[rstest]
    #[case("/api", "the URL is not absolute")]
    #[case("kubernetes/api", "the URL is not absolute")]
    #[case("htps://kubernetes", "`htps` is neither https nor http")]
    #[case("https://a/{name}/b", "unknown placeholder `{name}` in the URL")]
    #[case("https://a/{namespace}/b", "`{{namespace}}` in the URL stands for the letters `{namespace}` themselves")]
    #[case("https://a/{{saved.x}}/b", "`{{saved.x}}` in the URL stands for the letters `{saved.x}` themselves")]
    #[case("https://a/{{ namespace }}/b", "unknown placeholder `{{ namespace }}` in the URL")]
    #[case("https://a/${namespace}/b", "unknown placeholder `${namespace}` in the URL")]
    #[case("https://a/b c", "a blank at character 12 of the URL")]
    #[case("https:///api", "this is no URL: invalid format")]
    #[case("https://a/b/../c", "`.` or `..` as a part of the path")]
    #[case("https://a/b/%2e%2E/c", "`%2e%2E` as a part of the path stands for `..`")]
    #[case("https://a/b/.%2e", "`.%2e` as a part of the path stands for `..`")]
    #[case("https://a/b/x%2f..%2Fc?d", "`x%2f..%2Fc` as a part of the path stands for `x/../c`")]
    #[case("https://u:p@kubernetes/", "a user in the URL")]
    #[case("https://kubernetes:99999/", "`99999` is no port")]
    fn refuses(#[case] text: &str, #[case] message: &str) {
        assert_eq!(read(text).unwrap_err().message, message);
    }

    #[test]
    fn near_misses_of_the_api_server() {
        let url = read("https://kubernets.default/api").unwrap();
        assert_eq!(url.meant_api_server(), Some("kubernetes.default"));
        assert_eq!(read("https://web/").unwrap().meant_api_server(), None);
    }
}
