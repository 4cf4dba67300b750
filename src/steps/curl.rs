//! `curl`: a call from inside a Pod, its HTTP answer and curl's own end kept apart.
//!
//! The body is all of standard output. What curl says about the transfer comes on standard error behind a trailer of
//! random letters, so no body can be taken for it, and the size that it tells must be the size that arrived. A token goes
//! from its file to curl's standard input inside the Pod: it is in no argument, and never leaves the Pod. A saved token comes
//! by the exec's standard input.

use secrecy::ExposeSecret as _;
use serde_json::Value;

use super::{
    Context, StepError, api, exec,
    pod_exec::{Output, random_mark},
};
use crate::{
    clock::Moment,
    expect::{Answer, Http, Origin, body_as_json},
    k8s::well_known::MOUNT,
    plan::Curl,
    scenario::verbs::Method,
};

/// Reads the token's file and hands it to curl as a configuration on standard input. `$0` is the file, `$@` curl's arguments.
const WITH_TOKEN: &str =
    r#"t=$(cat "$0") || exit 26; printf 'header = "Authorization: Bearer %s"\n' "$t" | curl --config - "$@""#;

/// The same with a body that is too long for an argument: it comes by the standard input.
const WITH_TOKEN_AND_BODY: &str = r#"exec 3<&0; t=$(cat "$0") || exit 26; printf 'header = "Authorization: Bearer %s"\n' "$t" | curl --config - --data-binary @/dev/fd/3 "$@""#;

/// With a saved token, which is the first line of the standard input.
const WITH_LINE_AND_BODY: &str =
    r#"IFS= read -r t; exec 3<&0; printf '%s\n' "$t" | curl --config - --data-binary @/dev/fd/3 "$@""#;

/// The longest body that is an argument; a system lets one have 128 KiB.
const MOST_ARGUMENT: usize = 64 << 10;

/// Calls. A call that `only_reads` may be made again when its Pod's shell has ended.
///
/// # Errors
/// [`StepError::Exec`] when curl could not be run or its end was not seen. What curl reports of itself is an answer.
pub async fn run(curl: &Curl, only_reads: bool, context: &Context, deadline: Moment) -> Result<Answer, StepError> {
    let trailer = random_mark();
    // Asked for when it begins, so that curl ends in time however long its start took.
    let command = || command(curl, &trailer, deadline.seconds_left());
    let config = match &curl.saved_token {
        // The last line of a configuration needs its end.
        Some(name) => {
            Some(format!("header = \"Authorization: Bearer {}\"\n", context.identities.saved(name)?.expose_secret()))
        }
        None => None,
    };
    let body = curl.body.as_deref().filter(|body| body.len() > MOST_ARGUMENT);
    let stdin = match (config, body) {
        (config, Some(body)) => Some(config.unwrap_or_default() + body),
        (config, None) => config,
    };
    let stdin = stdin.as_ref().map(String::as_bytes);
    let output = match exec::call(&curl.place, &command, stdin, only_reads, context, deadline).await {
        // The container runtime says what a shell says by its exit code.
        Err(StepError::Exec { why, .. }) if why.contains("executable file not found") => {
            return Ok(Answer::CurlFailed { exit_code: 127, stderr: why });
        }
        output => output?,
    };
    output.learn_secrets();
    take_apart(output, &trailer).map_err(|why| StepError::Exec { pod: curl.place.pod.clone(), why })
}

fn command(curl: &Curl, trailer: &str, seconds: u64) -> Vec<String> {
    let mut args: Vec<String> = vec!["--silent".into(), "--show-error".into(), "--globoff".into()];
    args.extend(["--max-time".into(), seconds.to_string()]);
    args.extend(["--write-out".into(), format!("%{{stderr}}\n{trailer}%{{json}}{trailer}%{{header_json}}{trailer}")]);
    match curl.method {
        Method::Head => args.push("--head".into()),
        method => args.extend(["--request".into(), method.word().into()]),
    }
    if curl.insecure {
        args.push("--insecure".into());
    } else if curl.cacert {
        args.extend(["--cacert".into(), format!("{MOUNT}/ca.crt")]);
    }
    for (key, value) in &curl.headers {
        args.extend(["--header".into(), format!("{key}: {value}")]);
    }
    if let Some(body) = &curl.body {
        // A refusal comes before the body is read. Over HTTP/2, curl 7.88 then takes the answer for one cut short (exit 18).
        args.push("--http1.1".into());
        if body.len() <= MOST_ARGUMENT {
            args.extend(["--data-raw".into(), body.clone()]);
        }
        if !curl.headers.keys().any(|key| key.eq_ignore_ascii_case("content-type")) {
            args.extend(["--header".into(), "Content-Type: application/json".into()]);
        }
    }
    args.extend(["--url".into(), curl.url.clone()]);
    let long = curl.body.as_ref().is_some_and(|body| body.len() > MOST_ARGUMENT);
    let token = format!("{MOUNT}/token");
    let words: &[&str] = match (curl.mounted_token, curl.saved_token.is_some(), long) {
        (true, _, false) => &["sh", "-c", WITH_TOKEN, &token],
        (true, _, true) => &["sh", "-c", WITH_TOKEN_AND_BODY, &token],
        (false, true, false) => &["curl", "--config", "-"],
        (false, true, true) => &["sh", "-c", WITH_LINE_AND_BODY, "sh"],
        (false, false, false) => &["curl"],
        (false, false, true) => &["curl", "--data-binary", "@-"],
    };
    words.iter().map(|word| (*word).to_owned()).chain(args).collect()
}

/// Takes curl's output apart into the answer, or says why it is not whole.
pub fn take_apart(output: Output, trailer: &str) -> Result<Answer, String> {
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    let mut parts = stderr.split(trailer);
    let said = parts.next().unwrap_or_default().trim().to_owned();
    if output.exit_code != 0 {
        return Ok(Answer::CurlFailed { exit_code: output.exit_code, stderr: said });
    }
    let (Some(facts), Some(headers), Some(_)) = (parts.next(), parts.next(), parts.next()) else {
        return Err("curl ended well but did not tell about the transfer: its output is not whole".into());
    };
    let facts: Value = serde_json::from_str(facts).map_err(|e| format!("curl's report is not JSON: {e}"))?;
    // Old versions of curl leave quotes in headers unescaped; then there are no warnings to be had, and nothing is lost else.
    let headers: Value = serde_json::from_str(headers).unwrap_or_default();
    let status = facts["http_code"].as_u64().and_then(|code| u16::try_from(code).ok()).unwrap_or_default();
    let head = facts["method"] == "HEAD";
    let size = facts["size_download"].as_u64();
    if !head && size != Some(output.stdout.len() as u64) {
        return Err(format!("curl received {size:?} bytes of body, but {} arrived", output.stdout.len()));
    }
    let texts = |value: &Value| -> Vec<String> {
        value.as_array().into_iter().flatten().filter_map(|text| text.as_str().map(str::to_owned)).collect()
    };
    // What curl prints of HEAD is the answer's head.
    let body = if head { Vec::new() } else { output.stdout };
    let content_type = facts["content_type"].as_str().map(str::to_owned);
    Ok(Answer::Curl(Http {
        status,
        warnings: texts(&headers["warning"]),
        retry_after: texts(&headers["retry-after"]).first().and_then(|text| api::retry_after(text)),
        origin: Origin::of_head(|name| headers[name].is_array()),
        json: body_as_json(content_type.as_deref(), &body),
        content_type,
        body,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const T: &str = "qqqq";

    fn output(exit_code: i32, stdout: &str, stderr: &str) -> Output {
        Output { exit_code, stdout: stdout.into(), stderr: stderr.into() }
    }

    #[test]
    fn status_and_body_are_apart_for_any_body() {
        for body in ["", "{}", "HTTP/1.1 200 OK\r\n\r\n403", "qqq{\"http_code\":200}", "\u{0}\n\n"] {
            let stderr = format!("\n{T}{{\"http_code\":403,\"size_download\":{}}}{T}{{}}{T}", body.len());
            let answer = take_apart(output(0, body, &stderr), T).expect("whole");
            let Answer::Curl(http) = answer else { panic!("{answer:?}") };
            assert_eq!((http.status, http.body.as_slice()), (403, body.as_bytes()));
        }
    }

    #[test]
    fn an_answer_to_head_has_no_body_and_says_by_its_head_who_gave_it() {
        let facts = r#"{"http_code":403,"size_download":0,"method":"HEAD","content_type":"application/json"}"#;
        for (headers, origin) in [
            (
                r#"{"audit-id":["b2e6d346"],"x-content-type-options":["nosniff"]}"#,
                Origin::ApiServer { only_reads: false },
            ),
            (r#"{"x-content-type-options":["nosniff"]}"#, Origin::Unknown),
        ] {
            let stderr = format!("\n{T}{facts}{T}{headers}{T}");
            let answer = take_apart(output(0, "HTTP/2 403 \r\naudit-id: b2e6d346\r\n\r\n", &stderr), T).expect("whole");
            let Answer::Curl(http) = answer else { panic!("{answer:?}") };
            assert_eq!((http.status, http.body.as_slice(), http.origin), (403, &b""[..], origin));
        }
    }

    #[test]
    fn a_saved_token_is_no_argument() {
        let curl = Curl {
            place: crate::plan::Place { namespace: "a".into(), pod: "p".into(), ..Default::default() },
            url: "https://kubernetes.default/api".into(),
            method: Method::Get,
            mounted_token: false,
            insecure: false,
            cacert: true,
            headers: std::collections::BTreeMap::new(),
            body: None,
            identity: crate::plan::Identity::Anonymous,
            request: None,
            late: false,
            saved_token: Some("t".into()),
        };
        let command = command(&curl, T, 5);
        assert_eq!(command[..3], ["curl", "--config", "-"]);
        assert!(!command.iter().any(|word| word.contains("Authorization")), "{command:?}");
    }

    #[test]
    fn curls_own_end_is_never_a_status() {
        let stderr = format!("curl: (6) Could not resolve host: kubernetes\n{T}{{\"http_code\":0}}{T}{{}}{T}");
        let answer = take_apart(output(6, "", &stderr), T).expect("whole");
        let Answer::CurlFailed { exit_code: 6, stderr } = answer else { panic!("{answer:?}") };
        assert_eq!(stderr, "curl: (6) Could not resolve host: kubernetes");
    }

    #[test]
    fn a_cut_answer_is_no_answer() {
        assert!(take_apart(output(0, "{}", ""), T).is_err());
        let short = format!("\n{T}{{\"http_code\":200,\"size_download\":10}}{T}{{}}{T}");
        assert!(take_apart(output(0, "{}", &short), T).is_err());
    }
}
