//! A class on a terminal: exactly as many lines as it has, each as long as it is at most.

use anstyle::{AnsiColor, Style};
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use super::view::{Card, Row, View};

/// A terminal, and how it is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Screen {
    /// Columns.
    pub width: usize,
    /// Lines.
    pub height: usize,
    /// Whether there are colours. Signs and words say the same without.
    pub colors: bool,
    /// Whether it is read from far away: short lines, much space, nothing faint.
    pub projector: bool,
}

const GREEN: Style = AnsiColor::Green.on_default().bold();
const RED: Style = AnsiColor::Red.on_default().bold();
const YELLOW: Style = AnsiColor::Yellow.on_default();
const CYAN: Style = AnsiColor::Cyan.on_default();
const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();

/// The smallest terminal that something is drawn for.
const LEAST: (usize, usize) = (20, 6);

/// A line in one style.
type Line = (Style, String);

/// What only one face has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Local {
    /// So many characters of what would be typed are there so far; `None`: all.
    pub typed: Option<usize>,
    /// So many lines of the step are above the screen.
    pub scrolled: usize,
    /// What is being written: a guess, or the number of a step, with its question.
    pub writing: Option<(String, String)>,
}

impl Screen {
    /// Its lines.
    pub fn lines(&self, view: &View, local: &Local) -> Vec<String> {
        let screen = Screen { width: self.width.max(LEAST.0), height: self.height.max(LEAST.1), ..*self };
        let head = screen.head(view);
        let foot = screen.foot(view, local);
        let room = screen.height.saturating_sub(head.len() + foot.len());
        let body = screen.body(view, local);
        let most = body.len().saturating_sub(room);
        let from = local.scrolled.min(most);
        let below = body.len() - from > room;
        let mut lines = head;
        lines.extend(body.into_iter().skip(from).take(room));
        let bodied = screen.height - foot.len();
        lines.truncate(bodied);
        if below && let Some(last) = lines.last_mut() {
            *last = (YELLOW, "↓ more: down key".to_owned());
        }
        lines.resize(bodied, (Style::new(), String::new()));
        lines.extend(foot);
        lines.truncate(screen.height);
        lines.iter().map(|(style, text)| screen.painted(*style, text)).collect()
    }

    fn painted(&self, style: Style, text: &str) -> String {
        let text = cut(text, self.width);
        // What is faint is not seen from far away.
        let style = if self.projector && style == DIM { Style::new() } else { style };
        if self.colors && !text.is_empty() && style != Style::new() { format!("{style}{text}{style:#}") } else { text }
    }

    /// How wide a text is.
    fn measure(&self) -> usize {
        if self.projector { self.width.min(64) } else { self.width.min(100) }
    }

    fn head(&self, view: &View) -> Vec<Line> {
        let position =
            view.steps.iter().find(|row| row.current).map(|row| format!("{}/{}", row.number, view.steps.len()));
        let right = position.unwrap_or_default();
        let title = cut(&view.title, self.width.saturating_sub(right.width() + 1));
        let gap = self.width.saturating_sub(title.width() + right.width());
        let marks = marks(&view.steps, self.width);
        let mut head = vec![(BOLD, format!("{title}{}{right}", " ".repeat(gap))), (DIM, marks)];
        if !view.place.is_empty() && self.height > 16 {
            head.push((DIM, view.place.clone()));
        }
        head.push((DIM, "─".repeat(self.width)));
        head
    }

    fn foot(&self, view: &View, local: &Local) -> Vec<Line> {
        let mut foot = Vec::new();
        if let Some(verdict) = &view.card.verdict {
            let style = match verdict.word {
                "held" => GREEN,
                "left out" => YELLOW,
                _ => RED,
            };
            foot.push((style, format!("{} {}  {}", verdict.sign, verdict.word.to_uppercase(), verdict.text)));
        }
        match (&local.writing, &view.note, view.busy) {
            (Some((question, text)), ..) => foot.push((BOLD, format!("{question} {text}▏"))),
            (None, note, Some(busy)) => {
                let note = note.as_ref().map(|note| format!(" · {note}")).unwrap_or_default();
                foot.push((YELLOW, format!("… {busy}{note}")));
            }
            (None, Some(note), None) => foot.push((YELLOW, format!("» {note}"))),
            (None, None, None) => foot.push((Style::new(), String::new())),
        }
        if view.paused {
            foot.push((YELLOW, "‖ paused: p goes on".to_owned()));
        }
        let mut line = String::new();
        for key in view.keys.iter().map(|(key, word)| format!("{key} {word}")) {
            let more = if line.is_empty() { key } else { format!("·{key}") };
            if line.width() + more.width() <= self.width {
                line += &more;
            }
        }
        foot.push((DIM, line));
        foot
    }

    fn body(&self, view: &View, local: &Local) -> Vec<Line> {
        let mut lines = Vec::new();
        if let Some(panel) = &view.panel {
            lines.push((BOLD, panel.title.to_owned()));
            for line in &panel.lines {
                lines.extend(self.wrapped(line, "  ").into_iter().map(|line| (CYAN, line)));
            }
            lines.push((DIM, "─".repeat(self.measure())));
        }
        self.card(&view.card, local, &mut lines);
        lines
    }

    fn card(&self, card: &Card, local: &Local, lines: &mut Vec<Line>) {
        let space = |lines: &mut Vec<Line>| lines.push((Style::new(), String::new()));
        lines.push((DIM, card.heading.clone()));
        lines.extend(self.wrapped(&card.title, "").into_iter().map(|line| (BOLD, line)));
        if let Some(say) = &card.say {
            space(lines);
            for paragraph in say.trim_end().lines() {
                lines.extend(self.wrapped(paragraph, "").into_iter().map(|line| (Style::new(), line)));
            }
        }
        for stays in &card.stays {
            lines.extend(self.wrapped(&format!("not undone: {stays}"), "").into_iter().map(|line| (YELLOW, line)));
        }
        if !card.types.is_empty() {
            space(lines);
            let typed: String = card.types.chars().take(local.typed.unwrap_or(usize::MAX)).collect();
            for (index, line) in typed.lines().enumerate() {
                let begin = if index == 0 { "$ " } else { "  " };
                for (part, text) in broken(line, self.width.saturating_sub(2)).into_iter().enumerate() {
                    lines.push((CYAN, format!("{}{text}", if part == 0 { begin } else { "  " })));
                }
            }
        }
        if let Some(predict) = &card.predict {
            space(lines);
            lines.extend(self.wrapped(&format!("? {predict}"), "  ").into_iter().map(|line| (YELLOW, line)));
        }
        if let Some(guess) = &card.guess {
            let became = card.guessed.map(|words| format!(", {words}")).unwrap_or_default();
            lines.extend(
                self.wrapped(&format!("  you said: {guess}{became}"), "  ").into_iter().map(|line| (YELLOW, line)),
            );
        }
        if local.typed.is_some() {
            return;
        }
        if !card.why.is_empty() || !card.answer.is_empty() {
            space(lines);
        }
        for why in &card.why {
            lines.extend(self.wrapped(why, "  ").into_iter().map(|line| (Style::new(), line)));
        }
        for warning in &card.warnings {
            lines.extend(
                self.wrapped(&format!("the server warns: {warning}"), "  ").into_iter().map(|line| (YELLOW, line)),
            );
        }
        for line in &card.answer {
            lines.extend(broken(line, self.width.saturating_sub(2)).into_iter().map(|line| (DIM, format!("< {line}"))));
        }
        if self.projector {
            // Room to breathe between what belongs together.
            lines.dedup_by(|one, other| one.1.is_empty() && other.1.is_empty());
        }
    }

    /// A text over several lines, broken between words; all but the first are indented.
    fn wrapped(&self, text: &str, indent: &str) -> Vec<String> {
        let measure = self.measure();
        let mut lines: Vec<String> = Vec::new();
        let leading: String = text.chars().take_while(|c| *c == ' ').collect();
        let mut line = leading.clone();
        for word in text.split(' ').filter(|word| !word.is_empty()) {
            let is_empty = line.trim().is_empty();
            if !is_empty && line.width() + 1 + word.width() > measure {
                lines.push(std::mem::replace(&mut line, format!("{leading}{indent}")));
                line += word;
                continue;
            }
            if !is_empty {
                line.push(' ');
            }
            line += word;
        }
        lines.push(line);
        lines.iter().flat_map(|line| broken(line, self.width)).collect()
    }
}

/// The sign of each step, cut to the width.
fn marks(steps: &[Row], width: usize) -> String {
    let marks: String = steps.iter().map(|row| if row.current && row.sign == '·' { '▸' } else { row.sign }).collect();
    cut(&marks, width)
}

/// The beginning of a text that fits into so many columns.
fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut used = 0;
    let mut cut: String = text
        .chars()
        .take_while(|c| {
            used += c.width().unwrap_or(0);
            used < width
        })
        .collect();
    cut.push('…');
    cut
}

/// A text in pieces that fit into so many columns.
fn broken(text: &str, width: usize) -> Vec<String> {
    let (mut pieces, mut piece, mut used) = (Vec::new(), String::new(), 0);
    for character in text.chars() {
        let wide = character.width().unwrap_or(0);
        if used + wide > width.max(1) {
            pieces.push(std::mem::take(&mut piece));
            used = 0;
        }
        piece.push(character);
        used += wide;
    }
    pieces.push(piece);
    pieces
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::presenter::{
        class::Class,
        command::Command,
        lesson::{Lesson, Part},
    };

    fn view() -> View {
        let part = |predict: Option<&str>| Part {
            title:
                "Without credentials the call is refused, and this title is much longer than a line of a terminal is"
                    .into(),
            say: Some("Look at the answer. ".repeat(20)),
            types: format!("kubectl exec -n default p -- curl -sS {}", "x".repeat(120)),
            predict: predict.map(str::to_owned),
            ..Part::default()
        };
        let parts = (0..40).map(|number| part((number == 0).then_some("200 or 403?"))).collect();
        let mut class = Class::new(Lesson { title: "Wide 日本語 title".repeat(9), parts, ..Lesson::default() });
        class.place = "builtin, Kubernetes v1.37.2".into();
        class.open();
        class.command(&Command::Next, 0);
        class.command(&Command::Next, 0);
        let mut view = View::new(&class, 0);
        view.card.answer = (0..30).map(|n| format!("{n}: {}", "日本".repeat(30))).collect();
        view
    }

    #[rstest]
    #[case(80, 24, false)]
    #[case(80, 24, true)]
    #[case(40, 10, false)]
    #[case(1, 1, false)]
    #[case(200, 60, true)]
    fn every_line_fits(#[case] width: usize, #[case] height: usize, #[case] projector: bool) {
        let screen = Screen { width, height, colors: false, projector };
        let lines =
            screen.lines(&view(), &Local { writing: Some(("guess:".into(), "403".into())), ..Local::default() });
        assert_eq!(lines.len(), height.max(LEAST.1));
        for line in &lines {
            assert!(line.width() <= width.max(LEAST.0), "{}: {line}", line.width());
        }
        let all = lines.join("\n");
        assert!(all.contains("guess: 403") || height < 6, "{all}");
    }

    #[test]
    fn before_it_is_open_there_are_no_keys_and_what_goes_on_is_said() {
        let mut class = Class::new(Lesson { parts: vec![Part::default()], ..Lesson::default() });
        class.note = Some("a cluster is started: api-ready".into());
        let screen = Screen { width: 80, height: 24, colors: false, projector: false };
        let seen = |class: &Class| screen.lines(&View::new(class, 0), &Local::default()).join("\n");
        assert!(seen(&class).contains("… getting ready · a cluster is started: api-ready"), "{}", seen(&class));
        assert!(!seen(&class).contains("space next"));
        class.open();
        class.can_open = true;
        assert!(!seen(&class).contains("getting ready"), "{}", seen(&class));
        let keys = "space next·b back·r retry·s skip·g step·! shell·h hint·e why·d who·t time·q quit";
        assert!(seen(&class).contains(keys), "{}", seen(&class));
    }

    #[test]
    fn signs_and_words_say_what_colours_say() {
        let mut view = view();
        view.card.verdict =
            Some(crate::presenter::view::Verdict { sign: '✗', word: "failed", text: "200 OK".into() });
        let plain = Screen { width: 80, height: 24, colors: false, projector: false };
        let colored = Screen { colors: true, ..plain };
        let lines = plain.lines(&view, &Local::default());
        assert!(lines.iter().any(|line| line == "✗ FAILED  200 OK"), "{lines:#?}");
        let stripped = |line: &String| {
            let pattern = regex::Regex::new("\u{1b}\\[[0-9;]*m").expect("a pattern");
            pattern.replace_all(line, "").into_owned()
        };
        let again: Vec<String> = colored.lines(&view, &Local::default()).iter().map(stripped).collect();
        assert_eq!(again, lines);
    }

    #[test]
    fn what_is_below_is_reached() {
        let screen = Screen { width: 80, height: 24, colors: false, projector: false };
        let at = |scrolled: usize| screen.lines(&view(), &Local { scrolled, ..Local::default() }).join("\n");
        assert!(at(0).contains("↓ more") && !at(0).contains("< 29"));
        assert!(at(1000).contains("< 29") && !at(1000).contains("↓ more"), "{}", at(1000));
    }

    #[test]
    fn what_is_typed_appears_by_and_by_and_the_answer_after_it() {
        let screen = Screen { width: 80, height: 60, colors: false, projector: false };
        let lines = screen.lines(&view(), &Local { typed: Some(12), ..Local::default() }).join("\n");
        assert!(lines.contains("$ kubectl exec\n") && !lines.contains("< 0"), "{lines}");
    }
}
