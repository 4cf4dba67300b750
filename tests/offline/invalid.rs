//! Every way to get a scenario wrong that we know, with the exact words that the user reads.
//!
//! `invalid/STAGE/NAME.yaml` has the mistake and `NAME.stderr` beside it the words; `KUBEWALK_BLESS=1 cargo test --test invalid`
//! writes them anew. The stages: `yaml` is not read at all, `shape` is not as the schema says, `plan` is found when the steps are
//! put together. Mistakes that an editor or Git would mend (encodings, NUL, tabs in disguise) are made below in code.

use std::{fs, path::Path, path::PathBuf};

use kubewalk::{
    plan::{self, Names},
    scenario::{self, diagnostic},
};
use rstest::rstest;

/// What `kubewalk check` says about the bytes; empty when nothing is wrong.
fn words(name: &Path, bytes: &[u8]) -> String {
    let names = Names { suffix: "test0".to_owned() };
    match plan::load_bytes(name, bytes, &names, plan::Trust::Full) {
        Ok(_) => String::new(),
        Err((source, found)) => diagnostic::render(&found, &source, false),
    }
}

/// Compares with the committed words, or writes them.
fn compare(golden: &Path, said: &str) {
    assert!(said.starts_with("error: ") || said.contains("\nerror: "), "nothing is wrong with it:\n{said}");
    if std::env::var_os("KUBEWALK_BLESS").is_some_and(|word| word == "1") {
        fs::write(golden, said).expect("the golden file is written");
    }
    let expected = fs::read_to_string(golden).unwrap_or_default().replace("\r\n", "\n");
    assert!(
        said == expected,
        "{} is not what is said now:\n--- expected\n{expected}--- said\n{said}",
        golden.display()
    );
}

#[rstest]
fn a_file(#[files("tests/offline/invalid/*/*.yaml")] path: PathBuf) {
    let bytes = fs::read(&path).expect("the scenario");
    let name = path.strip_prefix(env!("CARGO_MANIFEST_DIR")).expect("a file of ours").to_owned();
    compare(&path.with_extension("stderr"), &words(&name, &bytes));
}

/// A scenario that is right, for mistakes to be made in.
const RIGHT: &str = "title: A title\nsteps:\n  - title: One\n    serviceAccount: demo-sa\n";

fn utf16le(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

#[rstest]
#[case::nul_character("nul-character", RIGHT.replace("One", "O\0ne").into_bytes())]
#[case::escape("escape-character", RIGHT.replace("One", "\x1b[31mOne").into_bytes())]
#[case::escaped("escape-in-quotes", RIGHT.replace("One", "\"\\e[31mOne\"\n    \"st\\e]0;x\\a\\u202eatus\": 1").into_bytes())]
#[case::no_mark("utf-16-without-bom", utf16le(RIGHT))]
#[case::odd_utf16("utf-16-cut-off", [b"\xFF\xFE", utf16le(RIGHT).as_slice(), b"x"].concat())]
#[case::latin1("latin-1", RIGHT.replace("One", "Zo@").into_bytes().iter().map(|b| if *b == b'@' { 0xEB } else { *b }).collect::<Vec<u8>>())]
#[case::crlf("crlf-unknown-key", RIGHT.replace("serviceAccount", "serviceAcount").replace('\n', "\r\n").into_bytes())]
#[case::bom("bom-unknown-key", format!("\u{feff}{}", RIGHT.replacen("title", "titel", 1)).into_bytes())]
#[case::utf16("utf-16-unknown-key", [b"\xFF\xFE", utf16le(&RIGHT.replace("One", "Zoë\n    rwos: []")).as_slice()].concat())]
#[case::bom_inside("bom-inside", RIGHT.replace("steps", "\u{feff}steps").into_bytes())]
#[case::nbsp("non-breaking-space", RIGHT.replace("    serviceAccount", "\u{a0}\u{a0}\u{a0}\u{a0}serviceAccount").into_bytes())]
#[case::nbsp_key("non-breaking-space-before-a-key", RIGHT.replace("    serviceAccount", "    \u{a0}serviceAccount").into_bytes())]
#[case::nbsp_colon("non-breaking-space-behind-a-colon", RIGHT.replace("t: demo", "t:\u{a0}demo").into_bytes())]
#[case::tab("tab-indentation", RIGHT.replace("    service", "\tservice").into_bytes())]
#[case::tab_deep("tab-behind-spaces", RIGHT.replace("    service", "  \tservice").into_bytes())]
#[case::empty("empty", Vec::new())]
#[case::blank("blank", b" \n\n".to_vec())]
#[case::deep_flow("deep-flow", format!("title: x\nsteps: {}", "[".repeat(100_000)).into_bytes())]
#[case::deep_block("deep-block", format!("title: x\nsteps:\n {}", "- ".repeat(100_000)).into_bytes())]
#[case::deep_map("deep-map", format!("title: x\nsteps: {}", "{a: ".repeat(100_000)).into_bytes())]
#[case::too_big("too-big", RIGHT.replace("One", &"x".repeat(1 << 20)).into_bytes())]
#[case::long_line("long-line", RIGHT.replace("demo-sa", &format!("{{name: {}, automount: 1}}", "x".repeat(5000))).into_bytes())]
fn made_here(#[case] name: &str, #[case] bytes: Vec<u8>) {
    let golden = Path::new("tests/offline/invalid/yaml/made").join(name).with_extension("stderr");
    if let Some(folder) = golden.parent() {
        fs::create_dir_all(folder).expect("a folder");
    }
    compare(&golden, &words(&Path::new("tests/offline/invalid/yaml").join(name).with_extension("yaml"), &bytes));
}

#[rstest]
#[case::plain(RIGHT.as_bytes().to_vec())]
#[case::bom(format!("\u{feff}{RIGHT}").into_bytes())]
#[case::crlf(RIGHT.replace('\n', "\r\n").into_bytes())]
#[case::cr(RIGHT.replace('\n', "\r").into_bytes())]
#[case::utf16_le([b"\xFF\xFE", utf16le(RIGHT).as_slice()].concat())]
#[case::utf16_be([b"\xFE\xFF".to_vec(), RIGHT.encode_utf16().flat_map(u16::to_be_bytes).collect()].concat())]
#[case::marks(format!("# c\n--- # text\n{RIGHT}...\n").into_bytes())]
#[case::end_mark(format!("{RIGHT}---\n# nothing\n").into_bytes())]
#[case::merge_keys(format!("{RIGHT}  - title: Two\n    role: {{name: r, rules: [&r {{verbs: [get], resources: [pods]}}, {{<<: *r, verbs: [list]}}]}}\n").into_bytes())]
#[case::words_as_text(RIGHT.replace("One", "no").replace("demo-sa", "n").into_bytes())]
#[case::quoted_words(format!("{RIGHT}    expect: {{object: {{data: {{\"y\": 'no', x: True, t: !!str off}}}}}}\n").into_bytes())]
fn is_taken(#[case] bytes: Vec<u8>) {
    let read = scenario::read(Path::new("right.yaml"), &bytes);
    let document = read.unwrap_or_else(|(source, found)| panic!("{}", diagnostic::render(&found, &source, false)));
    assert_eq!(document.scenario.steps[0].title.len(), if document.scenario.steps[0].title == "no" { 2 } else { 3 });
}
