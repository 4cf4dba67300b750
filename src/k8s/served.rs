//! What an API server serves, of each version that the engine has: tables that a test writes from live clusters' discovery, and
//! compares with them each time.

use std::sync::LazyLock;

use super::{Version, resource_name};

/// A resource or a subresource of one API group and version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resource {
    /// `""` for the core group.
    pub group: String,
    /// e.g. `v1`.
    pub version: String,
    /// e.g. `pods`.
    pub plural: String,
    /// e.g. `log`.
    pub sub: Option<String>,
    /// The kind of its objects.
    pub kind: String,
    /// Whether its objects are in namespaces.
    pub namespaced: bool,
    /// What can be done with it.
    pub verbs: Vec<String>,
    /// e.g. `pod`; empty for subresources.
    pub singular: String,
    /// kubectl's short names.
    pub short: Vec<String>,
}

impl Resource {
    /// As one writes it in a question: `pods`, `deployments.apps`.
    pub fn written(&self) -> String {
        if self.group.is_empty() { self.plural.clone() } else { format!("{}.{}", self.plural, self.group) }
    }

    /// `v1`, `apps/v1`.
    pub fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.clone() } else { format!("{}/{}", self.group, self.version) }
    }

    /// Where its API is: `/api/v1`, `/apis/apps/v1`.
    pub fn root(&self) -> String {
        root(&self.group, &self.version)
    }
}

/// Where the API of a group and version is.
pub fn root(group: &str, version: &str) -> String {
    if group.is_empty() { format!("/api/{version}") } else { format!("/apis/{group}/{version}") }
}

/// All that an API server has when it has started.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Table {
    /// Its version, e.g. `v1.37.2`.
    pub version: String,
    /// Resources and subresources.
    pub resources: Vec<Resource>,
    /// Paths that are no resources.
    pub paths: Vec<String>,
    /// Its ClusterRoles.
    pub cluster_roles: Vec<String>,
    /// Its Roles: namespace and name.
    pub roles: Vec<(String, String)>,
}

/// The table of the newest version that we ship.
pub static TABLE: LazyLock<Table> = LazyLock::new(|| parse(include_str!("served.txt")));

/// Those of the older versions, newest first.
pub static OLDER: LazyLock<[Table; 2]> =
    LazyLock::new(|| [parse(include_str!("served-1.34.txt")), parse(include_str!("served-1.20.txt"))]);

/// The table of the newest version for which something holds.
pub fn newest(holds: impl Fn(Version) -> bool) -> Option<&'static Table> {
    let all = std::iter::once(&*TABLE).chain(OLDER.iter());
    all.into_iter().find(|table| Version::of_release(&table.version).is_some_and(&holds))
}

/// Reads a table: one thing a line, its first word says of which kind. A line of another kind is taken for a comment.
fn parse(text: &str) -> Table {
    let list = |word: &str| -> Vec<String> {
        if word == "-" { Vec::new() } else { word.split(',').map(str::to_owned).collect() }
    };
    let mut table = Table::default();
    for line in text.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        match words.as_slice() {
            ["kubernetes", version] => table.version = (*version).to_owned(),
            ["path", path] => table.paths.push((*path).to_owned()),
            ["clusterrole", name] => table.cluster_roles.push((*name).to_owned()),
            ["role", namespace, name] => table.roles.push(((*namespace).to_owned(), (*name).to_owned())),
            ["resource", api, name, kind, scope, verbs, singular, short] => {
                let (group, version) = api.rsplit_once('/').unwrap_or(("", api));
                let (plural, sub) = resource_name::split(name);
                table.resources.push(Resource {
                    group: group.to_owned(),
                    version: version.to_owned(),
                    plural: plural.to_owned(),
                    sub: sub.map(str::to_owned),
                    kind: (*kind).to_owned(),
                    namespaced: *scope == "namespaced",
                    verbs: list(verbs),
                    singular: if *singular == "-" { String::new() } else { (*singular).to_owned() },
                    short: list(short),
                });
            }
            _ => {}
        }
    }
    table
}

impl Table {
    /// Whether it is that of the newest version.
    pub fn is_newest(&self) -> bool {
        self.version == TABLE.version
    }

    /// The table as it is kept in a file.
    pub fn file_contents(&self) -> String {
        let list = |words: &[String]| if words.is_empty() { "-".to_owned() } else { words.join(",") };
        let mut lines = vec![
            "# What the API server that we ship has when it has started: resources, paths, and roles of its own."
                .to_owned(),
            "# Written from a live cluster: KUBEWALK_BLESS=1 cargo test --test discovery".to_owned(),
            format!("kubernetes {}", self.version),
        ];
        lines.extend(self.resources.iter().map(|resource| {
            let Resource { plural, sub, kind, namespaced, verbs, singular, short, .. } = resource;
            let name = sub.as_ref().map_or_else(|| plural.clone(), |sub| format!("{plural}/{sub}"));
            let scope = if *namespaced { "namespaced" } else { "cluster" };
            let singular = if singular.is_empty() { "-" } else { singular };
            let (verbs, short) = (list(verbs), list(short));
            format!("resource {} {name} {kind} {scope} {verbs} {singular} {short}", resource.api_version())
        }));
        lines.extend(self.paths.iter().map(|path| format!("path {path}")));
        lines.extend(self.cluster_roles.iter().map(|name| format!("clusterrole {name}")));
        lines.extend(self.roles.iter().map(|(namespace, name)| format!("role {namespace} {name}")));
        lines.join("\n") + "\n"
    }
}

/// The plural behind one of kubectl's short names.
pub fn long(short: &str) -> Option<&'static str> {
    let found = TABLE.resources.iter().find(|resource| resource.short.iter().any(|other| other == short))?;
    Some(&found.plural)
}

/// Whether an API group is Kubernetes' own.
pub fn is_own_group(group: &str) -> bool {
    TABLE.resources.iter().any(|resource| resource.group == group)
}

/// The API groups of Kubernetes' own that have a resource of this plural.
pub fn groups_of(plural: &str) -> Vec<&'static str> {
    let have = TABLE.resources.iter().filter(|resource| resource.plural == plural && resource.sub.is_none());
    have.map(|resource| resource.group.as_str()).collect()
}

/// A resource of a group (`*`: of any) that has this subresource: its group and plural.
pub fn with_subresource(group: &str, sub: &str) -> Option<(&'static str, &'static str)> {
    let fits = |resource: &&Resource| {
        (group == "*" || resource.group == group) && resource.sub.as_deref() == Some(sub) && resource.namespaced
    };
    TABLE.resources.iter().find(fits).map(|resource| (resource.group.as_str(), resource.plural.as_str()))
}

/// Whether every cluster has this ClusterRole.
pub fn is_cluster_role(name: &str) -> bool {
    TABLE.cluster_roles.iter().any(|own| own == name)
}

/// Whether every cluster has this Role.
pub fn is_role(namespace: &str, name: &str) -> bool {
    TABLE.roles.iter().any(|(place, own)| place == namespace && own == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_read_as_it_is_written() {
        assert_eq!(TABLE.file_contents(), include_str!("served.txt"));
        assert_eq!(OLDER[0].file_contents(), include_str!("served-1.34.txt"));
        assert_eq!(OLDER[1].file_contents(), include_str!("served-1.20.txt"));
        assert!(TABLE.resources.len() > 100 && TABLE.paths.len() > 30 && TABLE.cluster_roles.len() > 5);
    }

    #[test]
    fn a_condition_chooses_the_newest_table_that_fulfils_it() {
        let of = |holds: fn(Version) -> bool| newest(holds).and_then(|table| Version::of_release(&table.version));
        assert_eq!(of(|_| true), Version::of_release(&TABLE.version));
        assert_eq!(of(|version| version < Version::new(1, 35)), Some(Version::new(1, 34)));
        assert_eq!(of(|version| version < Version::new(1, 22)), Some(Version::new(1, 20)));
        assert_eq!(of(|version| version < Version::new(1, 20)), None);
        let has = |table: &Table, version: &str| {
            table.resources.iter().any(|own| own.plural == "roles" && own.version == version)
        };
        assert!(has(&OLDER[1], "v1beta1") && !has(&OLDER[0], "v1beta1") && has(&OLDER[0], "v1"));
    }

    #[test]
    fn short_names_are_kubectls() {
        for (short, plural) in [
            ("po", "pods"),
            ("pdb", "poddisruptionbudgets"),
            ("rc", "replicationcontrollers"),
            ("csr", "certificatesigningrequests"),
            ("quota", "resourcequotas"),
            ("crd", "customresourcedefinitions"),
            ("sc", "storageclasses"),
        ] {
            assert_eq!(long(short), Some(plural));
        }
        assert_eq!(long("pods"), None);
    }
}
