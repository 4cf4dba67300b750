//! Every text of a step, for what is only known while the scenario runs.

use serde_json::Value;

use super::{Action, Credential, Identity, Object, Request, Step, Target};
use crate::scenario::{
    expect::{Expect, Text, TextRule},
    verbs::Until,
};

/// What changes texts.
pub trait Filler {
    /// A text.
    fn text(&mut self, text: &mut String);

    /// A text that may become another value.
    fn whole(&mut self, value: &mut Value);

    /// Every text in a value.
    fn value(&mut self, value: &mut Value) {
        match value {
            Value::String(_) => self.whole(value),
            Value::Array(list) => list.iter_mut().for_each(|value| self.value(value)),
            Value::Object(map) => map.values_mut().for_each(|value| self.value(value)),
            _ => {}
        }
    }

    /// A body: JSON, so that quotes in a value stay in it, or a text.
    fn body(&mut self, body: &mut String) {
        match serde_json::from_str::<Value>(body) {
            Ok(mut value) if !value.is_string() => {
                self.value(&mut value);
                *body = value.to_string();
            }
            _ => self.text(body),
        }
    }
}

impl Step {
    /// Changes every text of what is done, of who asks, and of what is expected.
    pub fn fill(&mut self, filler: &mut dyn Filler) {
        action(&mut self.action, filler);
        self.expected.iter_mut().for_each(|item| expect(&mut item.expect, filler));
        if let Credential::Impersonation { user, groups } = &mut self.caller.credential {
            filler.text(user);
            groups.iter_mut().for_each(|group| filler.text(group));
        }
        if let Some(identity) = &mut self.caller.identity {
            self::identity(identity, filler);
        }
    }
}

fn identity(identity: &mut Identity, filler: &mut dyn Filler) {
    match identity {
        Identity::Anonymous => {}
        Identity::ServiceAccount { namespace, name } => {
            filler.text(namespace);
            filler.text(name);
        }
        Identity::User { name, groups } => {
            filler.text(name);
            groups.iter_mut().for_each(|group| filler.text(group));
        }
    }
}

fn optional(text: &mut Option<String>, filler: &mut dyn Filler) {
    if let Some(text) = text {
        filler.text(text);
    }
}

fn object(object: &mut Object, filler: &mut dyn Filler) {
    filler.text(&mut object.name);
    optional(&mut object.namespace, filler);
    filler.value(&mut object.manifest);
}

fn target(target: &mut Target, filler: &mut dyn Filler) {
    for text in [&mut target.namespace, &mut target.name, &mut target.label_selector, &mut target.field_selector] {
        optional(text, filler);
    }
}

fn action(action: &mut Action, filler: &mut dyn Filler) {
    match action {
        Action::Can(can) => {
            for cell in &mut can.cells {
                let who = &mut cell.who;
                [&mut who.words, &mut who.user].into_iter().chain(&mut who.groups).for_each(|text| filler.text(text));
                self::request(&mut cell.request, filler);
            }
        }
        Action::Kubectl(kubectl) => {
            kubectl.args.iter_mut().for_each(|word| filler.text(word));
            optional(&mut kubectl.stdin, filler);
        }
        Action::Apply(objects) | Action::Create(objects) => {
            objects.iter_mut().for_each(|object| self::object(object, filler));
        }
        Action::Pod(object) => self::object(object, filler),
        Action::Get(target) | Action::Delete(target) => self::target(target, filler),
        Action::Wait(target, until) => {
            self::target(target, filler);
            if let Until::Object(part) = until {
                part.values_mut().for_each(|value| filler.value(value));
            }
        }
        Action::Curl(call) => {
            filler.text(&mut call.url);
            call.headers.values_mut().for_each(|value| filler.text(value));
            if let Some(body) = &mut call.body {
                filler.body(body);
            }
            if let Some(request) = &mut call.request {
                self::request(request, filler);
            }
        }
        Action::Exec(exec) => {
            exec.command.iter_mut().for_each(|word| filler.text(word));
            optional(&mut exec.stdin, filler);
        }
        Action::Request(call) => {
            filler.text(&mut call.path);
            call.headers.values_mut().for_each(|value| filler.text(value));
            if let Some(body) = &mut call.body {
                filler.body(body);
            }
        }
        Action::Whoami => {}
        Action::Token(call) => {
            call.audiences.iter_mut().for_each(|audience| filler.text(audience));
            if let Some((_, name)) = &mut call.bound_to {
                filler.text(name);
            }
            optional(&mut call.secret, filler);
        }
        Action::Patch(change) => {
            self::target(&mut change.target, filler);
            filler.value(&mut change.body);
        }
    }
}

fn request(request: &mut Request, filler: &mut dyn Filler) {
    match request {
        Request::Path { path, .. } => filler.text(path),
        Request::Resource { namespace, name, .. } => {
            optional(namespace, filler);
            optional(name, filler);
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
    filler.text(text);
}

/// Changes every text of an expectation.
pub fn expect(expect: &mut Expect, filler: &mut dyn Filler) {
    for text in [&mut expect.message, &mut expect.stdout, &mut expect.stderr, &mut expect.warning] {
        rule(text, filler);
    }
    for value in [&mut expect.json, &mut expect.object].into_iter().flatten() {
        filler.value(value);
    }
    for path in &mut expect.path {
        filler.text(&mut path.at);
        optional(&mut path.matches, filler);
        for value in [&mut path.equals, &mut path.contains].into_iter().flatten() {
            filler.value(value);
        }
    }
    if let Some(review) = &mut expect.token_review {
        optional(&mut review.username, filler);
        let lists = [Some(&mut review.asked_audiences), review.groups.as_mut(), review.audiences.as_mut()];
        lists.into_iter().flatten().flatten().for_each(|text| filler.text(text));
        rule(&mut review.error, filler);
    }
}
