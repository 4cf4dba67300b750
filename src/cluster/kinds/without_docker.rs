//! Stands for each of the kinds in Docker in a build without the feature `docker`, and says that.

use super::fetched::Fetched;
use crate::{
    cluster::{Cluster, ClusterError, Progress, Settings, StartError, Wanted, without_docker::error},
    stop::Stop,
};

/// Starts nothing.
///
/// # Errors
/// Always.
pub async fn start(
    _wanted: &Wanted,
    _settings: &Settings,
    _stop: &Stop,
    _progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<Cluster, StartError> {
    Err(error().into())
}

/// It cannot be had.
///
/// # Errors
/// Always.
pub fn check(_wanted: &Wanted, _settings: &Settings) -> Result<(), ClusterError> {
    Err(error())
}

/// Fetches nothing.
///
/// # Errors
/// Always.
pub async fn fetch(
    _wanted: &Wanted,
    _settings: &Settings,
    _stop: &Stop,
    _progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<Fetched, StartError> {
    Err(error().into())
}
