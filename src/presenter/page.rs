//! The page of a class: it shows the views that are sent to it, and sends the commands of its keys. Nothing in it is from elsewhere, and
//! every text is put in as a text.

use maud::{DOCTYPE, Markup, html};

use crate::report::diagram::{Diagram, LEGEND};

/// Its style.
const STYLE: &str = include_str!("page/class.css");

/// Its style, and that of the picture on it.
pub fn style() -> String {
    format!("{STYLE}{}", Diagram::CSS)
}

/// Its program.
pub const SCRIPT: &str = include_str!("page/class.js");

/// What it may load: its own style and program, and the stream of views.
pub const POLICY: &str = "default-src 'none'; img-src data:; style-src 'self'; script-src 'self'; connect-src 'self'; base-uri 'none'; \
                          form-action 'none'; frame-ancestors 'none'";

/// The page, for the person who leads or for those who only follow; `speed`: characters a second with which commands appear,
/// 0: all at once.
pub fn page(follows: bool, speed: u32) -> String {
    let page: Markup = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="referrer" content="no-referrer";
                title { "kubewalk" }
                link rel="stylesheet" href="class.css";
                link rel="icon" href="data:,";
                script src="class.js" defer {}
            }
            body data-follows=(follows) data-speed=(speed) {
                header {
                    h1 #title {}
                    p #place {}
                }
                nav aria-label="Steps" { ol #steps {} }
                main #card {
                    section #panel hidden {}
                    p #heading {}
                    h2 #claim {}
                    div #say {}
                    ul #stays {}
                    pre #types tabindex="0" aria-label="What one would type" {}
                    p #predict {}
                    p #guess {}
                    p #verdict role="status" {}
                    ul #why {}
                    pre #answer tabindex="0" aria-label="What came back" {}
                }
                aside #diagram hidden tabindex="0" aria-label="Who may do what, so far" {
                    div #picture {}
                    p.faint { (LEGEND) "." }
                    details { summary { "The picture in words" } ul #words {} }
                }
                footer {
                    @if !follows {
                        form #ask hidden { label #question for="text" {} input #text autocomplete="off"; button { "OK" } }
                    }
                    p #note role="status" {}
                    @if !follows { p #keys {} } @else { p { "This page follows." } }
                }
            }
        }
    };
    page.into_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_follows_has_nothing_to_say() {
        let (leads, follows) = (page(false, 40), page(true, 0));
        assert!(leads.contains("<form") && leads.contains("data-follows=\"false\""), "{leads}");
        assert!(!follows.contains("<form") && follows.contains("data-follows=\"true\""), "{follows}");
    }

    #[test]
    fn nothing_is_from_elsewhere_and_texts_are_texts() {
        for text in [page(false, 40).as_str(), &style(), SCRIPT] {
            assert!(!text.contains("http:") && !text.contains("https:") && !text.contains("//cdn"), "{text}");
        }
        for word in ["innerHTML", "insertAdjacentHTML", "document.write", "eval("] {
            assert!(!SCRIPT.contains(word), "{word}");
        }
    }
}
