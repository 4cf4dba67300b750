//! The one answer to the question whether an API server has a resource, a subresource, a version or a path.

use super::{
    near::{is_slip, nearest, nearest_group},
    served::{Resource, TABLE, Table},
    special,
};

/// What one API server serves.
#[derive(Debug, Clone, Default)]
pub struct Apis {
    /// What is known of it.
    resources: Vec<Resource>,
    /// This table holds, too: it is a cluster of a version that we ship, with the resources above beside.
    table: Option<&'static Table>,
    /// API groups of which nothing is known: other servers serve them.
    others: Vec<String>,
    /// Groups and versions that discovery has listed, with resources or not.
    listed: Vec<(String, String)>,
    /// Paths that are no resources, where the table does not hold.
    paths: Vec<String>,
}

/// Whether there is such a thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Served<'a> {
    /// A resource, or a subresource of it.
    Resource(&'a Resource),
    /// Something else that is there: a path, or what only authorizers are asked for.
    Other,
    /// Only the cluster knows: the API is none of Kubernetes' own.
    Unsure,
    /// No.
    Missing(Missing),
}

/// What is not there, and what is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// Which part of the question is wrong.
    pub part: Part,
    /// One sentence in lower case without a period: ``there is no resource `podz` ``.
    pub message: String,
    /// What to write instead: a resource, a subresource, or a whole path, as `part` says.
    pub meant: Option<String>,
    /// What is there, when nothing is near.
    pub have: Option<String>,
}

/// A part of a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The path, in which `meant` is the whole.
    Path,
    /// The resource or its group.
    Resource,
    /// The subresource.
    Subresource,
}

impl Missing {
    pub(super) fn new(part: Part, message: String) -> Self {
        Self { part, message, meant: None, have: None }
    }

    /// What to do, in one sentence: of what was meant, or of what is there.
    pub fn hint(&self) -> Option<String> {
        match (&self.meant, &self.have) {
            (Some(meant), _) => Some(format!("did you mean `{meant}`?")),
            (None, have) => have.clone(),
        }
    }
}

impl Apis {
    /// A cluster of the version that we ship, to which a scenario adds resources of its own and APIs of other servers.
    pub fn of_scenario(resources: Vec<Resource>, others: Vec<String>) -> Self {
        Self { resources, table: Some(&TABLE), others, ..Self::default() }
    }

    /// The same on another version that we ship.
    #[must_use]
    pub fn of_version(&self, table: &'static Table) -> Self {
        Self { table: Some(table), ..self.clone() }
    }

    /// What discovery says: the resources, and all groups and versions that it has listed.
    pub fn discovered(resources: Vec<Resource>, listed: Vec<(String, String)>, paths: Vec<String>) -> Self {
        Self { resources, listed, paths, ..Self::default() }
    }

    /// What a scenario adds to what the server has: the kinds of its CustomResourceDefinitions.
    pub fn added(&self) -> &[Resource] {
        &self.resources
    }

    /// Whether a group is served by a server of which only its group is known.
    pub fn is_others(&self, group: &str) -> bool {
        self.others.iter().any(|other| other == group)
    }

    /// Whether the objects of a resource are in namespaces, if it is known.
    pub fn is_namespaced(&self, group: &str, plural: &str) -> Option<bool> {
        let found = self.all().find(|own| own.group == group && own.plural == plural && own.sub.is_none())?;
        Some(found.namespaced)
    }

    /// A path of the server's own of which another one is probably a slip.
    pub fn path_near(&self, path: &str) -> Option<&str> {
        let mut known: Vec<&str> = Vec::new();
        for own in self.paths().iter().map(|own| own.trim_end_matches('/')).filter(|own| !own.is_empty()) {
            // What is above a path counts, too.
            known.extend(own.match_indices('/').skip(1).map(|(at, _)| &own[..at]).chain([own]));
        }
        if known.contains(&path) {
            return None;
        }
        let one_less = |own: &str| own.strip_suffix('s').is_some_and(|one| one == path && one.len() > 5);
        known.into_iter().find(|own| is_slip(path, own) || one_less(own))
    }

    /// All that is served.
    pub(super) fn all(&self) -> impl Iterator<Item = &Resource> {
        let table = self.table.map_or(&[][..], |table| table.resources.as_slice());
        self.resources.iter().chain(table)
    }

    /// All of which a word may have been meant.
    fn all_known(&self) -> impl Iterator<Item = &Resource> {
        let table = if self.table.is_some() { &[] } else { TABLE.resources.as_slice() };
        self.all().chain(table).filter(|resource| resource.sub.is_none())
    }

    pub(super) fn paths(&self) -> &[String] {
        self.table.map_or(&self.paths, |table| &table.paths)
    }

    /// The versions of a group.
    pub(super) fn versions(&self, group: &str) -> Vec<&str> {
        let mut versions = Vec::new();
        let listed = self.listed.iter().filter(|(listed, _)| listed == group).map(|(_, version)| version.as_str());
        let served = self.all().filter(|resource| resource.group == group).map(|resource| resource.version.as_str());
        for version in listed.chain(served) {
            if !versions.contains(&version) {
                versions.push(version);
            }
        }
        versions
    }

    /// Whether all that a group has is known. A scenario's own group may have more than the scenario makes.
    pub(super) fn is_closed(&self, group: &str) -> bool {
        self.table.is_none() || TABLE.resources.iter().any(|resource| resource.group == group)
    }

    /// A group that is not there: what was meant, or that it cannot be said before the run.
    pub(super) fn no_group(&self, group: &str) -> Option<Missing> {
        if self.others.iter().any(|other| other == group) {
            return None;
        }
        let known = |group: &str| self.all_known().map(|own| own.group.as_str()).find(|own| *own == group);
        // `deployments.v1.apps`
        let versioned = group.split_once('.').filter(|(version, _)| is_version(version));
        let near = versioned.and_then(|(_, rest)| known(rest));
        let near = near.or_else(|| nearest_group(group, self.all_known().map(|own| own.group.as_str())));
        // A group of one's own has a domain.
        if self.table.is_some() && near.is_none() && group.contains('.') {
            return None;
        }
        let mut missing = Missing::new(Part::Resource, format!("there is no API group `{group}`"));
        missing.meant = near.map(str::to_owned);
        Some(missing)
    }

    /// Whether a resource of a group is there, in any version: what is asked of an authorizer, which knows no versions.
    pub fn resource(&self, verb: &str, group: &str, plural: &str, sub: Option<&str>) -> Served<'_> {
        let any = |word: &str| word.contains('*');
        if any(group) || any(plural) || special::resource(verb, group, plural).is_some() {
            return Served::Other;
        }
        let found = self.all().find(|own| own.group == group && own.plural == plural && own.sub.is_none());
        let Some(found) = found else {
            // Some are served as subresources only.
            return match self.no_resource(group, plural) {
                Some(missing) => Served::Missing(missing),
                None => Served::Unsure,
            };
        };
        match sub {
            None | Some("") => Served::Resource(found),
            Some(sub) if any(sub) || special::subresource(group, plural, sub) => Served::Other,
            Some(sub) => {
                let own = |own: &&Resource| own.group == group && own.plural == plural;
                match self.all().filter(own).find(|own| own.sub.as_deref() == Some(sub)) {
                    Some(found) => Served::Resource(found),
                    None => Served::Missing(self.no_subresource(group, None, plural, sub)),
                }
            }
        }
    }

    /// What was meant by a resource that is not there; nothing when it may be.
    fn no_resource(&self, group: &str, plural: &str) -> Option<Missing> {
        let word = if group.is_empty() { plural.to_owned() } else { format!("{plural}.{group}") };
        let meant = self.meant(group, plural);
        let mut missing = Missing::new(Part::Resource, format!("there is no resource `{word}`"));
        let own = TABLE.resources.iter().any(|own| own.group == group);
        if self.table.is_none() && !own && group.contains('.') {
            // Discovery has been asked: the operator is not there, or not in this version.
            missing.message = match self.versions(group).is_empty() {
                true => format!("`{word}` is not installed on this cluster, which serves no API group `{group}`"),
                false => {
                    format!("`{word}` is not installed on this cluster, whose API group `{group}` has no `{plural}`")
                }
            };
        }
        if self.versions(group).is_empty() {
            let no_group = self.no_group(group)?;
            missing.meant = match (&no_group.meant, meant) {
                (Some(near), _) if self.all_known().any(|own| own.group == *near && own.plural == plural) => {
                    Some(format!("{plural}.{near}"))
                }
                (_, Some(meant)) => Some(meant.written()),
                (Some(near), None) => Some(format!("{plural}.{near}")),
                (None, None) => None,
            };
        } else {
            // An unlike word of a group that a scenario's own kinds are in may be of another kind's.
            let near = meant.filter(|meant| meant.group == group || self.is_closed(group));
            if near.is_none() && !self.is_closed(group) {
                return None;
            }
            missing.meant = near.map(Resource::written);
        }
        let verbs = special::verbs_of(group, plural);
        if !verbs.is_empty() {
            missing.meant = None;
            missing.have = Some(format!("only `{}` is asked about {word}", verbs.join("`, `")));
        }
        Some(missing)
    }

    /// A subresource that is not there.
    pub(super) fn no_subresource(&self, group: &str, version: Option<&str>, plural: &str, sub: &str) -> Missing {
        let own = |own: &&Resource| {
            own.group == group && own.plural == plural && version.is_none_or(|version| own.version == version)
        };
        let mut subs: Vec<&str> = self.all().filter(own).filter_map(|own| own.sub.as_deref()).collect();
        subs.dedup();
        let mut missing = Missing::new(Part::Subresource, format!("`{plural}` have no subresource `{sub}`"));
        // Of a path only what is served may be meant.
        let special = if version.is_none() { special::subresources(group, plural) } else { &[] };
        missing.meant = nearest(sub, subs.iter().chain(special).copied()).map(str::to_owned);
        missing.have = Some(match subs.as_slice() {
            [] => format!("`{plural}` have none"),
            subs => format!("they have `{}`", subs.join("`, `")),
        });
        missing
    }

    /// The resource that kubectl takes a word for: `po`, `Pod`, `deployments.apps`, `deployments.v1.apps`.
    pub fn named(&self, word: &str) -> Option<&Resource> {
        let lower = word.to_lowercase();
        let same = |own: &&Resource, word: &str| {
            own.sub.is_none()
                && (own.plural == word
                    || own.singular == word
                    || own.kind.to_lowercase() == word
                    || own.short.iter().any(|short| short == word))
        };
        if let Some(found) = self.all().find(|own| same(own, &lower)) {
            return Some(found);
        }
        let (word, group) = lower.split_once('.')?;
        let group = group.split_once('.').filter(|(version, _)| is_version(version)).map_or(group, |(_, group)| group);
        self.all().find(|own| own.group == group && same(own, word))
    }

    /// The resource that has the objects of a kind.
    pub fn of_kind(&self, group: &str, kind: &str) -> Option<&Resource> {
        self.all().find(|own| own.group == group && own.kind == kind && own.sub.is_none())
    }

    /// The resource that is meant by a word that is none of this group: another group's, the singular, a kind, another case,
    /// kubectl's short name, or a slip of the fingers.
    pub(super) fn meant(&self, group: &str, word: &str) -> Option<&Resource> {
        let lower = word.to_lowercase();
        let same = |own: &&Resource| {
            own.plural == lower
                || own.singular == lower
                || own.kind.to_lowercase() == lower
                || own.short.contains(&lower)
        };
        let near = |among: &mut dyn Iterator<Item = &'_ Resource>| {
            nearest(&lower, among.map(|own| own.plural.as_str()).collect::<Vec<_>>().into_iter()).map(str::to_owned)
        };
        let of_group = || self.all_known().filter(|own| own.group == group);
        let by_plural = |plural: String| {
            of_group().find(|own| own.plural == plural).or_else(|| self.all_known().find(|own| own.plural == plural))
        };
        of_group()
            .find(same)
            .or_else(|| self.all_known().find(|own| own.plural == lower))
            .or_else(|| near(&mut of_group()).and_then(by_plural))
            .or_else(|| self.all_known().find(same))
            .or_else(|| near(&mut self.all_known()).and_then(by_plural))
    }
}

/// Whether a word looks like a version: `v1`, `v1beta1`.
fn is_version(word: &str) -> bool {
    word.strip_prefix('v').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
}

#[cfg(test)]
mod tests;
