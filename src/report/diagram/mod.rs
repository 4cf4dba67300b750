//! Who may do what by which binding and role, and what calls have shown of it: drawn from the steps that have ended so far.
//!
//! A pure function of [`StepFinished`]: of the first N steps of a run it is the picture after step N. Four ways to show it:
//! [`Diagram::svg`], [`Diagram::tree`] where there is little room, [`Diagram::mermaid`], and [`Diagram::sentences`] for a
//! reader who sees none of them.

mod known;
mod mermaid;
mod sentences;
mod shown;
mod svg;
mod tree;

#[cfg(test)]
mod tests;

pub use shown::Shown;
pub use svg::Style;

use self::known::{Known, Role, Subject};
use crate::event::StepFinished;

/// The most boxes of a column; what is more is said in a last one.
const MOST: usize = 40;

/// The most rules of a role, or calls of a subject, that are drawn one by one.
const MOST_RULES: usize = 12;

/// The picture. Texts in it are as events have them, and each way to show it escapes them by itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Diagram {
    /// The boxes, column by column, each column from the top.
    pub nodes: Vec<Node>,
    /// The arrows, each from a box to one of a later column.
    pub edges: Vec<Edge>,
}

/// A box.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Where it stands.
    pub column: Column,
    /// What it is, e.g. `RoleBinding in default`.
    pub kind: String,
    /// Its name, or a rule, a line each.
    pub lines: Vec<String>,
}

/// The columns, from left to right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Column {
    /// ServiceAccounts, users and groups.
    Subject,
    /// RoleBindings and ClusterRoleBindings.
    Binding,
    /// Roles and ClusterRoles.
    Role,
    /// What a role allows; calls that no rule here is about.
    Rule,
}

/// An arrow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Edge {
    /// Index of the box where it begins.
    pub from: usize,
    /// Index of the box where it ends.
    pub to: usize,
    /// What calls have shown of it.
    pub shown: Shown,
}

/// What the signs mean, for below a picture.
pub const LEGEND: &str =
    "✓ N: a call was allowed in step N; ✗ N: it was denied; ?: no call went this way since it was made or changed";

impl Diagram {
    /// The picture after these steps of one scenario, in their order.
    pub fn from_steps<'a>(steps: impl IntoIterator<Item = &'a StepFinished>) -> Self {
        let mut known = Known::default();
        for step in steps {
            known.take(step.number, &step.rbac);
        }
        drawn(&known)
    }

    /// Whether there is nothing to show.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    fn node(&mut self, column: Column, kind: String, lines: Vec<String>) -> usize {
        self.nodes.push(Node { column, kind, lines });
        self.nodes.len() - 1
    }

    fn edge(&mut self, from: usize, to: usize, shown: Shown) {
        self.edges.push(Edge { from, to, shown });
    }
}

fn drawn(known: &Known) -> Diagram {
    let mut made = Diagram::default();
    let subjects = known.subjects();
    let roles = known.roles();
    let boxes: Vec<usize> =
        subjects.iter().take(MOST).map(|one| made.node(Column::Subject, one.kind(), vec![one.name()])).collect();
    let bindings: Vec<usize> = (known.bindings().take(MOST))
        .map(|binding| made.node(Column::Binding, binding.id.kind_words(), vec![binding.id.name.clone()]))
        .collect();
    let role_boxes: Vec<usize> = (roles.iter().take(MOST))
        .map(|role| made.node(Column::Role, role.id.kind_words(), vec![role.id.name.clone()]))
        .collect();
    for (binding, from) in known.bindings().zip(&bindings) {
        for subject in &binding.subjects {
            let at = subjects.iter().position(|one| one == subject).and_then(|at| boxes.get(at));
            if let Some(at) = at {
                made.edge(*at, *from, known.of_subject(&binding.id, subject));
            }
        }
        let at = binding.role.as_ref().and_then(|id| roles.iter().position(|role| role.id == *id));
        if let Some(at) = at.and_then(|at| role_boxes.get(at)) {
            made.edge(*from, *at, known.of_binding(&binding.id));
        }
    }
    for (role, from) in roles.iter().zip(&role_boxes) {
        rules(&mut made, known, role, *from);
    }
    for (subject, from) in subjects.iter().zip(&boxes) {
        calls(&mut made, known, subject, *from);
    }
    let left_out = [
        (Column::Subject, subjects.len(), "subjects"),
        (Column::Binding, known.bindings().count(), "bindings"),
        (Column::Role, roles.len(), "roles"),
    ];
    for (column, all, words) in left_out.into_iter().filter(|(_, all, _)| *all > MOST) {
        made.node(column, "not drawn".into(), vec![format!("{} more {words}", all - MOST)]);
    }
    in_columns(made)
}

fn rules(made: &mut Diagram, known: &Known, role: &Role, from: usize) {
    let Some(all) = &role.rules else {
        let to = made.node(Column::Rule, "rules".into(), vec!["not made by a step".into()]);
        return made.edge(from, to, known.of_rule(&role.id, None));
    };
    for (index, rule) in all.iter().enumerate().take(MOST_RULES) {
        let to = made.node(Column::Rule, "rule".into(), known::rule_lines(rule));
        made.edge(from, to, known.of_rule(&role.id, Some(index)));
    }
    if all.len() > MOST_RULES {
        let to = made.node(Column::Rule, "rules".into(), vec![format!("{} more", all.len() - MOST_RULES)]);
        made.edge(from, to, Shown::NotAsked);
    }
    if all.is_empty() {
        let to = made.node(Column::Rule, "rules".into(), vec!["none".into()]);
        made.edge(from, to, Shown::NotAsked);
    }
}

/// Calls that went by no binding of the picture: a box each for those that were refused, and those that were allowed.
fn calls(made: &mut Diagram, known: &Known, subject: &Subject, from: usize) {
    for allowed in [true, false] {
        let of: Vec<_> = known.loose(subject).filter(|loose| loose.allowed == allowed).collect();
        let Some(last) = of.iter().map(|loose| loose.step).max() else { continue };
        let one = |loose: &&known::Loose| match of.len() {
            1 => loose.describe(),
            _ => format!("{} (step {})", loose.describe(), loose.step),
        };
        let mut lines: Vec<String> = of.iter().take(MOST_RULES).map(one).collect();
        if of.len() > MOST_RULES {
            lines.push(format!("and {} more", of.len() - MOST_RULES));
        }
        let kind = if allowed { "allowed by what no step made" } else { "no rule allows" };
        let to = made.node(Column::Rule, kind.into(), lines);
        made.edge(from, to, if allowed { Shown::Allowed(last) } else { Shown::Denied(last) });
    }
}

/// The boxes in the order of their columns.
fn in_columns(made: Diagram) -> Diagram {
    let mut order: Vec<usize> = (0..made.nodes.len()).collect();
    order.sort_by_key(|at| made.nodes[*at].column);
    let mut place = vec![0; order.len()];
    for (new, old) in order.iter().enumerate() {
        place[*old] = new;
    }
    let edges =
        made.edges.into_iter().map(|edge| Edge { from: place[edge.from], to: place[edge.to], ..edge }).collect();
    let nodes = order.into_iter().map(|at| made.nodes[at].clone()).collect();
    Diagram { nodes, edges }
}
