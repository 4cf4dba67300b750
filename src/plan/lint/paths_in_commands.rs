//! Calls of the API server that a command makes by itself: `curl` in a shell. What the command prints or how it ends is not always
//! a refusal that could be looked at, so the path is: what is not there is denied to all callers.

use std::sync::LazyLock;

use regex::Regex;

use super::existence;
use crate::{
    k8s::{Apis, Missing, Served},
    plan::{
        Action, Exec, Step,
        context::{Context, below},
        lower::url,
    },
    scenario::{
        expect::{Expect, Text, TextRule},
        verbs::Method,
    },
};

/// A URL in a shell's words, as far as its path is written out.
static URL: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"https://[A-Za-z0-9.${}_-]+(?::[0-9A-Za-z${}_]+)?/[^\s'"`|;&<>()?#\\]*"#)
        .expect("a pattern that the tests compile")
});

/// The API server's address as Pods have it in their environment.
static IN_ENVIRONMENT: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^https://\$\{?KUBERNETES_SERVICE_HOST\}?(?::(?:443|\$\{?KUBERNETES_(?:SERVICE_PORT(?:_HTTPS)?|PORT_443_TCP_PORT)\}?))?/")
        .expect("as above")
});

/// Any of these may be meant: what a shell's words do with a URL is not looked at.
const METHODS: [Method; 5] = [Method::Get, Method::Post, Method::Put, Method::Patch, Method::Delete];

/// Looks at the commands of all steps.
pub(in crate::plan) fn check(cx: &mut Context<'_>, steps: &[Step]) {
    for step in steps {
        let Action::Exec(exec) = &step.action else { continue };
        if step.on_purpose || step.expected.iter().any(|item| is_about_absence(&item.expect)) {
            continue;
        }
        let denied = step.expected.iter().any(|item| item.expect.must_fail() || item.expect.tells_of_denial());
        let Some((apis, _)) = existence::apis(cx, step) else { continue };
        for (place, missing) in absent(&apis.unwrap_or_else(|| cx.apis.clone()), exec) {
            if missing.meant.is_none() && !denied {
                continue;
            }
            let hint = existence::hint(cx, &missing);
            let at = format!("{}{place}", below(&step.pointer, "exec"));
            cx.findings
                .warn(&at, missing.message)
                .label("a denial of it proves nothing: RBAC refuses before the server looks whether it is there")
                .hint(hint);
        }
    }
}

/// Where a command names a path that is not there, and which.
fn absent(apis: &Apis, exec: &Exec) -> Vec<(String, Missing)> {
    let words = exec.command.iter().enumerate().map(|(index, word)| (format!("/command/{index}"), word));
    let words = words.chain(exec.stdin.iter().map(|input| ("/stdin".to_owned(), input)));
    let mut found: Vec<(String, Missing)> = Vec::new();
    for (place, text) in words {
        for url in URL.find_iter(text) {
            if let Some(missing) = missing(apis, url.as_str())
                && !found.iter().any(|(_, known)| *known == missing)
            {
                found.push((place.clone(), missing));
            }
        }
    }
    found
}

/// What is wrong with the path of a URL of the API server, whatever the method is.
fn missing(apis: &Apis, text: &str) -> Option<Missing> {
    let text = IN_ENVIRONMENT.replace(text, "https://kubernetes.default/");
    // What a shell, or curl, puts in is not known.
    if text.contains(['$', '{', '}', '[', '*']) {
        return None;
    }
    let url = url::read(&text).ok()?;
    url.request(Method::Get)?;
    let mut missing = METHODS.iter().map(|method| match apis.path(method.word(), &url.path_and_query) {
        Served::Missing(missing) => Some(missing),
        Served::Resource(_) | Served::Other | Served::Unsure => None,
    });
    let first = missing.next()??;
    missing.all(|other| other.is_some()).then_some(first)
}

/// Whether a step shows that something is not there.
fn is_about_absence(expect: &Expect) -> bool {
    let says = |text: &str| {
        let lower = text.to_lowercase();
        ["404", "notfound", "not found", "could not find"].iter().any(|word| lower.contains(word))
    };
    let in_text = |text: &Text| match text {
        Text::Is(text)
        | Text::Rule(
            TextRule::Equals(text) | TextRule::StartsWith(text) | TextRule::Contains(text) | TextRule::Matches(text),
        ) => says(text),
        Text::Rule(TextRule::Lacks(_)) => false,
    };
    let values = expect.json.iter().chain(expect.path.iter().flat_map(|path| path.equals.iter().chain(&path.contains)));
    expect.is_not_found()
        || [&expect.stdout, &expect.stderr, &expect.message].into_iter().flatten().any(in_text)
        || values.into_iter().any(|value| says(&value.to_string()))
        || expect.path.iter().any(|path| path.matches.as_deref().is_some_and(says))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("https://kubernetes.default/api/v1/namespaces/a/podz", true)]
    #[case("https://kubernetes.default.svc:443/healtz", true)]
    #[case("https://$KUBERNETES_SERVICE_HOST/api/v1/podz", true)]
    #[case("https://${KUBERNETES_SERVICE_HOST}:${KUBERNETES_SERVICE_PORT}/api/v1/podz", true)]
    #[case("https://$KUBERNETES_SERVICE_HOST:$KUBERNETES_PORT_443_TCP_PORT/api/v1/pods", false)]
    #[case("https://kubernetes.default/api/v1/namespaces/a/pods", false)]
    // Made by POST only, and of another method nobody speaks.
    #[case("https://kubernetes.default/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", false)]
    #[case("https://kubernetes.default/api/v1/namespaces/$NAMESPACE/podz", false)]
    #[case("https://kubernetes.default/apis/example.dev/v1/widgets", false)]
    #[case("https://web.default/podz", false)]
    #[case("https://10.0.0.1:10250/podz", false)]
    fn a_path_is_looked_at_as_far_as_it_is_written_out(#[case] url: &str, #[case] is_missing: bool) {
        let apis = Apis::of_scenario(vec![], vec![]);
        let line = format!("curl -s \"{url}\" | grep -q forbidden");
        let found = URL.find(&line).expect("a URL").as_str();
        assert_eq!(found, url);
        assert_eq!(missing(&apis, found).is_some(), is_missing);
    }
}
