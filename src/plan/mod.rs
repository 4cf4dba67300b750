//! [`Scenario`](crate::scenario::Scenario) to [`Plan`]: names, defaults, timeouts, and every semantic error at once.
//!
//! A plan says all that a run will do before anything is started. Nothing here knows Kubernetes' client or an async
//! runtime.
//!
//! The passes, each of which uses those before it only: `context` (what all share), `resolve` (is there at this step what it
//! names?), `lower` (one file a verb: what it does), `lint` (what only shows when all is seen together), and [`make`], which
//! calls them in order.

pub mod acting;
pub mod action;
pub mod asks;
pub mod caller;
pub mod can;
mod context;
pub mod equivalent;
pub mod fill;
pub mod kinds;
pub mod kubectl_asks;
mod lint;
pub mod load;
pub mod long;
mod lower;
pub mod make;
pub mod model;
pub mod names;
pub mod needs;
pub mod part;
pub mod parts;
pub mod place;
mod refused;
pub mod request;
mod resolve;
pub mod when;

pub use action::Action;
pub use asks::STRICT;
pub use caller::{Caller, Credential};
pub use context::on_purpose::is_meant;
pub use kinds::Kind;
pub use load::{Loaded, load, load_bytes};
pub use lower::curl::settle;
pub use make::{plan, plan_for, plan_in};
pub use model::{Expected, Names, Note, Plan, Save, Saved, Step, Trust};
pub use part::Part;
pub use parts::{Call, Change, Curl, Exec, FromFile, Kubectl, Object, Target, TokenCall};
pub use place::{Of, Owner, Place};
pub use request::{Details, Identity, Request};
pub use when::When;
