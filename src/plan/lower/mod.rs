//! Each verb, and what else a step says, as what it does. One file a verb; what differs from verb to verb beside that is here.

pub(in crate::plan) mod absent;
pub(in crate::plan) mod access_reviews;
pub(in crate::plan) mod apply;
pub(in crate::plan) mod caller;
pub(in crate::plan) mod can;
pub(in crate::plan) mod changes;
pub(in crate::plan) mod cluster;
pub(in crate::plan) mod curl;
pub(in crate::plan) mod delete;
pub(in crate::plan) mod duration;
pub(in crate::plan) mod exclusivity;
pub(in crate::plan) mod exec;
pub(in crate::plan) mod expect;
pub(in crate::plan) mod fields;
pub(in crate::plan) mod get;
pub(in crate::plan) mod headers;
pub(in crate::plan) mod json_path;
mod kind;
pub(in crate::plan) mod kubectl;
pub(in crate::plan) mod manifest_file;
pub(in crate::plan) mod manifest_origin;
pub(in crate::plan) mod patch;
pub(in crate::plan) mod placeholders;
pub(in crate::plan) mod rbac;
pub(in crate::plan) mod request;
pub(in crate::plan) mod request_objects;
pub(in crate::plan) mod role_rules;
pub(in crate::plan) mod save;
pub(in crate::plan) mod short;
pub(in crate::plan) mod step;
pub(in crate::plan) mod target;
pub(in crate::plan) mod token;
pub(in crate::plan) mod url;
pub(in crate::plan) mod wait;
pub(in crate::plan) mod when;

use super::{
    Action,
    context::{Context, Draft, Placed},
    resolve::story::Story,
};
use crate::scenario::{ExpectKey as Key, Verb, verbs::Method};

/// What a step makes, in order, as far as it can be read without the other steps.
pub(in crate::plan) fn objects(cx: &mut Context<'_>, draft: &Draft<'_>) -> Vec<Placed> {
    let Some(verb) = draft.verb else { return Vec::new() };
    match verb {
        Verb::Apply | Verb::Create => apply::read(cx, draft),
        Verb::Kubectl => kubectl::made(cx, draft),
        Verb::Curl | Verb::Request => request_objects::made(draft).into_iter().collect(),
        Verb::Pod | Verb::ServiceAccount | Verb::Role | Verb::ClusterRole | Verb::Bind => short::read(cx, draft),
        Verb::Can | Verb::Get | Verb::Delete | Verb::Wait | Verb::Exec => Vec::new(),
        Verb::Whoami | Verb::Token | Verb::Patch => Vec::new(),
    }
}

/// What a step does, at its point of the story; nothing after an error.
pub(in crate::plan) fn action<'a>(cx: &mut Context<'_>, draft: &'a Draft<'a>, story: &mut Story<'a>) -> Option<Action> {
    let step = draft.step;
    match draft.verb? {
        Verb::Can => can::read(cx, draft, step.can.as_ref()?, story),
        Verb::Kubectl => {
            changes::note_all(story, draft);
            kubectl::read(cx, draft, step.kubectl.as_ref()?)
        }
        Verb::Get => get::read(cx, draft, step.get.as_ref()?, story).map(Action::Get),
        Verb::Delete => {
            let target = delete::read(cx, draft, step.delete.as_ref()?, story)?;
            if !draft.refused {
                let kind = (target.kind.group.as_str(), target.kind.kind.as_str());
                let namespace = target.namespace.as_deref();
                match (&target.name, &target.label_selector) {
                    (Some(name), _) => story.world.delete(kind, namespace, name, draft.index),
                    (None, labels) => {
                        story.world.delete_labelled(
                            kind,
                            namespace,
                            labels.as_deref().unwrap_or_default(),
                            draft.index,
                        );
                    }
                }
            }
            Some(Action::Delete(target))
        }
        Verb::Wait => {
            let wait = step.wait.as_ref()?;
            let target = wait::read(cx, draft, wait, story)?;
            Some(Action::Wait(target, wait.until.clone()))
        }
        Verb::Curl => {
            let action = curl::read(cx, draft, step.curl.as_ref()?, story);
            changes::by_call(story, draft, action.as_ref());
            action
        }
        Verb::Exec => exec::read(cx, draft, step.exec.as_ref()?, story),
        Verb::Whoami => Some(Action::Whoami),
        Verb::Token => token::read(cx, draft, step.token.as_ref()?, story),
        Verb::Patch => patch::read(cx, draft, step.patch.as_ref()?, story),
        Verb::Request => {
            let action = request::read(cx, draft, step.request.as_ref()?);
            changes::by_call(story, draft, action.as_ref());
            action
        }
        Verb::Create => Some(Action::Create(changes::make_all(story, cx, draft))),
        Verb::Pod => changes::make_all(story, cx, draft).pop().map(Action::Pod),
        Verb::Apply | Verb::ServiceAccount | Verb::Role | Verb::ClusterRole | Verb::Bind => {
            Some(Action::Apply(changes::make_all(story, cx, draft)))
        }
    }
}

/// Of a verb that cannot ask as another: whose call it is, and what to do.
pub(in crate::plan) fn asks_as_itself(verb: Verb) -> Option<&'static str> {
    match verb {
        Verb::Get | Verb::Create | Verb::Apply | Verb::Patch | Verb::Delete => None,
        Verb::Request | Verb::Whoami | Verb::Token | Verb::Kubectl => None,
        Verb::Curl => Some("a call from a Pod is made by `token: mounted`, or by nobody; or use `request`"),
        Verb::Exec => Some("kubewalk's administrator runs the command; what it does inside is the Pod's"),
        Verb::Wait => Some("kubewalk's administrator watches; to ask once, use `get`"),
        Verb::Can => Some("say who is meant in `can` itself: `who: …`"),
        Verb::Pod | Verb::ServiceAccount | Verb::Role | Verb::ClusterRole | Verb::Bind => {
            Some("write it out with `create` or `apply`")
        }
    }
}

/// What a verb cannot answer, and where to look instead.
pub(in crate::plan) fn unanswerable(verb: Verb, key: Key) -> Option<&'static str> {
    // What is shown of an answer: the object of the API server's, the body of any server's, or what a program prints.
    let object = match verb {
        Verb::Apply | Verb::Create | Verb::Get | Verb::Delete | Verb::Wait | Verb::Whoami | Verb::Patch => true,
        Verb::Pod | Verb::ServiceAccount | Verb::Role | Verb::ClusterRole | Verb::Bind => true,
        Verb::Can | Verb::Kubectl | Verb::Curl | Verb::Exec | Verb::Request | Verb::Token => false,
    };
    let hint = match (verb, key) {
        (Verb::Can, Key::Within) => return None,
        (Verb::Can, _) => "the answers that are expected stand in `allowed`, `denied` and `default`",
        (Verb::Token | Verb::Whoami, Key::TokenReview) => return None,
        (_, Key::TokenReview) => "only `token` and `whoami` have a token to review",
        (Verb::Get, Key::Absent | Key::Empty) => return None,
        (_, Key::Absent) => "ask for the object with `get`",
        (_, Key::Empty) => "ask for the list with `get`",
        (Verb::Exec | Verb::Kubectl | Verb::Wait, Key::Warning | Key::NoWarning) => {
            "warnings come with an answer of the API server: use `get` or `request`"
        }
        (Verb::Token, Key::Object) => "what the token says is `json`",
        (Verb::Token, Key::Json) => return None,
        (Verb::Curl | Verb::Request, Key::Object) => "the body of an answer is `json`",
        // Of a failure; see `printed`.
        (Verb::Exec | Verb::Kubectl, Key::Status | Key::Reason | Key::Message | Key::By) => return None,
        (Verb::Kubectl, Key::Object) => "what kubectl prints is `json` (with `-o json`) or `stdout`",
        (Verb::Kubectl, _) => return None,
        (Verb::Exec, Key::Object) => "what a command prints is `json` or `stdout`",
        (Verb::Curl | Verb::Exec, _) | (Verb::Request, Key::Json | Key::Stdout) => return None,
        (Verb::Delete, Key::Json | Key::Object | Key::Path) => "`delete` answers `status`, `reason` and `message` only",
        (_, Key::Json) if object => "say `object`",
        (_, Key::Stdout | Key::Stderr) => "only commands print: say `object`, or use `exec`",
        (_, Key::ExitCode) => "only commands have one: say `status`",
        (Verb::Wait, Key::Status | Key::Reason | Key::Message | Key::By) => {
            "`wait` ends when the state is reached: say `object`, or ask with `get`"
        }
        (Verb::Wait, Key::Within) => "`wait` waits as long as the step's `timeout`",
        (Verb::Pod | Verb::Delete, Key::Within) => "it waits by itself, as long as the step's `timeout`",
        (_, Key::Status | Key::Reason | Key::Message | Key::By | Key::Json | Key::Object | Key::Path) => return None,
        (_, Key::Within | Key::Warning | Key::NoWarning) => return None,
    };
    Some(hint)
}

/// Whether a step could make or delete objects of which nothing is known before the run.
pub(in crate::plan) fn may_do_anything(draft: &Draft<'_>) -> bool {
    let Some(verb) = draft.verb else { return true };
    match verb {
        Verb::Can | Verb::Apply | Verb::Create | Verb::Get | Verb::Delete | Verb::Wait | Verb::Pod => false,
        Verb::ServiceAccount | Verb::Role | Verb::ClusterRole | Verb::Bind => false,
        // With a body it is a POST.
        Verb::Curl => draft.step.curl.as_ref().is_some_and(|call| {
            let method = call.method.unwrap_or(if call.body.is_some() { Method::Post } else { Method::Get });
            !matches!(method, Method::Get | Method::Head | Method::Options)
        }),
        Verb::Kubectl | Verb::Exec | Verb::Request | Verb::Whoami | Verb::Token | Verb::Patch => true,
    }
}

/// Whether the objects of a verb are manifests, or short for one.
pub(in crate::plan) fn writes_manifests(verb: Verb) -> bool {
    match verb {
        Verb::Apply | Verb::Create | Verb::Pod | Verb::ServiceAccount => true,
        Verb::Role | Verb::ClusterRole | Verb::Bind => true,
        Verb::Kubectl | Verb::Curl | Verb::Request | Verb::Exec => false,
        Verb::Can | Verb::Get | Verb::Delete | Verb::Wait | Verb::Whoami | Verb::Token | Verb::Patch => false,
    }
}
