//! The picture as SVG: four columns, curved arrows, each with its sign. No script, nothing from elsewhere.

use std::fmt::Write as _;

use maud::{Markup, PreEscaped, html};
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use super::{Column, Diagram, LEGEND, Shown};

/// Where the colours come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// The picture stands in a page that has [`Diagram::CSS`].
    Page,
    /// It is a file of its own, for light and dark rooms.
    Own,
}

/// Widths and heights in pixels.
const BOX: usize = 216;
const GAP: usize = 64;
const LINE: usize = 17;
const BETWEEN: usize = 14;
const PAD: usize = 8;
const TOP: usize = 34;

/// So many columns of monospaced letters fit into a box.
const LETTERS: usize = 27;

/// The most lines of a box.
const LINES: usize = 8;

struct Placed {
    x: usize,
    y: usize,
    height: usize,
    lines: Vec<String>,
}

impl Diagram {
    /// The style sheet of a picture; `--text`, `--soft`, `--line`, `--panel`, `--page`, `--held` and `--failed` of the page win.
    pub const CSS: &str = include_str!("diagram.css");

    /// The picture. `id` is a word that no other picture of the page has, e.g. `s0`: letters and digits.
    pub fn svg(&self, id: &str, style: Style) -> String {
        self.drawn(id, style).into_string()
    }

    pub(in crate::report) fn drawn(&self, id: &str, style: Style) -> Markup {
        let placed = self.placed();
        let columns = 1 + self.nodes.iter().map(|node| node.column as usize).max().unwrap_or_default();
        let width = columns * BOX + (columns - 1) * GAP + 2 * PAD;
        let height = placed.iter().map(|one| one.y + one.height).max().unwrap_or(TOP) + PAD;
        let drawing = html! {
            @if style == Style::Own { style { (PreEscaped(Self::CSS)) } rect.ground width="100%" height="100%" {} }
            @for (column, words) in ["subjects", "bindings", "roles", "rules and calls"].iter().enumerate().take(columns) {
                text.head x=(PAD + column * (BOX + GAP)) y="20" { (words) }
            }
            @for edge in &self.edges { (arrow(&placed[edge.from], &placed[edge.to], edge.shown)) }
            @for (node, at) in self.nodes.iter().zip(&placed) {
                g.node.(class(node.column)) {
                    rect x=(at.x) y=(at.y) width=(BOX) height=(at.height) rx=(if node.column == Column::Subject { 14 } else { 4 }) {}
                    text.kind x=(at.x + PAD) y=(at.y + LINE) { (cut(&node.kind, LETTERS + 3)) }
                    @for (index, line) in at.lines.iter().enumerate() {
                        text x=(at.x + PAD) y=(at.y + (index + 2) * LINE) { (line) }
                    }
                }
            }
            @for edge in &self.edges { (label(&placed[edge.to], edge.shown)) }
        };
        self.framed(id, "rbac", (width, height), &drawing)
    }

    /// A picture of this size with its text alternative, whatever way it is drawn.
    pub(super) fn framed(&self, id: &str, class: &str, (width, height): (usize, usize), drawing: &Markup) -> Markup {
        let said = self.sentences();
        html! {
            svg class=(class) xmlns="http://www.w3.org/2000/svg" viewBox={ "0 0 " (width) " " (height) } width=(width) height=(height)
                role="img" aria-labelledby={ (id) "-t" } aria-describedby={ (id) "-d" } {
                title id={ (id) "-t" } { "Who may do what" }
                desc id={ (id) "-d" } { (said.join(". ")) ". " (LEGEND) "." }
                (drawing)
            }
        }
    }

    /// Where each box stands: the last column from the top, each other as near as can be to what it leads to.
    fn placed(&self) -> Vec<Placed> {
        let mut placed: Vec<Placed> = (self.nodes.iter())
            .map(|node| {
                let lines = wrapped(&node.lines, LETTERS);
                let height = (lines.len() + 1) * LINE + PAD;
                Placed { x: PAD + node.column as usize * (BOX + GAP), y: TOP, height, lines }
            })
            .collect();
        for column in [Column::Rule, Column::Role, Column::Binding, Column::Subject] {
            if column == Column::Subject {
                self.below_all(&mut placed);
            }
            let mut own: Vec<(usize, usize)> = (0..self.nodes.len())
                .filter(|at| self.nodes[*at].column == column)
                .map(|at| (self.wanted(at, &placed).unwrap_or(TOP), at))
                .collect();
            // Rules stand as their roles do, and calls below them.
            if column != Column::Rule {
                own.sort_by_key(|(wanted, _)| *wanted);
            }
            let mut free = TOP;
            for (wanted, at) in own {
                placed[at].y = wanted.saturating_sub(placed[at].height / 2).max(free);
                free = placed[at].y + placed[at].height + BETWEEN;
            }
        }
        placed
    }

    /// Calls that went by no binding stand below all else, so that their arrows pass no box.
    fn below_all(&self, placed: &mut [Placed]) {
        let calls: Vec<usize> = (self.edges.iter())
            .filter(|edge| {
                self.nodes[edge.from].column == Column::Subject && self.nodes[edge.to].column == Column::Rule
            })
            .map(|edge| edge.to)
            .collect();
        let others = placed
            .iter()
            .enumerate()
            .filter(|(at, _)| self.nodes[*at].column != Column::Subject && !calls.contains(at));
        let mut free = others.map(|(_, one)| one.y + one.height + BETWEEN).max().unwrap_or(TOP);
        for at in calls {
            placed[at].y = free;
            free += placed[at].height + BETWEEN;
        }
    }

    /// The middle of what a box leads to.
    fn wanted(&self, at: usize, placed: &[Placed]) -> Option<usize> {
        let to: Vec<usize> =
            self.edges.iter().filter(|edge| edge.from == at).map(|edge| middle(&placed[edge.to])).collect();
        (!to.is_empty()).then(|| to.iter().sum::<usize>() / to.len())
    }
}

fn middle(at: &Placed) -> usize {
    at.y + at.height / 2
}

fn class(column: Column) -> &'static str {
    match column {
        Column::Subject => "subject",
        Column::Binding => "binding",
        Column::Role => "role",
        Column::Rule => "rule",
    }
}

fn arrow(from: &Placed, to: &Placed, shown: Shown) -> Markup {
    let (x, y, u, v) = (from.x + BOX, middle(from), to.x, middle(to));
    // The bend is before the next column; what goes further goes straight on.
    let bend = GAP / 2;
    let line = format!("M{x} {y}C{} {y} {} {v} {} {v}L{} {v}", x + bend, x + bend, x + GAP - 8, u - 6);
    let head = format!("M{} {}L{} {}L{} {}z", u - 8, v - 4, u - 1, v, u - 8, v + 4);
    html! { path.edge.(shown.class()) d=(line) {} path.tip.(shown.class()) d=(head) {} }
}

/// The sign stands at the end, where arrows from one box are apart.
fn label(to: &Placed, shown: Shown) -> Markup {
    let (x, v) = (to.x - 14, middle(to));
    let words = shown.label();
    let width = 9 * words.width() + 8;
    html! {
        rect.sign x=(x - width) y=(v - 9) width=(width) height="18" rx="4" {}
        text.sign.(shown.class()) x=(x - width / 2) y=(v + 4) text-anchor="middle" { (words) }
    }
}

/// Lines of at most so many letters, broken where it does not hurt.
pub(super) fn wrapped(lines: &[String], letters: usize) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for line in lines {
        let mut now = String::new();
        for word in line.split_inclusive([' ', ',', '/', ':', '-', '.']) {
            if !now.is_empty() && now.width() + word.trim_end().width() > letters {
                all.push(std::mem::take(&mut now));
            }
            for c in word.chars() {
                if now.width() + c.width().unwrap_or(0) > letters {
                    all.push(std::mem::take(&mut now));
                }
                now.push(c);
            }
        }
        all.push(now);
    }
    if all.len() > LINES {
        let more = all.len() - (LINES - 1);
        all.truncate(LINES - 1);
        all.push(format!("… {more} more lines"));
    }
    all.iter().map(|line| line.trim_end().to_owned()).collect()
}

fn cut(text: &str, most: usize) -> String {
    let mut short = String::new();
    for c in text.chars() {
        if short.width() + c.width().unwrap_or(0) >= most {
            let _ = write!(short, "…");
            break;
        }
        short.push(c);
    }
    short
}
