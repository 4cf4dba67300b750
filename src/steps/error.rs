//! Why a step could not be carried out.

use crate::{expect::curl::WATCH, plan::Place};

/// A step could not be carried out, so nothing is known about its claim.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StepError {
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
    /// An object of that name belongs to another user or run, and was not touched.
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
        /// What was to be instead; `None`: what the step claims, within its time.
        expected: Option<String>,
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

/// What is expected of the container in which a command is to run.
pub const RUNNING_CONTAINER: &str = "a container that runs";

impl StepError {
    /// The same, and what was to be instead.
    pub fn expecting(mut self, wanted: &str) -> Self {
        if let StepError::Waited { expected, .. } = &mut self {
            *expected = Some(wanted.to_owned());
        }
        self
    }

    /// A command that saved values have made too long; what a scenario says itself, `check` has looked at.
    pub(super) fn too_long(why: String) -> Self {
        StepError::Waited {
            what: "the command was not started".into(),
            expected: Some("a command that can be started".into()),
            last: why,
            hint: Some(crate::plan::long::BY_STDIN.into()),
        }
    }

    /// A command whose time was over; it has been killed.
    pub fn endless(words: &[String], seconds: u64) -> Self {
        let watches = |word: &str| {
            matches!(word, "-w" | "--watch") || ["--watch=", "--watch-only"].iter().any(|flag| word.starts_with(flag))
        };
        // In the words of a shell's line, too, and in a path.
        let mut single = words.iter().flat_map(|word| word.split_whitespace());
        let watch = single.any(|word| watches(word) || word.contains("watch=true") || word.contains("watch=1"));
        let hint = if watch {
            WATCH
        } else {
            "a command that stays needs an end of its own, e.g. `timeout 5 …`; or give the step more time by `timeout`"
        };
        StepError::Waited {
            what: "the command did not end in time".into(),
            expected: Some(format!("an end within {seconds} s")),
            last: format!("it still ran after {seconds} s and was killed"),
            hint: Some(hint.into()),
        }
    }
}
