//! The attacks of SECURITY.md, each a test that is named by its number (`attack_a01_…`): it tries what another user of the
//! machine, a hostile scenario, a Pod's program or an API server could try, and looks that nothing came of it. What they see is
//! the table of that page; see `tests/docker/attacks/page.rs`.
#![cfg(target_os = "linux")]

#[path = "../common/existing.rs"]
mod existing;
#[path = "../common/fake_daemon.rs"]
mod fake_daemon;
#[path = "attacks/given.rs"]
mod given;
#[path = "attacks/page.rs"]
mod page;
#[path = "../common/rows.rs"]
mod rows;
#[path = "attacks/stranger.rs"]
mod stranger;
#[path = "../common/traces.rs"]
mod traces;

/// What other users of the machine can write: folders, files, links, locks (A1, A2, A16).
#[path = "attacks/machine.rs"]
mod machine;

/// What root executes (A3).
#[path = "attacks/executed.rs"]
mod executed;

/// Variables that lead into the folders of another user (A3).
#[path = "attacks/environment.rs"]
mod environment;

/// What a privileged Pod reaches, and what a node leaves (A5, A23, A25).
#[path = "attacks/node.rs"]
mod node;

/// The port of a cluster on this machine (A23).
#[path = "attacks/loopback.rs"]
mod loopback;

/// Clusters that exist: kubectl's command line, processes that stay, objects of others (A4, A6, K12 to K14).
#[path = "attacks/existing_cluster.rs"]
mod existing_cluster;

/// Programs in Pods of a cluster that exists: what they say, and those of others (A4).
#[path = "attacks/programs_of_others.rs"]
mod programs_of_others;

/// What others make in a cluster that exists, under names that were a run's (K12, K13, K29).
#[path = "attacks/others.rs"]
mod others;

/// Little of everything: processes, memory, sizes of files; and files that make much of little (A5, A20).
#[path = "attacks/limits.rs"]
mod limits;

/// Credentials in every outlet (A7, A14, A15).
#[path = "attacks/secrets.rs"]
mod secrets;

/// Pipes, devices and links in the place of files (A11, A20, A22).
#[path = "attacks/files_without_end.rs"]
mod files_without_end;

/// Bodies, paths and texts without an end (A8, A11, A22).
#[path = "attacks/bounds.rs"]
mod bounds;

/// What a scenario and its Pods may do to the machine and to later runs (A5, A12, A13, A17, A24).
#[path = "attacks/trust.rs"]
mod trust;

/// From where, and to whom, a scenario calls (K29).
#[path = "attacks/calls.rs"]
mod calls;

/// Programs and daemons that kubewalk asks, without an end (A6, A8).
#[path = "attacks/helpers.rs"]
mod helpers;

/// What is said of hostile files and words, by commands that start nothing (A9).
#[path = "attacks/outlets.rs"]
mod outlets;

/// What is said: escapes, snippets, and claims that were measured (A9, A10, A18 to A21).
#[path = "attacks/words.rs"]
mod words;

/// Manifests that stand elsewhere, and the tools that render them (A26).
#[path = "attacks/manifests.rs"]
mod manifests;
