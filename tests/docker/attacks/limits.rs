//! See `tests/docker/attacks.rs`.

use std::{
    fmt::Write as _,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    time::{Duration, Instant},
};

use crate::{page::Attack, stranger::Stranger, traces::Said};

/// The program where another user can execute it, and scenarios that this user can read.
fn at_hand() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).expect("changed");
    std::fs::copy(env!("CARGO_BIN_EXE_kubewalk"), folder.path().join("kubewalk")).expect("copied");
    let scenario = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/rbac/one-role.yaml");
    std::fs::copy(scenario, folder.path().join("one-role.yaml")).expect("copied");
    folder
}

#[test]
fn attack_a20b_few_processes_memory_and_files_with_every_command() {
    let (stranger, folder) = (Stranger::new(), at_hand());
    // Its output goes to files, which a limit on their size is about.
    let said = folder.path().join("said");
    std::fs::create_dir(&said).expect("made");
    std::fs::set_permissions(&said, std::fs::Permissions::from_mode(0o777)).expect("changed");
    let with = |limit: &str, arguments: &str| {
        let program = format!("timeout 60 prlimit {limit} -- ./kubewalk {arguments} > said/out 2> said/err");
        let script = format!("cd {} && {{ {program}; echo $?; }}", folder.path().display());
        let code = stranger.shell(&script.replace("{ timeout", "{ set +e; timeout"));
        let read = |name| {
            let text = std::fs::read(said.join(name)).unwrap_or_default();
            let _ = std::fs::remove_file(said.join(name));
            String::from_utf8_lossy(&text).into_owned()
        };
        (code.trim().parse::<i32>().expect("a number"), read("out"), read("err"))
    };
    let commands = [
        "check one-role.yaml",
        "list one-role.yaml",
        "schema",
        "completions bash",
        "man",
        "report nothing.jsonl",
        "explain --kubeconfig nothing --as system:anonymous list pods",
        "sweep --dry-run",
        "doctor",
        "cluster list",
        "run --cluster kubeconfig --context x one-role.yaml",
    ];
    for arguments in commands {
        let reads =
            ["check", "list", "schema", "completions", "man", "report"].iter().any(|it| arguments.starts_with(it));
        for (limit, words) in [
            ("--nproc=1", "more threads can be started, and"),
            ("--nproc=2", "more threads can be started, and"),
            ("--nproc=9", "more threads can be started, and 16 are needed"),
            ("--as=200000000", "only 190 MiB of memory may be used, and 256 are needed"),
            ("--data=100000000", "only 95 MiB of memory may be used, and 256 are needed"),
        ] {
            let (code, out, err) = with(limit, arguments);
            let enough = limit == "--nproc=9" && reads;
            assert!(!matches!(code, 70 | 124 | 101 | 134 | 137 | 139), "{limit} {arguments}: {code} {out} {err}");
            if !enough {
                assert_eq!(code, 3, "{limit} {arguments}: {out} {err}");
                assert!(
                    err.contains(words) && err.contains("raise the limit: `ulimit -"),
                    "{limit} {arguments}: {err}"
                );
            }
        }
        // A stack on which not even the command line could be read.
        let (code, out, err) = with("--stack=65536", arguments);
        assert!(!matches!(code, 70 | 124 | 101 | 134 | 137 | 139), "stack {arguments}: {code} {out} {err}");
        // Also what is wrong with a command line may be too long for a file.
        for arguments in [arguments.to_owned(), format!("{arguments} --no-such-word")] {
            let (code, _, err) = with("--fsize=0", &arguments);
            // Where nothing is said, nothing is lost.
            let says_nothing = arguments == "cluster list" && code == 0;
            assert!((matches!(code, 2 | 3 | 7) || says_nothing) && err.is_empty(), "{arguments}: {code} {err}");
        }
    }
    let tried =
        "few processes, little memory, a small stack, and files of no size, with every command, as another user";
    let seen = "exit 3: `only 2 more threads can be started, and 16 are needed`, with the line that raises it; no panic, no signal";
    Attack::new("A20b", tried, file!()).held(seen);
}

/// Lists of lists, by aliases: nine times as much with each.
fn bomb(levels: usize, indent: &str) -> String {
    let mut text = format!("{indent}a0: &a0 [x,x,x,x,x,x,x,x,x]\n");
    for level in 1..levels {
        let again = vec![format!("*a{}", level - 1); 9].join(",");
        let _ = writeln!(text, "{indent}a{level}: &a{level} [{again}]");
    }
    text
}

#[test]
fn attack_a05e_many_small_files_and_documents_that_each_make_much_of_little() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut documents = String::new();
    for index in 0..4000 {
        let _ = write!(
            documents,
            "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: c{index}}}\nx:\n{}",
            bomb(4, "  ")
        );
    }
    for name in ["one", "many"] {
        std::fs::create_dir(folder.path().join(name)).expect("made");
    }
    std::fs::write(folder.path().join("one/many.yml"), documents).expect("written");
    let text = "title: Many\nsteps: [{title: All, apply: {file: many.yml}}]\n";
    std::fs::write(folder.path().join("one/story.yaml"), text).expect("written");
    for index in 0..2000 {
        let text = format!("title: It {index}\nsteps:\n  - title: It\n    apply:\n{}", bomb(4, "      "));
        std::fs::write(folder.path().join(format!("many/{index}.yaml")), text).expect("written");
    }
    for what in ["one/story.yaml", "many"] {
        let begun = Instant::now();
        let mut command = std::process::Command::new("prlimit");
        // Time of the processors, which others do not take.
        command.args(["--cpu=180", "--as=6000000000", "--", env!("CARGO_BIN_EXE_kubewalk"), "check", what]);
        let said = Said::from(&command.current_dir(folder.path()).output().expect("it starts"));
        assert_eq!(said.code, Some(2), "{what}: {:?}", said.stderr.chars().take(2000).collect::<String>());
        assert!(said.stderr.contains("error: the aliases of this file make too much of it"), "{what}");
        assert!(begun.elapsed() < Duration::from_secs(900), "{what}: {:?}", begun.elapsed());
    }
    let tried = "4,000 documents in one file, and 2,000 scenarios, in each of which aliases make thousands of values, all below the limit of one";
    let seen =
        "`the aliases of this file make too much of it`, exit code 2: all that is read together has a limit, too";
    Attack::new("A05e", tried, file!()).held(seen);
}
