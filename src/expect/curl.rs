//! curl's exit codes in words: not reached is not refused.

/// What is said when an answer began and did not end in the step's time.
pub const NO_END: &str = "the answer did not end in time";

/// What to do then.
pub const WATCH: &str = "a watch never ends by itself: `timeoutSeconds=5` in its query ends it";

/// What curl's end means: of a time that was up, curl's words say whether there was a connection.
pub fn ended(code: i32, stderr: &str) -> (&'static str, Option<&'static str>) {
    match code {
        6 => (exit(code).0, Some(unresolved(stderr))),
        28 if stderr.contains("Operation timed out after") => (NO_END, Some(WATCH)),
        _ => exit(code),
    }
}

/// What to do about a name that does not resolve: it depends on what the name looks like.
fn unresolved(stderr: &str) -> &'static str {
    let host = stderr.split_once("resolve host: ").map(|(_, rest)| rest.trim().trim_end_matches('.'));
    match host.map(|host| (host, host.split('.').collect::<Vec<_>>())) {
        None | Some(("kubernetes", _)) => KUBERNETES,
        Some((_, parts)) if parts.len() == 1 => {
            "by its name alone a Service is found from its own namespace only; `NAME.NAMESPACE` does everywhere (and a \
             NetworkPolicy may cut DNS)"
        }
        Some((_, parts)) if parts.len() == 2 || parts.get(2) == Some(&"svc") => {
            "is there a Service of this name in this namespace? (and a NetworkPolicy may cut DNS)"
        }
        Some(_) => {
            "is the name right? whether a cluster resolves names that are not its own depends on its DNS and on its way out \
             (and a NetworkPolicy may cut DNS)"
        }
    }
}

const KUBERNETES: &str = "https://kubernetes resolves only in namespace default; https://kubernetes.default does everywhere \
     (and a NetworkPolicy may cut DNS)";

/// What a curl exit code means when a proxy stood between that curl was told to use.
pub fn proxied(code: i32, stderr: &str) -> Option<(&'static str, &'static str)> {
    const HINT: &str = "a proxy variable in the Pod (https_proxy, HTTPS_PROXY, all_proxy) sends the call there: unset it, or name the \
         host in NO_PROXY, e.g. `NO_PROXY=.default,.svc,.cluster.local` (for https://kubernetes.default, `.default`)";
    let lower = stderr.to_lowercase();
    let tunnel = lower.contains("connect tunnel failed") || lower.contains("from proxy after connect");
    match code {
        5 => Some(("the proxy's name could not be resolved", HINT)),
        97 => Some(("the proxy refused to be one", HINT)),
        _ if tunnel => Some(("a proxy refused the way to the server", HINT)),
        7 | 28 | 35 | 56 | 60 if lower.contains("proxy") => Some(("the proxy could not be used", HINT)),
        _ => None,
    }
}

/// What a curl exit code means, and what to do.
pub fn exit(code: i32) -> (&'static str, Option<&'static str>) {
    match code {
        1 => ("the URL's protocol is not supported", Some("write https:// or http://")),
        2 => ("curl could not start", None),
        3 => ("the URL is malformed", Some("look for blanks and brackets in the URL")),
        5 => ("the proxy's name could not be resolved", Some("unset https_proxy in the Pod")),
        6 => ("the host's name does not resolve", None),
        7 => ("nobody accepts the connection", Some("is that the right port? is anything listening?")),
        18 => ("the answer broke off before its end", None),
        22 => ("curl --fail turned an HTTP error into an exit code", Some("leave --fail out")),
        23 => ("curl could not write its output", None),
        26 => ("curl could not read what it should send", None),
        27 => ("curl ran out of memory", Some("raise the Pod's memory limit")),
        28 => ("the time was up", Some("a NetworkPolicy, a firewall, or a wrong address swallows the packets")),
        35 => ("the TLS handshake failed", Some("does that port speak TLS?")),
        47 => ("too many redirects", None),
        52 => {
            ("the server closed the connection without an answer", Some("https:// to an http:// port, or the reverse?"))
        }
        55 => ("sending failed", None),
        56 => ("receiving failed, the connection was cut", None),
        58 => ("the client certificate cannot be used", None),
        60 => (
            "the server's certificate was not accepted",
            Some(
                "the mounted ca.crt vouches for https://kubernetes.default, https://kubernetes.default.svc and \
                 $KUBERNETES_SERVICE_HOST only; another name or another CA fails",
            ),
        ),
        77 => (
            "the CA file could not be read",
            Some("is the ServiceAccount's volume mounted? with automountServiceAccountToken: false there is no ca.crt"),
        ),
        92 => (
            "HTTP/2 stream error",
            Some("a line feed inside a header does this, e.g. in a token that was read with its newline"),
        ),
        126 => ("curl could not be executed", Some("does the image have curl for this architecture?")),
        127 => ("there is no curl in the container", Some("image: curl has it")),
        137 => ("curl was killed (SIGKILL)", Some("out of memory, or the container ended")),
        _ => ("curl failed", Some("https://curl.se/docs/manpage.html#EXIT lists its exit codes")),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(56, "curl: (56) CONNECT tunnel failed, response 403", Some("a proxy refused the way to the server"))]
    #[case(
        56,
        "curl: (56) Received HTTP code 407 from proxy after CONNECT",
        Some("a proxy refused the way to the server")
    )]
    #[case(5, "curl: (5) Could not resolve proxy: proxy.example", Some("the proxy's name could not be resolved"))]
    #[case(56, "curl: (56) Recv failure: Connection reset by peer", None)]
    #[case(7, "curl: (7) Failed to connect to kubernetes.default port 443", None)]
    fn a_proxys_refusal_is_told_from_the_servers_end(
        #[case] code: i32,
        #[case] stderr: &str,
        #[case] meaning: Option<&str>,
    ) {
        assert_eq!(proxied(code, stderr).map(|(meaning, _)| meaning), meaning);
    }
}
