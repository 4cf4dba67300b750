//! kubewalk runs declarative RBAC and ServiceAccount scenarios step by step on a real, throw-away Kubernetes cluster.
//!
//! ```text
//! scenarios/*.yaml -> scenario (parse, spans) -> plan (names, defaults, all errors at once)
//!    -> cluster (a running API server) -> run (step by step) -> events -> report
//! ```

#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod scenario;

pub mod k8s;

pub mod plan;

pub mod cluster;

pub mod steps;

pub mod expect;

pub mod explain;

pub mod run;

pub mod report;

pub mod cli;

pub mod docs;

pub mod testing;

pub mod reach;

pub mod clock;
pub mod exit_code;
pub mod process;
pub mod redact;
pub mod settings;
pub mod shape;
pub mod stop;
