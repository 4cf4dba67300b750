//! A line of a scenario with a caret, and notes below it.

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};

use crate::run::Place;

/// Where a caret points, and what is said there.
#[derive(Debug, Clone, Copy)]
pub struct Caret<'a> {
    /// The file.
    pub path: &'a str,
    /// The place in it.
    pub place: &'a Place,
    /// A few words beside the caret.
    pub label: &'a str,
}

/// An error with its line: title, `--> path:line:col`, the line with the caret, and named notes. All texts must be safe.
pub fn snippet(
    title: &str,
    caret: &Caret<'_>,
    notes: &[(&str, String)],
    color: bool,
    width: usize,
) -> String {
    let renderer = if color {
        Renderer::styled()
    } else {
        Renderer::plain()
    }
    .term_width(width);
    let Caret { path, place, label } = caret;
    let mut group = Level::ERROR.primary_title(title).element(
        Snippet::source(place.excerpt.as_str())
            .line_start(place.line)
            .path(*path)
            .annotation(
                AnnotationKind::Primary
                    .span(place.start..place.end)
                    .label(*label),
            ),
    );
    for (name, text) in notes {
        group = group.element(Level::NOTE.with_name(Some(*name)).message(text.as_str()));
    }
    renderer.render(&[group])
}
