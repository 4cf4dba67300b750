//! Who renders kustomizations and charts for a command.

use super::progress;
use crate::{cluster::rendering::Renderer, manifests::render, settings};

/// Lets scenarios be read whose manifests are rendered: by the tools themselves, or only as far as they have rendered it before.
pub fn install(starts: bool) {
    let settings = settings::from_env();
    let renderer = if starts {
        Renderer::new(settings, |what| progress::show(what.clone()))
    } else {
        Renderer::of_what_is_known(settings)
    };
    render::install(Box::new(renderer));
}
