//! Walks the steps in order, lowers each to what it does, and keeps what exists when.

use crate::plan::{
    Action, Step,
    context::{Context, Draft},
    lint::{endless_wait, sent_bodies},
    lower::{self, access_reviews, caller, expect, save},
    resolve::{saved, story::Story},
};
use crate::scenario::Verb;

/// Makes the steps of the plan.
pub(super) fn steps<'a>(cx: &mut Context<'_>, drafts: &'a [Draft<'a>]) -> Vec<Step> {
    let mut story = Story::new(drafts);
    let mut steps = Vec::new();
    for draft in drafts {
        saved::uses(cx, draft, &mut story);
        let caller = caller::read(cx, draft, &story);
        let action = lower::action(cx, draft, &mut story);
        if let (Some(Action::Wait(target, _)), Some(wait)) = (&action, &draft.step.wait) {
            endless_wait::check(cx, draft, wait, target, &story);
        }
        let save = save::read(cx, draft, action.as_ref(), &mut story);
        let expected = expect::read(cx, draft);
        let (Some(verb), Some(action)) = (draft.verb, action) else {
            continue;
        };
        sent_bodies::check(cx, draft, &action);
        let questions = access_reviews::read(cx, draft, (&action, &caller, &expected), &story);
        let several = matches!(verb, Verb::Apply | Verb::Create);
        steps.push(Step {
            number: draft.index + 1,
            pointer: draft.pointer.clone(),
            title: draft.step.title.clone(),
            say: draft.step.say.clone(),
            predict: draft.step.predict.clone(),
            rows: (draft.step.rows.iter().map(|row| row.0.clone())).collect(),
            timeout: draft.timeout,
            verb,
            action,
            expected,
            when: draft.when.clone(),
            caller,
            save,
            on_purpose: false,
            questions,
            placed: draft.objects.iter().filter(|_| several).map(|placed| placed.pointer.clone()).collect(),
        });
    }
    saved::unused(cx, &story);
    saved::skipped(cx, &story, &steps);
    steps
}
