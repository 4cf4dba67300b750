//! What a registry has, asked for as the distribution specification says: a token where it wants one, and to where it leads.

use http::{HeaderMap, HeaderValue, Response, StatusCode, Uri, header};
use hyper::body::Incoming;
use serde_json::Value;

use super::{
    fault::Fault,
    reference::{Reference, is_loopback},
    transport::Transport,
};
use crate::{cluster::client::login::DockerCredential, redact};

/// So often a registry may lead elsewhere.
const HOPS: usize = 5;

/// The most that the answer with a token may have, in bytes.
const MOST_TOKEN: u64 = 256 << 10;

/// An image in a registry.
pub struct Source<'a> {
    pub(super) transport: &'a Transport,
    pub(super) reference: &'a Reference,
    login: Option<DockerCredential>,
    authorization: Option<HeaderValue>,
}

/// An answer with something in it.
pub(super) struct Answer {
    pub(super) host: String,
    pub(super) response: Response<Incoming>,
}

impl<'a> Source<'a> {
    /// One that nothing was asked yet.
    pub fn new(transport: &'a Transport, reference: &'a Reference, login: Option<DockerCredential>) -> Self {
        Source { transport, reference, login, authorization: None }
    }

    /// Asks for `path` below the image's name; `headers` say more.
    pub(super) async fn get(&mut self, what: &str, path: &str, headers: &HeaderMap) -> Result<Answer, Fault> {
        let Reference { host, name, .. } = self.reference;
        let first = address(&format!("{}://{host}/v2/{name}/{path}", self.reference.scheme()))?;
        let (mut at, mut hops, mut asked) = (first.clone(), 0, false);
        loop {
            let here = at.authority().map_or("", |at| at.as_str()).to_owned();
            let mut headers = headers.clone();
            // Where it leads to has an address that is a secret by itself, or none of our business.
            if let Some(authorization) = self.authorization.as_ref().filter(|_| at.authority() == first.authority()) {
                headers.insert(header::AUTHORIZATION, authorization.clone());
            }
            let response = self.transport.send(&at, &headers).await?;
            let status = response.status();
            let refused =
                |why| Fault::Refused { host: here.clone(), what: what.to_owned(), status: status.as_u16(), why };
            match status {
                StatusCode::OK | StatusCode::PARTIAL_CONTENT => return Ok(Answer { host: here, response }),
                status if status.is_redirection() => {
                    hops += 1;
                    at = elsewhere(&at, &response).filter(|_| hops <= HOPS).ok_or_else(|| Fault::Malformed {
                        what: format!("where {here} leads to"),
                        why: "it leads in a circle, or from https to http".into(),
                    })?;
                }
                StatusCode::UNAUTHORIZED if !asked && at.authority() == first.authority() => {
                    asked = true;
                    let challenge =
                        response.headers().get(header::WWW_AUTHENTICATE).and_then(|value| value.to_str().ok());
                    let Some(challenge) = challenge.map(str::to_owned) else { return Err(refused(NO_LOGIN)) };
                    self.authorize(what, &challenge).await?;
                    at = first.clone();
                }
                StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN if self.login.is_none() => {
                    return Err(refused(NO_LOGIN));
                }
                StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => return Err(refused("")),
                StatusCode::NOT_FOUND => return Err(Fault::Missing { host: here, what: what.to_owned() }),
                status => return Err(Fault::Answer { host: here, what: what.to_owned(), status: status.as_u16() }),
            }
        }
    }

    /// All of a short answer.
    pub(super) async fn whole(&self, what: &str, mut answer: Answer, most: u64) -> Result<Vec<u8>, Fault> {
        let mut all = Vec::new();
        while let Some(piece) = self.transport.next(&answer.host, answer.response.body_mut()).await? {
            let have = all.len() as u64;
            let piece = piece.map_err(|why| Fault::Cut { what: what.to_owned(), have, of: have, why })?;
            if have + piece.len() as u64 > most {
                return Err(Fault::TooMuch { what: what.to_owned(), most, unit: "bytes" });
            }
            all.extend_from_slice(&piece);
        }
        Ok(all)
    }

    /// Does what a registry asks for before it gives anything.
    async fn authorize(&mut self, what: &str, challenge: &str) -> Result<(), Fault> {
        let host = self.reference.host.clone();
        let refused = |why| Fault::Refused { host: host.clone(), what: what.to_owned(), status: 401, why };
        let basic = self.login.as_ref().and_then(basic);
        let (scheme, rest) = challenge.split_once(' ').unwrap_or((challenge, ""));
        if scheme.eq_ignore_ascii_case("basic") {
            self.authorization = Some(basic.ok_or_else(|| refused(NO_LOGIN))?);
            return Ok(());
        }
        let parts = parts(rest);
        let part = |name: &str| parts.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        let realm = part("realm").filter(|_| scheme.eq_ignore_ascii_case("bearer"));
        let realm = realm.ok_or_else(|| refused(", and asks for a kind of login that is not known"))?;
        let mut query = format!("scope={}", escaped(&format!("repository:{}:pull", self.reference.name)));
        if let Some(service) = part("service") {
            query.push_str(&format!("&service={}", escaped(service)));
        }
        let at = address(&format!("{realm}{}{query}", if realm.contains('?') { '&' } else { '?' }))?;
        let there = at.authority().map_or("", |at| at.as_str()).to_owned();
        if at.scheme_str() != Some("https") && !(is_loopback(&there) && is_loopback(&host)) {
            return Err(refused(", and wants its login sent without https"));
        }
        let mut headers = HeaderMap::new();
        headers.extend(basic.map(|basic| (header::AUTHORIZATION, basic)));
        let response = self.transport.send(&at, &headers).await?;
        if response.status() != StatusCode::OK {
            return Err(refused(if self.login.is_none() { NO_LOGIN } else { ", also with its login" }));
        }
        let text = self.whole("its token", Answer { host: there, response }, MOST_TOKEN).await?;
        let said: Value = serde_json::from_slice(&text).unwrap_or_default();
        let token = said["token"].as_str().or(said["access_token"].as_str()).unwrap_or_default();
        redact::register(token);
        self.authorization = bearer(token);
        self.authorization.is_some().then_some(()).ok_or_else(|| refused(", and gives no token"))
    }
}

/// What to do about a refusal.
const NO_LOGIN: &str = ": log in (`docker login`), or name a mirror";

fn bearer(token: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(&format!("Bearer {token}")).ok().filter(|_| !token.is_empty())?;
    value.set_sensitive(true);
    Some(value)
}

/// A name and password. An identity token is for a conversation that only Docker has.
fn basic(login: &DockerCredential) -> Option<HeaderValue> {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    let DockerCredential::UsernamePassword(name, password) = login else { return None };
    let text = STANDARD.encode(format!("{name}:{password}"));
    redact::register(&text);
    let mut value = HeaderValue::from_str(&format!("Basic {text}")).ok()?;
    value.set_sensitive(true);
    Some(value)
}

fn address(text: &str) -> Result<Uri, Fault> {
    text.parse().map_err(|e: http::uri::InvalidUri| Fault::Malformed { what: "an address".into(), why: e.to_string() })
}

fn escaped(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

/// Where an answer leads to; never from https to less.
fn elsewhere(at: &Uri, response: &Response<Incoming>) -> Option<Uri> {
    let to = response.headers().get(header::LOCATION)?.to_str().ok()?;
    joined(at, to)
}

fn joined(at: &Uri, to: &str) -> Option<Uri> {
    let to: Uri = match to.starts_with('/') && !to.starts_with("//") {
        true => format!("{}://{}{to}", at.scheme_str()?, at.authority()?).parse().ok()?,
        false => to.parse().ok()?,
    };
    let loopback = |uri: &Uri| uri.authority().is_some_and(|at| is_loopback(at.as_str()));
    let fine = match to.scheme_str()? {
        "https" => true,
        "http" => at.scheme_str() == Some("http") && loopback(at) && loopback(&to),
        _ => false,
    };
    fine.then_some(to)
}

/// `realm="https://…",service="…"` as names and values.
fn parts(mut rest: &str) -> Vec<(String, String)> {
    let mut parts = Vec::new();
    while let Some((name, after)) = rest.split_once('=') {
        let (value, after) = match after.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
            None => after.split_once(',').unwrap_or((after, "")),
        };
        parts.push((name.trim_matches([' ', ',']).to_ascii_lowercase(), value.trim().to_owned()));
        rest = after;
    }
    parts
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[test]
    fn a_challenge_is_read() {
        let read =
            parts(r#"realm="https://auth.example/token?x=1",service=r.example, scope="repository:a/b:pull,push""#);
        let of = |name: &str| read.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        assert_eq!(of("realm"), Some("https://auth.example/token?x=1"));
        assert_eq!((of("service"), of("scope")), (Some("r.example"), Some("repository:a/b:pull,push")));
        assert_eq!(parts("nothing"), vec![]);
    }

    #[rstest]
    #[case("https://r.example/v2/a", "https://cdn.example/b?c=d", Some("https://cdn.example/b?c=d"))]
    #[case("https://r.example/v2/a", "/b", Some("https://r.example/b"))]
    #[case("http://127.0.0.1:5000/v2/a", "http://localhost:5001/b", Some("http://localhost:5001/b"))]
    #[case("https://r.example/v2/a", "http://r.example/b", None)]
    #[case("https://r.example/v2/a", "http://127.0.0.1/b", None)]
    #[case("http://127.0.0.1:5000/v2/a", "http://10.0.0.7/b", None)]
    #[case("https://r.example/v2/a", "file:///etc/passwd", None)]
    #[case("https://r.example/v2/a", "//r.example/b", None)]
    fn where_it_leads_is_never_less_safe(#[case] at: &str, #[case] to: &str, #[case] leads: Option<&str>) {
        let joined = joined(&at.parse().expect("an address"), to).map(|uri| uri.to_string());
        assert_eq!(joined.as_deref(), leads);
    }
}
