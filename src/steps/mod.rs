//! One verb a file: what is sent, and what comes back. Whether the answer is right is not decided here.

pub mod api;
pub mod can;
pub mod curl;
pub mod delete;
pub mod discovery;
pub mod exec;
pub mod get;
pub mod guest;
pub mod hopeless;
pub mod identity;
pub mod kubectl;
pub mod mounted;
pub mod object;
pub mod patch;
pub mod pod;
pub mod pod_trouble;
pub mod pod_wait;
pub mod remembered;
pub mod request;
pub mod restore;
pub mod running;
pub mod shell;
pub mod states;
pub mod token;
pub mod wait;
pub mod watch;
pub mod whoami;
pub mod workload;

use std::sync::Mutex;

use self::identity::Who;

use crate::{
    clock::Moment,
    cluster,
    expect::Answer,
    plan::{Action, Kind, Place},
    sync::locked,
};

/// What every step of a scenario shares.
pub struct Context {
    /// The kubectl of the cluster's node.
    pub kubectl: cluster::Kubectl,
    /// The administrator's client, of the runtime in which the scenario runs.
    pub client: kube::Client,
    /// The image behind the alias `curl`.
    pub curl_image: String,
    /// The scenario's namespace.
    pub namespace: String,
    /// What the scenario has made so far, for its removal.
    pub made: Mutex<Vec<Made>>,
    /// What the scenario has changed so far that was there before, for its restoration.
    pub changed: Mutex<Vec<restore::Before>>,
    /// Whether the cluster is somebody else's, so that all that is made in it is marked.
    pub foreign: bool,
    /// The scenario's own namespace, if it has one.
    pub own: Option<Own>,
    /// As whom steps ask.
    pub identities: identity::Identities,
    /// What the cluster serves.
    pub discovery: discovery::Discovery,
    /// The shells in which calls from inside Pods are made.
    pub shells: shell::Shells,
    /// The tokens of Pods that are known.
    pub mounted: mounted::Mounted,
    /// The containers that were put into Pods without curl.
    pub guests: guest::Guests,
}

impl Context {
    /// Notes an object for its removal.
    pub fn remember(&self, made: Made) {
        locked(&self.made).push(made);
    }

    /// What the scenario has changed that was there before.
    pub fn changed(&self) -> std::sync::MutexGuard<'_, Vec<restore::Before>> {
        locked(&self.changed)
    }

    /// The identity of an object that the scenario made.
    pub fn made_uid(&self, kind: &Kind, namespace: Option<&str>, name: &str) -> Option<String> {
        let made = locked(&self.made);
        let same = |one: &&Made| one.kind == *kind && one.namespace.as_deref() == namespace && one.name == name;
        made.iter().rev().find(same).and_then(|one| one.uid.clone())
    }

    /// Whether others make objects in this place, too: it is in a cluster of others, and not in the scenario's own namespace.
    pub fn is_shared(&self, namespace: Option<&str>) -> bool {
        self.foreign && namespace.is_none_or(|place| self.own.as_ref().is_none_or(|own| own.name != place))
    }
}

/// A namespace that is made for a scenario.
#[derive(Debug, Default)]
pub struct Own {
    /// Its name.
    pub name: String,
    /// Its identity, once it is made.
    pub uid: std::sync::OnceLock<String>,
}

/// An object that the scenario made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    /// Its kind.
    pub kind: Kind,
    /// Its namespace; `None` for cluster-wide kinds.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
    /// Its identity, by which it is removed: another one of the same name is somebody else's.
    pub uid: Option<String>,
}

/// A step could not be carried out, so nothing is known about its claim.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Fault {
    /// kubectl could not be run or its end was not seen. That is never a denial.
    #[error("kubectl could not be run: {0}")]
    Kubectl(String),
    /// A saved value makes an argument another one than the scenario says. Nothing was started.
    #[error("kubectl was not called: {0}")]
    Argument(String),
    /// The API server did not answer, or not in HTTP.
    #[error("the API server did not answer: {0}")]
    Unreachable(String),
    /// The API server answered a request of kubewalk's own in a way that leaves no way on.
    #[error("{0}")]
    Refused(String),
    /// A command in a Pod could not be run or its end was not seen. That is never a denial.
    #[error("the command in Pod {pod} could not be run: {why}")]
    Exec {
        /// The Pod.
        pod: String,
        /// Why.
        why: String,
    },
    /// An object of that name belongs to somebody else, and was not touched.
    #[error("{0}")]
    Taken(String),
    /// More came than a run can hold.
    #[error("{0}")]
    TooMuch(String),
    /// The API server was away while the step asked, so that no answer counts.
    #[error("the API server went away in this step{0}")]
    Away(&'static str),
    /// The API server could not answer for now.
    #[error("the API server could not answer ({status}): {words}")]
    Busy {
        /// 429 or 5xx.
        status: u16,
        /// What it said.
        words: String,
        /// When it asks to come again.
        after: Option<std::time::Duration>,
    },
    /// What the step is about is on its way out, so that a denial says nothing about rights.
    #[error("{0}: a denial meanwhile says nothing about rights")]
    Going(String),
    /// The scenario had no time left in this step.
    #[error("the scenario's time of {0:?} was over in this step")]
    Late(std::time::Duration),
    /// The node keeps a Pod from what was waited for: the environment's fault.
    #[error("{what}: {why}")]
    Node {
        /// What was waited for and how that ended.
        what: String,
        /// In the words of the kubelet or the scheduler.
        why: String,
    },
    /// A wait can end no more, or did not end in time. The environment is sound: the scenario's claim failed.
    #[error("{what}: {last}")]
    Waited {
        /// What was waited for and how that ended.
        what: String,
        /// The last state seen.
        last: String,
        /// What to do, if that is known.
        hint: Option<String>,
    },
    /// The cluster has no such kind: the scenario's matter.
    #[error("{what}")]
    NotServed {
        /// Which.
        what: String,
        /// What to do.
        hint: String,
    },
    /// A command was not run because its container does not run yet.
    #[error("the command was not run: container of Pod {} is not running: {last}", place.pod)]
    NotYet {
        /// Where it was to run.
        place: Box<Place>,
        /// The last state seen.
        last: String,
    },
}

/// What is said of a command whose time was over.
pub const ENDLESS: &str = "the command did not end in time";

impl Fault {
    /// A command whose time was over; it has been killed.
    pub fn endless(words: &[String], seconds: u64) -> Self {
        let watch = ["watch=true", "watch=1", "--watch", "-w"].iter().any(|word| words.join(" ").contains(word));
        let hint = if watch {
            crate::expect::curl::WATCH
        } else {
            "a command that stays needs an end of its own, e.g. `timeout 5 …`; or give the step more time by `timeout`"
        };
        Fault::Waited {
            what: ENDLESS.into(),
            last: format!("it still ran after {seconds} s and was killed"),
            hint: Some(hint.into()),
        }
    }
}

/// Carries an action out as `who`, at the latest until `deadline`.
///
/// # Errors
/// A [`Fault`]. An answer that nobody wanted (a 403, an exit code 1) is not an error but an [`Answer`].
pub async fn perform(action: &Action, who: &Who, context: &Context, deadline: Moment) -> Result<Got, Fault> {
    if let Action::Token(call) = action {
        return token::run(call, who, context, deadline).await;
    }
    let mut at = 0;
    let answer = match action {
        Action::Can(can) => can::run(can, context).await,
        Action::Kubectl(kubectl) => kubectl::run(kubectl, who, context, deadline).await,
        Action::Apply(objects) => object::each(objects, object::By::Apply, who, context, deadline, &mut at).await,
        Action::Create(objects) => object::each(objects, object::By::Create, who, context, deadline, &mut at).await,
        Action::Pod(object) => pod::run(object, who, context, deadline).await,
        Action::Get(target) => get::run(target, who, context).await,
        Action::Delete(target) => delete::run(target, who, context, deadline).await,
        Action::Wait(target, until) => wait::run(target, until, context, deadline).await,
        Action::Curl(curl) => {
            let answer = curl::run(curl, action.only_reads(), context, deadline).await;
            if let (Ok(Answer::Curl(http)), Some(_)) = (&answer, &curl.request) {
                request::remember(curl.method, curl.path(), http, context);
            }
            answer
        }
        Action::Exec(exec) => exec::run(exec, context, deadline).await,
        Action::Request(call) => request::run(call, who, context, deadline).await,
        Action::Whoami => whoami::run(who).await,
        Action::Patch(change) => patch::run(change, who, context).await,
        Action::Token(_) => unreachable!("it has come back already"),
    };
    answer.map(|answer| Got { answer, token: who.token.clone(), at })
}

/// What came of an action.
pub struct Got {
    /// The answer.
    pub answer: Answer,
    /// The token that it is about: the one that was made, or that was sent.
    pub token: Option<secrecy::SecretString>,
    /// Of several objects, the last that was asked for, counted from 0.
    pub at: usize,
}
