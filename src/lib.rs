//! kubewalk runs declarative RBAC and ServiceAccount scenarios step by step on a real, throw-away Kubernetes cluster.
//!
//! ```text
//! scenarios/*.yaml -> scenario (parse, spans) -> plan (names, defaults, all errors at once)
//!    -> cluster (a running API server) -> run (step by step) -> events -> report
//! ```

pub mod scenario;

pub mod plan;

pub mod expect;
