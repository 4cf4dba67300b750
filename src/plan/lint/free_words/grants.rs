//! The names in rules and bindings: of what no step makes, and of whom no step asks about, though one of nearly that name is there.

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::{
    claims::Claimed,
    class::Class,
    known::{self, Known},
    locate, spoken,
};
use crate::{
    k8s::{kubectl::grammar, near::is_slip, rbac_words::listed, resource_name, usernames, well_known::RBAC},
    plan::{
        Action, Credential, Identity, Step,
        can::given,
        context::{Context, Draft, Placed, below, words::if_fresh},
        lint::kubectl_rules,
        lower,
    },
};

/// Looks at all rules and bindings that steps make.
pub(super) fn check(cx: &mut Context<'_>, drafts: &[Draft<'_>], steps: &[Step]) {
    let succeeding: Vec<&Step> = steps.iter().filter(|step| !Claimed::from_step(step).fails).collect();
    let used = known::used(cx, drafts, &succeeding, steps);
    let asked = Asked::by(steps);
    let said = cx.findings.places();
    let mut look = Look { cx, steps, used, asked, said };
    for draft in drafts.iter().filter(|draft| !draft.refused) {
        if draft.verb.is_some_and(lower::writes_manifests) {
            for placed in draft.objects.iter().filter(|placed| placed.object.kind.group == RBAC) {
                look.rules(draft, placed);
                look.subjects(draft, placed);
            }
        }
        look.arguments(draft);
    }
}

/// Whom the steps ask as, or about.
#[derive(Default)]
struct Asked {
    users: HashSet<String>,
    groups: HashSet<String>,
}

impl Asked {
    fn by(steps: &[Step]) -> Self {
        let mut asked = Self::default();
        for step in steps {
            if let (Credential::Impersonation { .. }, Some(Identity::User { name, groups })) =
                (&step.caller.credential, &step.caller.identity)
            {
                asked.users.insert(name.clone());
                asked.groups.extend(groups.iter().cloned());
            }
            let cells = match &step.action {
                Action::Can(can) => can.cells.iter(),
                _ => step.questions.iter(),
            };
            for cell in cells {
                asked.users.insert(cell.who.user.clone());
                let own = given(&cell.who.user);
                asked.groups.extend(cell.who.groups.iter().filter(|group| !own.contains(group)).cloned());
            }
        }
        asked
    }
}

struct Look<'c, 'd> {
    cx: &'c mut Context<'d>,
    steps: &'c [Step],
    used: Known,
    asked: Asked,
    /// Where something is told already.
    said: HashSet<String>,
}

impl Look<'_, '_> {
    /// The names of a Role's rules.
    fn rules(&mut self, draft: &Draft<'_>, placed: &Placed) {
        let rules = placed.object.manifest.get("rules").and_then(Value::as_array);
        for (index, rule) in rules.into_iter().flatten().enumerate() {
            let Value::Object(rule) = rule else { continue };
            let at = below(&below(&below(&placed.pointer, "rules"), index), "resourceNames");
            for (nth, name) in listed(rule, "resourceNames").into_iter().enumerate() {
                let classes = classes(rule);
                self.object(draft, &below(&at, nth), &classes, name, "the rule is only about this name");
            }
        }
    }

    /// A name of an object: whether one of these sorts has it, and of what it is a slip otherwise.
    fn object(&mut self, draft: &Draft<'_>, at: &str, classes: &[Class], name: &str, label: &str) {
        if name.contains(['{', '*']) || classes.iter().any(|class| self.used.has(class, name)) || self.said.contains(at)
        {
            return;
        }
        let near = classes.iter().find_map(|class| Some((class, self.used.near(class, name)?)));
        let Some((class, (near, origin))) = near else { return };
        if spoken::in_commands(self.cx, self.steps, draft.index, name) {
            return;
        }
        let words = class.describe(&if_fresh(self.cx.namespace, name));
        let message = match (class, origin) {
            (Class::User, _) => format!("nobody here is {words}"),
            (Class::Group, _) => format!("nobody here is in {words}"),
            (_, Some(_)) => format!("no step makes {words}"),
            (_, None) => format!("Kubernetes has no {words}, and no step makes one"),
        };
        let hint = format!("did you mean `{}`?", if_fresh(self.cx.namespace, near));
        let origin = origin.clone();
        let finding = self.cx.findings.warn(at, message).label(label);
        let finding = match &origin {
            Some((other, label)) if other != at => finding.second(other, *label),
            _ => finding,
        };
        finding.hint(hint);
    }

    /// The subjects of a binding.
    fn subjects(&mut self, draft: &Draft<'_>, placed: &Placed) {
        let subjects = placed.object.manifest["subjects"].as_array();
        for (index, subject) in subjects.into_iter().flatten().enumerate() {
            let (Some(kind), Some(name)) = (subject["kind"].as_str(), subject["name"].as_str()) else { continue };
            let whole = below(&below(&placed.pointer, "subjects"), index);
            let short = below(&below(&placed.pointer, "to"), index);
            let at = [short, whole.clone()].iter().find_map(|at| locate::below_pointer(self.cx, at, name));
            self.subject(draft, &at.unwrap_or_else(|| below(&whole, "name")), kind, name);
        }
    }

    /// A subject that is no ServiceAccount by its kind.
    fn subject(&mut self, draft: &Draft<'_>, at: &str, kind: &str, name: &str) {
        if self.said.contains(at) || name.contains("{saved.") {
            return;
        }
        match kind {
            "User" => self.user(draft, at, name),
            "Group" => {
                let slip = |other: &&String| !self.asked.groups.contains(name) && is_slip(name, other);
                if let Some(near) = self.asked.groups.iter().find(slip).cloned() {
                    return self.nobody(at, "group", name, &near);
                }
                // Those of one namespace's accounts; the others are told where the binding is read.
                if name.starts_with("system:serviceaccounts:") {
                    self.object(draft, at, &[Class::Group], name, "bound in vain");
                }
            }
            _ => {}
        }
    }

    fn user(&mut self, draft: &Draft<'_>, at: &str, name: &str) {
        let known = self.asked.users.contains(name) || self.used.has(&Class::User, name);
        if known {
            return;
        }
        if let Some(meant) = usernames::meant(name, self.cx.namespace) {
            return self.nobody(at, "user", name, &meant);
        }
        if let Some((namespace, account)) = usernames::account(name) {
            if spoken::in_commands(self.cx, self.steps, draft.index, account) {
                return;
            }
            // kubectl's flag has no such beginning.
            let flag = draft.step.kubectl.is_some();
            let written = |near: &str| near.strip_prefix(usernames::PREFIX).filter(|_| flag).unwrap_or(near).to_owned();
            let near = self.used.near(&Class::User, name).map(|(near, _)| written(near));
            let hint = match near {
                Some(near) => format!("did you mean `{}`?", if_fresh(self.cx.namespace, &near)),
                None if namespace == self.cx.namespace => format!("add a step `serviceAccount: {account}`"),
                None => return,
            };
            let message = format!("no step makes ServiceAccount `{account}` in namespace `{namespace}`");
            let message = if_fresh(self.cx.namespace, &message);
            self.cx.findings.warn(at, message).label("bound in vain").hint(hint);
            return;
        }
        let slip = |other: &&String| is_slip(name, other);
        if let Some(near) = self.asked.users.iter().find(slip).cloned() {
            return self.nobody(at, "user", name, &near);
        }
        if name != "default" && self.used.has(&Class::accounts(), name) {
            self.cx
                .findings
                .warn(at, format!("`{name}` is a user here, and not the ServiceAccount of that name"))
                .label("bound in vain")
                .hint("an account is a subject of kind ServiceAccount; if a user is meant, end the line with `# on purpose`");
        }
    }

    fn nobody(&mut self, at: &str, what: &str, name: &str, near: &str) {
        let shown = |text: &str| if_fresh(self.cx.namespace, text);
        let (message, hint) =
            (format!("no step asks as {what} `{}`", shown(name)), format!("did you mean `{}`?", shown(near)));
        self.cx.findings.warn(at, message).label("bound in vain").hint(hint);
    }

    /// What the arguments of kubectl bind.
    fn arguments(&mut self, draft: &Draft<'_>) {
        let Some(kubectl) = &draft.step.kubectl else { return };
        let Ok(call) = grammar::read(&kubectl.args) else { return };
        let args = below(&draft.at(), "args");
        if matches!(call.command.words, "create role" | "create clusterrole") {
            let resources = kubectl_rules::list_flag_values(&call, &args, "resource");
            let named = |(word, _): &(String, String)| self.cx.apis.named(word.split('/').next()?);
            let classes: Vec<Class> = (resources.iter().filter_map(named))
                .map(|own| Class::of_request("get", &own.group, &own.plural, None))
                .collect();
            for (name, at) in kubectl_rules::list_flag_values(&call, &args, "resource-name") {
                self.object(draft, &at, &classes, &name, "the rule is only about this name");
            }
        }
        if !matches!(call.command.words, "create rolebinding" | "create clusterrolebinding" | "set subject") {
            return;
        }
        for (flag, plural) in [("role", "roles"), ("clusterrole", "clusterroles")] {
            for (name, at) in kubectl_rules::list_flag_values(&call, &args, flag) {
                let class = [Class::Object(RBAC.into(), plural.into())];
                self.object(draft, &at, &class, &name, "stored, but it grants nothing");
            }
        }
        for (flag, kind) in [("user", "User"), ("group", "Group"), ("serviceaccount", "User")] {
            for (name, at) in kubectl_rules::list_flag_values(&call, &args, flag) {
                let name = match flag {
                    // What has another form is refused by kubectl.
                    "serviceaccount" if name.split(':').count() != 2 => continue,
                    "serviceaccount" => format!("{}{name}", usernames::PREFIX),
                    _ => name,
                };
                self.subject(draft, &at, kind, &name);
            }
        }
    }
}

/// The sorts of objects that the names of a rule are names of; none where it is about any.
fn classes(rule: &Map<String, Value>) -> Vec<Class> {
    let verbs = listed(rule, "verbs");
    let mut found = Vec::new();
    for resource in listed(rule, "resources") {
        let (plural, sub) = resource_name::split(resource);
        for group in listed(rule, "apiGroups") {
            if group.contains('*') || plural.contains('*') {
                return Vec::new();
            }
            found.push(Class::of_request(verbs.first().unwrap_or(&""), group, plural, sub));
        }
    }
    found
}
