//! The picture in words.

use super::{Column, Diagram, Edge, Node};

impl Diagram {
    /// A sentence an arrow chain, for a reader who does not see the picture; without a period at their ends.
    pub fn sentences(&self) -> Vec<String> {
        let mut said = Vec::new();
        for (index, subject) in self.nodes.iter().enumerate().filter(|(_, node)| node.column == Column::Subject) {
            let name = node_in_words(subject);
            let mut any = false;
            for edge in self.from(index) {
                any = true;
                let to = &self.nodes[edge.to];
                match to.column {
                    Column::Rule => {
                        let calls = to.lines.join("; ");
                        said.push(format!("{name}: {}: {calls} ({})", to.kind, edge.shown.describe()));
                    }
                    _ => said.push(format!("{name} is a subject of {} ({})", node_in_words(to), edge.shown.describe())),
                }
            }
            if !any && subject.kind != "not drawn" {
                said.push(format!("{name} is a subject of no binding"));
            }
        }
        for (index, node) in self.nodes.iter().enumerate() {
            match node.column {
                Column::Binding => {
                    for edge in self.from(index) {
                        let role = node_in_words(&self.nodes[edge.to]);
                        said.push(format!("{} grants {role} ({})", node_in_words(node), edge.shown.describe()));
                    }
                }
                Column::Role => {
                    for edge in self.from(index) {
                        let rule = self.nodes[edge.to].lines.join(" ");
                        said.push(format!("{} has the rule: {rule} ({})", node_in_words(node), edge.shown.describe()));
                    }
                }
                Column::Subject | Column::Rule => {}
            }
        }
        said
    }

    fn from(&self, node: usize) -> impl Iterator<Item = &Edge> {
        self.edges.iter().filter(move |edge| edge.from == node)
    }
}

/// `RoleBinding readers in default`.
fn node_in_words(node: &Node) -> String {
    let name = node.lines.join(" ");
    match node.kind.split_once(' ') {
        Some((kind, place)) if place.starts_with("in ") => format!("{kind} {name} {place}"),
        _ => format!("{} {name}", node.kind),
    }
}
