//! A line of a scenario with a caret, and notes below it.

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};

use crate::{event::Place, text::floor};

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
pub fn snippet(title: &str, caret: &Caret<'_>, notes: &[(&str, String)], color: bool, width: usize) -> String {
    let renderer = if color { Renderer::styled() } else { Renderer::plain() }.term_width(width);
    let Caret { path, place, label } = caret;
    // A place that is not one of this line must not end the report.
    let end = floor(&place.excerpt, place.end);
    let start = floor(&place.excerpt, place.start).min(end);
    let mut group = Level::ERROR.primary_title(title).element(
        Snippet::source(place.excerpt.as_str())
            .line_start(place.line)
            .path(*path)
            .annotation(AnnotationKind::Primary.span(start..end).label(*label)),
    );
    for (name, text) in notes {
        group = group.element(Level::NOTE.with_name(Some(*name)).message(text.as_str()));
    }
    renderer.render(&[group])
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("", 0, 0)]
    #[case("a: b", 4, 4)]
    #[case("a: b", 3, 400)]
    #[case("a: b", 9, 2)]
    #[case("ä: ß", 1, 6)]
    fn strange_places_do_no_harm(#[case] excerpt: &str, #[case] start: usize, #[case] end: usize) {
        let place = Place { file: None, line: 7, col: 1, excerpt: excerpt.into(), start, end };
        let caret = Caret { path: "a.yaml", place: &place, label: "got b" };
        for color in [false, true] {
            let text = snippet("expected a", &caret, &[("hint", "two\nlines".into())], color, 80);
            assert!(text.contains("expected a") && text.contains("a.yaml:7:") && text.contains("lines"), "{text}");
        }
    }
}
