//! Declarative RBAC and ServiceAccount scenarios, run step by step on a real, throw-away Kubernetes cluster.
//!
//! A scenario is a YAML file: objects that are made, calls that are made in the name of an account, and what the API
//! server must answer. In a test program it takes one function to run every file below a folder as a test of its own:
//!
//! ```no_run
//! #[rstest::rstest]
//! fn scenario(#[files("scenarios/**/*.yaml")] path: std::path::PathBuf) {
//!     kubewalk::testing::run(path);
//! }
//! ```
//!
//! A scenario can also stand in the test itself:
//!
//! ```no_run
//! use kubewalk::testing::{Exit, run_text};
//!
//! let (ended, report) = run_text(
//!     "reader.yaml",
//!     "
//! title: A reader lists Pods and deletes none
//! steps:
//!   - title: An account
//!     serviceAccount: reader
//!   - title: Its Role
//!     role: {name: read-pods, rules: [{apiGroups: [''], resources: [pods], verbs: [get, list]}]}
//!   - title: Its binding
//!     bind: {role: read-pods, to: [{serviceAccount: reader}]}
//!   - title: It may list Pods
//!     can: {who: serviceaccount/reader, verb: list, resource: pods, allowed: true}
//!     expect: {within: 2s}
//!   - title: It may not delete them
//!     can: {who: serviceaccount/reader, verb: delete, resource: pods, allowed: false}
//! ",
//! );
//! assert_eq!(ended.exit, Exit::Held, "{report}");
//! ```
//!
//! What is public and stable is the module [`testing`]. The language of the files, the kinds of clusters and the variables
//! are documented beside the command line, whose `run` does the same as this crate does in a test.
//!
//! # Features
//! All of them are on by default. A crate that only tests its own scenarios can leave them out, which is a third of all crates less:
//! `kubewalk = { version = "…", default-features = false }`. Scenarios then run on a `builtin` cluster, or one that exists.
//!
//! - `docker`: clusters in Docker, the kinds `docker`, `k3s` and `kind`. Without it `auto` takes `builtin`, and says why.
//! - `reports`: the reports `html` and `junit` of `KUBEWALK_REPORT`. All others are made without it.
//! - `cli`: the program `kubewalk`, with `reports`.
//! - `one-build`: nothing; it is for kubewalk's own repository.
//!
//! # Stability
//! Every other module is there for kubewalk's own program, tests and fuzzers. Those are left out of this page, and any release may
//! change them.

// The path of a scenario, which is also the order of the modules; tests/offline/rooms.rs holds their walls:
//
//     scenarios/*.yaml -> scenario (parse, spans) -> plan (names, defaults, all errors at once)
//        -> cluster (a running API server) -> run (step by step) -> events -> report

#![forbid(unsafe_code)]
#![warn(missing_docs)]

#[doc(hidden)]
pub mod scenario;

#[doc(hidden)]
pub mod k8s;

#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod init;

#[doc(hidden)]
pub mod manifests;

#[doc(hidden)]
pub mod plan;
#[doc(hidden)]
pub mod project_file;

#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod claims;

#[doc(hidden)]
pub mod cluster;

#[doc(hidden)]
pub mod steps;

#[doc(hidden)]
pub mod expect;

#[doc(hidden)]
pub mod explain;

#[doc(hidden)]
pub mod event;

#[doc(hidden)]
pub mod run;

#[doc(hidden)]
pub mod report;

#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod presenter;

#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod cli;

#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod docs;

pub mod testing;

#[doc(hidden)]
pub mod reach;

#[doc(hidden)]
pub mod clock;
#[doc(hidden)]
pub mod cluster_kind;
#[doc(hidden)]
pub mod color;
#[doc(hidden)]
pub mod destination;
#[doc(hidden)]
pub mod duration;
#[doc(hidden)]
pub mod exit_code;
#[doc(hidden)]
pub mod given_file;
#[doc(hidden)]
pub mod output;
#[doc(hidden)]
pub mod process;
#[doc(hidden)]
pub mod redact;
#[doc(hidden)]
pub mod report_target;
#[doc(hidden)]
pub mod run_limits;
#[doc(hidden)]
pub mod settings;
#[doc(hidden)]
pub mod shape;
#[doc(hidden)]
pub mod stop;
#[doc(hidden)]
pub mod sync;
#[doc(hidden)]
pub mod text;
#[doc(hidden)]
pub mod where_docker_is;
