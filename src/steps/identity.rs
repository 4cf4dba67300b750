//! Who makes a call: the client and the headers of each identity. Credentials stay in here, and never come into a text.

use std::{
    collections::BTreeMap,
    sync::Mutex,
    time::{Duration, Instant},
};

use http::{HeaderMap, HeaderName, HeaderValue, header::AUTHORIZATION};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;

use super::{Requester, StepError, api};
use crate::{
    plan::{Caller, Credential},
    redact,
    sync::locked,
};

/// The shortest life that Kubernetes gives a token.
const LIFE: Duration = Duration::from_secs(600);

/// How old a cached token may be, so that the longest step still ends before it does.
const FRESH: Duration = Duration::from_secs(240);

/// All callers as whom a scenario asks.
pub struct Identities {
    /// A client without any credential.
    bare: kube::Client,
    /// Tokens of ServiceAccounts by namespace and name, and when they were made.
    tokens: Mutex<BTreeMap<(String, String), (Instant, SecretString)>>,
    /// Tokens that steps saved.
    saved: Mutex<BTreeMap<String, SecretString>>,
}

impl Identities {
    /// With a client that sends no credential.
    pub fn new(bare: kube::Client) -> Self {
        Self { bare, tokens: Mutex::default(), saved: Mutex::default() }
    }

    /// Keeps a token for later steps, and out of every text.
    pub fn save(&self, name: &str, token: SecretString) {
        redact::register(token.expose_secret());
        locked(&self.saved).insert(name.to_owned(), token);
    }

    /// A token that was saved.
    ///
    /// # Errors
    /// When no step has saved one under this name.
    pub fn saved(&self, name: &str) -> Result<SecretString, StepError> {
        let saved = locked(&self.saved);
        saved.get(name).cloned().ok_or_else(|| StepError::Refused(format!("no token was saved as `{name}`")))
    }

    /// The token of an account that this run has made, if it has.
    pub fn known_token(&self, namespace: &str, name: &str) -> Option<SecretString> {
        let tokens = locked(&self.tokens);
        tokens.get(&(namespace.to_owned(), name.to_owned())).map(|(_, token)| token.clone())
    }

    /// Forgets the token of an account that is deleted: one of the same name is another one.
    pub fn forget(&self, namespace: &str, name: &str) {
        let mut tokens = locked(&self.tokens);
        tokens.remove(&(namespace.to_owned(), name.to_owned()));
    }

    /// Forgets the tokens of all accounts: which of them are still the same is not known.
    pub fn forget_all(&self) {
        locked(&self.tokens).clear();
    }

    /// The requester for a caller; `client` is the administrator's.
    ///
    /// # Errors
    /// When a token is refused, or was never saved.
    pub async fn requester(&self, caller: &Caller, client: &kube::Client) -> Result<Requester, StepError> {
        let credential = || caller.credential.clone();
        let admin =
            || Requester { client: client.clone(), headers: HeaderMap::new(), token: None, credential: credential() };
        Ok(match &caller.credential {
            Credential::Administrator => admin(),
            Credential::Anonymous => Requester { client: self.bare.clone(), ..admin() },
            Credential::Account { namespace, name } => {
                self.bearer(self.token(namespace, name, client).await?, credential())?
            }
            Credential::Saved(name) => self.bearer(self.saved(name)?, credential())?,
            Credential::Text(text) => self.bearer(SecretString::from(text.as_str()), credential())?,
            Credential::Impersonation { user, groups } => {
                let mut who = admin();
                who.headers.insert(HeaderName::from_static("impersonate-user"), header_value(user)?);
                for group in groups {
                    who.headers.append(HeaderName::from_static("impersonate-group"), header_value(group)?);
                }
                who
            }
        })
    }

    fn bearer(&self, token: SecretString, credential: Credential) -> Result<Requester, StepError> {
        let mut header = header_value(&format!("Bearer {}", token.expose_secret()))?;
        header.set_sensitive(true);
        let headers = HeaderMap::from_iter([(AUTHORIZATION, header)]);
        Ok(Requester { client: self.bare.clone(), headers, token: Some(token), credential })
    }

    /// A token of a ServiceAccount, of this run.
    async fn token(&self, namespace: &str, name: &str, client: &kube::Client) -> Result<SecretString, StepError> {
        let key = (namespace.to_owned(), name.to_owned());
        let known = locked(&self.tokens).get(&key).cloned();
        if let Some((made, token)) = known
            && made.elapsed() < FRESH
        {
            return Ok(token);
        }
        let made = Instant::now();
        let path = format!("/api/v1/namespaces/{}/serviceaccounts/{}/token", api::escape(namespace), api::escape(name));
        let body = json!({
            "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest",
            "spec": {"expirationSeconds": LIFE.as_secs()},
        });
        let body = body.to_string().into_bytes();
        let answer = api::send(client, http::Method::POST, &path, Some("application/json"), body).await?;
        if let Some(busy) = api::busy(&answer) {
            return Err(busy);
        }
        let token = answer.json.as_ref().and_then(|json| json["status"]["token"].as_str());
        let Some(token) = token.filter(|_| answer.status == 201) else {
            if answer.status == 404 {
                return Err(StepError::Waited {
                    what: format!("nothing was asked: there is no ServiceAccount `{name}` in namespace `{namespace}`"),
                    expected: Some("a ServiceAccount that is there".into()),
                    last: api::message(&answer),
                    hint: Some("make it in a step before; one that was deleted can ask nothing any more".into()),
                });
            }
            let why = if answer.status == 201 { "the answer has none".into() } else { api::message(&answer) };
            return Err(StepError::Refused(format!(
                "no token for ServiceAccount {name} in namespace {namespace}: {why}"
            )));
        };
        redact::register(token);
        let token = SecretString::from(token);
        locked(&self.tokens).insert(key, (made, token.clone()));
        Ok(token)
    }
}

fn header_value(text: &str) -> Result<HeaderValue, StepError> {
    HeaderValue::from_bytes(text.as_bytes()).map_err(|_| StepError::Refused("who asks cannot stand in a header".into()))
}
