//! What the verb `can` takes: one question about rights, or a table of them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Questions about rights, each put to the API server as a SubjectAccessReview; all are sent at once.
///
/// Without `default`, every combination of `who`, `verb` and `resource` (or `url`) has the answer `allowed: true` or
/// `allowed: false`. With `default`, it is a table: every combination of `who` and `asked` has that answer, but for
/// those that are listed in `allowed` (or, with `default: allowed`, in `denied`).
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Can {
    /// Who is asked about: `serviceaccount/NAME`, `serviceaccount/NAMESPACE/NAME`, `anonymous`, `{user, groups}`, `{group}`
    /// for all callers in that group, or a list of them. The groups that the API server gives to an identity of this kind are always sent along.
    pub who: Subjects,
    /// What is done: `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection` …, or `*`.
    #[serde(default)]
    pub verb: Option<Words>,
    /// To which resource: `pods`, `deployments.apps`, or `*.*` for all of all groups.
    #[serde(default)]
    pub resource: Option<Words>,
    /// To which subresource, e.g. `log`. A slash in `resource` is not taken: kubectl reads a name behind it.
    #[serde(default)]
    pub subresource: Option<Words>,
    /// To the object of which name. Left out: to any.
    #[serde(default)]
    pub name: Option<Words>,
    /// In which namespace; `*` for all of them. Left out: the scenario's.
    #[serde(default)]
    pub namespace: Option<Words>,
    /// Instead of a resource a path, e.g. `/metrics`.
    #[serde(default)]
    pub url: Option<Words>,
    /// Whether it may (`true` or `false`); in a table with `default: denied`, the list of what is allowed all the same.
    #[serde(default)]
    pub allowed: Option<Allowed>,
    /// In a table with `default: allowed`, the list of what is denied all the same.
    #[serde(default)]
    pub denied: Option<Vec<Cells>>,
    /// The answer to everything that is not listed in `allowed` or `denied`.
    #[serde(default)]
    pub default: Option<Default>,
    /// What is asked about each of `who` in a table.
    #[serde(default)]
    pub asked: Vec<Cells>,
    /// So many answers are confirmed by a real request as that identity (impersonated): `get`, `list` and `watch` as they
    /// are, other verbs as a dry run. Left out: none.
    #[serde(default)]
    #[schemars(range(max = 100))]
    pub sample: usize,
}

/// Every combination of the words of these keys.
#[derive(Debug, Clone, std::default::Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Cells {
    /// Of whom, if not of all of the table's `who`.
    #[serde(default)]
    pub who: Option<Subjects>,
    /// What is done.
    #[serde(default)]
    pub verb: Option<Words>,
    /// To which resource: `pods`, `deployments.apps`.
    #[serde(default)]
    pub resource: Option<Words>,
    /// To which subresource, e.g. `log`.
    #[serde(default)]
    pub subresource: Option<Words>,
    /// To the object of which name. Left out: to any.
    #[serde(default)]
    pub name: Option<Words>,
    /// In which namespace; `*` for all of them. Left out: the scenario's.
    #[serde(default)]
    pub namespace: Option<Words>,
    /// Instead of a resource a path, e.g. `/metrics`.
    #[serde(default)]
    pub url: Option<Words>,
}

/// One text, or several.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Words {
    /// One.
    One(String),
    /// Several.
    Many(#[schemars(length(min = 1))] Vec<String>),
}

/// One identity, or several.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
#[schemars(rename = "Identities")]
pub enum Subjects {
    // The first: serde reads a struct from a list of its fields, too, so that a list of one text would be taken for a user.
    /// Several.
    Many(#[schemars(length(min = 1))] Vec<Subject>),
    /// One.
    One(Subject),
}

/// An identity.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
#[schemars(rename = "Identity")]
pub enum Subject {
    /// `serviceaccount/NAME`, `serviceaccount/NAMESPACE/NAME` or `anonymous`.
    Word(String),
    /// A user, who need not exist anywhere.
    User(User),
    /// All callers in a group.
    Group(Group),
}

/// A group, and no user: what holds of every caller in it.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(rename = "AnyOfGroup")]
pub struct Group {
    /// The group's name. The groups that go with it are sent along: `system:authenticated`, and `system:serviceaccounts` with one
    /// of a namespace's accounts.
    pub group: String,
}

/// A user and groups.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct User {
    /// The user name.
    pub user: String,
    /// The groups, beside `system:authenticated`. A ServiceAccount that is given some is in no others, as when it is impersonated.
    #[serde(default)]
    pub groups: Vec<String>,
}

/// One answer for all, or the list of what is allowed.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Allowed {
    /// The answer to every question.
    All(bool),
    /// What is allowed in a table.
    These(Vec<Cells>),
}

/// The answer to what is not listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Default {
    /// No.
    Denied,
    /// Yes.
    Allowed,
}
