//! Long files: `check` looks at each object and each step a bounded number of times, so that its time grows with the file and not
//! with its square. Nothing here looks at a clock beside the limit that a square would break by far.

use std::{
    fmt::Write as _,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

/// Far more than it takes in a debug build on a busy machine, and far less than the square takes: that was minutes.
const LIMIT: Duration = Duration::from_secs(60);

/// Checks a scenario with a file `many.txt` beside it, and gives what is said.
fn check(scenario: &str, many: &str) -> (Option<i32>, String) {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("long.yaml"), scenario).expect("written");
    std::fs::write(folder.path().join("many.txt"), many).expect("written");
    let begun = Instant::now();
    let output = Command::new(env!("CARGO_BIN_EXE_kubewalk"))
        .args(["check", "long.yaml"])
        .current_dir(Path::new(folder.path()))
        .output()
        .expect("it starts");
    assert!(begun.elapsed() < LIMIT, "it took {:?}", begun.elapsed());
    let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    (output.status.code(), text)
}

const ALL: &str = "title: Long\nsteps:\n  - title: All of it\n    apply: {file: many.txt}\n";

/// What cannot be handed over is known before anything starts, and what to do instead.
#[test]
fn a_command_that_is_too_long_is_told_to_come_by_stdin() {
    let long = "x".repeat(150_000);
    for (step, words) in [
        (format!("exec: {{in: p, command: [sh, -c, 'echo {long}']}}"), "it goes into a Pod in the URL of a request"),
        (format!("kubectl: {{args: [create, configmap, c, '--from-literal=a={long}']}}"), "Linux takes 131071 at most"),
    ] {
        let pod = "  - {title: A Pod, pod: {name: p, image: curl}}\n";
        let (code, text) = check(&format!("title: Long\nsteps:\n{pod}  - title: Its words\n    {step}\n"), "");
        assert_eq!(code, Some(2), "{text}");
        assert!(text.contains(words) && text.contains("let it come by `stdin`"), "{text}");
        let good = "exec: {in: p, command: [sh], stdin: 'LONG'}".replace("LONG", &long);
        let (code, text) = check(&format!("title: Long\nsteps:\n{pod}  - title: Its words\n    {good}\n"), "");
        assert_eq!(code, Some(0), "{text}");
    }
}

#[test]
fn bindings_of_roles_and_accounts_among_thousands() {
    let mut many = String::new();
    for index in 0..1_500 {
        let _ = write!(
            many,
            "---\napiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {{name: role-{index}}}\n\
             rules: [{{apiGroups: [''], resources: [pods], verbs: [get]}}]\n\
             ---\napiVersion: v1\nkind: ServiceAccount\nmetadata: {{name: account-{index}}}\n\
             ---\napiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata: {{name: binding-{index}}}\n\
             roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: Role, name: role-{index}}}\n\
             subjects: [{{kind: ServiceAccount, name: account-{index}}}]\n"
        );
    }
    let (code, text) = check(ALL, &many);
    assert_eq!((code, text.as_str()), (Some(0), "1 scenarios with 1 steps are good, 0 are not\n"));
}

#[test]
fn thousands_of_slips_are_told_in_part() {
    let mut many = String::new();
    for index in 0..2_000 {
        let _ = write!(
            many,
            "---\napiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {{name: reader-of-things-{index}}}\n\
             rules: [{{apiGroups: [''], resources: [pods], verbs: [get]}}]\n\
             ---\napiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata: {{name: b{index}}}\n\
             roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: Role, name: raeder-of-things-{index}}}\n\
             subjects: [{{kind: User, apiGroup: rbac.authorization.k8s.io, name: jane}}]\n"
        );
    }
    let (code, text) = check(ALL, &many);
    assert_eq!(code, Some(0), "{text}");
    assert_eq!(text.matches("no step makes Role").count(), 200);
    assert!(text.contains("did you mean `reader-of-things-0`?"), "{text}");
    assert!(text.contains("and 1800 more warnings in this file"), "{text}");
}

#[test]
fn a_long_line_of_wrong_objects() {
    let one = |index| format!(r#"{{"apiVersion":"v1","kind":"ConfigMap","metadata":{{"name":"BAD_{index}"}}}}"#);
    let items: Vec<String> = (0..3_000).map(one).collect();
    let (code, text) = check(ALL, &format!(r#"{{"apiVersion":"v1","kind":"List","items":[{}]}}"#, items.join(",")));
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("many.txt:1:3422\n") && text.contains("and 2950 more errors in this file"), "{text}");
}

#[test]
fn two_thousand_steps_of_which_each_has_its_token() {
    let mut story = "title: Long\nsteps:\n  - {title: a, serviceAccount: reader}\n".to_owned();
    for index in 0..500 {
        let _ = write!(
            story,
            "  - {{title: t{index}, token: {{serviceAccount: reader}}, save: {{t{index}: token}}}}\n  \
             - {{title: s{index}, serviceAccount: a{index}}}\n  \
             - {{title: g{index}, as: {{token: '{{saved.t{index}}}'}}, get: {{kind: Pod}}, expect: {{status: 403}}}}\n  \
             - {{title: d{index}, delete: {{kind: ServiceAccount, name: a{index}}}}}\n"
        );
    }
    let (code, text) = check(&story, "");
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("1 scenarios with 2001 steps are good") && text.contains("and 300 more warnings"), "{text}");
}

/// Many denials, and as many successes that are never on the same cluster.
#[test]
fn thousands_of_denials_on_other_clusters_than_their_successes() {
    let mut text = "title: Long\nsteps:\n  - {title: An account, serviceAccount: reader}\n".to_owned();
    for (when, status) in [("<1.30", 403), (">=1.30", 200)] {
        for index in 0..1_200 {
            let _ = writeln!(
                text,
                "  - {{title: 's{index} {status}', when: {{kubernetes: '{when}'}}, as: serviceaccount/reader, get: {{kind: Pod}}, \
                 expect: {{status: {status}}}}}"
            );
        }
    }
    let (code, text) = check(&text, "");
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("nothing shows that this call can succeed at all"), "{text}");
}

#[test]
fn tables_of_thousands_of_questions() {
    let names = (0..480).map(|index| format!("n-{index}")).collect::<Vec<_>>().join(", ");
    let mut text = "title: Long\nsteps:\n  - {title: An account, serviceAccount: reader}\n".to_owned();
    for index in 0..8 {
        let _ = writeln!(
            text,
            "  - {{title: 't{index}', can: {{who: serviceaccount/reader, verb: [get, update, patch, delete], resource: pods, name: \
             [{names}], allowed: false}}}}"
        );
    }
    let (code, text) = check(&text, "");
    assert_eq!(code, Some(0), "{text}");
}
