//! Calls from inside Pods, which share a shell that waits there: what becomes of them when it ends.

use kubewalk::testing;

/// Runs steps of a scenario, all of which hold.
fn hold(steps: &str) {
    let (ended, report) = testing::run_text("calls.yaml", &format!("title: Calls\nsteps:\n{steps}"));
    assert_eq!(ended.exit.code(), 0, "{report}");
}

#[test]
fn when_the_shell_is_killed_the_next_call_does_without() {
    hold(
        r#"
  - {title: A Pod, pod: {name: p, image: curl}}
  - {title: A first call, curl: {in: p, url: https://kubernetes.default/api, token: mounted}, expect: {status: 200}}
  - title: One shell is there beside this one, and is killed
    exec:
      in: p
      command:
        - sh
        - -c
        - |
          for process in /proc/[0-9]*; do
            number=${process#/proc/}
            if [ "$number" != 1 ] && [ "$number" != $$ ] && [ "$(cat "$process/comm" 2>/dev/null)" = sh ]; then
              kill -9 "$number" && echo killed
            fi
          done
    expect: {stdout: killed}
  - {title: A second call, curl: {in: p, url: https://kubernetes.default/api, token: mounted}, expect: {status: 200}}
"#,
    );
}

#[test]
fn a_pod_of_the_same_name_is_another_pod() {
    let call = "curl: {in: p, url: 'https://kubernetes.default/api/v1/nodes', token: mounted}";
    let refused = |account: &str| format!("expect: {{status: 403, message: {{contains: ':{account}\"'}}}}");
    let steps = format!(
        r"
  - {{title: An account, serviceAccount: first}}
  - {{title: Another, serviceAccount: second}}
  - {{title: A Pod, pod: {{name: p, image: curl, serviceAccount: first}}}}
  - {{title: It calls, {call}, {}}}
  - {{title: It goes, delete: {{kind: Pod, name: p}}}}
  - {{title: A Pod of the same name, pod: {{name: p, image: curl, serviceAccount: second}}}}
  - {{title: It calls too, {call}, {}}}
",
        refused("first"),
        refused("second")
    );
    hold(&steps);
}
