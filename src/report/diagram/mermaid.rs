//! The picture as a Mermaid flowchart, which GitHub and others draw by themselves.

use std::fmt::Write as _;

use super::{Column, Diagram, Shown};

impl Diagram {
    /// A Mermaid flowchart, without the fence around it. Every sign of a name that could be read as Mermaid's or HTML's own is
    /// written as its number.
    pub fn mermaid(&self) -> String {
        let mut text = "flowchart LR\n".to_owned();
        for (index, node) in self.nodes.iter().enumerate() {
            let lines: Vec<String> = std::iter::once(&node.kind).chain(&node.lines).map(|line| plain(line)).collect();
            let (open, close) = match node.column {
                Column::Subject => ("([", "])"),
                Column::Binding => ("[", "]"),
                Column::Role => ("[[", "]]"),
                Column::Rule => ("[", "]"),
            };
            let _ = writeln!(text, "  n{index}{open}\"{}\"{close}", lines.join("<br/>"));
        }
        for edge in &self.edges {
            let arrow = match edge.shown {
                Shown::Allowed(_) => "-->",
                Shown::Denied(_) => "-. ",
                Shown::NotAsked => "---",
            };
            let label = plain(&edge.shown.label());
            let _ = match edge.shown {
                Shown::Denied(_) => writeln!(text, "  n{} {arrow}\"{label}\" .-x n{}", edge.from, edge.to),
                _ => writeln!(text, "  n{} {arrow}|\"{label}\"| n{}", edge.from, edge.to),
            };
        }
        for (shown, style) in [
            (Shown::Allowed(0).class(), "stroke:#0a7a38,stroke-width:2px"),
            (Shown::Denied(0).class(), "stroke:#c4161c,stroke-width:2px"),
            (Shown::NotAsked.class(), "stroke:#6b7785"),
        ] {
            let own: Vec<String> = (self.edges.iter().enumerate())
                .filter(|(_, edge)| edge.shown.class() == shown)
                .map(|(index, _)| index.to_string())
                .collect();
            if !own.is_empty() {
                let _ = writeln!(text, "  linkStyle {} {style}", own.join(","));
            }
        }
        text
    }
}

/// Letters, digits and what has no meaning in a label as they are, all else by its number.
fn plain(text: &str) -> String {
    text.chars().fold(String::new(), |mut done, c| {
        if c.is_alphanumeric() || " .,-/✓✗?".contains(c) {
            done.push(c);
        } else {
            let _ = write!(done, "#{};", u32::from(c));
        }
        done
    })
}
