//! [`Scenario`](crate::scenario::Scenario) to [`Plan`]: names, defaults, timeouts, and every semantic error at once.
//!
//! A plan says all that a run will do before anything is started. Nothing here knows Kubernetes' client or an async
//! runtime.

pub mod acting;
pub mod asks;
pub mod caller;
pub mod can;
pub mod equivalent;
pub mod fill;
pub mod kinds;
pub mod load;
pub mod make;
pub mod names;
pub mod needs;
pub mod place;
pub mod request;
pub mod when;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use serde_json::Value;

pub use caller::{Caller, Credential};
pub use kinds::Kind;
pub use load::{Loaded, load, load_bytes};
pub use make::{Names, Trust, plan, plan_for, plan_in, settle};
pub use place::{Of, Owner, Place};
pub use request::{Details, Identity, Request};
pub use when::When;

use crate::shape::Shape;

use crate::scenario::{
    Diagnostic, Document, Span,
    calls::PatchType,
    expect::Expect,
    verbs::{Method, Until},
    when::Feature,
};

/// A scenario made ready to run.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The file it came from, with the place of every value (`document.span("/steps/0/expect/status")`).
    pub document: Arc<Document>,
    /// The claim of the whole file.
    pub title: String,
    /// Narration.
    pub say: Option<String>,
    /// Words by which a run can choose.
    pub tags: Vec<String>,
    /// The namespace of everything that names none.
    pub namespace: String,
    /// Whether that namespace is made for the run and removed afterwards.
    pub fresh_namespace: bool,
    /// The namespace that the person owns, where a scenario is that names none.
    pub home: Option<String>,
    /// Whether it is trusted.
    pub trust: Trust,
    /// Whether it must run alone on its cluster: what it makes or changes concerns everybody there.
    pub alone: bool,
    /// Names of which only one scenario may make use at a time: namespaces that it shares and cluster-wide objects that it
    /// makes, e.g. `ClusterRole read-all`.
    pub holds: BTreeSet<String>,
    /// The longest that all steps together may take.
    pub timeout: Duration,
    /// How its API server is to be other than usual.
    pub shape: Shape,
    /// Patterns of what is secret.
    pub redact: Vec<String>,
    /// The steps, in order.
    pub steps: Vec<Step>,
    /// What the plan filled in without being told, each with its place.
    pub notes: Vec<Note>,
    /// What is probably not meant, in the order of the lines; the scenario can run.
    pub warnings: Vec<Diagnostic>,
}

impl Plan {
    /// Makes it one for a cluster that exists: its namespace, if it names one, must be there, and if it names none, it is in the one
    /// that the person owns.
    ///
    /// # Errors
    /// What is wrong with it there.
    pub fn in_existing(&mut self, home: Option<&str>) -> Result<(), Vec<Diagnostic>> {
        if self.document.scenario.namespace.is_some() {
            self.fresh_namespace = false;
        } else if home.is_some() {
            *self = plan_in(self.document.clone(), &Names::random(), self.trust, home)?;
        }
        Ok(())
    }

    /// The same scenario under a new name, so that nothing of it stands in its own way.
    pub fn again(&self, names: &Names) -> Plan {
        match plan_in(self.document.clone(), names, self.trust, self.home.as_deref()) {
            Ok(mut plan) => {
                plan.fresh_namespace = self.fresh_namespace;
                plan
            }
            Err(_) => self.clone(),
        }
    }

    /// Whether it may call without a credential: then the cluster must let `system:anonymous` in. Nobody knows what a command
    /// inside a Pod calls.
    pub fn anonymous(&self) -> bool {
        let asked = |when: Option<&When>| when.is_some_and(|when| when.feature.contains(&Feature::Anonymous));
        self.steps.iter().any(|step| {
            let calls = match &step.action {
                Action::Curl(curl) => curl.identity == Identity::Anonymous,
                Action::Exec(_) => true,
                _ => {
                    step.caller.identity == Some(Identity::Anonymous) || step.caller.credential == Credential::Anonymous
                }
            };
            calls || asked(step.when.as_ref()) || step.expected.iter().any(|item| asked(item.when.as_ref()))
        })
    }
}

/// Something that the plan filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// Where.
    pub span: Span,
    /// What.
    pub text: String,
}

/// A step made ready to run.
#[derive(Debug, Clone)]
pub struct Step {
    /// 1 for the first.
    pub number: usize,
    /// JSON pointer of the step in its document, e.g. `/steps/0`.
    pub pointer: String,
    /// The claim.
    pub title: String,
    /// Narration.
    pub say: Option<String>,
    /// Ids of the claims that it proves.
    pub rows: Vec<String>,
    /// The longest it may take, waiting included.
    pub timeout: Duration,
    /// The verb's key in the file, e.g. `curl`, `serviceAccount`.
    pub verb: &'static str,
    /// What it does.
    pub action: Action,
    /// What must come of it, one at least.
    pub expected: Vec<Expected>,
    /// Where it is run; `None`: everywhere.
    pub when: Option<When>,
    /// Who asks.
    pub caller: Caller,
    /// What is kept for later steps.
    pub save: Vec<Save>,
    /// Whether its lines say that what it is denied need not exist.
    pub on_purpose: bool,
}

/// An expectation made ready.
#[derive(Debug, Clone)]
pub struct Expected {
    /// Where it stands, as a JSON pointer from the step: `/expect`, `/expect/1`.
    pub pointer: String,
    /// Where it must hold; `None`: everywhere.
    pub when: Option<When>,
    /// What must come.
    pub expect: Expect,
    /// Its `within`, read.
    pub within: Option<Duration>,
}

/// A value that is kept for later steps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Save {
    /// Its name.
    pub name: String,
    /// Where it is found.
    pub what: Saved,
}

/// Where a value is found that is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Saved {
    /// The token, which nobody may see.
    Token,
    /// The text of the standard output, without newlines at its end.
    Stdout,
    /// At a JSON path of the answer.
    Path(String),
}

/// What a step does.
#[derive(Debug, Clone)]
pub enum Action {
    /// Access reviews, all at once.
    Can(can::Can),
    /// kubectl on the cluster's node.
    Kubectl(Kubectl),
    /// Server-side apply of each object.
    Apply(Vec<Object>),
    /// POST of each object.
    Create(Vec<Object>),
    /// POST of a Pod, then wait until it is Ready.
    Pod(Object),
    /// GET of one object, or of a list when the target has no name.
    Get(Target),
    /// DELETE of one object, then wait until it is gone.
    Delete(Target),
    /// Wait until an object is in a state.
    Wait(Target, Until),
    /// curl inside a Pod.
    Curl(Box<Curl>),
    /// A command inside a Pod.
    Exec(Exec),
    /// A request from outside the cluster.
    Request(Box<Call>),
    /// A SelfSubjectReview.
    Whoami,
    /// A TokenRequest, or the token of a Secret.
    Token(Box<TokenCall>),
    /// PATCH of one object.
    Patch(Box<Change>),
}

/// A call of kubectl.
#[derive(Debug, Clone)]
pub struct Kubectl {
    /// All arguments.
    pub args: Vec<String>,
    /// How many of them, at the beginning, the scenario does not say.
    pub added: usize,
    /// The scenario's own namespace, if it has one.
    pub own: Option<String>,
    /// Standard input.
    pub stdin: Option<String>,
    /// What it makes outside of the scenario's namespace, as far as that can be told: it is removed afterwards.
    pub makes: Vec<Object>,
}

/// A manifest, and where it goes.
#[derive(Debug, Clone)]
pub struct Object {
    /// Its kind.
    pub kind: Kind,
    /// Its namespace; `None` for cluster-wide kinds.
    pub namespace: Option<String>,
    /// Its name (empty with generateName).
    pub name: String,
    /// The manifest as it is sent, namespace and subjects filled in.
    pub manifest: Value,
    /// The file beside the scenario that it is from.
    pub file: Option<FromFile>,
}

/// Where a manifest is from that does not stand in the scenario.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FromFile {
    /// The file.
    pub path: PathBuf,
    /// Whether placeholders in it are filled in.
    pub fill: bool,
    /// The namespace of what names none in it.
    pub namespace: String,
    /// The command that renders it, if it is no manifest itself.
    pub by: Option<String>,
    /// Whether only some of its objects are meant.
    pub some: bool,
    /// All files that it was made of.
    pub read: Arc<[PathBuf]>,
}

/// An object or a list of objects that is read.
#[derive(Debug, Clone)]
pub struct Target {
    /// The kind.
    pub kind: Kind,
    /// The namespace; `None` for cluster-wide kinds and for lists over all namespaces.
    pub namespace: Option<String>,
    /// The name; `None` for a list.
    pub name: Option<String>,
    /// For a list.
    pub label_selector: Option<String>,
    /// For a list.
    pub field_selector: Option<String>,
}

/// A call by curl inside a Pod.
#[derive(Debug, Clone)]
pub struct Curl {
    /// Where it runs.
    pub place: Place,
    /// The URL, `{namespace}` replaced.
    pub url: String,
    /// The method.
    pub method: Method,
    /// Sends the Pod's mounted token.
    pub mounted_token: bool,
    /// `--insecure`.
    pub insecure: bool,
    /// `--cacert` with the mounted certificate.
    pub cacert: bool,
    /// Further headers.
    pub headers: BTreeMap<String, String>,
    /// JSON body, as text.
    pub body: Option<String>,
    /// Who the API server must take the caller for.
    pub identity: Identity,
    /// What the API server must understand; `None` when the URL is not the API server's, or not known yet.
    pub request: Option<Request>,
    /// Whether the host is a saved value, which is only known when the step runs.
    pub late: bool,
    /// The name of a saved token that is sent.
    pub saved_token: Option<String>,
}

impl Curl {
    /// The path of the URL, and its query.
    pub fn path(&self) -> &str {
        let rest = self.url.split_once("://").map_or("", |(_, rest)| rest);
        rest.find('/').map_or("/", |at| &rest[at..])
    }
}

/// A command inside a Pod.
#[derive(Debug, Clone)]
pub struct Exec {
    /// Where it runs.
    pub place: Place,
    /// The Pod's ServiceAccount, as whom a call from inside is made.
    pub identity: Identity,
    /// Program and arguments.
    pub command: Vec<String>,
    /// Standard input.
    pub stdin: Option<String>,
}

/// A request from outside the cluster.
#[derive(Debug, Clone)]
pub struct Call {
    /// The method.
    pub method: Method,
    /// The path and its query, `{namespace}` replaced.
    pub path: String,
    /// The body as it is sent.
    pub body: Option<String>,
    /// The body's type.
    pub content_type: Option<String>,
    /// Further headers.
    pub headers: BTreeMap<String, String>,
}

/// A token of a ServiceAccount.
#[derive(Debug, Clone, Default)]
pub struct TokenCall {
    /// The account's namespace.
    pub namespace: String,
    /// The account.
    pub account: String,
    /// `spec.expirationSeconds`.
    pub seconds: Option<u64>,
    /// `spec.audiences`.
    pub audiences: Vec<String>,
    /// `spec.boundObjectRef`: kind and name.
    pub bound_to: Option<(String, String)>,
    /// The Secret that has the token.
    pub secret: Option<String>,
}

/// A change of one object.
#[derive(Debug, Clone)]
pub struct Change {
    /// The object.
    pub target: Target,
    /// A part of it.
    pub subresource: Option<String>,
    /// How the change is written.
    pub how: PatchType,
    /// The change.
    pub body: Value,
}

impl Change {
    /// Its path, of the kind with its plural.
    pub fn path(&self, kind: &Kind) -> String {
        let path = self.target.path(kind);
        match &self.subresource {
            Some(subresource) => format!("{path}/{}", asks::escape(subresource)),
            None => path,
        }
    }
}
