//! The rows of a table about a subject: each right, and what is next to it.

use k8s_openapi::{
    api::rbac::v1::{ClusterRole, PolicyRule},
    apimachinery::pkg::apis::meta::v1::ObjectMeta,
};

use super::{
    HOME,
    policy::{self, Subject},
};
use crate::{
    explain::{
        Caller, Policy, Question,
        evaluate::{self, grant},
    },
    k8s::{
        Apis, Served, resource_name,
        special::{PATH_VERBS, REQUEST_VERBS},
    },
    plan::Request,
};

/// A name that nothing has.
const ANOTHER: &str = "another";

/// A line of a table: every combination of its words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Row {
    /// What is done.
    pub verbs: Vec<String>,
    /// To what: the plural and its group, as a scenario says it.
    pub resources: Vec<String>,
    /// To which part of it.
    pub subresource: Option<String>,
    /// To the objects of these names only.
    pub names: Vec<String>,
    /// In which namespace; `*`: in all; left out: in none, or the scenario's own.
    pub namespace: Option<String>,
    /// Or paths.
    pub urls: Vec<String>,
}

impl Row {
    /// How many questions it asks.
    pub fn questions(&self) -> usize {
        self.verbs.len() * (self.urls.len() + self.resources.len() * self.names.len().max(1))
    }

    /// Whether it is about a kind that none of Kubernetes' own groups has: a cluster without it denies everything about it.
    pub fn is_of_own_kind(&self) -> bool {
        let apis = Apis::of_scenario(Vec::new(), Vec::new());
        self.resources.iter().any(|word| {
            let (plural, group) = word.split_once('.').unwrap_or((word, ""));
            apis.resource("get", group, plural, None) == Served::Unsure
        })
    }

    /// Whether it names what must be there to be denied, and is not: what is denied to all callers is denied on purpose.
    pub fn is_of_nothing(&self) -> bool {
        let must_be = |resource: &String| matches!(resource.as_str(), "serviceaccounts" | "namespaces");
        self.names.iter().any(|name| name == ANOTHER) && self.resources.iter().any(must_be)
    }

    /// The same in several rows, if it asks more questions than this.
    pub fn parts(mut self, most: usize) -> Vec<Row> {
        const LISTS: [fn(&mut Row) -> &mut Vec<String>; 4] =
            [|row| &mut row.names, |row| &mut row.resources, |row| &mut row.urls, |row| &mut row.verbs];
        let list = LISTS.into_iter().find(|list| list(&mut self).len() > 1);
        let Some(list) = list.filter(|_| self.questions() > most) else { return vec![self] };
        let (half, mut other) = (list(&mut self).len() / 2, self.clone());
        list(&mut self).truncate(half);
        list(&mut other).drain(..half);
        self.parts(most).into_iter().chain(other.parts(most)).collect()
    }
}

/// A right, and what is next to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Right {
    /// What is allowed.
    pub row: Row,
    /// What is not; `None` when nothing near it is denied.
    pub denied: Option<Row>,
}

/// What the rules of a subject's roles say.
#[derive(Debug, Default)]
pub struct Rights {
    /// The rows.
    pub rights: Vec<Right>,
    /// Whether a controller fills one of the roles, some time after it is made.
    pub late: bool,
    /// What is worth a comment: rules that grant nothing, roles that are not there.
    pub remarks: Vec<String>,
}

/// Where a binding holds: `None` everywhere.
type Scope<'a> = Option<&'a str>;

/// The rights of a subject by the bindings of the manifests.
pub fn rights_of(subject: &Subject, all: &Policy, own: &Policy) -> Rights {
    let caller = subject.caller();
    let asker = Asker { all, caller: &caller, apis: Apis::of_scenario(Vec::new(), Vec::new()) };
    let mut found = Rights::default();
    for binding in own.bindings() {
        if !binding.subjects.iter().any(|one| evaluate::is_caller(&caller, one, binding.namespace)) {
            continue;
        }
        let Some(role) = all.role(binding) else {
            found.remark(format!(
                "{} names {}, which is not there: it grants nothing.",
                binding.id(),
                binding.role_id()
            ));
            continue;
        };
        found.late |= role.aggregated;
        // Of Kubernetes' own roles a few rights stand for all.
        let foreign = crate::k8s::served::is_cluster_role(role.name) && role.namespace.is_none();
        let mut rows_of = |rules: &[&PolicyRule]| -> Vec<Row> {
            rules.iter().flat_map(|rule| asker.rows(rule, binding.namespace, &mut found.remarks)).collect()
        };
        let rows = if foreign {
            // What the manifests add to it by a label is theirs, so none of it is left out.
            let (theirs, others): (Vec<&PolicyRule>, Vec<&PolicyRule>) =
                role.rules.iter().partition(|rule| role.aggregated && is_in(rule, own));
            let theirs = rows_of(&theirs);
            theirs.into_iter().chain(samples(rows_of(&others))).collect()
        } else {
            rows_of(&role.rules.iter().collect::<Vec<_>>())
        };
        if foreign {
            found.remark(format!("{} is Kubernetes' own: these are some of its rights.", role.id()));
        }
        for row in rows {
            if !found.rights.iter().any(|right| right.row == row) {
                found.rights.push(Right { denied: None, row });
            }
        }
    }
    let mut taken: Vec<Row> = Vec::new();
    for right in &mut found.rights {
        right.denied = asker.neighbour(&right.row, &taken);
        taken.extend(right.denied.clone());
    }
    found
}

impl Rights {
    fn remark(&mut self, text: String) {
        if !self.remarks.contains(&text) {
            self.remarks.push(text);
        }
    }
}

/// Whether a rule is one of a ClusterRole of the manifests.
fn is_in(rule: &PolicyRule, own: &Policy) -> bool {
    own.cluster_roles.iter().flat_map(|role| role.rules.iter().flatten()).any(|known| known == rule)
}

/// The roles of the manifests that grant no subject anything by what is in them: they are neither bound nor aggregated.
pub fn idle(all: &Policy, own: &Policy) -> Vec<String> {
    let bound = |kind: &str, namespace: Option<&str>, name: &str| {
        own.bindings().any(|binding| {
            let here = namespace.is_none() || binding.namespace == namespace;
            binding.role_ref.kind == kind && binding.role_ref.name == name && here
        })
    };
    let collected = |role: &ClusterRole| all.cluster_roles.iter().any(|other| policy::collects(other, role));
    let name = |about: &ObjectMeta| about.name.clone().unwrap_or_default();
    let wide =
        own.cluster_roles.iter().filter(|role| !bound("ClusterRole", None, &name(&role.metadata)) && !collected(role));
    let narrow =
        own.roles.iter().filter(|role| !bound("Role", role.metadata.namespace.as_deref(), &name(&role.metadata)));
    let wide = wide.map(|role| format!("ClusterRole {}", name(&role.metadata)));
    wide.chain(narrow.map(|role| format!("Role {}", name(&role.metadata)))).collect()
}

/// As many rows stand for one of Kubernetes' own roles.
const SAMPLES: usize = 6;

fn samples(rows: Vec<Row>) -> Vec<Row> {
    let known = ["pods", "configmaps", "secrets", "deployments.apps", "roles.rbac.authorization.k8s.io", "*.*"];
    let asked = |row: &Row| {
        row.resources.iter().any(|resource| known.contains(&resource.as_str()))
            || row.resources.iter().any(|resource| resource.ends_with("reviews.authorization.k8s.io"))
            || row.resources.iter().any(|resource| resource.ends_with("reviews.authentication.k8s.io"))
    };
    let (some, others): (Vec<Row>, Vec<Row>) = rows.into_iter().partition(asked);
    some.into_iter().chain(others).take(SAMPLES).collect()
}

/// Puts questions about a subject.
struct Asker<'a> {
    all: &'a Policy,
    caller: &'a Caller,
    apis: Apis,
}

impl Asker<'_> {
    fn allows(&self, request: Request) -> bool {
        grant(self.all, &Question { caller: self.caller.clone(), request }).is_some()
    }

    /// The rows of a rule, of which each question is allowed.
    fn rows(&self, rule: &PolicyRule, scope: Scope<'_>, remarks: &mut Vec<String>) -> Vec<Row> {
        let mut rows = Vec::new();
        let words = |list: &Option<Vec<String>>| list.clone().unwrap_or_default();
        if scope.is_none() && !words(&rule.non_resource_urls).is_empty() {
            let known = |verb: &String| verb == "*" || PATH_VERBS.contains(&verb.as_str());
            let verbs: Vec<String> = rule.verbs.iter().filter(|verb| known(verb)).cloned().collect();
            rows.push(Row { verbs, urls: words(&rule.non_resource_urls), ..Row::default() });
        }
        for group in words(&rule.api_groups) {
            for resource in words(&rule.resources) {
                self.resource(rule, scope, (&group, &resource), &mut rows, remarks);
            }
        }
        let allowed = |row: &Row| {
            let all = self.requests(row);
            !all.is_empty() && all.into_iter().all(|request| self.allows(request))
        };
        rows.retain(allowed);
        rows
    }

    /// Adds what a rule says of one resource to the row that it belongs to.
    fn resource(
        &self,
        rule: &PolicyRule,
        scope: Scope<'_>,
        (group, resource): (&str, &str),
        rows: &mut Vec<Row>,
        remarks: &mut Vec<String>,
    ) {
        let (plural, sub) = resource_name::split(resource);
        let mut remark = |text: String| {
            if !remarks.contains(&text) {
                remarks.push(text);
            }
        };
        let shown = if group.is_empty() { resource.to_owned() } else { format!("{resource} of {group}") };
        let mut group = group.to_owned();
        let mut plural = plural.to_owned();
        if group == "*" && plural != "*" {
            // A group that has it stands for all.
            match crate::k8s::served::groups_of(&plural).first() {
                Some(first) => group = (*first).to_owned(),
                None => return remark(format!("No row for {shown}: no group of Kubernetes' own has it.")),
            }
        }
        if plural == "*" && sub.is_some_and(|sub| sub != "*") {
            let sub = sub.unwrap_or_default();
            match crate::k8s::served::with_subresource(&group, sub) {
                Some((of, one)) => (group, plural) = (of.to_owned(), one.to_owned()),
                None => return remark(format!("No row for {shown}: no resource of Kubernetes' own has it.")),
            }
        }
        let word = if group.is_empty() { plural.clone() } else { format!("{plural}.{group}") };
        let namespaced = self.namespaced(rule.verbs.first().map_or("get", String::as_str), &group, &plural);
        let namespace = match (scope, namespaced) {
            (Some(_), Some(false)) if !(group.is_empty() && plural == "namespaces") => {
                return remark(format!("A Role grants nothing on {shown}: they are in no namespace."));
            }
            // A Namespace is in itself.
            (Some(_), Some(false)) => return,
            (Some(HOME), _) | (None, Some(false)) => None,
            (Some(namespace), _) => Some(namespace.to_owned()),
            (None, _) => Some("*".to_owned()),
        };
        let names = rule.resource_names.clone().unwrap_or_default();
        // The request that makes an object does not say its name, that which makes a part of one (`pods/exec`) says whose part it is.
        let says_no_name = |verb: &String| verb == "deletecollection" || verb == "create" && sub.is_none();
        let (nameless, verbs): (Vec<String>, Vec<String>) =
            rule.verbs.iter().cloned().partition(|verb| !names.is_empty() && says_no_name(verb));
        if !nameless.is_empty() {
            let asked = nameless.join(" and ");
            remark(format!(
                "No row for {asked} of {shown} by name: such a request says none, so the rule grants nothing."
            ));
        }
        if verbs.is_empty() {
            return;
        }
        let row = Row { verbs, subresource: sub.map(str::to_owned), names, namespace, ..Row::default() };
        let same =
            |other: &&mut Row| Row { resources: Vec::new(), ..(**other).clone() } == row && other.urls.is_empty();
        match rows.iter_mut().find(same) {
            Some(other) if other.resources.contains(&word) => {}
            Some(other) => other.resources.push(word),
            None => rows.push(Row { resources: vec![word], ..row }),
        }
    }

    /// Whether objects are in namespaces; `None`: only the cluster knows.
    fn namespaced(&self, verb: &str, group: &str, plural: &str) -> Option<bool> {
        match self.apis.resource(verb, group, plural, None) {
            Served::Resource(own) => Some(own.namespaced),
            Served::Other => crate::k8s::special::resource(verb, group, plural),
            Served::Unsure | Served::Missing(_) => None,
        }
    }

    /// The requests that a row is about, as `can` makes them.
    fn requests(&self, row: &Row) -> Vec<Request> {
        let mut all = Vec::new();
        for verb in &row.verbs {
            for path in &row.urls {
                all.push(Request::Path { verb: verb.clone(), path: path.clone() });
            }
            for word in &row.resources {
                let (plural, group) = word.split_once('.').unwrap_or((word, ""));
                let names: Vec<Option<String>> = match row.names.as_slice() {
                    [] => vec![None],
                    names => names.iter().cloned().map(Some).collect(),
                };
                for name in names {
                    let own = row.namespace.clone().unwrap_or_else(|| HOME.to_owned());
                    let namespace = match self.namespaced(verb, group, plural) {
                        Some(false) if group.is_empty() && plural == "namespaces" => name.clone(),
                        Some(false) => None,
                        _ => Some(own).filter(|own| own != "*"),
                    };
                    all.push(Request::Resource {
                        verb: verb.clone(),
                        group: group.to_owned(),
                        resource: plural.to_owned(),
                        subresource: row.subresource.clone(),
                        namespace,
                        name,
                    });
                }
            }
        }
        all
    }

    /// Something next to a right that is denied, and that is there to be denied.
    fn neighbour(&self, row: &Row, taken: &[Row]) -> Option<Row> {
        let mut near = self.near(row);
        near.extend(others(row));
        let denied = |one: &Row| {
            let requests = self.requests(one);
            !requests.is_empty() && requests.into_iter().all(|request| self.is_there(&request) && !self.allows(request))
        };
        // One that no other right has yet, if there is.
        let mut all = near.into_iter().filter(denied).peekable();
        let first = all.peek().cloned();
        all.find(|one| !taken.contains(one)).or(first)
    }

    /// Whether a denial of it says something: no subject is allowed what no request asks for.
    fn is_there(&self, request: &Request) -> bool {
        match request {
            Request::Path { path, .. } => matches!(self.apis.path("GET", path), Served::Other | Served::Resource(_)),
            Request::Resource { verb, group, resource, subresource, .. } => {
                match self.apis.resource(verb, group, resource, subresource.as_deref()) {
                    Served::Resource(own) => own.verbs.iter().any(|known| known == verb),
                    // A kind of one's own takes all requests, and a part of it is read and changed.
                    Served::Unsure => match subresource.as_deref() {
                        None => REQUEST_VERBS.contains(&verb.as_str()),
                        Some(part) => {
                            matches!(part, "status" | "scale") && matches!(verb.as_str(), "get" | "patch" | "update")
                        }
                    },
                    _ => false,
                }
            }
        }
    }

    fn near(&self, row: &Row) -> Vec<Row> {
        let mut near = Vec::new();
        if let Some(path) = row.urls.first() {
            for path in [path.as_str(), "/metrics", "/logs", "/debug/pprof", "/configz"] {
                for verb in ["get", "post"] {
                    near.push(Row { verbs: vec![verb.into()], urls: vec![path.into()], ..Row::default() });
                }
            }
            return near;
        }
        for resource in &row.resources {
            let one = Row { resources: vec![resource.clone()], ..row.clone() };
            if let (false, Some(verb)) = (row.names.is_empty(), row.verbs.first()) {
                near.push(Row { verbs: vec![verb.clone()], names: vec![ANOTHER.into()], ..one.clone() });
            }
            for verb in ["delete", "create", "update", "patch", "list", "get", "watch", "deletecollection"] {
                if REQUEST_VERBS.contains(&verb) {
                    near.push(Row { verbs: vec![verb.into()], names: Vec::new(), ..one.clone() });
                }
            }
            if let (Some(verb), false) = (row.verbs.first(), row.namespace.as_deref() == Some("*")) {
                for namespace in ["kube-system", "default"] {
                    let namespace = Some(namespace.to_owned());
                    near.push(Row { verbs: vec![verb.clone()], namespace, names: Vec::new(), ..one.clone() });
                }
            }
        }
        near
    }
}

/// What stands for a neighbour where nothing nearer is denied.
fn others(row: &Row) -> Vec<Row> {
    let somewhere = row.namespace.clone();
    let verbs = ["get", "list", "create", "delete", "update", "patch"];
    let resources =
        ["secrets", "pods", "configmaps", "deployments.apps", "clusterroles.rbac.authorization.k8s.io", "nodes"];
    let all = resources.into_iter().flat_map(|resource| verbs.into_iter().map(move |verb| (verb, resource)));
    all.map(|(verb, resource)| {
        let in_one = !matches!(resource, "nodes" | "clusterroles.rbac.authorization.k8s.io");
        Row {
            verbs: vec![verb.into()],
            resources: vec![resource.into()],
            namespace: somewhere.clone().filter(|_| in_one),
            ..Row::default()
        }
    })
    .collect()
}

/// What is asked about a subject without any right.
pub fn nothing(subject: &Subject, all: &Policy) -> Vec<Row> {
    let caller = subject.caller();
    let asker = Asker { all, caller: &caller, apis: Apis::of_scenario(Vec::new(), Vec::new()) };
    let rows = ["pods", "secrets"].into_iter().flat_map(|resource| {
        ["get", "list", "create"].map(|verb| Row {
            verbs: vec![verb.into()],
            resources: vec![resource.into()],
            ..Row::default()
        })
    });
    rows.filter(|row| asker.requests(row).into_iter().all(|request| !asker.allows(request))).collect()
}
