//! The picture as a tree in SVG: who, below it by which binding, below that which role and what it allows. A box a line, so that it
//! fits beside a text, with letters as large as that text has.

use std::collections::BTreeSet;

use maud::{Markup, html};
use unicode_width::UnicodeWidthStr as _;

use super::{Column, Diagram, Node, Shown, svg::wrapped};

/// Widths and heights in pixels.
const WIDTH: usize = 480;
const LINE: usize = 21;
const PAD: usize = 7;
const BETWEEN: usize = 7;
/// So far a box stands to the right of the one above it.
const STEP: usize = 30;
/// From the left side of a box to the line that goes down from it.
const TRUNK: usize = 14;
/// The width of a monospaced letter, and of the sign with its step.
const LETTER: usize = 10;
const SIGN: usize = 48;

/// A box of the tree.
struct Row<'a> {
    depth: usize,
    node: &'a Node,
    shown: Option<Shown>,
    /// What is below it was drawn already.
    again: bool,
    /// The row above it in the tree.
    parent: Option<usize>,
}

/// The same with its place and its lines: each a small word and what it is about.
struct Placed {
    x: usize,
    y: usize,
    height: usize,
    lines: Vec<(String, String)>,
}

impl Diagram {
    /// The picture as a tree, for a page that has [`Diagram::CSS`]. `id` as for [`Diagram::svg`].
    pub fn tree(&self, id: &str) -> String {
        self.planted(id).into_string()
    }

    fn planted(&self, id: &str) -> Markup {
        let rows = self.rows();
        let place = self.only_place();
        let top = if place.is_some() { LINE + BETWEEN } else { PAD };
        let mut free = top;
        let placed: Vec<Placed> = (rows.iter())
            .map(|row| {
                let (x, y) = (PAD + row.depth * STEP, free);
                let lines = lines(row, place, WIDTH - x - 3 * PAD);
                let height = lines.len() * LINE + PAD;
                free += height + BETWEEN;
                Placed { x, y, height, lines }
            })
            .collect();
        let drawing = html! {
            @if let Some(place) = place { text.head x=(PAD) y=(LINE - 4) { "in " (place) } }
            @for (row, at) in rows.iter().zip(&placed) {
                @if let Some((parent, shown)) = row.parent.zip(row.shown) { (branch(&placed[parent], at, shown)) }
            }
            @for (row, at) in rows.iter().zip(&placed) { (boxed(row, at)) }
        };
        self.framed(id, "rbac tree", (WIDTH, free), &drawing)
    }

    /// All boxes from the top. One to which several arrows lead is there as often; what is below it, once.
    fn rows(&self) -> Vec<Row<'_>> {
        let mut rows = Vec::new();
        let mut seen = BTreeSet::new();
        let roots = (0..self.nodes.len()).filter(|at| self.edges.iter().all(|edge| edge.to != *at));
        for root in roots {
            self.below(root, None, (0, None), &mut seen, &mut rows);
        }
        rows
    }

    fn below<'a>(
        &'a self,
        at: usize,
        shown: Option<Shown>,
        (depth, parent): (usize, Option<usize>),
        seen: &mut BTreeSet<usize>,
        rows: &mut Vec<Row<'a>>,
    ) {
        let has_more = self.edges.iter().any(|edge| edge.from == at);
        let again = !seen.insert(at) && has_more;
        rows.push(Row { depth, node: &self.nodes[at], shown, again, parent });
        let own = rows.len() - 1;
        for edge in self.edges.iter().filter(|edge| edge.from == at && !again) {
            self.below(edge.to, Some(edge.shown), (depth + 1, Some(own)), seen, rows);
        }
    }

    /// The namespace, when there is only one: it is said once then.
    fn only_place(&self) -> Option<&str> {
        let places: BTreeSet<&str> = self.nodes.iter().filter_map(|node| split(node).1).collect();
        places.first().copied().filter(|_| places.len() == 1)
    }
}

/// `RoleBinding in default`: the kind and the namespace.
fn split(node: &Node) -> (&str, Option<&str>) {
    match node.kind.split_once(" in ") {
        Some((kind, place)) if node.column != Column::Rule => (kind, Some(place)),
        _ => (&node.kind, None),
    }
}

fn lines(row: &Row<'_>, place: Option<&str>, room: usize) -> Vec<(String, String)> {
    let sign = if row.shown.is_some() { SIGN } else { 0 };
    let letters = (room - sign) / LETTER;
    let (kind, own) = split(row.node);
    let kind = match own.filter(|_| place.is_none()) {
        Some(own) => format!("{kind} in {own}"),
        None => kind.to_owned(),
    };
    let kind = if row.again { format!("{kind}, as above:") } else { kind };
    if row.node.kind == "rule" {
        let rule = row.node.lines.join(" ");
        return wrapped(&[rule], letters).into_iter().map(|line| (String::new(), line)).collect();
    }
    // The one namespace is said above all boxes, and a step is not torn from its number.
    let here = place.map(|place| format!(" in namespace {place}")).unwrap_or_default();
    let short = |line: &String| {
        let own = line.strip_suffix(&here).filter(|_| !here.is_empty());
        let line = own.map_or_else(|| line.replace(&format!("{here} ("), " ("), str::to_owned);
        line.replace("(step ", "(step\u{a0}")
    };
    let texts: Vec<String> = row.node.lines.iter().map(short).collect();
    if let [name] = texts.as_slice()
        && kind.width() + 1 + name.width() <= letters
    {
        return vec![(kind, name.clone())];
    }
    let kinds = wrapped(&[kind], letters).into_iter().map(|line| (line, String::new()));
    kinds.chain(wrapped(&texts, letters).into_iter().map(|line| (String::new(), line))).collect()
}

/// Down from a box and to the right.
fn branch(from: &Placed, to: &Placed, shown: Shown) -> Markup {
    let (x, y, u, v) = (from.x + TRUNK, from.y + from.height, to.x, to.y + LINE / 2 + PAD / 2);
    let (down, line) = (format!("M{x} {y}V{v}"), format!("M{x} {v}H{}", u - 6));
    let head = format!("M{} {}L{} {v}L{} {}z", u - 7, v - 4, u - 1, u - 7, v + 4);
    html! { path.trunk d=(down) {} path.edge.(shown.class()) d=(line) {} path.tip.(shown.class()) d=(head) {} }
}

fn boxed(row: &Row<'_>, at: &Placed) -> Markup {
    let (left, sign) = (at.x + PAD, if row.shown.is_some() { SIGN } else { 0 });
    let round = if row.node.column == Column::Subject { 12 } else { 4 };
    html! {
        g.node {
            rect x=(at.x) y=(at.y) width=(WIDTH - at.x - PAD) height=(at.height) rx=(round) {}
            @if let Some(shown) = row.shown { text.sign.(shown.class()) x=(left) y=(at.y + LINE - 3) { (shown.label()) } }
            @for (index, (kind, text)) in at.lines.iter().enumerate() {
                text x=(left + sign) y=(at.y + (index + 1) * LINE - 3) {
                    @if !kind.is_empty() { tspan.kind { (kind) } }
                    @if !kind.is_empty() && !text.is_empty() { " " }
                    @if !text.is_empty() { tspan { (text) } }
                }
            }
        }
    }
}
