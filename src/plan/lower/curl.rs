//! `curl` and `exec`: from which Pod, as whom, and what the API server will understand.

use crate::{
    plan::{
        Action, Curl, Identity, Place,
        context::{Context, Draft, below},
        lower::{
            exec, headers,
            url::{self, Url},
        },
        resolve::{places, pod_facts::PodFacts, story::Story},
    },
    scenario::verbs::{self, Method, Token},
};

const POD: (&str, &str) = ("", "Pod");

/// Reads a call by curl.
pub(in crate::plan) fn read(
    cx: &mut Context<'_>,
    draft: &Draft<'_>,
    curl: &verbs::Curl,
    story: &Story<'_>,
) -> Option<Action> {
    let at = draft.at();
    headers::of_curl(cx, &at, curl);
    let place = places::read(cx, (&at, draft.index), &curl.pod, curl.container.as_deref(), story);
    let late = url::is_late(&curl.url);
    let url = match url::read(&curl.url) {
        Ok(url) => Some(url),
        Err(bad) => {
            cx.findings.error(&below(&at, "url"), bad.message).hint_if(bad.hint);
            None
        }
    };
    let https = url.as_ref().is_none_or(|url| url.https);
    if curl.insecure && curl.cacert == Some(true) {
        cx.findings
            .error(&below(&at, "insecure"), "`insecure` beside `cacert`")
            .at_key()
            .label("does not check the certificate")
            .second_key(&below(&at, "cacert"), "checks it")
            .hint("leave out one of them");
    }
    let cacert = curl.cacert.unwrap_or(!curl.insecure) && https && !curl.insecure;
    let method = curl.method.unwrap_or(match curl.body {
        Some(_) => Method::Post,
        None => Method::Get,
    });
    if curl.body.is_some() && matches!(method, Method::Get | Method::Head) {
        cx.findings
            .warn(&below(&at, "body"), format!("a body with {}", method.word()))
            .at_key()
            .label("nobody reads it");
    }
    let ((place, facts), url) = (place?, url?);
    if !late {
        check_host(cx, draft, &at, &url, &place);
    }
    let mounted_token = curl.token == Some(Token::Mounted);
    if let Some(facts) = &facts {
        check_mount(cx, &at, story, &place, facts, (mounted_token, cacert));
    }
    let saved_token = match &curl.token {
        Some(Token::Saved(name)) => Some(name.clone()),
        _ => None,
    };
    let owner = saved_token.as_ref().and_then(|name| story.saved.get(name)).and_then(|kept| kept.token.clone());
    let identity = if mounted_token { exec::account(&place, facts) } else { owner.unwrap_or(Identity::Anonymous) };
    let request = url.request(method).filter(|_| !late);
    let body = curl.body.as_ref().map(ToString::to_string);
    Some(Action::Curl(Box::new(Curl {
        place,
        url: url.text,
        method,
        late,
        mounted_token,
        insecure: curl.insecure,
        cacert,
        headers: curl.headers.clone(),
        body,
        identity,
        request,
        saved_token,
    })))
}

/// Reads the URL of a call anew, now that all saved values are in it.
///
/// # Errors
/// What is wrong with it.
pub fn settle(curl: &mut Curl) -> Result<(), String> {
    let url = url::read(&curl.url).map_err(|bad| bad.message)?;
    curl.request = url.request(curl.method);
    curl.cacert &= url.https;
    Ok(())
}

fn check_host(cx: &mut Context<'_>, draft: &Draft<'_>, at: &str, url: &Url, place: &Place) {
    let at = below(at, "url");
    let expect = draft.step.expect.as_ref();
    // A step may show that the short name leads nowhere.
    let fails = expect
        .is_some_and(|expect| expect.items().iter().any(|(_, expect)| expect.exit_code.is_some_and(|code| code != 0)));
    if url.host == "kubernetes" && place.namespace != "default" {
        if !fails {
            let long = url.text.replacen("://kubernetes", "://kubernetes.default", 1);
            cx.findings
                .error(&at, "`kubernetes` resolves in namespace `default` only")
                .label(if place.namespace == cx.namespace {
                    "the Pod is in a fresh namespace".to_owned()
                } else {
                    format!("the Pod is in `{}`", place.namespace)
                })
                .hint(format!("write `{}`", long.replace(&format!("/{}", cx.namespace), "/{namespace}")));
        }
    } else if url.is_api_server() && !url.https {
        cx.findings
            .warn(&at, "the API server speaks https only")
            .label("it answers 400 to http, or nothing")
            .hint("write `https://…`");
    } else if url.is_api_server() && url.port.is_some_and(|port| port != 443) {
        cx.findings
            .warn(&at, "the Service `kubernetes` has port 443 only")
            .label("nobody answers here")
            .hint("leave the port out");
    } else if let Some(meant) = url.meant_api_server() {
        cx.findings.warn(&at, format!("`{}` is not the API server", url.host)).hint(format!("did you mean `{meant}`?"));
    }
}

/// Warns when the Pod has no token or certificate to send.
fn check_mount(
    cx: &mut Context<'_>,
    at: &str,
    story: &Story<'_>,
    place: &Place,
    facts: &PodFacts,
    (token, cacert): (bool, bool),
) {
    let namespace = Some(place.namespace.as_str());
    let account = (story.world).alive(("", "ServiceAccount"), namespace, &facts.account);
    let of_account = account.and_then(|known| known.object.manifest["automountServiceAccountToken"].as_bool());
    if facts.automount.or(of_account).unwrap_or(true) {
        return;
    }
    let pod = (story.world).alive(POD, namespace, &place.pod);
    let (by, second) = match facts.automount {
        Some(_) => ("the Pod", pod),
        None => ("its ServiceAccount", account),
    };
    let label = format!("{by} says `automountServiceAccountToken: false`");
    let second = second.map_or("", |known| known.pointer);
    if token {
        cx.findings
            .warn(&below(at, "token"), format!("no token is mounted in Pod `{}`", place.pod))
            .label("there is nothing to send")
            .second(second, label);
    } else if cacert {
        cx.findings
            .warn(&below(at, "url"), format!("no `ca.crt` is mounted in Pod `{}`", place.pod))
            .label("curl ends with exit code 77")
            .second(second, label)
            .hint("say `insecure: true`");
    }
}
