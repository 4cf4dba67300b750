//! One verb a file: what is sent, and what comes back. Whether the answer is right is not decided here.
//!
//! Below the verbs are the requests to the API server ([`api`], [`served_kind`], [`watch`]), the commands in Pods ([`pod_exec`],
//! [`shell`]), and what the steps of a scenario share ([`context`]).

pub mod api;
pub mod can;
pub mod changed;
pub mod context;
pub mod curl;
pub mod delete;
pub mod discovery;
pub mod error;
mod everybody;
pub mod exec;
pub mod get;
pub mod guest;
pub mod identity;
pub mod kubectl;
pub mod made;
pub mod mounted;
pub mod object;
pub mod patch;
pub mod pod;
pub mod pod_exec;
mod pod_made;
pub mod pod_trouble;
pub mod pod_wait;
pub mod remembered;
pub mod request;
pub mod requester;
pub mod restore;
pub mod result;
pub mod running;
pub mod served_kind;
pub mod shell;
pub mod states;
mod still_own;
pub mod terminal_state;
pub mod token;
pub mod wait;
pub mod watch;
pub mod whoami;
pub mod workload;

pub use context::Context;
pub use error::{RUNNING_CONTAINER, StepError};
pub use made::{Made, Own, Renewed};
pub use requester::Requester;
pub use result::StepResult;

use crate::{
    clock::Moment,
    expect::{Answer, Origin},
    plan::Action,
};

/// Carries an action out as `who`, at the latest until `deadline`.
///
/// # Errors
/// A [`StepError`]. An answer that the caller did not want (a 403, an exit code 1) is not an error but an [`Answer`].
pub async fn perform(
    action: &Action,
    who: &Requester,
    context: &Context,
    deadline: Moment,
) -> Result<StepResult, StepError> {
    if let Action::Token(call) = action {
        return token::run(call, who, context, deadline).await;
    }
    everybody::check(action, context).await?;
    still_own::check(action, context).await?;
    let mut at = 0;
    let answer = match action {
        Action::Can(can) => can::run(can, context).await,
        Action::Kubectl(kubectl) => kubectl::run(kubectl, who, context, deadline).await,
        Action::Apply(objects) => object::send_all(objects, object::By::Apply, who, context, deadline, &mut at).await,
        Action::Create(objects) => object::send_all(objects, object::By::Create, who, context, deadline, &mut at).await,
        Action::Pod(object) => pod::run(object, who, context, deadline).await,
        Action::Get(target) => get::run(target, who, context).await,
        Action::Delete(target) => delete::run(target, who, context, deadline).await,
        Action::Wait(target, until) => wait::run(target, until, context, deadline).await,
        Action::Curl(curl) => {
            let before = if context.foreign { pod_made::Before::look(curl, context).await } else { None };
            let answer = curl::run(curl, action.only_reads(), context, deadline).await;
            let made = match (&answer, &curl.request) {
                (Ok(Answer::Curl(http)), Some(_)) => request::made(curl.method, curl.path(), http),
                _ => None,
            };
            match (made, before) {
                (Some(made), Some(before)) => before.remember(made, context).await,
                (Some(made), None) if !context.foreign => context.remember(made),
                _ => {}
            }
            answer
        }
        Action::Exec(exec) => exec::run(exec, context, deadline).await,
        Action::Request(call) => request::run(call, who, context, deadline).await,
        Action::Whoami => whoami::run(who).await,
        Action::Patch(change) => patch::run(change, who, context).await,
        Action::Token(_) => unreachable!("it has come back already"),
    };
    answer.map(|answer| StepResult { answer: with_origin(answer, action, context), token: who.token.clone(), at })
}

/// The answer with what is known of who gave it, which an answer without a body does not say itself.
fn with_origin(mut answer: Answer, action: &Action, context: &Context) -> Answer {
    let (Answer::Api(http) | Answer::Curl(http)) = &mut answer else { return answer };
    // A request goes to the API server, with nobody between us and one that we have started.
    if matches!(action, Action::Request(_)) && !context.foreign {
        http.origin = Origin::ApiServer { only_reads: false };
    }
    if let Origin::ApiServer { only_reads } = &mut http.origin {
        *only_reads = action.only_reads() && !action.requests().is_empty();
    }
    answer
}
