//! A page as a terminal session: asciicast v3, with a marker at each step. No person typed it: the text is that of the run,
//! and the pauses are for readers.

use serde_json::json;
use unicode_width::UnicodeWidthChar as _;

use super::{
    page::{Page, footer},
    step::Told,
};
use crate::report::story::Verdict;

const COLUMNS: usize = 100;
const ROWS: usize = 30;

/// Letters that appear at once, and the seconds between.
const TYPED: (usize, f64) = (4, 0.06);

/// A line that is longer appears at once.
const LONG: usize = 240;

const DIM: &str = "2";
const BOLD: &str = "1";
const GREEN: &str = "32";
const RED: &str = "31";

struct Cast(String);

pub(super) fn render(page: &Page<'_>) -> String {
    let header = json!({"version": 3, "term": {"cols": COLUMNS, "rows": ROWS}, "title": page.title});
    let mut cast = Cast(format!("{header}\n"));
    for line in footer(page) {
        cast.0.push_str(&format!("# {line}\n"));
    }
    if let Some(stamp) = &page.stamp {
        cast.shown(0.0, &paint(RED, "This run did not hold. What follows is what happened, and not what is true.\n"));
        stamp.0.iter().for_each(|line| cast.shown(0.0, &paint(RED, &format!("  {line}\n"))));
    }
    for story in &page.run.scenarios {
        cast.event(0.5, "m", story.title);
        cast.shown(0.0, &format!("\n{}\n", paint(BOLD, &wrapped(story.title))));
        narrated(&mut cast, story.say);
        for step in &story.steps {
            told(&mut cast, &Told::from_step(step));
        }
    }
    cast.event(1.0, "x", "0");
    cast.0
}

fn told(cast: &mut Cast, step: &Told<'_>) {
    cast.event(1.5, "m", &format!("{}. {}", step.number, step.title));
    cast.shown(0.0, &format!("\n{}\n", paint(BOLD, &wrapped(&format!("{}. {}", step.number, step.title)))));
    narrated(cast, step.say);
    if step.verdict.0 != Verdict::Skipped {
        for line in step.lines.lines() {
            typed(cast, line);
        }
        if !step.answer.is_empty() {
            cast.shown(0.4, &format!("{}\n", step.answer));
        }
    }
    let color = if step.verdict.0 == Verdict::Held { GREEN } else { RED };
    let sign = if step.verdict.0 == Verdict::Held { "✓" } else { "✗" };
    cast.shown(0.4, &paint(color, &format!("{}\n", wrapped(&format!("{sign} {}", step.verdict.1)))));
}

fn narrated(cast: &mut Cast, say: Option<&str>) {
    if let Some(say) = say {
        cast.shown(0.3, &paint(DIM, &format!("{}\n", wrapped(say.trim()))));
    }
}

fn typed(cast: &mut Cast, line: &str) {
    cast.shown(0.8, &paint(BOLD, "$ "));
    let letters: Vec<char> = line.chars().collect();
    if letters.len() > LONG {
        cast.shown(TYPED.1, line);
    } else {
        letters.chunks(TYPED.0).for_each(|some| cast.shown(TYPED.1, &some.iter().collect::<String>()));
    }
    cast.shown(0.2, "\n");
}

impl Cast {
    fn shown(&mut self, after: f64, text: &str) {
        self.event(after, "o", &text.replace('\n', "\r\n"));
    }

    fn event(&mut self, after: f64, code: &str, data: &str) {
        self.0.push_str(&format!("{}\n", json!([after, code, data])));
    }
}

/// In a colour. Texts have no control characters of their own: the filter has made them visible.
fn paint(color: &str, text: &str) -> String {
    match text.strip_suffix('\n') {
        Some(text) => format!("\x1b[{color}m{text}\x1b[0m\n"),
        None => format!("\x1b[{color}m{text}\x1b[0m"),
    }
}

/// Broken between words, so that none is cut at the edge.
fn wrapped(text: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    for paragraph in text.split('\n') {
        let (mut line, mut width) = (String::new(), 0);
        for word in paragraph.split_inclusive(' ') {
            let own: usize = word.chars().filter_map(|c| c.width()).sum();
            if width > 0 && width + own > COLUMNS {
                lines.push(std::mem::take(&mut line).trim_end().to_owned());
                width = 0;
            }
            line.push_str(word);
            width += own;
        }
        lines.push(line.trim_end().to_owned());
    }
    lines.join("\n")
}
