//! What the API server understands by a method and a path, and the words in which RBAC refuses it.

/// Who makes a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identity {
    /// Nobody that is known: `system:anonymous`.
    Anonymous,
    /// A ServiceAccount.
    ServiceAccount {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
    },
}

/// What is asked of the authorizer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// A resource.
    Resource {
        /// get, list, watch, create, update, patch, delete, deletecollection.
        verb: String,
        /// `""` for the core group.
        group: String,
        /// Plural.
        resource: String,
        /// e.g. `log`.
        subresource: Option<String>,
        /// `None`: at the cluster scope.
        namespace: Option<String>,
        /// `None` for a collection.
        name: Option<String>,
    },
    /// A path that is no resource, e.g. `/api`.
    Path {
        /// The method in lower case.
        verb: String,
        /// The path.
        path: String,
    },
}
