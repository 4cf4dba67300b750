//! Every text of a step, for what is only known while the scenario runs.

pub(super) mod texts;

pub use self::texts::Filler;
use self::texts::all;
use super::{Caller, Credential, Save, Saved, Step};
use crate::scenario::expect::{AtPath, Expect, Text, TextRule, TokenReview};

impl Step {
    /// Changes every text of what is done, of who asks, of what is expected, and of what is kept. Each type is taken apart
    /// whole, so that a new text cannot be forgotten.
    pub fn fill(&mut self, filler: &mut dyn Filler) {
        let Step {
            number: _,
            on_purpose: _,
            placed: _,
            // Of those that a saved value is part of there are none.
            questions: _,
            pointer: _,
            title: _,
            say: _,
            predict: _,
            rows: _,
            timeout: _,
            verb: _,
            action,
            expected,
            when: _,
            caller: Caller { credential, identity },
            save,
        } = self;
        action.fill(filler);
        expected.iter_mut().for_each(|item| expect(&mut item.expect, filler));
        match credential {
            Credential::Administrator | Credential::Anonymous => {}
            // The name of a saved token: its value stays with the identities.
            Credential::Saved(_) => {}
            Credential::Account { namespace, name } => all([namespace, name], filler),
            Credential::Impersonation { user, groups } => all([user].into_iter().chain(groups), filler),
            Credential::Text(text) => filler.fill_text(text),
        }
        if let Some(identity) = identity {
            texts::identity(identity, filler);
        }
        for Save { name: _, what } in save {
            match what {
                Saved::Token | Saved::Stdout => {}
                Saved::Path(path) => filler.fill_text(path),
            }
        }
    }
}

fn rule(rule: &mut Option<Text>, filler: &mut dyn Filler) {
    let text = match rule {
        None => return,
        Some(Text::Is(text)) => text,
        Some(Text::Rule(
            TextRule::Equals(text)
            | TextRule::StartsWith(text)
            | TextRule::Contains(text)
            | TextRule::Lacks(text)
            | TextRule::Matches(text),
        )) => text,
    };
    filler.fill_text(text);
}

/// Changes every text of an expectation.
pub fn expect(expect: &mut Expect, filler: &mut dyn Filler) {
    let Expect {
        when: _,
        status: _,
        reason,
        message,
        by: _,
        json,
        object,
        path,
        exit_code: _,
        stdout,
        stderr,
        within: _,
        warning,
        no_warning: _,
        absent: _,
        empty: _,
        token_review,
    } = expect;
    all(reason, filler);
    for text in [message, stdout, stderr, warning] {
        rule(text, filler);
    }
    for value in [json, object].into_iter().flatten() {
        filler.value(value);
    }
    for AtPath { at, equals, matches, contains, count: _, absent: _ } in path {
        all([at].into_iter().chain(matches), filler);
        for value in [equals, contains].into_iter().flatten() {
            filler.value(value);
        }
    }
    if let Some(TokenReview { authenticated: _, username, groups, audiences, error, asked_audiences }) = token_review {
        let lists = [Some(asked_audiences), groups.as_mut(), audiences.as_mut()];
        all(username.iter_mut().chain(lists.into_iter().flatten().flatten()), filler);
        rule(error, filler);
    }
}
