//! See `tests/docker/attacks.rs`.

use crate::{
    page::Attack,
    traces::{Place, Said},
};

const HOSTILE: &str = r#"title: "t\r\n::error file=x::pwned \e]0;x\a ]]><script>alert(1)</script> %0A::warning::y \u202E ##[error]x"
tags: ["t\n::error::tag"]
steps:
  - title: "s\n::stop-commands::tok \u2066"
    serviceAccount: "bad name\n::error::sa \e[2J"
  - title: "s2"
    "frob\n::error::k\e[1m": 1
  - title: "s3"
    curl: {in: "x\n::error::in", url: "https://kubernetes/\n::error::u"}
"#;

const GOOD: &str = r#"title: "t ::error file=x::pwned \e]0;x\a ]]><script>alert(1)</script> %0A::warning::y \u202E ##[error]x | `x`"
tags: [a]
steps:
  - title: "s ::stop-commands::tok \u2066"
    serviceAccount: reader
"#;

/// What drives a terminal, and turns of the writing direction.
fn drives(text: &str) -> Option<char> {
    text.chars().find(|c| {
        c.is_control() && !matches!(c, '\n' | '\t') || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    })
}

#[test]
fn attack_a09c_reports_of_check_lists_as_data_and_expressions() {
    let (place, folder) = (Place::new(), tempfile::tempdir().expect("a folder"));
    let bad = "a\n::error::pwn\u{1b}[31m\u{202e}.yaml";
    std::fs::write(folder.path().join(bad), HOSTILE).expect("written");
    std::fs::write(folder.path().join(format!("good{bad}")), GOOD).expect("written");
    let words = "x\n::error::y\u{1b}[31m\u{202e}";
    let expression = format!("tag({words}");
    let into = format!("sarif={}/{words}/r.sarif", folder.path().display());
    let calls: [&[&str]; 13] = [
        &["check", "."],
        &["check", "--report", "github", "."],
        &["check", "--report", "sarif", "."],
        &["check", "--report", "json", "."],
        &["check", "--report", &into, "."],
        &["list", "."],
        &["list", "--format", "json", "."],
        &["list", "-E", "title(pwned)", "."],
        &["list", "-E", &expression, "."],
        &["run", "-E", &expression, "."],
        &["completions", words],
        &["man", words],
        &["new", words],
    ];
    for call in calls {
        let mut command = place.kubewalk(call);
        let said = Said::from(&command.current_dir(folder.path()).output().expect("it starts"));
        assert!(matches!(said.code, Some(0 | 2 | 3 | 4)), "{call:?}: {said:?}");
        let github = call.contains(&"github");
        for text in [&said.stdout, &said.stderr] {
            assert_eq!(drives(text), None, "{call:?}: {text}");
            for line in text.lines().filter(|line| line.starts_with("::") || line.starts_with("##[")) {
                // Its own commands are about the file, and hold no other.
                assert!(github && line.starts_with("::error file=a%0A%3A%3Aerror"), "{call:?}: {line}");
            }
        }
    }
    let tried = "names of files, titles, tags, keys and words of the command line with escapes and commands to a CI server: `check --report`, `list --format json`, `-E`, `completions`, `man`, `new`";
    Attack::new("A09c", tried, file!())
        .held("every outlet escapes them; of the annotations each is about its own file");
}
