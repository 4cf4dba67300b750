//! Who renders kustomizations and charts for a command.

use super::progress;
use crate::{cluster::rendering::Renderer, manifests::render, settings};

/// Lets scenarios be read whose manifests are rendered: by the tools themselves, or only as far as they have rendered it before.
pub fn install(starts: bool) {
    let cache = settings::from_env().cache;
    let renderer = if starts {
        Renderer::new(&cache, |what| progress::show(what.clone()))
    } else {
        Renderer::of_what_is_known(&cache)
    };
    render::install(Box::new(renderer));
}
