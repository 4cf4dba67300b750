//! The page of claims: each, and the steps that show it.

use std::fmt::Write as _;

use super::{File, Shown};
use crate::scenario::diagnostic::printable;

/// The page, in Markdown; its links begin at the working directory.
pub fn render(file: &File, shown: &[Shown]) -> String {
    let title = file.claims.title.as_deref().unwrap_or("Claims");
    let source = file.source.path.to_string_lossy().replace('\\', "/");
    let mut text = format!(
        "<!-- Generated from {} and the scenarios by `kubewalk coverage`. -->\n\n# {}\n\n| id | claim | shown by |\n|---|---|---|\n",
        cell(&source).replace("--", "- -"),
        cell(title)
    );
    let by = |id: &str| shown.iter().filter(|place| place.refs.iter().any(|named| named == id)).collect::<Vec<_>>();
    let (mut shown_claims, mut excused) = (0, 0);
    for claim in &file.claims.claims {
        let id = cell(&claim.id.0);
        let id = claim.link.as_ref().map_or_else(|| id.clone(), |link| format!("[{id}](<{}>)", address(link)));
        let places = by(&claim.id.0);
        let evidence = match &claim.not_shown {
            _ if !places.is_empty() => {
                shown_claims += 1;
                let link = |place: &&Shown| {
                    format!(
                        "[{}:{line}](<{}#L{line}>) {}",
                        cell(&place.path),
                        address(&place.path),
                        cell(&place.title),
                        line = place.line
                    )
                };
                places.iter().map(link).collect::<Vec<_>>().join("<br>")
            }
            Some(why) => {
                excused += 1;
                format!("not shown: {}", cell(why))
            }
            None => "**nothing yet**".to_owned(),
        };
        let _ = writeln!(text, "| {id} | {} | {evidence} |", cell(&claim.claim));
    }
    let all = file.claims.claims.len();
    let open = all - shown_claims - excused;
    let _ = write!(
        text,
        "\n| claims | shown | not shown, with the reason | open | steps that name one |\n|---|---|---|---|---|\n\
         | {all} | {shown_claims} | {excused} | {open} | {} |\n",
        shown.len()
    );
    text
}

/// A text in a table: what Markdown or HTML would take for its own stays a text, but for code between backquotes.
fn cell(text: &str) -> String {
    let text = printable(text.trim());
    let (mut cell, mut code) = (String::new(), false);
    let paired = text.matches('`').count().is_multiple_of(2);
    for letter in text.chars() {
        match letter {
            '`' if paired => {
                code = !code;
                cell.push(letter);
            }
            letter if code && !"|\n".contains(letter) => cell.push(letter),
            '\n' => cell.push(' '),
            '<' => cell += "&lt;",
            '&' => cell += "&amp;",
            '|' | '[' | ']' | '*' | '_' | '`' | '\\' => cell.extend(['\\', letter]),
            letter => cell.push(letter),
        }
    }
    cell
}

/// An address between `<` and `>`.
fn address(text: &str) -> String {
    printable(text).replace('<', "%3C").replace('>', "%3E").replace('|', "%7C").replace('\n', "")
}
