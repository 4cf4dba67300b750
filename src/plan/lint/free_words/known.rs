//! The names that a scenario, or Kubernetes itself, has: of what is made, of what bindings and rules name, of whom something is
//! allowed.

use std::{collections::HashMap, sync::LazyLock};

use serde_json::Value;

use super::{
    claims::Claimed,
    class::Class,
    locate::{Index, locate},
};
use crate::{
    k8s::{
        near::{is_slip, is_slip_of_own},
        rbac_words::listed,
        resource_name,
        served::TABLE,
        special, usernames,
        well_known::{EVERYWHERE, GROUPS, RBAC, SIGNERS, USERS},
    },
    plan::{
        Action, Identity, Object, Request, Step,
        can::{Cell, given},
        context::{Context, Draft, Placed, below},
    },
};

/// Where a name stands, and what it does there; `None`: Kubernetes itself gives it.
pub(super) type Origin = Option<(String, &'static str)>;

/// All names, by their sort.
#[derive(Default)]
pub(super) struct Known {
    names: HashMap<Class, HashMap<String, Origin>>,
}

impl Known {
    /// Whether something has this name.
    pub(super) fn has(&self, class: &Class, name: &str) -> bool {
        self.names_of_class(class).any(|names| names.contains_key(name))
    }

    /// The name of which another one is probably a slip.
    pub(super) fn near(&self, class: &Class, name: &str) -> Option<(&str, &Origin)> {
        let all = self.names_of_class(class).flatten();
        let near =
            all.filter(|(known, origin)| is_slip(name, known) || origin.is_none() && is_slip_of_own(name, known));
        near.map(|(known, origin)| (known.as_str(), origin)).min_by_key(|(known, origin)| (origin.is_none(), *known))
    }

    /// A label's key that has this value, and differs from this one by a letter or two.
    pub(super) fn near_key(&self, key: &str, value: &str) -> Option<(&str, &Origin)> {
        let keys = self.names.get(&Class::Label)?;
        let with_value = keys.keys().filter(|known| self.has(&Class::Value((*known).clone()), value));
        let near = crate::k8s::nearest(key, with_value.map(String::as_str))?;
        keys.get_key_value(near).map(|(known, origin)| (known.as_str(), origin))
    }

    fn names_of_class(&self, class: &Class) -> impl Iterator<Item = &HashMap<String, Origin>> {
        // A rule for all resources names objects of any.
        let any = matches!(class, Class::Object(..)).then(any);
        let classes = [Some(class.clone()), any].into_iter().flatten();
        classes.flat_map(|class| [OWN.get(&class), self.names.get(&class)].into_iter().flatten())
    }

    fn add(&mut self, class: Class, name: &str, origin: Origin) {
        self.add_at(class, name, || origin);
    }

    /// The same, and where it stands is only looked for when the name is new: a table may say one in each of its lines.
    fn add_at(&mut self, class: Class, name: &str, origin: impl FnOnce() -> Origin) {
        if name.is_empty() || name.contains('{') || OWN.get(&class).is_some_and(|own| own.contains_key(name)) {
            return;
        }
        self.names.entry(class).or_default().entry(name.to_owned()).or_insert_with(origin);
    }
}

fn any() -> Class {
    Class::Object("*".into(), "*".into())
}

/// Collects them; of the steps, those that must succeed.
pub(super) fn collect(cx: &Context<'_>, drafts: &[Draft<'_>], succeeding: &[&Step], steps: &[Step]) -> Known {
    collect_names(cx, drafts, succeeding, steps, true)
}

/// The same without what only rules and bindings name.
pub(super) fn used(cx: &Context<'_>, drafts: &[Draft<'_>], succeeding: &[&Step], steps: &[Step]) -> Known {
    collect_names(cx, drafts, succeeding, steps, false)
}

fn collect_names(cx: &Context<'_>, drafts: &[Draft<'_>], succeeding: &[&Step], steps: &[Step], rules: bool) -> Known {
    let (mut known, mut index) = (Known::default(), Index::default());
    known.add(Class::namespaces(), cx.namespace, None);
    of_namespace(&mut known, cx.namespace, None);
    for placed in drafts.iter().filter(|draft| !draft.refused).flat_map(|draft| &draft.objects) {
        object(&mut known, placed);
        if rules {
            granted(cx, &mut known, placed);
        }
    }
    for step in steps {
        let cells = match &step.action {
            Action::Can(can) => can.cells.iter(),
            _ => step.questions.iter(),
        };
        for cell in cells.filter(|cell| cell.allowed) {
            allowed(cx, &mut known, &mut index, (step, cell));
        }
        if let Action::Token(call) = &step.action {
            for audience in &call.audiences {
                known.add_at(Class::Audience, audience, || Some((locate(cx, step, "", audience), "a token is for it")));
            }
        }
        for (item, review) in step.expected.iter().filter_map(|item| Some((item, item.expect.token_review.as_ref()?))) {
            let good = review.authenticated != Some(false);
            let named = review.audiences.iter().flatten().chain(review.asked_audiences.iter().filter(|_| good));
            for audience in named {
                known.add_at(Class::Audience, audience, || Some((locate(cx, step, &item.pointer, audience), "here")));
            }
        }
    }
    for step in succeeding {
        if let Some(Identity::User { name, groups }) = &step.caller.identity {
            known.add_at(Class::User, name, || Some((locate(cx, step, "/as", name), "asks here")));
            for group in groups {
                known.add_at(Class::Group, group, || Some((locate(cx, step, "/as", group), "asks here")));
            }
        }
        let empties = Claimed::from_step(step).empties;
        for request in step.action.requests() {
            let Request::Resource { verb, group, resource, subresource, name: Some(name), .. } = &request else {
                continue;
            };
            // The list of this one name has nothing.
            if empties && matches!(verb.as_str(), "list" | "watch") {
                continue;
            }
            let class = Class::of_request(verb, group, resource, subresource.as_deref());
            known.add_at(class, name, || Some((locate(cx, step, "", name), "is there")));
        }
    }
    known
}

/// What every cluster has.
static OWN: LazyLock<HashMap<Class, HashMap<String, Origin>>> = LazyLock::new(|| {
    let object = |group: &str, plural: &str| Class::Object(group.to_owned(), plural.to_owned());
    let mut own: HashMap<Class, HashMap<String, Origin>> = HashMap::new();
    let mut add = |class: Class, name: &str| {
        own.entry(class).or_default().insert(name.to_owned(), None);
    };
    GROUPS.iter().for_each(|name| add(Class::Group, name));
    USERS.iter().for_each(|name| add(Class::User, name));
    SIGNERS.iter().for_each(|name| add(object("certificates.k8s.io", "signers"), name));
    TABLE.cluster_roles.iter().for_each(|name| add(object(RBAC, "clusterroles"), name));
    for namespace in EVERYWHERE {
        add(Class::namespaces(), namespace);
        add(Class::Group, &usernames::group(namespace));
        add(Class::User, &usernames::username(namespace, "default"));
    }
    add(Class::accounts(), "default");
    add(object("", "configmaps"), "kube-root-ca.crt");
    add(object("", "services"), "kubernetes");
    own
});

/// The names by which the accounts of a namespace are known.
fn of_namespace(known: &mut Known, namespace: &str, origin: Origin) {
    known.add(Class::Group, &usernames::group(namespace), origin.clone());
    known.add(Class::User, &usernames::username(namespace, "default"), origin);
}

/// What a step makes.
fn object(known: &mut Known, placed: &Placed) {
    let Object { kind, name, namespace, manifest, .. } = &placed.object;
    let made = || Some((placed.name_at.clone(), "made here"));
    if let Some(plural) = &kind.plural {
        known.add(Class::Object(kind.group.clone(), plural.clone()), name, made());
    }
    if kind.is("", "Namespace") {
        of_namespace(known, name, None);
    }
    if let (true, Some(namespace)) = (kind.is("", "ServiceAccount"), namespace) {
        known.add(Class::User, &usernames::username(namespace, name), made());
    }
    labels(known, manifest, &placed.pointer);
}

/// Whom bindings name, and what rules do.
fn granted(cx: &Context<'_>, known: &mut Known, placed: &Placed) {
    let Object { kind, manifest, .. } = &placed.object;
    if kind.group != RBAC {
        return;
    }
    for subject in manifest["subjects"].as_array().into_iter().flatten() {
        let class = match subject["kind"].as_str() {
            Some("User") => Class::User,
            Some("Group") => Class::Group,
            _ => continue,
        };
        if let Some(name) = subject["name"].as_str() {
            known.add_at(class, name, || Some((inside(cx, placed, name), "bound here")));
        }
    }
    for rule in manifest["rules"].as_array().into_iter().flatten().filter_map(Value::as_object) {
        let verbs = listed(rule, "verbs");
        for resource in listed(rule, "resources") {
            if verbs.contains(&special::AUDIENCE) {
                known.add_at(Class::Audience, resource, || Some((inside(cx, placed, resource), "named by this rule")));
            }
            for (group, name) in listed(rule, "apiGroups")
                .iter()
                .flat_map(|group| listed(rule, "resourceNames").into_iter().map(move |name| (*group, name)))
            {
                let (plural, sub) = resource_name::split(resource);
                let class = match (group, plural) {
                    ("*", _) | (_, "*") => any(),
                    _ => Class::of_request(verbs.first().unwrap_or(&""), group, plural, sub),
                };
                known.add_at(class, name, || Some((inside(cx, placed, name), "named by this rule")));
            }
        }
    }
}

/// Labels, of the object itself and of what it makes.
fn labels(known: &mut Known, value: &Value, at: &str) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                let at = below(at, key);
                match value {
                    Value::Object(pairs) if key == "labels" => {
                        for (key, value) in pairs {
                            let origin = Some((below(&at, key), "a label here"));
                            known.add(Class::Label, key, origin.clone());
                            known.add(Class::Value(key.clone()), value.as_str().unwrap_or_default(), origin);
                        }
                    }
                    _ => labels(known, value, &at),
                }
            }
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, item)| labels(known, item, &below(at, index)))
        }
        _ => {}
    }
}

/// An answer that is yes.
fn allowed<'d>(cx: &Context<'d>, known: &mut Known, index: &mut Index<'d>, (step, cell): (&Step, &Cell)) {
    let mut at = |word: &str| Some((index.locate(cx, step, &cell.pointer, word), "allowed something here"));
    if !cell.who.user.is_empty() {
        known.add_at(Class::User, &cell.who.user, || at(&cell.who.user));
    }
    if let Some((_, name)) = cell.account() {
        known.add_at(Class::accounts(), name, || at(&cell.who.user));
    }
    let own = given(&cell.who.user);
    for group in cell.who.groups.iter().filter(|group| !own.contains(group)) {
        known.add_at(Class::Group, group, || at(group));
    }
    if let Request::Resource { verb, group, resource, subresource, name: Some(name), .. } = &cell.request {
        known.add_at(Class::of_request(verb, group, resource, subresource.as_deref()), name, || at(name));
    }
}

/// Where a word stands in a manifest, or where the manifest does.
fn inside(cx: &Context<'_>, placed: &Placed, word: &str) -> String {
    super::locate::below_pointer(cx, &placed.pointer, word).unwrap_or_else(|| placed.pointer.clone())
}
