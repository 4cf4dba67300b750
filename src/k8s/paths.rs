//! Whether an API server has anything at the path of a request.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

use super::{
    nearest,
    resolve::{Apis, Missing, Part, Served},
    served::{Resource, TABLE, root},
    special,
};

/// Below these the server answers to more than it lists.
const OPEN: [&str; 5] = ["/debug/pprof", "/debug/flags", "/debug/api_priority_and_fairness", "/logs", "/openapi/v3"];

/// A path as the API server reads it: each escape stands for its letter, before the path is taken apart.
pub fn decoded(path: &str) -> Cow<'_, str> {
    percent_decode_str(path).decode_utf8_lossy()
}

/// The first part of a URL's path that is `.` or `..`, also by escapes (`%2e%2E`). The API server takes it for a name, and clients and
/// proxies on the way resolve it: no reader could tell what is asked.
pub fn dots(path_and_query: &str) -> Option<&str> {
    let path = path_and_query.split(['?', '#']).next().unwrap_or_default();
    let is = |part: &&str| decoded(part).split('/').any(|part| matches!(part, "." | ".."));
    path.split('/').find(is)
}

/// A request's path taken apart.
struct Asked<'p> {
    method: &'p str,
    /// Its segments.
    all: Vec<&'p str>,
    /// Whether the query asks to watch.
    watches: bool,
}

impl Apis {
    /// Whether there is anything for this method at this path of a URL, which may have a query.
    pub fn path(&self, method: &str, path_and_query: &str) -> Served<'_> {
        let path_and_query = path_and_query.split('#').next().unwrap_or_default();
        let (path, query) = path_and_query.split_once('?').unwrap_or((path_and_query, ""));
        let path = &*decoded(path);
        // A wildcard is a question to an authorizer about many paths.
        if path.ends_with('*') {
            return Served::Other;
        }
        match self.judged(method, path, query) {
            // What earlier steps save is put in when the step runs.
            Served::Missing(_) if path.contains('{') => Served::Unsure,
            served => served,
        }
    }

    fn judged(&self, method: &str, path: &str, query: &str) -> Served<'_> {
        let all: Vec<&str> = path.trim_matches('/').split('/').collect();
        let asked =
            Asked { method, watches: query.split('&').any(|pair| matches!(pair, "watch=true" | "watch=1")), all };
        match *asked.all.as_slice() {
            [""] | ["api" | "apis"] => Served::Other,
            ["api", version] => self.version(&asked, "", version).unwrap_or(Served::Other),
            ["apis", group] => self.group(&asked, group).unwrap_or(Served::Other),
            ["apis", group, version] => self.version(&asked, group, version).unwrap_or(Served::Other),
            ["api", version, ..] => {
                let moved = self.version(&asked, "", version);
                moved.unwrap_or_else(|| self.below(&asked, "", version, 2))
            }
            ["apis", group, version, ..] => {
                let moved = self.version(&asked, group, version);
                moved.unwrap_or_else(|| self.below(&asked, group, version, 3))
            }
            _ => self.plain(path),
        }
    }

    /// A path that is no resource.
    fn plain(&self, path: &str) -> Served<'_> {
        let bare = path.trim_end_matches('/');
        let below = |root: &str| bare == root || bare.strip_prefix(root).is_some_and(|rest| rest.starts_with('/'));
        if self.paths().iter().any(|own| own.trim_end_matches('/') == bare) || OPEN.iter().any(|root| below(root)) {
            return Served::Other;
        }
        let mut missing = Missing::new(Part::Path, format!("the API server has no path `{path}`"));
        let near = nearest(bare, self.paths().iter().chain(&TABLE.paths).map(|own| own.trim_end_matches('/')));
        missing.meant = near.map(str::to_owned).or_else(|| self.other_root(bare));
        Served::Missing(missing)
    }

    /// `/v1/pods`, `/apps/v1/deployments`, `/apiz/v1/pods`: an API without its root, or below one that is misspelt.
    fn other_root(&self, path: &str) -> Option<String> {
        let segments: Vec<&str> = path.trim_matches('/').split('/').collect();
        let is_version = |word: &str| self.versions("").contains(&word);
        match *segments.as_slice() {
            [version, ..] if is_version(version) => Some(format!("/api{path}")),
            [group, version, ..] if self.versions(group).contains(&version) => Some(format!("/apis{path}")),
            [wrong, version, _, ..] if is_version(version) && nearest(wrong, ["api", "apis"].into_iter()).is_some() => {
                Some(format!("/api/{}", segments[1..].join("/")))
            }
            [wrong, group, ..]
                if !self.versions(group).is_empty() && nearest(wrong, ["api", "apis"].into_iter()).is_some() =>
            {
                Some(format!("/apis/{}", segments[1..].join("/")))
            }
            _ => None,
        }
    }

    /// Why there is nothing below `/apis/GROUP`; `None`: there is.
    fn group(&self, asked: &Asked<'_>, group: &str) -> Option<Served<'_>> {
        if !self.versions(group).is_empty() {
            return None;
        }
        if self.versions("").contains(&group) {
            let mut missing = Missing::new(Part::Path, "the core group has no name".into());
            missing.meant = Some(format!("/api/{}", asked.all[1..].join("/")));
            return Some(Served::Missing(missing));
        }
        let Some(mut missing) = self.no_group(group) else { return Some(Served::Unsure) };
        missing.part = Part::Path;
        missing.meant = missing.meant.map(|near| asked.with(1, &near)).or_else(|| self.moved(asked, 3));
        Some(Served::Missing(missing))
    }

    /// Where a resource of a group or version that is gone is now; `at` is the first segment behind the version.
    fn moved(&self, asked: &Asked<'_>, at: usize) -> Option<String> {
        let rest = asked.all.get(at..)?;
        let plural = if rest.first() == Some(&"namespaces") && rest.len() > 2 { rest[2] } else { rest.first()? };
        let own = self.all().find(|own| own.plural == plural && own.sub.is_none())?;
        Some(format!("{}/{}", own.root(), rest.join("/")))
    }

    /// Why a version of a group is not served; `None`: it is.
    fn version(&self, asked: &Asked<'_>, group: &str, version: &str) -> Option<Served<'_>> {
        if !group.is_empty()
            && let Some(no_group) = self.group(asked, group)
        {
            return Some(no_group);
        }
        let versions = self.versions(group);
        if versions.contains(&version) {
            return None;
        }
        let at = if group.is_empty() { 1 } else { 2 };
        let mut missing = match group {
            // `/api/apps/v1/…`
            "" if !self.versions(version).is_empty() => {
                let mut missing =
                    Missing::new(Part::Path, format!("`{version}` is an API group, and no version of the core group"));
                missing.meant = Some(format!("/apis/{}", asked.all[1..].join("/")));
                missing
            }
            "" => Missing::new(Part::Path, format!("the core group has no version `{version}`")),
            _ => Missing::new(Part::Path, format!("API group `{group}` has no version `{version}`")),
        };
        if missing.meant.is_none() {
            missing.meant = versions.first().map(|served| asked.with(at, served));
        }
        Some(Served::Missing(missing))
    }

    /// What is behind the version, from segment `at` on.
    fn below(&self, asked: &Asked<'_>, group: &str, version: &str, mut at: usize) -> Served<'_> {
        let mut verb = asked.verb();
        if asked.all[at] == "watch" && asked.all.len() > at + 1 {
            (verb, at) = ("watch", at + 1);
        }
        let of_namespace = |rest: &[&str]| matches!(rest, ["namespaces", _, other, ..] if !(rest.len() == 3 && matches!(*other, "status" | "finalize")));
        let in_namespace = of_namespace(&asked.all[at..]);
        let at = if in_namespace { at + 2 } else { at };
        let rest = &asked.all[at..];
        let (plural, name, sub) = (rest[0], rest.get(1).copied(), rest.get(2).copied());
        let of_version = |own: &&Resource| own.group == group && own.version == version;
        let Some(found) = self.all().filter(of_version).find(|own| own.plural == plural && own.sub.is_none()) else {
            return self.no_plural(asked, (group, version), plural, at);
        };
        if in_namespace && !found.namespaced {
            let mut missing = Missing::new(Part::Path, format!("`{plural}` are in no namespace"));
            missing.meant = Some(format!("{}/{}", root(group, version), rest.join("/")));
            return Served::Missing(missing);
        }
        let only_lists = name.is_none() && matches!(asked.method, "GET" | "HEAD");
        if !in_namespace && found.namespaced && !only_lists {
            let mut missing = Missing::new(
                Part::Path,
                match name {
                    Some(name) => format!("`{plural}` are in namespaces, so there is no `{name}` of the whole cluster"),
                    None => format!("`{plural}` of all namespaces can only be listed"),
                },
            );
            missing.meant = Some(format!("{}/namespaces/{{namespace}}/{}", root(group, version), rest.join("/")));
            return Served::Missing(missing);
        }
        let target = match sub {
            None => found,
            Some(sub) => {
                let own = self.all().filter(of_version).filter(|own| own.plural == plural);
                let Some(found) = own.into_iter().find(|own| own.sub.as_deref() == Some(sub)) else {
                    let mut missing = self.no_subresource(group, Some(version), plural, sub);
                    missing.part = Part::Path;
                    missing.meant = missing.meant.map(|near| asked.with(at + 2, &near));
                    return Served::Missing(missing);
                };
                if rest.len() > 3 && sub != "proxy" {
                    let message = format!("there is nothing below `{plural}/{sub}`");
                    return Served::Missing(Missing::new(Part::Path, message));
                }
                found
            }
        };
        self.method(asked, target, verb, name)
    }

    /// Whether the method means anything there.
    fn method<'a>(&self, asked: &Asked<'_>, target: &'a Resource, verb: &str, name: Option<&str>) -> Served<'a> {
        let what = target.sub.as_ref().map_or_else(|| target.plural.clone(), |sub| format!("{}/{sub}", target.plural));
        let verb = match (verb, name) {
            ("get", None) if asked.watches => "watch",
            ("get", None) => "list",
            ("delete", None) => "deletecollection",
            (verb, _) => verb,
        };
        let missing = |message: String, have: String| {
            Served::Missing(Missing { have: Some(have), ..Missing::new(Part::Path, message) })
        };
        let method = asked.method;
        match (verb, name) {
            ("create", Some(name)) if target.sub.is_none() => missing(
                format!("nothing answers {method} at the path of one of the {what}"),
                format!("a new one is made by POST at the path of all of them, without `/{name}`"),
            ),
            ("update" | "patch", None) => {
                missing(format!("nothing answers {method} at the path of all {what}"), "add the name of one".into())
            }
            // What is behind a proxy may answer any method.
            ("", _) if target.sub.as_deref() == Some("proxy") => Served::Resource(target),
            ("", _) => missing(
                format!("nothing answers {method} at the path of {what}"),
                format!("{method} is none of RBAC's verbs, so it is denied to all who have not every verb (`*`)"),
            ),
            _ if target.verbs.iter().any(|own| own == verb) => Served::Resource(target),
            _ => missing(
                format!("nothing answers {method} at the path of {what}, whose verb is `{verb}`"),
                format!("{what} have `{}`", target.verbs.join("`, `")),
            ),
        }
    }

    /// No such plural in this group and version.
    fn no_plural(&self, asked: &Asked<'_>, (group, version): (&str, &str), plural: &str, at: usize) -> Served<'_> {
        let meant = self.meant(group, plural);
        let closed = self.is_closed(group);
        let here = meant.filter(|own| own.group == group);
        if here.is_none() && !closed {
            return Served::Unsure;
        }
        let of = if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") };
        let mut missing = Missing::new(Part::Path, format!("`{of}` has no resource `{plural}`"));
        // The namespaces part stays, as far as what is meant has one.
        let start = if group.is_empty() { 2 } else { 3 };
        missing.meant = meant.map(|own| {
            let before = if own.namespaced { asked.all[start..at].join("/") } else { String::new() };
            let mut rest = vec![own.plural.as_str()];
            rest.extend(&asked.all[at + 1..]);
            let before = if before.is_empty() { before } else { format!("{before}/") };
            format!("{}/{before}{}", own.root(), rest.join("/"))
        });
        let verbs = special::verbs_of(group, plural);
        if missing.meant.is_none() && !verbs.is_empty() {
            missing.have = Some(format!("only authorizers know `{plural}`: ask by `can`"));
        }
        Served::Missing(missing)
    }
}

impl Asked<'_> {
    /// The verb that a method has about one object.
    fn verb(&self) -> &'static str {
        special::verb_of(self.method)
    }

    /// The path with another segment.
    fn with(&self, at: usize, segment: &str) -> String {
        let mut all = self.all.clone();
        all[at] = segment;
        format!("/{}", all.join("/"))
    }
}
