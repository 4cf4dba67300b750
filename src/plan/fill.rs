//! Every text of a step, for what is only known while the scenario runs.

use serde_json::Value;

use super::{
    Action, Call, Caller, Change, Credential, Curl, Exec, FromFile, Identity, Kind, Kubectl, Object, Of, Place,
    Request, Save, Saved, Step, Target, TokenCall,
    can::{Can, Cell, Who},
};
use crate::scenario::{
    expect::{AtPath, Expect, Text, TextRule, TokenReview},
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
    /// Changes every text of what is done, of who asks, of what is expected, and of what is kept. Each type is taken apart
    /// whole, so that a new text cannot be forgotten.
    pub fn fill(&mut self, filler: &mut dyn Filler) {
        let Step {
            number: _,
            on_purpose: _,
            pointer: _,
            title: _,
            say: _,
            rows: _,
            timeout: _,
            verb: _,
            action,
            expected,
            when: _,
            caller: Caller { credential, identity },
            save,
        } = self;
        self::action(action, filler);
        expected.iter_mut().for_each(|item| expect(&mut item.expect, filler));
        match credential {
            Credential::Administrator | Credential::Anonymous => {}
            // The name of a saved token: its value stays with the identities.
            Credential::Saved(_) => {}
            Credential::Account { namespace, name } => all([namespace, name], filler),
            Credential::Impersonation { user, groups } => all([user].into_iter().chain(groups), filler),
            Credential::Text(text) => filler.text(text),
        }
        if let Some(identity) = identity {
            self::identity(identity, filler);
        }
        for Save { name: _, what } in save {
            match what {
                Saved::Token | Saved::Stdout => {}
                Saved::Path(path) => filler.text(path),
            }
        }
    }
}

fn all<'t>(texts: impl IntoIterator<Item = &'t mut String>, filler: &mut dyn Filler) {
    texts.into_iter().for_each(|text| filler.text(text));
}

fn identity(identity: &mut Identity, filler: &mut dyn Filler) {
    match identity {
        Identity::Anonymous => {}
        Identity::ServiceAccount { namespace, name } => all([namespace, name], filler),
        Identity::User { name, groups } => all([name].into_iter().chain(groups), filler),
    }
}

/// A manifest of a file is sent as it is written, unless the step asks for more.
fn object(object: &mut Object, filler: &mut dyn Filler) {
    let Object { kind, namespace, name, manifest, file } = object;
    if file.as_ref().is_some_and(|FromFile { path: _, fill, namespace: _, by: _, some: _, read: _ }| !fill) {
        return;
    }
    self::kind(kind, filler);
    filler.text(name);
    all(namespace, filler);
    filler.value(manifest);
}

fn kind(kind: &mut Kind, filler: &mut dyn Filler) {
    let Kind { group, version, kind, plural, namespaced: _ } = kind;
    all([group, version, kind].into_iter().chain(plural), filler);
}

fn target(target: &mut Target, filler: &mut dyn Filler) {
    let Target { kind, namespace, name, label_selector, field_selector } = target;
    self::kind(kind, filler);
    all([namespace, name, label_selector, field_selector].into_iter().flatten(), filler);
}

fn place(place: &mut Place, filler: &mut dyn Filler) {
    let Place { namespace, pod, container, of, has_curl: _, added: _, told: _ } = place;
    all([namespace, pod].into_iter().chain(container), filler);
    match of {
        None | Some(Of::Name) => {}
        Some(Of::Owner(_, name)) => filler.text(name),
        Some(Of::Labels(labels)) => {
            let mut filled = std::collections::BTreeMap::new();
            for (mut key, mut value) in std::mem::take(labels) {
                all([&mut key, &mut value], filler);
                filled.insert(key, value);
            }
            *labels = filled;
        }
    }
}

fn action(action: &mut Action, filler: &mut dyn Filler) {
    match action {
        Action::Can(Can { cells, sample: _ }) => {
            for Cell { pointer: _, who: Who { words, user, groups }, request, allowed: _, api: _, on_purpose: _ } in
                cells
            {
                all([words, user].into_iter().chain(groups), filler);
                self::request(request, filler);
            }
        }
        Action::Kubectl(Kubectl { args, added: _, own: _, stdin, makes }) => {
            all(args.iter_mut().chain(stdin), filler);
            makes.iter_mut().for_each(|object| self::object(object, filler));
        }
        Action::Apply(objects) | Action::Create(objects) => {
            objects.iter_mut().for_each(|object| self::object(object, filler));
        }
        Action::Pod(object) => self::object(object, filler),
        Action::Get(target) | Action::Delete(target) => self::target(target, filler),
        Action::Wait(target, until) => {
            self::target(target, filler);
            match until {
                Until::Exists | Until::Deleted => {}
                Until::Condition(condition) => filler.text(condition),
                Until::Object(part) => part.values_mut().for_each(|value| filler.value(value)),
            }
        }
        Action::Curl(call) => curl(call, filler),
        Action::Exec(Exec { place, identity, command, stdin }) => {
            self::place(place, filler);
            self::identity(identity, filler);
            all(command.iter_mut().chain(stdin), filler);
        }
        Action::Request(call) => {
            let Call { method: _, path, body, content_type, headers } = &mut **call;
            all([path].into_iter().chain(content_type).chain(headers.values_mut()), filler);
            if let Some(body) = body {
                filler.body(body);
            }
        }
        Action::Whoami => {}
        Action::Token(call) => {
            let TokenCall { namespace, account, seconds: _, audiences, bound_to, secret } = &mut **call;
            let bound_to = bound_to.as_mut().map(|(_, name)| name);
            all([namespace, account].into_iter().chain(audiences).chain(bound_to).chain(secret), filler);
        }
        Action::Patch(change) => {
            let Change { target, subresource, how: _, body } = &mut **change;
            self::target(target, filler);
            all(subresource, filler);
            filler.value(body);
        }
    }
}

fn curl(call: &mut Curl, filler: &mut dyn Filler) {
    let Curl {
        place,
        url,
        method: _,
        mounted_token: _,
        insecure: _,
        cacert: _,
        headers,
        body,
        identity,
        request,
        late: _,
        // The name under which it was saved.
        saved_token: _,
    } = call;
    self::place(place, filler);
    all([url].into_iter().chain(headers.values_mut()), filler);
    if let Some(body) = body {
        filler.body(body);
    }
    self::identity(identity, filler);
    if let Some(request) = request {
        self::request(request, filler);
    }
}

fn request(request: &mut Request, filler: &mut dyn Filler) {
    match request {
        Request::Path { verb, path } => all([verb, path], filler),
        Request::Resource { verb, group, resource, subresource, namespace, name } => {
            let optional = [subresource, namespace, name].into_iter().flatten();
            all([verb, group, resource].into_iter().chain(optional), filler);
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
