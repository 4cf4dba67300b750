//! A wait that can end no more ends at once, with the cause: the step has 60 s, and none of these takes them. On a real cluster.

use kubewalk::testing;
use rstest::rstest;

/// A Pod with these lines in its `spec`, beside a container of these.
fn pod(container: &str, spec: &str) -> String {
    format!(
        "title: A Pod that never is Ready\nsteps:\n  - title: A Pod\n    apply:\n      apiVersion: v1\n      kind: Pod\n      \
         metadata: {{name: p}}\n      spec:\n        terminationGracePeriodSeconds: 0\n        containers:\n          \
         - {{name: main, {container}}}\n{spec}  - title: It is Ready\n    wait: {{kind: Pod, name: p, for: {{condition: \
         Ready}}}}\n"
    )
}

fn deployment(more: &str, spec: &str) -> String {
    format!(
        "title: A Deployment without Pods\nsteps:\n{more}  - title: A Deployment\n    apply:\n      apiVersion: apps/v1\n      \
         kind: Deployment\n      metadata: {{name: d}}\n      spec:\n        selector: {{matchLabels: {{app: d}}}}\n        \
         template:\n          metadata: {{labels: {{app: d}}}}\n          spec: {{containers: [{{name: main, image: curl, \
         command: [sleep, '60']}}]{spec}}}\n  - title: It is available\n    wait: {{kind: Deployment, name: d, for: \
         {{condition: Available}}}}\n"
    )
}

const QUOTA: &str = "  - title: A quota\n    apply: {apiVersion: v1, kind: ResourceQuota, metadata: {name: none}, spec: {hard: {pods: '0'}}}\n  \
                     - title: It counts\n    wait: {kind: ResourceQuota, name: none, for: {object: {status: {hard: {pods: '0'}}}}}\n";

#[rstest]
#[case::image("absent", pod("image: 'kubewalk.local/absent:1', imagePullPolicy: Never", ""), &["main waits with ErrImageNeverPull"])]
#[case::image_name("name", pod("image: 'NO/such image'", ""), &["main waits with InvalidImageName"])]
#[case::config_map("config", pod("image: curl, envFrom: [{configMapRef: {name: missing}}]", ""), &["CreateContainerConfigError: configmap \"missing\" not found"])]
#[case::root("root", pod("image: curl, command: [sleep, '60'], securityContext: {runAsNonRoot: true}", ""), &["CreateContainerConfigError", "container has runAsNonRoot and image will run as root"])]
#[case::program("program", pod("image: curl, command: [no-such-program]", ""), &["\"no-such-program\": executable file not found"])]
#[case::crash("crash", pod("image: curl, command: [sh, -c, 'echo last words; exit 3'], readinessProbe: {exec: {command: ['false']}}", ""), &["CrashLoopBackOff", "main ended with exit code 3", "last words"])]
#[case::ended("ended", pod("image: curl, command: [sh, -c, 'echo last words; exit 3'], readinessProbe: {exec: {command: ['false']}}", "        restartPolicy: Never\n"), &["phase Failed", "main ended with exit code 3", "last words"])]
#[case::cpus("cpus", pod("image: curl, resources: {requests: {cpu: '500'}}", ""), &["no node takes it", "Insufficient cpu"])]
#[case::secret("secret", pod("image: curl, command: [sleep, '60'], volumeMounts: [{name: s, mountPath: /s}]", "        volumes: [{name: s, secret: {secretName: missing}}]\n"), &["FailedMount", "secret \"missing\" not found"])]
#[case::quota("quota", deployment(QUOTA, ""), &["its Pods cannot be made: FailedCreate", "exceeded quota: none"])]
#[case::account("account", deployment("", ", serviceAccountName: missing"), &["its Pods cannot be made: FailedCreate", "serviceaccount \"missing\" not found"])]
fn with_the_cause(#[case] name: &str, #[case] text: String, #[case] causes: &[&str]) {
    let (ended, report) = testing::run_text(&format!("gives-up-{name}.yaml"), &text);
    assert_eq!((ended.exit.code(), ended.failed), (1, 1), "{report}");
    for cause in causes {
        assert!(report.contains(cause), "{cause}\n{report}");
    }
    assert!(!report.contains("in time"), "it waited for the whole time\n{report}");
}
