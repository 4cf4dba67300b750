//! What sort of name a word is: only names of one sort are taken for each other.

use crate::k8s::{served::TABLE, special};

/// A sort of names.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Class {
    /// Users.
    User,
    /// Groups of users.
    Group,
    /// Objects of a resource: its API group and its plural.
    Object(String, String),
    /// Audiences of tokens.
    Audience,
    /// Keys of labels.
    Label,
    /// Values of the label with this key.
    Value(String),
}

impl Class {
    /// The sort of the name that a request for this resource has: identities are named by requests to act as them.
    pub(super) fn of_request(verb: &str, group: &str, plural: &str, sub: Option<&str>) -> Self {
        match (plural, sub) {
            _ if verb == special::AUDIENCE && group.is_empty() => Self::accounts(),
            ("users", _) if verb.starts_with("impersonate") => Self::User,
            ("groups", _) if verb.starts_with("impersonate") => Self::Group,
            ("serviceaccounts", _) => Self::accounts(),
            ("userextras", Some(key)) => Self::Object(group.to_owned(), format!("userextras/{key}")),
            _ => Self::Object(group.to_owned(), plural.to_owned()),
        }
    }

    /// Names of ServiceAccounts.
    pub(super) fn accounts() -> Self {
        Self::Object(String::new(), "serviceaccounts".into())
    }

    /// Names of Namespaces.
    pub(super) fn namespaces() -> Self {
        Self::Object(String::new(), "namespaces".into())
    }

    /// What a message calls one of this name.
    pub(super) fn describe(&self, name: &str) -> String {
        let what = match self {
            Self::User => "user".into(),
            Self::Group => "group".into(),
            Self::Audience => "audience".into(),
            Self::Label => "label".into(),
            Self::Value(key) => return format!("value `{name}` of label `{key}`"),
            Self::Object(_, plural) if plural == "signers" => "signer".into(),
            Self::Object(group, plural) => {
                let own = TABLE.resources.iter().find(|own| own.group == *group && own.plural == *plural);
                own.filter(|own| own.sub.is_none()).map_or_else(|| plural.clone(), |own| own.kind.clone())
            }
        };
        format!("{what} `{name}`")
    }
}
