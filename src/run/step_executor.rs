//! Carries a step out so that an outage of the API server is not taken for its answer.
//!
//! A server that goes away meanwhile, or starts, refuses what is granted and does not find what is there. Then the step waits
//! until it is ready and knows the roles, and asks again if that changes nothing; a step that may have changed something is
//! not repeated, and nothing is known about its claim. A server that is busy (429, 5xx, a connection that breaks) is asked
//! again, too, as long as the step has time.

use std::time::Duration;

use super::{
    api_server_monitor::{self, ApiServerMonitor},
    attempt::{self, Judged},
    captures::Captures,
    places,
};
use crate::{
    clock::{Moment, poll, timeout_at},
    cluster::Cluster,
    expect::{Answer, Class, Http},
    plan::{Action, Step},
    scenario::expect::Expect,
    steps::{Context, StepError, api, remembered},
};

/// How long after the first trouble it is asked again; twice as long each further time.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// The longest pause that the server does not ask for.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// How often it is asked whether the server is back.
const LOOK: Duration = Duration::from_millis(100);

/// Carries out the steps of a scenario.
pub struct StepExecutor<'a> {
    cluster: &'a Cluster,
    context: &'a Context,
    monitor: ApiServerMonitor,
    /// How many times the server had gone away when it was last known to be sound.
    known: usize,
    /// Whether a token may have died with what a step has deleted.
    deleted: bool,
}

/// Why an answer does not count.
enum Unanswered {
    /// The server was away.
    Outage,
    /// It could not answer for now.
    Overload(StepError),
}

impl<'a> StepExecutor<'a> {
    /// For a scenario in this namespace.
    pub fn new(cluster: &'a Cluster, context: &'a Context, namespace: &str) -> Self {
        let monitor = ApiServerMonitor::start(context.client.clone(), namespace);
        StepExecutor { cluster, context, monitor, known: 0, deleted: false }
    }

    /// Notes that something was deleted by another than a step.
    pub fn note_deletions(&mut self) {
        self.deleted = true;
    }

    /// Carries a step out, and keeps what it saves when all holds.
    ///
    /// # Errors
    /// As [`attempt::execute`], and when trouble of the server leaves nothing to judge.
    pub async fn execute(&mut self, step: &Step, captures: &mut Captures) -> Result<Judged, StepError> {
        let cluster = self.cluster;
        let asked = tokio::select! {
            asked = Box::pin(self.living(step, captures)) => asked,
            // What waits for a cluster that is dead need not wait any longer.
            _ = cluster.death() => Err(StepError::Away("")),
        };
        self.deleted |= remembered::may_delete(step);
        asked
    }

    /// Asks a step with a token that is dead only when the server has forgotten it, and says so when that is not expected.
    async fn living(&mut self, step: &Step, captures: &mut Captures) -> Result<Judged, StepError> {
        let died = match self.deleted && !step.on_purpose {
            true => Box::pin(remembered::wait(step, self.context, Moment::now() + step.timeout)).await?,
            false => None,
        };
        let mut asked = self.until_answered(step, captures).await?;
        if let Some(died) = died {
            let unknown = asked.mismatches.iter_mut().filter(|found| found.class == Class::Unauthenticated);
            unknown.for_each(|found| {
                found.hint = Some(format!(
                    "this token died with {died}. The API server remembers a good token for 10 s, which was waited for; \
                     a new Pod or a new `token` step gets a new one"
                ));
            });
        }
        Ok(asked)
    }

    /// Finds the Pod in which a step calls, and the server that it calls, when only the cluster knows them.
    ///
    /// # Errors
    /// As [`places::found`].
    pub async fn find(&mut self, step: &mut Step) -> Result<(), StepError> {
        if !places::must_look(step) {
            return Ok(());
        }
        let (cluster, deadline) = (self.cluster, Moment::now() + step.timeout);
        tokio::select! {
            found = async {
                loop {
                    // What is looked for is only read.
                    match places::found(step, self.context, deadline).await {
                        Err(StepError::Unreachable(_)) => self.back(deadline).await?,
                        Err(StepError::Busy { .. }) if deadline.left() > FIRST_PAUSE => tokio::time::sleep(FIRST_PAUSE).await,
                        found => return found,
                    }
                }
            } => found,
            _ = cluster.death() => Err(StepError::Away("")),
        }
    }

    async fn until_answered(&mut self, step: &Step, captures: &mut Captures) -> Result<Judged, StepError> {
        let deadline = Moment::now() + step.timeout;
        let mut pause = FIRST_PAUSE;
        loop {
            if self.monitor.outages() != self.known {
                self.back(deadline).await?;
            }
            let asked = attempt::execute(step, captures, self.context, deadline).await;
            match self.trouble(step, &asked) {
                None => return asked,
                Some(Unanswered::Outage) if step.action.only_reads() => self.back(deadline).await?,
                Some(Unanswered::Outage) => {
                    return Err(StepError::Away("; it may have been carried out, so it is not tried again"));
                }
                Some(Unanswered::Overload(fault)) => {
                    let wait = match &fault {
                        StepError::Busy { after: Some(after), .. } => *after,
                        _ => pause,
                    };
                    let again = step.action.only_reads() || was_not_begun(&fault) && step.action.requests().len() == 1;
                    if !again || deadline.left() <= wait {
                        return Err(fault);
                    }
                    tokio::time::sleep(wait).await;
                    pause = (2 * pause).min(LONGEST_PAUSE);
                }
            }
        }
    }

    fn trouble(&self, step: &Step, asked: &Result<Judged, StepError>) -> Option<Unanswered> {
        let away = self.monitor.outages() != self.known;
        match asked {
            Ok(asked) if away && !is_beyond_doubt(asked) => Some(Unanswered::Outage),
            Ok(asked) => server_trouble(step, asked).map(Unanswered::Overload),
            Err(_) if away => Some(Unanswered::Outage),
            Err(fault @ (StepError::Unreachable(_) | StepError::Busy { .. })) => {
                Some(Unanswered::Overload(fault.clone()))
            }
            Err(_) => None,
        }
    }

    /// Waits until the server is ready again and knows the roles.
    async fn back(&mut self, deadline: Moment) -> Result<(), StepError> {
        let settled = poll(LOOK, || async {
            let outages = self.monitor.outages();
            let sound = api_server_monitor::settled(&self.context.client).await && outages == self.monitor.outages();
            sound.then_some(outages)
        });
        self.known =
            timeout_at(deadline, settled).await.map_err(|_| StepError::Away(", and was not ready again in time"))?;
        Ok(())
    }
}

/// Whether an answer holds whatever became of the server: it granted what it was asked. A server that starts may refuse what
/// is granted, and find nothing where something is, but not the other way round.
fn is_beyond_doubt(asked: &Judged) -> bool {
    asked.mismatches.is_empty()
        && matches!(&asked.got.answer, Answer::Api(http) | Answer::Curl(http) if (200..300).contains(&http.status))
}

/// The trouble that the server says it has (429, 5xx), when the step does not ask for just that.
fn server_trouble(step: &Step, asked: &Judged) -> Option<StepError> {
    let http = match (&asked.got.answer, &step.action) {
        (Answer::Curl(http), Action::Curl(curl)) if curl.request.is_some() => http,
        (Answer::Api(http), _) => http,
        _ => return None,
    };
    let said = asked.mismatches.iter().any(|mismatch| mismatch.class == Class::Server);
    let meant = step.expected.iter().any(|item| asks_for_trouble(&item.expect));
    if !said || meant || is_of_others(step, http) { None } else { api::busy(http) }
}

/// Whether the server says that it has done nothing yet, so that a step which changes something can be tried again, too: until 1.23 the
/// admission of a Pod needs the account's token Secret, which a controller makes a moment after the account
/// (`plugin/pkg/admission/serviceaccount`).
fn was_not_begun(fault: &StepError) -> bool {
    matches!(fault, StepError::Busy { status: 500, words, .. }
        if words.starts_with("No API token found for service account ") && words.contains("retry after the token"))
}

/// Whether an expectation may be about a server's trouble.
fn asks_for_trouble(expect: &Expect) -> bool {
    match expect.status {
        Some(status) => status == 429 || status >= 500,
        // Only failures have these.
        None => expect.reason.is_some() || expect.message.is_some(),
    }
}

/// Whether a server that the API server asks has trouble: a webhook, or what it leads to. That is the scenario's matter.
fn is_of_others(step: &Step, http: &Http) -> bool {
    let words = api::message(http);
    let proxied = |request: &crate::plan::Request| matches!(request, crate::plan::Request::Resource { subresource: Some(part), .. } if part == "proxy");
    words.contains("failed calling webhook") || step.action.requests().iter().any(proxied)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;
    use crate::run::judged::testing::{judged, step};

    fn asked(step: &Step, status: u16, message: &str) -> Judged {
        let object = json!({
            "apiVersion": "v1", "kind": "Status", "metadata": {}, "status": "Failure", "message": message, "code": status,
        });
        let retry_after = Some(Duration::from_secs(7));
        judged(step, Http { retry_after, ..Http::with_object(status, Some(object)) })
    }

    #[test]
    fn only_what_was_not_begun_is_tried_again_by_a_step_that_changes_something() {
        let busy = |status, words: &str| StepError::Busy { status, words: words.into(), after: None };
        let words = "No API token found for service account \"demo\", retry after the token is automatically created and added to the service account";
        assert!(was_not_begun(&busy(500, words)));
        assert!(!was_not_begun(&busy(503, words)) && !was_not_begun(&busy(500, "etcdserver: request timed out")));
    }

    const LIST: &str = "get: {kind: Pod}";

    #[rstest]
    #[case(LIST, 503, "etcd is away", true)]
    #[case(LIST, 429, "slow down", true)]
    #[case("get: {kind: Pod}, expect: {status: 404}", 500, "oh", true)]
    #[case("get: {kind: Pod}, expect: {status: 503}", 500, "what the step asks for, if not just so", false)]
    #[case("get: {kind: Pod}, expect: {status: 429}", 429, "what the step asks for", false)]
    #[case("get: {kind: Pod}, expect: {reason: InternalError}", 503, "what the step asks for, perhaps", false)]
    #[case(LIST, 404, "an answer", false)]
    #[case("serviceAccount: a", 500, "Internal error occurred: failed calling webhook \"v\": no endpoints", false)]
    #[case("serviceAccount: a", 500, "etcd is away", true)]
    #[case("request: {path: /api/v1/namespaces/default/services/a/proxy/}", 503, "no endpoints", false)]
    fn trouble_of_the_server_is_no_answer(
        #[case] text: &str,
        #[case] status: u16,
        #[case] message: &str,
        #[case] trouble: bool,
    ) {
        let step = step(text);
        let fault = server_trouble(&step, &asked(&step, status, message));
        assert_eq!(fault.is_some(), trouble, "{fault:?}");
        if let Some(StepError::Busy { after, .. }) = fault {
            assert_eq!(after, Some(Duration::from_secs(7)));
        }
    }

    #[test]
    fn only_what_was_granted_is_beyond_doubt() {
        let denied = step("get: {kind: Pod}, expect: {status: 403, by: admission}");
        let gone = step("get: {kind: Pod, name: a}, expect: {status: 404}");
        let granted = step("get: {kind: Pod, name: a}");
        assert!(!is_beyond_doubt(&asked(&denied, 403, "no")));
        assert!(asked(&gone, 404, "none").mismatches.is_empty());
        assert!(!is_beyond_doubt(&asked(&gone, 404, "none")));
        assert!(is_beyond_doubt(&asked(&granted, 200, "yes")));
        assert!(!is_beyond_doubt(&asked(&granted, 403, "no")));
    }
}
