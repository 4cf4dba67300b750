use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use rstest::rstest;

use super::*;

const JWT: &str = "eyJhbGciOiJSUzI1NiIsImtpZCI6IkEifQ.eyJpc3MiOiJrdWJlcm5ldGVzIn0.c2lnbmF0dXJlLXNpZ25hdHVyZQ";

#[rstest]
#[case::alone(JWT.to_owned(), TOKEN.to_owned())]
#[case::cut(format!("x {} y", &JWT[..60]), format!("x {TOKEN} y"))]
#[case::header(format!("Authorization: Bearer {JWT}\r\nHost: a"), format!("Authorization: Bearer {TOKEN}\r\nHost: a"))]
#[case::opaque("authorization: bearer abcdef".into(), format!("authorization: bearer {TOKEN}"))]
#[case::bearer("sent Bearer abcdef0123456789abcdef to".into(), format!("sent Bearer {TOKEN} to"))]
#[case::kubeconfig("    token: abcdef.0123456789abcdef\n".into(), format!("    token: {TOKEN}\n"))]
#[case::json(r#"{"token":"abcdefabcdef0123456789","n":1}"#.into(), format!(r#"{{"token":"{TOKEN}","n":1}}"#))]
#[case::k3s("token: K10aabbccddeeff0011::server:secret\n".into(), format!("token: {TOKEN}\n"))]
#[case::key_data("client-key-data: LS0tLS1CRUdJTiBSU0E=\n".into(), format!("client-key-data: {KEY}\n"))]
#[case::secret("  token: ZXlKaGJHY2lPaUpTVXpJMU5pSXNJbXRwWkNJNklrRWlmUS5leUo=".into(), format!("  token: {TOKEN}"))]
#[case::url("https://ann:hunter2@example.com/a".into(), format!("https://ann:{PASSWORD}@example.com/a"))]
#[case::pem(
    "a\n-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----\nb".into(), format!("a\n{KEY}\nb"))]
#[case::pem_cut("-----BEGIN PRIVATE KEY-----\nAAAA".into(), KEY.to_owned())]
fn credentials_go(#[case] text: String, #[case] clean: String) {
    assert_eq!(redact(&text), clean);
}

#[test]
fn a_registered_value_goes_in_every_form() {
    let secret = "hush/hush+hush?1";
    register(secret);
    for offset in 0..3 {
        let around = format!("{}{secret} and more", &"ab"[..offset.min(2)]);
        for encoded in [STANDARD.encode(&around), URL_SAFE_NO_PAD.encode(&around)] {
            assert!(redact(&encoded).contains(TOKEN), "{encoded}");
        }
    }
    assert_eq!(redact(&format!("a {secret} b")), format!("a {TOKEN} b"));
    assert_eq!(redact("x=hush%2Fhush%2Bhush%3F1"), format!("x={TOKEN}"));
    register("short");
    assert_eq!(redact("a short one"), "a short one");
}

#[test]
fn a_token_that_shares_pieces_with_a_known_one_goes_whole() {
    let issuer = "eyJhbGciOiJFUzI1NiIsImtpZCI6IkEifQ.eyJpc3MiOiJodHRwczovL2t1YmVybmV0ZXMuZGVmYXVsdC5zdmMiLC";
    register(&format!("{issuer}JzdWIiOiJvbmUifQ.QWJjMTIzRGVmNDU2R2hpNzg5SmtsMDEyTW5v"));
    let other = format!("{issuer}JzdWIiOiJhbm90aGVyIn0.WnlYMzIxd1Z1NjU0dFNyOTg3cVBvMjEwbk1s");
    assert_eq!(redact(&format!("it says {other}\n")), format!("it says {TOKEN}\n"));
}

#[test]
fn half_a_token_that_nobody_knows_goes_too() {
    let half = "Ab3_".repeat(40);
    assert_eq!(redact(&format!("tail: {half}.x")), format!("tail: {TOKEN}.x"));
    let signature = "r8fyi0OKUVBGTeRNHgqj5yKTbD2egGwQOwFW3FcDjRSI0I9AfcH_-fBlfrsCyDaRpPfA17AWqZmzjj6MFiSimg";
    assert_eq!(redact(&format!("tail: {half}.{signature}\n")), format!("tail: {TOKEN}\n"));
    assert_eq!(redact(&format!("tail: {}.{signature}\n", &half[..50])), format!("tail: {TOKEN}\n"));
    let hash = "0123456789abcdef".repeat(8);
    assert_eq!(redact(&hash), hash);
}

#[rstest]
#[case(r#"user "system:serviceaccount:ns:rm" (groups=["system:serviceaccounts" "system:serviceaccounts:ns" "system:authenticated"]) is"#)]
#[case("[invalid bearer token, service account token has been invalidated]")]
#[case("curl: {in: pod-default, url: https://kubernetes/api, token: mounted}")]
#[case("token: system:serviceaccount:kubewalk-x7k2p:demo-sa")]
#[case(r#"-H "Authorization: Bearer $(cat /var/run/secrets/kubernetes.io/serviceaccount/token)""#)]
#[case("Bearer authentication is used")]
#[case("password:  7 bytes")]
#[case("PWD=/root")]
#[case("password: required")]
#[case("automountServiceAccountToken: false, tokenExpirationSeconds: 3607")]
#[case("secret: {secretName: my-secret-1}, from: {secret: reader-token}")]
#[case("env: [{name: DB_PASSWORD, valueFrom: {secretKeyRef: {name: db-1, key: password}}}]")]
#[case("TOKEN=$(cat /var/run/secrets/kubernetes.io/serviceaccount/token)")]
#[case("--token=\"$TOKEN\" --as system:serviceaccount:a:b --user kubewalk-step")]
#[case("kubewalk.example.com/abcdef, status.conditionsready, events.coordinationlabel")]
#[case("the cookie is stale; Cookies are kept; authentication: none")]
#[case("secrets \"db-password-1\" is forbidden: User \"a\" cannot get resource \"secrets\" in API group \"\"")]
#[case("https://kubernetes.default.svc:443/api/v1/namespaces/a/pods?limit=500&continue=abc")]
#[case("git@example.com:a/b.git, mailto:ann@example.com, http://localhost:8080/@here")]
#[case("MIIDBTCCAe2gAwIBAgIIWUpZ0h2J3kMwDQYJKoZIhvcNAQELBQAwFTETMBEGA1UEAxMKa3ViZXJuZXRlcw")]
#[case(
    "uid: 3c9f2a1e-5d6b-4f7a-9c8d-0e1f2a3b4c5d, resourceVersion: \"12345\", image: curl@sha256:0123456789abcdef0123456789abcdef"
)]
#[case("apiVersion: v1\nkind: Secret\nmetadata:\n  name: a\ntype: Opaque")]
#[case("invalid bearer token, [token: required, auth: none], key: value, api-key: ")]
#[case("token: /var/run/secrets/kubernetes.io/serviceaccount/token")]
#[case("certificate-authority-data: LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0t")]
#[case("-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----")]
#[case(
    "pods is forbidden: User \"system:serviceaccount:default:default\" cannot list resource \"pods\" in API group \"\""
)]
fn ordinary_texts_stay(#[case] text: &str) {
    assert_eq!(redact(text), text);
}

/// What `docs/reports.md` promises of credentials that no user has named and kubewalk has not handled: a row of its table,
/// texts with such a credential in the place of `‹…›`.
pub(super) const PROMISED: &[(&str, &[&str])] = &[
    (
        "Tokens (JWT), whole or from their 120th letter on, also in base64, also broken into lines, also twice",
        &[
            "it is ‹eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJrdWJlcm5ldGVzIn0.c2lnbmF0dXJl› x",
            "‹ZXlKaGJHY2lPaUpTVXpJMU5pSXNJbXRwWkNJNklrRWlmUS5leUpwYzNNaU9pSnJkV0psY201bGRHVnpJbjA›",
        ],
    ),
    (
        "`Authorization`, `Proxy-Authorization` and headers such as `X-Auth-Token`; `Bearer x`; logins of `curl -u`",
        &[
            "Authorization: Basic ‹aHVudGVyMjpodW50ZXIy›",
            "proxy-authorization: bearer ‹abcdef›",
            r#"{"Authorization":"Bearer ‹opaque›"}"#,
            "X-Api-Key: ‹abcdef›",
            "sent Bearer ‹abcdef0123456789abcdef› to",
            "curl -u ann:‹hunter2› https://example.com",
            "curl --user 'ann:‹hunter2›' x",
        ],
    ),
    ("Cookies: the value of each", &["Set-Cookie: session=‹abc›; Path=/; HttpOnly", "cookie: a=‹1›; b=‹2›"]),
    (
        "In a URL: the password or token before the host; `token`, `access_token`, `secret`, `password`, `sig` … in its query",
        &[
            "https://ann:‹hunter2›@example.com/a",
            "redis://:‹hunter2›@db:6379",
            "https://‹ghx0123456789abcdef›@example.com/a",
            "GET /x?a=1&access_token=‹abc›&b=2",
            "https://example.com/?token=‹abc›",
            "https://x/#id_token=‹abc›",
            "https://bucket/x?X-Amz-Signature=‹0a1b›&y=2",
        ],
    ),
    (
        "What a key calls a password, passphrase, API key, client secret, secret key or private key: in YAML, JSON, an environment, a flag",
        &[
            "password: ‹hunter2›",
            "  password: \"‹two words›\"",
            r#"{"password":"‹hunter2›","user":"ann"}"#,
            r#"{"text":"{\"db_password\":\"‹hunter2›\"}"}"#,
            "POSTGRES_PASSWORD=‹hunter2›",
            "MYSQL_PWD=‹hunter2›",
            "kubectl create secret docker-registry r --docker-password=‹hunter2›",
            "client_secret=‹abc›",
            "aws_secret_access_key = ‹wJalrXUtnFEMI›",
            "secretAccessKey: ‹wJalrXUtnFEMI›",
            "apiKey: '‹abc›'",
        ],
    ),
    (
        "What a key or variable calls a token, if it has a digit or is long",
        &[
            "    token: ‹abcdef.0123456789abcdef›",
            "identitytoken: ‹0123456789abcdef›",
            "GH_TOKEN=‹abc123def›",
            "kubeadm join --token ‹abcdef.0123456789abcdef› 10.0.0.1:6443",
        ],
    ),
    (
        "Bootstrap tokens of kubeadm, join tokens of k3s",
        &["use ‹abcdef.0123456789abcdef› to join", "in ‹K10aabbccddeeff00112233::server:0123456789› it is"],
    ),
    (
        "Logins of registries (`auth` of a `.dockerconfigjson`, also in base64)",
        &[r#"{"auths":{"r.example":{"auth":"‹YW5uOmh1bnRlcjI=›"}}}"#],
    ),
    (
        "Private keys: PEM, whole or cut off, in base64, and their body without the lines around it; OpenSSH",
        &[
            "a\n‹-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----›\nb",
            "‹-----BEGIN PRIVATE KEY-----\nAAAA›",
            "client-key-data: ‹LS0tLS1CRUdJTiBSU0E=›",
            "‹MIIEpAIBAAKCAQEA0Z3VS5JJcds3xfn/ygWyF8PbnGy0AHB7›",
            "‹MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIB›",
            "‹MHcCAQEEIBkg4LVWM9nuwNSk3yByxZpYRTBnVJk5EkMgYvWm›",
            "‹MC4CAQAwBQYDK2VwBCIEIPrNgYVWM9nuwNSk3yByxZpYRTBnVJk5›",
            "‹b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAAB›",
        ],
    ),
    (
        "Tokens that say whose they are: GitHub, GitLab, Slack, npm, Google, Docker, Stripe, Vault; keys of AWS; hashes of `htpasswd`",
        &[
            "‹ghp_0123456789abcdefABCDEF0123456789abcd›",
            "‹glpat-0123456789abcdefABCD›",
            "‹xoxb-0123456789-abcdef›",
            "‹AKIAIOSFODNN7EXAMPLE›",
            "ann:‹$2y$05$c4WoMPo3SXsafkva.HHa6uXQZWr7oboPiC2bT/r7q1BB8I2s0BRqC›",
        ],
    ),
];

#[test]
fn what_the_page_promises_goes() {
    for (row, texts) in PROMISED {
        for text in *texts {
            let plain = text.replace(['‹', '›'], "");
            let clean = redact(&plain);
            let secrets = text.split('‹').skip(1).map(|rest| rest.split('›').next().unwrap_or_default());
            let kept = text.split('‹').map(|part| part.split('›').next_back().unwrap_or_default());
            for secret in secrets {
                assert!(!clean.contains(secret), "{row}: {clean}");
            }
            for kept in kept {
                assert!(clean.contains(kept.trim_end_matches('\n')), "{row}: `{kept}` of {plain} went: {clean}");
            }
            assert!(clean.contains("«redacted "), "{row}: {clean}");
            assert_eq!(redact(&clean), clean, "{row}: a second filter finds something");
        }
    }
}

#[test]
fn the_page_promises_just_that() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/reports.md")).expect("the page");
    let listed: Vec<&str> = page
        .split("<!-- promised: src/redact/tests.rs -->\n")
        .nth(1)
        .and_then(|rest| rest.split("<!-- /promised -->").next())
        .expect("a list")
        .lines()
        .collect();
    let promised: Vec<String> = PROMISED.iter().map(|(row, _)| format!("- {row}.")).collect();
    assert_eq!(listed, promised);
}

/// As programs print a token that kubewalk has not seen before: the raw forms.
#[test]
fn an_unknown_token_goes_in_every_raw_form() {
    let token = format!(
        "{}.{}.{}",
        "eyJhbGciOiJSUzI1NiIsImtpZCI6IkEifQ",
        URL_SAFE_NO_PAD.encode(r#"{"aud":["https://kubernetes.default.svc"],"iss":"https://kubernetes.default.svc","sub":"system:serviceaccount:default:a"}"#),
        (0..342_u32).map(|n| char::from(b"Ab3_xY9-kQ7zLm2"[(n.wrapping_mul(2_654_435_769) >> 28) as usize % 15])).collect::<String>()
    );
    let wrapped = |text: &str, width: usize, between: &str| {
        text.as_bytes().chunks(width).map(String::from_utf8_lossy).collect::<Vec<_>>().join(between)
    };
    let once = STANDARD.encode(&token);
    for text in [
        wrapped(&once, 76, "\n"),
        wrapped(&once, 64, "\r\n"),
        wrapped(&once, 76, "\n  "),
        wrapped(&once, 76, "\\n"),
        wrapped(&STANDARD.encode(format!("{token}\n")), 76, "\n"),
        wrapped(&STANDARD.encode(&once), 76, "\n"),
        wrapped(&STANDARD.encode(wrapped(&once, 76, "\n")), 76, "\n"),
        URL_SAFE_NO_PAD.encode(format!("x{token}")),
    ] {
        let shown = redact(&format!("it says\n{text}\nand ends")).into_owned();
        let left: usize = shown.len() - shown.matches(TOKEN).map(str::len).sum::<usize>();
        // A word behind letters without their padding may be part of them.
        assert!(left < 60 && shown.starts_with("it says\n") && shown.ends_with(" ends"), "{shown}");
    }
}

#[test]
fn what_a_user_names_goes() {
    register_named("word", &SecretString::from("moon"));
    assert_eq!(redact("to the moon, moonlight"), format!("to the {VALUE}, moonlight"));
    register_pattern(r"license-([0-9A-F]{8})").expect("a pattern");
    assert_eq!(redact("a license-0123ABCD here"), format!("a license-{DATA} here"));
    assert!(register_pattern("(").is_err());
}

#[test]
fn a_mark_is_no_secret_whatever_is_secret() {
    for word in ["redacted", "token", "value", "password"] {
        register_value(word, word.as_bytes());
    }
    let once = redact(&format!("{JWT} and a value-42-x")).into_owned();
    assert_eq!(redact(&once), once);
    assert!(once.starts_with(TOKEN), "{once}");
    assert_eq!(redact("password: password"), format!("password: {PASSWORD}"));
    assert_eq!(redact("the password is required"), "the password is required");
}

/// A filter of much text ends soon, whatever it is.
#[test]
fn much_text_takes_little_time() {
    register(&"Zq9_".repeat(300));
    let texts = [
        "a".repeat(1 << 20),
        "eyJ".repeat(1 << 18),
        "-----BEGIN PRIVATE KEY-----".repeat(1 << 15),
        "password=x ".repeat(1 << 16),
    ];
    for text in texts {
        // Quadratic work takes minutes.
        let begun = std::time::Instant::now();
        let _ = show::line(&text, show::BODY);
        assert!(begun.elapsed() < std::time::Duration::from_secs(60), "{:?} for {}…", begun.elapsed(), &text[..20]);
    }
}
