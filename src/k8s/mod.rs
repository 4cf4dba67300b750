//! Kubernetes' own facts: what an API server serves, what else its authorizers are asked for, and the words for both.
//!
//! There is one resolver, [`Apis`]. `check` gives it the table of a real API server ([`served`]) and the custom kinds that a
//! scenario makes; a run gives it what the cluster's discovery says. Pure functions; nothing here knows a client.

pub mod changes;
mod choices;
pub mod definition;
pub mod fields;
pub mod kubectl;
pub mod near;
pub mod object;
pub mod paths;
pub mod rbac_words;
pub mod resolve;
pub mod resource_name;
pub mod selector;
pub mod served;
pub mod server;
mod slip;
pub mod special;
pub mod structural;
pub mod usernames;
pub mod version;
pub mod well_known;

pub use near::nearest;
pub use resolve::{Apis, Missing, Served};
pub use served::Resource;
pub use version::Version;
