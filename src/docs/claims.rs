//! `docs/claims.md`: every claim, and the steps that show or refute it.

use std::{collections::HashMap, fmt::Write as _};

use serde::Deserialize;
use serde_json::Value;

pub use super::shown::Shown;
use super::{
    seen::Seen,
    versions::{holds, in_words},
};
use crate::{
    k8s::Version,
    scenario::{Document, diagnostic::line_col},
};

/// What `docs/claims.yaml` says.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Claims {
    claims: Vec<Claim>,
    /// Ids of claims that no step shows yet, each with the reason.
    #[serde(default)]
    not_shown_yet: HashMap<String, String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Claim {
    id: String,
    claim: String,
    versions: String,
    state: State,
    #[serde(default)]
    instead: Option<String>,
    #[serde(default)]
    needs: Option<Needs>,
    #[serde(default)]
    reason: Option<String>,
    #[serde(default)]
    note: Option<String>,
    #[serde(default)]
    tests: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
enum State {
    Holds,
    Refuted,
    Needs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
enum Needs {
    #[serde(rename = "another version")]
    Version,
    #[serde(rename = "a longer time")]
    Time,
    #[serde(rename = "a second node")]
    Node,
    #[serde(rename = "another network")]
    Network,
}

impl Needs {
    fn word(self) -> &'static str {
        match self {
            Needs::Version => "another version",
            Needs::Time => "a longer time",
            Needs::Node => "a second node",
            Needs::Network => "another network",
        }
    }
}

/// Reads `docs/claims.yaml`.
///
/// # Errors
/// What is wrong with the text, in one sentence.
pub fn read(text: &str) -> Result<Claims, String> {
    serde_saphyr::from_str(text).map_err(|e| e.to_string())
}

/// The steps of a scenario. Looks at the file as it is written, so that it knows no verbs.
pub fn steps(document: &Document) -> Vec<Shown> {
    let scenario = document.root.to_json();
    let steps = scenario["steps"].as_array().into_iter().flatten().enumerate();
    let shown = steps.map(|(index, step)| Shown {
        path: document.source.path.to_string_lossy().replace('\\', "/"),
        line: line_col(&document.source, document.span(&format!("/steps/{index}")).start).0,
        number: index + 1,
        title: step["title"].as_str().unwrap_or_default().to_owned(),
        rows: (step["rows"].as_array().into_iter().flatten())
            .filter_map(Value::as_str)
            .map(ToOwned::to_owned)
            .collect(),
        expectations: expectations(&step["expect"]).max(1),
        times: step["each"].as_array().map_or(1, Vec::len),
        versions: step["when"]["kubernetes"].as_str().map(ToOwned::to_owned),
        branches: (step["expect"].as_array().into_iter().flatten().chain([&step["expect"]]))
            .filter_map(|expect| expect["when"]["kubernetes"].as_str())
            .map(ToOwned::to_owned)
            .collect(),
    });
    shown.collect()
}

/// How many things are expected: each key, and each path.
fn expectations(expect: &Value) -> usize {
    match expect {
        Value::Array(several) => several.iter().map(expectations).sum(),
        Value::Object(map) => (map.iter())
            .map(|(key, value)| match (key.as_str(), value) {
                ("within" | "when", _) => 0,
                ("path", Value::Array(paths)) => paths.len(),
                _ => 1,
            })
            .sum(),
        _ => 0,
    }
}

/// The page.
///
/// # Errors
/// Everything that does not fit together: steps that name no known row, rows that nothing shows, claims that lack a word.
pub fn page(
    claims: &Claims,
    shown: &[Shown],
    seen: &Seen,
    exists: &dyn Fn(&str) -> bool,
) -> Result<String, Vec<String>> {
    let mut wrong = wrong(claims, shown, exists);
    let again = "`KUBEWALK_BLESS=1 KUBEWALK_VERSIONS=all cargo test --test versions` notes it anew";
    let strays = seen.strays(shown);
    wrong.extend(strays.iter().map(|stray| format!("docs/seen.tsv: {stray} is no step any more; {again}")));
    if wrong.is_empty() { Ok(render(claims, shown, seen)) } else { Err(wrong) }
}

fn wrong(claims: &Claims, shown: &[Shown], exists: &dyn Fn(&str) -> bool) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut known: HashMap<&str, usize> = claims.claims.iter().map(|claim| (claim.id.as_str(), 0)).collect();
    for step in shown {
        for row in &step.rows {
            match known.get_mut(row.as_str()) {
                Some(count) => *count += 1,
                None => wrong.push(format!("{}:{}: docs/claims.yaml has no row `{row}`", step.path, step.line)),
            }
        }
    }
    for (index, claim) in claims.claims.iter().enumerate() {
        let mut say = |text: String| wrong.push(format!("docs/claims.yaml: {}: {text}", claim.id));
        if claims.claims[..index].iter().any(|other| other.id == claim.id) {
            say("is there twice".into());
        }
        let about = [claim.instead.is_some(), claim.needs.is_some(), claim.reason.is_some()];
        let fits = match claim.state {
            State::Holds => about == [false; 3],
            State::Refuted => about == [true, false, false],
            State::Needs => about == [false, true, true],
        };
        if !fits {
            say("`refuted` goes with `instead`, `needs` with `needs` and `reason`, and `holds` with none of them"
                .into());
        }
        if in_words(&claim.versions).is_none() {
            say(format!("`{}` are no versions: `all`, `none`, or e.g. `>=1.24, <1.37`", claim.versions));
        }
        for file in claim.tests.iter().filter(|file| !exists(file)) {
            say(format!("there is no file {file}"));
        }
        let by_steps = known.get(claim.id.as_str()).is_some_and(|count| *count > 0);
        let is_shown = by_steps || !claim.tests.is_empty();
        match (is_shown, claims.not_shown_yet.get(&claim.id)) {
            (true, Some(_)) => say("is shown now; take it out of `notShownYet`".into()),
            (false, None) if claim.state != State::Needs => {
                say("no step names it in `rows`; write one, or say under `notShownYet` why there is none".into());
            }
            (false, Some(why)) if why.trim().is_empty() => say("`notShownYet` without a reason".into()),
            _ => {}
        }
    }
    let unknown = claims.not_shown_yet.keys().filter(|id| !known.contains_key(id.as_str()));
    wrong.extend(unknown.map(|id| format!("docs/claims.yaml: `notShownYet` names {id}, which is no row")));
    wrong
}

const INTRO: &str = "\
<!-- Generated from docs/claims.yaml and the scenarios by `kubewalk docs claims`. To refresh it:
     KUBEWALK_BLESS=1 cargo test --test docs -->

# Claims

Each row is a claim about ServiceAccounts or RBAC, and the steps that show on a real cluster whether it is true. S1 and S2 are
the claims of two tutorials, F are further ones, and C are cases that people met in public. The versions are those of
Kubernetes on which the claim holds. The columns behind them are from runs: `holds` and `refuted` say that a step which shows
the claim held on that version, and that the claim was true or false there; `-` says that no step was run there, or none is for it.
";

/// What a run has seen of a claim on a version. Steps of a claim that is refuted show that it is. Of one that holds elsewhere, a step
/// that holds everywhere prepares the others, and shows nothing here: one that refutes it expects something else on this version.
fn seen_there(claim: &Claim, shown: &[Shown], seen: &Seen, version: Version) -> &'static str {
    let mut held = shown.iter().filter(|step| step.rows.contains(&claim.id) && seen.held(version, step));
    if holds(&claim.versions, version) {
        return if held.next().is_some() { "holds" } else { "-" };
    }
    let elsewhere = |when: &&String| {
        let both = |other: Version| holds(&claim.versions, other) && holds(when, other);
        holds(when, version) && !seen.versions().into_iter().any(both)
    };
    let refutes = |step: &Shown| step.versions.iter().chain(&step.branches).any(|when| elsewhere(&when));
    if held.any(|step| claim.state == State::Refuted || refutes(step)) { "refuted" } else { "-" }
}

fn render(claims: &Claims, shown: &[Shown], seen: &Seen) -> String {
    let versions = seen.versions();
    let columns: String = versions.iter().map(|version| format!(" {version} |")).collect();
    let lines = "---|".repeat(versions.len());
    let mut text = INTRO.to_owned();
    let mut section = "";
    for claim in &claims.claims {
        let title = title(&claim.id);
        if title != section {
            section = title;
            let _ = write!(
                text,
                "\n## {title}\n\n| row | claim | versions |{columns} state | shown by |\n|---|---|---|{lines}---|---|\n"
            );
        }
        let _ = writeln!(
            text,
            "| {} | {} | {} |{} {} | {} |",
            claim.id,
            cell(&claim.claim),
            in_words(&claim.versions).unwrap_or_default(),
            (versions.iter())
                .map(|version| format!(" {} |", seen_there(claim, shown, seen, *version)))
                .collect::<String>(),
            cell(&state(claim)),
            evidence(claims, claim, shown),
        );
    }
    text + &counts(claims, shown)
}

fn title(id: &str) -> &'static str {
    match (id.get(..1), id.get(..2)) {
        (_, Some("S1")) => "S1: using a ServiceAccount from a Pod",
        (_, Some("S2")) => "S2: ServiceAccounts and their tokens",
        (Some("F"), _) => "F: further scenarios",
        _ => "C: public cases",
    }
}

fn state(claim: &Claim) -> String {
    let words = match (claim.state, &claim.instead, claim.needs, &claim.reason) {
        (State::Refuted, Some(instead), ..) => format!("**refuted**: {instead}"),
        (State::Needs, _, Some(needs), Some(reason)) => format!("needs {}: {reason}", needs.word()),
        _ => "holds".to_owned(),
    };
    match &claim.note {
        Some(note) => format!("{words}. {note}").replace(".. ", ". "),
        None => words,
    }
}

fn evidence(claims: &Claims, claim: &Claim, shown: &[Shown]) -> String {
    let steps = shown.iter().filter(|step| step.rows.contains(&claim.id)).map(|step| {
        let short = step.path.strip_prefix("scenarios/").unwrap_or(&step.path);
        let only =
            (step.versions.as_deref()).and_then(in_words).map_or_else(String::new, |words| format!(" ({words})"));
        format!("[{short}:{line}](../{}#L{line}){only}", step.path, line = step.line)
    });
    let tests = claim.tests.iter().map(|file| format!("[{file}](../{file})"));
    let links: Vec<_> = steps.chain(tests).collect();
    match (links.is_empty(), claims.not_shown_yet.get(&claim.id)) {
        (false, _) => links.join("<br>"),
        (true, Some(why)) => format!("not yet: {}", cell(why)),
        (true, None) => "nothing".to_owned(),
    }
}

/// A text in a table.
fn cell(text: &str) -> String {
    text.trim().replace('|', "\\|").replace('\n', " ")
}

fn counts(claims: &Claims, shown: &[Shown]) -> String {
    let rows = claims.claims.len();
    let is_shown = |claim: &&Claim| !claim.tests.is_empty() || shown.iter().any(|step| step.rows.contains(&claim.id));
    let rows_shown = claims.claims.iter().filter(is_shown).count();
    let refuted = claims.claims.iter().filter(|claim| claim.state == State::Refuted).count();
    let waiting = claims.not_shown_yet.len();
    let steps: usize = shown.iter().map(|step| step.times).sum();
    let expectations: usize = shown.iter().map(|step| step.times * step.expectations).sum();
    let proving = shown.iter().filter(|step| !step.rows.is_empty()).map(|step| step.times).sum::<usize>();
    let mut files: Vec<_> = shown.iter().map(|step| &step.path).collect();
    files.dedup();
    format!(
        "\n## In numbers\n\n\
         | rows | shown | refuted | not yet | scenarios | steps | of them named above | expectations |\n\
         |---|---|---|---|---|---|---|---|\n\
         | {rows} | {rows_shown} | {refuted} | {waiting} | {} | {steps} | {proving} | {expectations} |\n",
        files.len()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(rows: &[&str]) -> Shown {
        Shown {
            path: "scenarios/a/b.yaml".into(),
            line: 7,
            number: 1,
            title: "t".into(),
            rows: rows.iter().map(ToString::to_string).collect(),
            expectations: 2,
            times: 3,
            versions: Some(">=1.24".into()),
            branches: vec![],
        }
    }

    fn said(yaml: &str, steps: &[Shown]) -> Vec<String> {
        page(&read(yaml).expect("claims"), steps, &Seen::default(), &|file| file == "tests/there.rs")
            .err()
            .unwrap_or_default()
    }

    const ONE: &str = "claims:\n- {id: F1, claim: c, versions: all, state: holds}\n";

    #[test]
    fn a_step_cannot_name_a_row_that_is_not_there() {
        let wrong = said(ONE, &[shown(&["F1", "F99"])]);
        assert_eq!(wrong, ["scenarios/a/b.yaml:7: docs/claims.yaml has no row `F99`"]);
    }

    #[test]
    fn a_row_is_shown_or_excused_and_not_both() {
        assert!(said(ONE, &[])[0].contains("F1: no step names it"));
        let excused = format!("{ONE}notShownYet: {{F1: later}}\n");
        assert_eq!(said(&excused, &[]), Vec::<String>::new());
        assert!(said(&excused, &[shown(&["F1"])])[0].contains("take it out"));
        assert!(said(&format!("{ONE}notShownYet: {{F1: later, F2: later}}\n"), &[])[0].contains("F2, which is no row"));
        assert!(said(&format!("{ONE}notShownYet: {{F1: ''}}\n"), &[])[0].contains("without a reason"));
    }

    #[test]
    fn a_state_needs_its_words() {
        let claim =
            |rest: &str| said(&format!("claims:\n- {{id: F1, claim: c, {rest}, tests: [tests/there.rs]}}\n"), &[]);
        assert_eq!(claim("versions: all, state: refuted, instead: x"), Vec::<String>::new());
        assert_eq!(claim("versions: all, state: needs, needs: a second node, reason: x"), Vec::<String>::new());
        assert!(claim("versions: all, state: refuted")[0].contains("goes with `instead`"));
        assert!(claim("versions: new, state: holds")[0].contains("are no versions"));
        assert!(said(&ONE.replace("holds", "holds, tests: [x]"), &[])[0].contains("no file x"));
        assert!(
            said(&format!("{ONE}- {{id: F1, claim: c, versions: all, state: holds}}\n"), &[shown(&["F1"])])[0]
                .contains("twice")
        );
    }

    #[test]
    fn what_holds_everywhere_refutes_no_claim_that_holds_elsewhere() {
        let seen = Seen::read("1.34\theld\tscenarios/a/b.yaml\tt\n1.37\theld\tscenarios/a/b.yaml\tt\n").expect("read");
        let of = |state: &str, when: Option<&str>, branches: &[&str]| {
            let claims = ONE.replace("versions: all", "versions: '>=1.35'").replace("holds", state);
            let branches = branches.iter().map(|branch| (*branch).to_owned()).collect();
            let step = Shown { versions: when.map(Into::into), branches, ..shown(&["F1"]) };
            let text = page(&read(&claims).expect("claims"), &[step], &seen, &|_| true).expect("a page");
            let row = text.lines().find(|line| line.starts_with("| F1 |")).expect("a row").to_owned();
            row.split(" | ").skip(3).take(2).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(of("holds", None, &[]), "- holds");
        assert_eq!(of("holds", None, &["<1.35", ">=1.35"]), "refuted holds");
        assert_eq!(of("holds", Some(">=1.20"), &[]), "- holds");
        assert_eq!(of("refuted, instead: x", None, &[]), "refuted holds");
    }

    #[test]
    fn the_page_links_each_step_and_counts() {
        let seen =
            Seen::read("1.20\tskipped\tscenarios/a/b.yaml\tt\n1.37\theld\tscenarios/a/b.yaml\tt\n").expect("read");
        let text = page(&read(ONE).expect("claims"), &[shown(&["F1"])], &seen, &|_| true).expect("a page");
        assert!(
            text.contains("| F1 | c | all | - | holds | holds | [a/b.yaml:7](../scenarios/a/b.yaml#L7) (from 1.24) |"),
            "{text}"
        );
        let old = ONE.replace("versions: all", "versions: '<1.24'");
        let text = page(&read(&old).expect("claims"), &[shown(&["F1"])], &seen, &|_| true).expect("a page");
        assert!(text.contains("| up to 1.23 | - | refuted | holds |"), "{text}");
        let gone =
            page(&read(ONE).expect("claims"), &[Shown { title: "u".into(), ..shown(&["F1"]) }], &seen, &|_| true);
        assert!(gone.expect_err("it is gone")[0].starts_with("docs/seen.tsv: scenarios/a/b.yaml: `t` is no step"));
        assert!(text.ends_with("| 1 | 1 | 0 | 0 | 1 | 3 | 3 | 6 |\n"), "{text}");
    }
}
