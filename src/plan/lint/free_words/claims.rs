//! The names in what a scenario claims to be denied or not there, which would hold of any slip, too.

use super::{class::Class, kubectl};
use crate::{
    plan::{
        Action, Credential, Identity, Request, Step, Target,
        can::{Cell, given},
        context::Context,
    },
    scenario::{
        expect::{AtPath, Expect, Text, TextRule},
        verbs::Until,
    },
};

/// What is claimed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    /// Something is refused, or would be.
    Denied,
    /// Something is not there.
    Absent,
}

/// A name in such a claim.
pub(super) struct Claim {
    /// What sort of name.
    pub class: Class,
    /// The name.
    pub name: String,
    /// What is claimed of it.
    pub how: How,
    /// About where it stands, as a pointer from the step.
    pub at: String,
    /// The value beside it, of the key of a label.
    pub beside: Option<String>,
}

/// What a step claims.
#[derive(Debug, Default)]
pub(super) struct Claimed {
    /// What of the call as a whole.
    pub how: Option<How>,
    /// Whether the call as a whole comes to nothing, so that no name in it need be known.
    pub fails: bool,
    /// Whether there is nothing in a list.
    pub empties: bool,
}

impl Claimed {
    pub(super) fn from_step(step: &Step) -> Self {
        let command = matches!(step.action, Action::Kubectl(_) | Action::Exec(_));
        let any = |test: &dyn Fn(&Expect) -> bool| step.expected.iter().any(|item| test(&item.expect));
        let denied = any(&|expect| expect.is_denial() || expect.tells_of_denial());
        let gone = matches!(step.action, Action::Wait(_, Until::Deleted));
        let absent = gone || any(&|expect| expect.is_not_found() || expect.absent == Some(true) || prints_none(expect));
        let failed = any(&|expect| expect.must_fail());
        let how = match () {
            () if denied => Some(How::Denied),
            () if absent || command && failed => Some(How::Absent),
            () => None,
        };
        let none = |path: &AtPath| path.absent == Some(true) || path.count == Some(0);
        let empties = any(&|expect| expect.empty == Some(true) || expect.path.iter().any(none)) && how.is_none();
        Self { how, fails: how.is_some() || failed, empties }
    }
}

/// Whether a command must print that there is nothing.
fn prints_none(expect: &Expect) -> bool {
    let says = |text: &Text| match text {
        Text::Is(text)
        | Text::Rule(
            TextRule::Equals(text) | TextRule::StartsWith(text) | TextRule::Contains(text) | TextRule::Matches(text),
        ) => ["not found", "notfound", "no resources found"].iter().any(|words| text.to_lowercase().contains(words)),
        Text::Rule(TextRule::Lacks(_)) => false,
    };
    let json = expect.json.as_ref().is_some_and(|json| json["code"] == 404 || json["reason"] == "NotFound");
    json || [&expect.stdout, &expect.stderr].into_iter().flatten().any(says)
}

/// All of a step.
pub(super) fn claims_of_step(cx: &Context<'_>, step: &Step) -> Vec<Claim> {
    let mut found = Vec::new();
    let cells = match &step.action {
        Action::Can(can) => can.cells.iter(),
        _ => step.questions.iter(),
    };
    for cell in cells.filter(|cell| !cell.allowed && !cell.on_purpose) {
        asked(cell, &mut found);
    }
    reviews(step, &mut found);
    let Claimed { how, empties, .. } = Claimed::from_step(step);
    if step.on_purpose || !step.questions.is_empty() || how.is_none() && !empties {
        return found;
    }
    // Of these, other checks look at the namespace.
    let places = match &step.action {
        Action::Get(_) => how.is_some(),
        Action::Wait(..) => false,
        Action::Curl(_) | Action::Request(_) => how != Some(How::Denied),
        _ => true,
    };
    let mut all = Names { how: how.unwrap_or(How::Absent), whole: how.is_some(), places, found: &mut found };
    if how == Some(How::Denied) {
        all.caller(step);
    }
    match &step.action {
        Action::Get(target) | Action::Wait(target, _) => all.target(target),
        Action::Kubectl(call) => {
            for (class, name) in kubectl::names(cx, &call.args) {
                let who = matches!(class, Class::User | Class::Group);
                if who && all.how == How::Denied || !who && (all.whole || class == Class::namespaces()) {
                    all.add(class, &name, "/kubectl/args");
                }
            }
            let (labels, fields) = kubectl::selectors(&call.args);
            labels.iter().for_each(|selector| all.labels(selector));
            fields.iter().for_each(|selector| all.fields(selector, kubectl::resource(cx, &call.args)));
        }
        Action::Request(call) => all.headers(&call.headers),
        Action::Curl(call) => all.headers(&call.headers),
        _ => {}
    }
    for request in step.action.requests() {
        all.request(&request);
    }
    paths(step, &mut found);
    found
}

/// A question whose answer is no.
fn asked(cell: &Cell, found: &mut Vec<Claim>) {
    let mut add = |class: Class, name: &str| {
        let (name, at) = (name.to_owned(), cell.pointer.clone());
        found.push(Claim { class, name, how: How::Denied, at, beside: None });
    };
    // Of an account that is named as one, its existence is looked at.
    if !cell.who.is_account() && !cell.who.user.is_empty() {
        add(Class::User, &cell.who.user);
    }
    let own = given(&cell.who.user);
    cell.who.groups.iter().filter(|group| !own.contains(group)).for_each(|group| add(Class::Group, group));
    if let Request::Resource { verb, group, resource, subresource, name: Some(name), .. } = &cell.request {
        add(Class::of_request(verb, group, resource, subresource.as_deref()), name);
    }
}

/// Audiences for which a token is not good.
fn reviews(step: &Step, found: &mut Vec<Claim>) {
    for item in &step.expected {
        let Some(review) = item.expect.token_review.as_ref().filter(|review| review.authenticated == Some(false))
        else {
            continue;
        };
        found.extend(review.asked_audiences.iter().map(|audience| Claim {
            class: Class::Audience,
            name: audience.clone(),
            how: How::Denied,
            at: format!("{}/tokenReview", item.pointer),
            beside: None,
        }));
    }
}

/// The names of one call.
struct Names<'f> {
    how: How,
    /// The claim is about the call as a whole, not only about what is in a list.
    whole: bool,
    /// Whether the namespaces are looked at.
    places: bool,
    found: &'f mut Vec<Claim>,
}

impl Names<'_> {
    fn add(&mut self, class: Class, name: &str, at: &str) {
        let (name, at) = (name.to_owned(), at.to_owned());
        self.found.push(Claim { class, name, how: self.how, at, beside: None });
    }

    /// Who asks, and is refused.
    fn caller(&mut self, step: &Step) {
        if let (Credential::Impersonation { .. }, Some(Identity::User { name, groups })) =
            (&step.caller.credential, &step.caller.identity)
        {
            self.add(Class::User, name, "/as/user");
            groups.iter().for_each(|group| self.add(Class::Group, group, "/as/groups"));
        }
    }

    /// As whom a call acts.
    fn headers(&mut self, headers: &std::collections::BTreeMap<String, String>) {
        if self.how != How::Denied {
            return;
        }
        for (key, name) in headers {
            match key.to_ascii_lowercase().as_str() {
                "impersonate-user" => self.add(Class::User, name, ""),
                "impersonate-group" => self.add(Class::Group, name, ""),
                _ => {}
            }
        }
    }

    fn target(&mut self, target: &Target) {
        if let Some(selector) = &target.label_selector {
            self.labels(selector);
        }
        let Some(plural) = target.kind.plural.clone() else { return };
        let class = Class::Object(target.kind.group.clone(), plural);
        if let Some(selector) = &target.field_selector {
            self.fields(selector, Some(class.clone()));
        }
        // Nothing is asked by a `wait`.
        if let Some(name) = target.name.as_ref().filter(|_| self.whole) {
            self.add(class, name, "");
        }
        if let Some(namespace) = target.namespace.as_ref().filter(|_| self.places) {
            self.add(Class::namespaces(), namespace, "");
        }
    }

    fn request(&mut self, request: &Request) {
        let Request::Resource { verb, group, resource, subresource, namespace, name } = request else { return };
        let class = Class::of_request(verb, group, resource, subresource.as_deref());
        if let Some(name) = name.as_ref().filter(|_| self.whole || matches!(verb.as_str(), "list" | "watch")) {
            self.add(class.clone(), name, "");
        }
        if let Some(namespace) = namespace.as_ref().filter(|_| self.places && class != Class::namespaces()) {
            self.add(Class::namespaces(), namespace, "");
        }
    }

    /// A label selector, as far as it asks for one value.
    fn labels(&mut self, selector: &str) {
        // Nobody is refused for a label.
        let terms = selector.split(',').filter(|term| self.how == How::Absent && !term.contains("!="));
        for term in terms.collect::<Vec<_>>() {
            let Some((key, value)) = term.split_once('=') else { continue };
            let (key, value) = (key.trim(), value.trim_start_matches('=').trim());
            let (name, at) = (key.to_owned(), String::new());
            let beside = Some(value.to_owned());
            self.found.push(Claim { class: Class::Label, name, how: self.how, at, beside });
            self.add(Class::Value(key.to_owned()), value, "");
        }
    }

    /// A field selector, as far as it asks for one name.
    fn fields(&mut self, selector: &str, class: Option<Class>) {
        for term in selector.split(',').filter(|term| !term.contains("!=")) {
            let Some((field, value)) = term.split_once('=') else { continue };
            let class = match field.trim() {
                "metadata.name" => class.clone(),
                "metadata.namespace" => Some(Class::namespaces()),
                "spec.serviceAccountName" => Some(Class::accounts()),
                _ => None,
            };
            if let Some(class) = class {
                self.add(class, value.trim_start_matches('=').trim(), "");
            }
        }
    }
}

/// The names by which paths look for something that is not there.
fn paths(step: &Step, found: &mut Vec<Claim>) {
    let listed = match &step.action {
        Action::Get(target) => {
            target.kind.plural.clone().map(|plural| Class::Object(target.kind.group.clone(), plural))
        }
        _ => step.action.requests().iter().find_map(|request| match request {
            Request::Resource { verb, group, resource, name: None, .. } => {
                Some(Class::of_request(verb, group, resource, None))
            }
            _ => None,
        }),
    };
    for item in &step.expected {
        for (index, path) in item.expect.path.iter().enumerate() {
            if path.absent != Some(true) && path.count != Some(0) {
                continue;
            }
            for (key, name) in compared(&path.at) {
                let class = match key.as_str() {
                    _ if key.ends_with("metadata.name") => listed.clone(),
                    _ if key.ends_with("serviceAccountName") => Some(Class::accounts()),
                    "" if path.at.contains("groups") => Some(Class::Group),
                    _ => None,
                };
                let at = format!("{}/path/{index}/at", item.pointer);
                found.extend(class.map(|class| Claim { class, name, how: How::Absent, at, beside: None }));
            }
        }
    }
}

/// What the filters of a path compare with a text: `@.metadata.name == 'x'` gives `metadata.name` and `x`.
fn compared(path: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for (before, behind) in path.match_indices("==").map(|(at, _)| (&path[..at], &path[at + 2..])) {
        let behind = behind.trim_start();
        let Some(quote) = behind.chars().next().filter(|quote| matches!(quote, '\'' | '"')) else { continue };
        let Some((text, _)) = behind[1..].split_once(quote) else { continue };
        let Some((_, key)) = before.rsplit_once('@') else { continue };
        found.push((key.trim().trim_start_matches('.').to_owned(), text.to_owned()));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_filters_compare() {
        let pair = |key: &str, text: &str| (key.to_owned(), text.to_owned());
        assert_eq!(
            compared("$.items[?@.metadata.name=='a' && @.x == \"b\"]"),
            [pair("metadata.name", "a"), pair("x", "b")]
        );
        assert_eq!(compared("$.groups[?@ == 'system:masters']"), [pair("", "system:masters")]);
        assert_eq!(compared("$.items[?@.n == 3].name"), []);
    }
}
