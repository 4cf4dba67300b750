//! Which scenarios an expression means: `tag(rbac) & !title(token)`, in the style of nextest's filtersets.

use std::fmt;

use regex::Regex;
use winnow::{
    Parser as _,
    ascii::multispace0,
    combinator::{Infix::Left, Prefix, alt, cut_err, delimited, expression, fail, opt, peek, preceded, terminated},
    error::{ContextError, ErrMode, StrContext, StrContextValue},
    token::{literal, one_of, take_till, take_while},
};

use crate::{
    plan::{Action, Plan},
    scenario::Verb,
};

/// The most characters of an expression.
const MOST: usize = 2000;

/// The most that may open in it (parentheses and negations): each may be inside the other, and nesting costs stack.
const DEEPEST: usize = 100;

/// The longest text that a pattern is compiled for, in bytes.
const LONGEST: usize = 1 << 12;

/// What can be asked of a scenario, with what it is asked about.
const PREDICATES: [(&str, About); 8] = [
    ("path", About::Path),
    ("title", About::Title),
    ("tag", About::Tag),
    ("row", About::Row),
    ("ref", About::Ref),
    ("verb", About::Verb),
    ("step", About::Step),
    ("needs", About::Needs),
];

/// What `needs(…)` knows.
const NEEDS: [&str; 3] = ["alone", "pods", "slow"];

/// An expression over scenarios.
#[derive(Debug, Clone)]
pub enum Expression {
    /// `all()` or `none()`.
    Always(bool),
    /// `tag(rbac)`.
    Has(About, Text),
    /// `!a`.
    Not(Box<Expression>),
    /// `a & b`.
    And(Box<Expression>, Box<Expression>),
    /// `a | b`.
    Or(Box<Expression>, Box<Expression>),
}

/// A property of a scenario.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum About {
    /// Its file, as it is named.
    Path,
    /// Its title.
    Title,
    /// One of its tags.
    Tag,
    /// The id of a claim that one of its steps shows.
    Row,
    /// A claim of one's own.
    Ref,
    /// The verb of one of its steps.
    Verb,
    /// The title of one of its steps.
    Step,
    /// What it needs of a cluster: Pods that run, or to be alone.
    Needs,
}

/// How a text is compared.
#[derive(Debug, Clone)]
pub enum Text {
    /// `=text`: it is just this.
    Is(String),
    /// `~text`: it has this in it.
    Has(String),
    /// `/pattern/`: it matches this regular expression.
    Matches(Regex),
}

impl Text {
    fn accepts(&self, text: &str) -> bool {
        match self {
            Text::Is(wanted) => text == wanted,
            Text::Has(wanted) => text.contains(wanted.as_str()),
            Text::Matches(pattern) => pattern.is_match(text),
        }
    }
}

impl Expression {
    /// Whether a scenario is meant.
    pub fn accepts(&self, plan: &Plan) -> bool {
        match self {
            Expression::Always(always) => *always,
            Expression::Not(one) => !one.accepts(plan),
            Expression::And(one, other) => one.accepts(plan) && other.accepts(plan),
            Expression::Or(one, other) => one.accepts(plan) || other.accepts(plan),
            Expression::Has(about, text) => match about {
                About::Path => text.accepts(&plan.document.source.path.to_string_lossy()),
                About::Title => text.accepts(&plan.title),
                About::Tag => plan.tags.iter().any(|tag| text.accepts(tag)),
                About::Ref => {
                    let said = &plan.document.scenario;
                    let of_steps = said.steps.iter().flat_map(|step| &step.refs);
                    said.refs.iter().chain(of_steps).any(|id| text.accepts(&id.0))
                }
                About::Row => plan.steps.iter().flat_map(|step| &step.rows).any(|row| text.accepts(row)),
                About::Verb => plan.steps.iter().any(|step| text.accepts(step.verb.key())),
                About::Step => plan.steps.iter().any(|step| text.accepts(&step.title)),
                About::Needs => needs(plan).iter().any(|need| text.accepts(need)),
            },
        }
    }
}

/// What a scenario needs of a cluster, in the words of [`NEEDS`].
fn needs(plan: &Plan) -> Vec<&'static str> {
    let pods = |action: &Action| matches!(action, Action::Curl(_) | Action::Exec(_));
    let all = [
        ("alone", plan.alone),
        ("pods", plan.steps.iter().any(|step| step.verb == Verb::Pod || pods(&step.action))),
        ("slow", plan.tags.iter().any(|tag| tag == "slow")),
    ];
    all.into_iter().filter(|(_, is)| *is).map(|(word, _)| word).collect()
}

/// What is wrong with an expression, and where.
#[derive(Debug, PartialEq, Eq)]
pub struct Wrong {
    text: String,
    /// In characters, from 0.
    at: usize,
    message: String,
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n  | {}\n  | {:at$}^", self.message, self.text, "", at = self.at)
    }
}

impl std::error::Error for Wrong {}

/// Reads an expression.
///
/// # Errors
/// What is wrong, with a caret below the place.
pub fn read(text: &str) -> Result<Expression, Wrong> {
    let wrong = |at: usize, message: String| Wrong { text: text.replace(char::is_control, "?"), at, message };
    let open = text.matches(['(', '!']).count() + text.matches("not").count();
    if text.chars().count() > MOST || open > DEEPEST {
        let message = format!("an expression has at most {MOST} characters, and {DEEPEST} parentheses and negations");
        return Err(Wrong { text: String::new(), at: 0, message });
    }
    terminated(whole, multispace0).parse(text).map_err(|e| {
        let at = text[..e.offset().min(text.len())].chars().count();
        let told = e.inner().context().find_map(|context| match context {
            StrContext::Expected(StrContextValue::Description(told)) => Some((*told).to_owned()),
            _ => None,
        });
        wrong(at, told.unwrap_or_else(|| unknown(&text[e.offset()..])))
    })
}

/// What to say where no other words were found: most often a predicate is misspelt.
fn unknown(rest: &str) -> String {
    let word: String = rest.chars().take_while(|c| c.is_alphanumeric()).collect();
    let known = PREDICATES.iter().map(|(word, _)| *word);
    match crate::k8s::nearest(&word, known.clone()).filter(|near| *near != word) {
        Some(near) => format!("there is no `{word}(…)`; did you mean `{near}(…)`?"),
        None => format!(
            "here one of {} is expected, joined by `&`, `|`, `!` and parentheses",
            known.map(|word| format!("{word}(…)")).collect::<Vec<_>>().join(", ")
        ),
    }
}

/// The result of a parser here.
type Parsed<T> = Result<T, ErrMode<ContextError>>;

/// Words of the grammar in an error.
fn expected_words(what: &'static str) -> StrContext {
    StrContext::Expected(StrContextValue::Description(what))
}

fn whole(input: &mut &str) -> Parsed<Expression> {
    // `!` binds closest, then `&`, then `|`, as in nextest and in most languages.
    expression(delimited(multispace0, operand, multispace0))
        .prefix(delimited(
            multispace0,
            alt((literal("!").void(), word("not")))
                .value(Prefix(30, |_: &mut _, one| Ok(Expression::Not(Box::new(one))))),
            multispace0,
        ))
        .infix(alt((
            alt((literal("&").void(), word("and")))
                .value(Left(20, |_: &mut _, one, other| Ok(Expression::And(Box::new(one), Box::new(other))))),
            alt((one_of(['|', '+']).void(), word("or")))
                .value(Left(10, |_: &mut _, one, other| Ok(Expression::Or(Box::new(one), Box::new(other))))),
        )))
        .parse_next(input)
}

/// A word that is an operator, and not the beginning of another word.
fn word<'i>(word: &'static str) -> impl winnow::Parser<&'i str, (), ErrMode<ContextError>> {
    terminated(literal(word), peek(one_of([' ', '(', '!', '\t']))).void()
}

fn operand(input: &mut &str) -> Parsed<Expression> {
    let parentheses = delimited(
        '(',
        cut_err(whole),
        cut_err(preceded(multispace0, ')')).context(expected_words("a parenthesis is not closed: `)` is expected")),
    );
    alt((parentheses, predicate)).parse_next(input)
}

fn predicate(input: &mut &str) -> Parsed<Expression> {
    let mut name = terminated(take_while(1.., char::is_alphanumeric), '(');
    let start = *input;
    let found: &str = name.parse_next(input)?;
    match found {
        "all" | "none" => {
            cut_err(')')
                .context(expected_words("`all()` and `none()` have nothing between the parentheses"))
                .parse_next(input)?;
            return Ok(Expression::Always(found == "all"));
        }
        _ => {}
    }
    let Some((_, about)) = PREDICATES.iter().find(|(word, _)| *word == found) else {
        *input = start;
        return fail.parse_next(input);
    };
    let before = *input;
    let text = cut_err(text_operand(*about)).parse_next(input)?;
    if let (About::Needs, Text::Is(need)) = (about, &text)
        && !NEEDS.contains(&need.as_str())
    {
        *input = before;
        return cut_err(fail).context(expected_words("`needs` knows `alone`, `pods` and `slow`")).parse_next(input);
    }
    Ok(Expression::Has(*about, text))
}

/// What is between the parentheses, with the one that closes. Tags, rows, verbs and needs are compared whole, titles and paths
/// by a part, unless a sign says otherwise.
fn text_operand<'i>(about: About) -> impl winnow::Parser<&'i str, Text, ErrMode<ContextError>> {
    let whole = matches!(about, About::Tag | About::Row | About::Ref | About::Verb | About::Needs);
    move |input: &mut &'i str| {
        let sign = opt(one_of(['=', '~', '/'])).parse_next(input)?;
        let wanted = match sign {
            Some('/') => {
                let start = *input;
                let pattern = terminated(take_till(0.., '/'), "/)")
                    .context(expected_words("a pattern ends with `/)`; a slash in it is written `\\x2F`"))
                    .parse_next(input)?;
                match crate::expect::pattern::compile(pattern, LONGEST) {
                    Ok(pattern) => return Ok(Text::Matches(pattern)),
                    Err(_) => {
                        *input = start;
                        return cut_err(fail)
                            .context(expected_words("this is no regular expression"))
                            .parse_next(input);
                    }
                }
            }
            _ => terminated(take_till(1.., ')'), ')')
                .context(expected_words("a text and `)` are expected"))
                .parse_next(input)?
                .trim()
                .to_owned(),
        };
        Ok(match sign {
            Some('=') => Text::Is(wanted),
            Some('~') => Text::Has(wanted),
            _ if whole => Text::Is(wanted),
            _ => Text::Has(wanted),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use rstest::rstest;

    use super::*;
    use crate::plan::{Names, Trust};

    /// A scenario with the tags `rbac` and `slow`, the row `S1.2`, and a Pod.
    fn plan() -> Plan {
        let text = "title: A token is read\ntags: [rbac, slow]\nsteps:\n  - title: Its Pod\n    rows: [S1.2]\n    pod: {name: a, \
                    image: curl}\n";
        let document =
            crate::scenario::read(Path::new("scenarios/tokens/read.yaml"), text.as_bytes()).expect("a scenario");
        crate::plan::plan_for(document, &Names::random(), Trust::Full).expect("a plan")
    }

    #[rstest]
    #[case("tag(rbac)", true)]
    #[case("tag(rba)", false)]
    #[case("tag(~rba)", true)]
    #[case("title(token)", true)]
    #[case("title(=token)", false)]
    #[case("path(tokens/)", true)]
    #[case("path(/read\\.ya?ml$/)", true)]
    #[case("row(S1.2) & verb(pod)", true)]
    #[case("step(Its Pod)", true)]
    #[case("needs(pods) and not needs(alone)", true)]
    #[case("!tag(rbac) | tag(slow)", true)]
    #[case("!(tag(rbac) | tag(slow))", false)]
    #[case("tag(x) & tag(y) | tag(rbac)", true)]
    #[case("tag(rbac) | tag(x) & tag(y)", true)]
    #[case("  all()  ", true)]
    #[case("none() or all()", true)]
    #[case("!!all()", true)]
    fn what_is_meant(#[case] text: &str, #[case] accepted: bool) {
        assert_eq!(read(text).expect(text).accepts(&plan()), accepted);
    }

    #[rstest]
    #[case("tga(rbac)", 0, "there is no `tga(…)`; did you mean `tag(…)`?")]
    #[case("tag(a) & titel(b)", 9, "there is no `titel(…)`; did you mean `title(…)`?")]
    #[case("(tag(a)", 7, "a parenthesis is not closed: `)` is expected")]
    #[case("tag()", 4, "a text and `)` are expected")]
    #[case("tag(a", 5, "a text and `)` are expected")]
    #[case("path(/(/)", 6, "this is no regular expression")]
    #[case("needs(root)", 6, "`needs` knows `alone`, `pods` and `slow`")]
    #[case("all(x)", 4, "`all()` and `none()` have nothing between the parentheses")]
    fn what_is_wrong_is_said_with_a_caret(#[case] text: &str, #[case] at: usize, #[case] message: &str) {
        let wrong = read(text).expect_err(text);
        assert_eq!((wrong.at, wrong.message.as_str()), (at, message));
        assert!(wrong.to_string().ends_with(&format!("  | {text}\n  | {:at$}^", "")));
    }

    #[rstest]
    #[case("")]
    #[case("rbac")]
    #[case("tag(a) tag(b)")]
    #[case("tag(a) &")]
    fn what_else_is_wrong_lists_what_there_is(#[case] text: &str) {
        let wrong = read(text).expect_err("no expression");
        assert!(wrong.message.starts_with("here one of path(…), title(…), tag(…)"), "{wrong}");
    }

    #[test]
    fn an_expression_that_is_nested_without_end_is_refused_and_not_read() {
        for open in ["(", "!", "not "] {
            let wrong = read(&open.repeat(1000)).expect_err("too deep");
            assert!(wrong.message.starts_with("an expression has at most"), "{wrong}");
            assert!(read(&open.repeat(100)).is_err(), "it is read, and has no end");
        }
        assert!(read(&"x".repeat(2001)).is_err());
    }
}
