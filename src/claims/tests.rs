use std::path::Path;

use rstest::rstest;

use super::*;
use crate::scenario;

const GOOD: &str = "title: Ours\nclaims:\n  - {id: A-1, claim: It is so.}\n  - {id: A-2, claim: 'a | b <c>', link: 'https://e.example/x', notShown: nobody can}\n  - {id: A-3, claim: It is open.}\n";

fn file(text: &str) -> Result<File, Vec<String>> {
    read(Path::new("claims.yaml"), text.as_bytes()).map_err(|(source, found)| {
        let line = |found: &Diagnostic| match found.span {
            Some(span) => {
                let (line, col) = line_col(&source, span.start);
                format!("{line}:{col}: {}", found.message)
            }
            None => found.message.clone(),
        };
        for found in &found {
            assert!(found.hint.is_some() || found.span.is_some(), "{found:?}");
        }
        found.iter().map(line).collect()
    })
}

fn document(steps: &str) -> std::sync::Arc<Document> {
    let text = format!("title: t\nrefs: [A-1]\nsteps:\n{steps}");
    scenario::read(Path::new("s/a.yaml"), text.as_bytes()).expect("a scenario")
}

#[rstest]
#[case::nothing("", &["the file is empty: a file of claims is one document"])]
#[case::two("claims: [{id: a, claim: b}]\n---\nclaims: []\n", &["2 documents: a file of claims is one document"])]
#[case::a_list("- id: a\n", &["1:1: a file of claims is a mapping"])]
#[case::none("title: t\n", &["1:1: the file lists no `claims`"])]
#[case::empty("claims: []\n", &["1:9: `claims` is a list of claims"])]
#[case::a_word("claims: [a]\n", &["1:10: a claim is a mapping"])]
#[case::keys("claim: 1\nclaims:\n  - {ID: a, claim: b}\n", &["1:1: unknown key `claim`", "3:5: a claim without `id`", "3:6: unknown key `ID`"])]
#[case::ids(
    "claims:\n  - {id: 5.1, claim: a}\n  - {id: a b, claim: ' '}\n  - {id: x, claim: c}\n  - {id: x, claim: c}\n",
    &["2:10: `id` is a text, and this is a number", "3:10: `a b` is no id", "3:22: `claim` says nothing", "5:10: claim `x` is there twice"]
)]
#[case::a_link("claims: [{id: a, claim: b, link: 'http://x'}]\n", &["1:34: this is no `https` address"])]
#[case::a_list_as_text("claims: [{id: a, claim: [b]}]\n", &["1:25: `claim` is a text"])]
#[case::no_yaml("claims: [\n", &["1:9: this is not YAML"])]
fn what_is_wrong_is_told_with_its_place(#[case] text: &str, #[case] said: &[&str]) {
    let found = file(text).expect_err("wrong");
    assert_eq!(found.len(), said.len(), "{found:?}");
    for (found, said) in found.iter().zip(said) {
        assert!(found.starts_with(said), "{found} is not {said}");
    }
}

#[test]
fn the_types_and_the_reader_agree() {
    let file = file(GOOD).expect("claims");
    let ids: Vec<_> = file.claims.claims.iter().map(|claim| claim.id.0.as_str()).collect();
    assert_eq!(ids, ["A-1", "A-2", "A-3"]);
    // What the schema says of a claim are the keys that the reader knows.
    let schema = schema_json();
    let properties = schema["$defs"]["Claim"]["properties"].as_object().expect("properties");
    assert_eq!(properties.keys().collect::<std::collections::BTreeSet<_>>(), KEYS.map(str::to_owned).iter().collect());
    let pattern = schema["$defs"]["Ref"]["pattern"].as_str().expect("a pattern");
    let pattern = regex::Regex::new(pattern).expect("a pattern");
    for id in ["CIS-5.1.3", "a", "AC-6(1)", "-a", "a b", "", "a/b:c_d", &"x".repeat(64), &"x".repeat(65)] {
        assert_eq!(pattern.is_match(id), is_id(id), "{id}");
    }
}

#[test]
fn a_name_that_is_no_claim_is_found_where_it_stands() {
    let file = file(GOOD).expect("claims");
    let document = document(
        "  - {title: one, refs: [A-2, A-22], serviceAccount: a}\n  - {title: '{each.n}', refs: [B-7], each: [{n: x}, {n: z}], serviceAccount: '{each.n}'}\n",
    );
    let found: Vec<_> = (unknown(&file, &document).iter())
        .map(|found| {
            let (line, col) = line_col(&document.source, found.span.expect("a place").start);
            format!("{line}:{col}: {} ({})", found.message, found.hint.clone().unwrap_or_default())
        })
        .collect();
    assert_eq!(
        found,
        [
            "4:30: claims.yaml has no claim `A-22` (did you mean `A-2`?)",
            "5:32: claims.yaml has no claim `B-7` (add it to claims.yaml, or take it out here)"
        ]
    );
}

#[test]
fn the_page_says_who_shows_what_and_what_is_open() {
    let file = file(GOOD).expect("claims");
    let steps = "  - {title: 'one | *two* `a_b`', refs: [A-1], serviceAccount: a}\n";
    let shown = shown(&document(steps));
    let page = page::render(&file, &shown);
    assert_eq!(
        page,
        "<!-- Generated from claims.yaml and the scenarios by `kubewalk coverage`. -->\n\n# Ours\n\n\
         | id | claim | shown by |\n|---|---|---|\n\
         | A-1 | It is so. | [s/a.yaml:1](<s/a.yaml#L1>) t<br>[s/a.yaml:4](<s/a.yaml#L4>) one \\| \\*two\\* `a_b` |\n\
         | [A-2](<https://e.example/x>) | a \\| b &lt;c> | not shown: nobody can |\n\
         | A-3 | It is open. | **nothing yet** |\n\n\
         | claims | shown | not shown, with the reason | open | steps that name one |\n|---|---|---|---|---|\n\
         | 3 | 1 | 1 | 1 | 2 |\n"
    );
    let ids = |found: Vec<Diagnostic>| found.into_iter().map(|found| found.message).collect::<Vec<_>>();
    assert_eq!(ids(open(&file, &shown)), ["nothing shows claim `A-3`"]);
    assert_eq!(ids(shown_after_all(&file, &shown)), Vec::<String>::new());
    let more = super::shown(&document("  - {title: one, refs: [A-2], serviceAccount: a}\n"));
    assert_eq!(ids(shown_after_all(&file, &more)), ["claim `A-2` is shown by s/a.yaml:4"]);
}
