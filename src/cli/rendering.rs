//! Who renders kustomizations and charts for a command.

use super::progress;
use crate::{cluster::rendering::Renderer, k8s::Version, manifests::render, settings};

/// Lets scenarios be read whose manifests are rendered: by the tools themselves, or only as far as they have rendered it before.
/// Charts are rendered for a version of Kubernetes, or the engine's newest.
pub fn install(starts: bool, kubernetes: Option<Version>) {
    let settings = settings::from_env();
    let renderer = if starts {
        Renderer::new(settings, kubernetes, |what| progress::show(what.clone()))
    } else {
        Renderer::of_what_is_known(settings, kubernetes)
    };
    render::install(Box::new(renderer));
}
