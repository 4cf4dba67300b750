//! See `tests/docker/attacks.rs`. Variables that lead into the folders of another user.

use std::path::Path;

use crate::{
    executed::trap,
    machine::{SMALL, said, shared_folder},
    page::Attack,
    stranger::Stranger,
    traces::Place,
};

#[test]
fn attack_a03e_a_kubeconfig_of_another_user_that_names_programs_or_files() {
    let attack = Attack::new(
        "A03e",
        "`KUBECONFIG` names a file of another user's, or one in a folder of that user's, which has a credential plugin or a file with \
         a token: run, sweep, explain",
        file!(),
    );
    let (stranger, temp, place) = (Stranger::new(), shared_folder(), Place::new());
    let (script, sign) = trap(temp.path());
    let theirs = temp.path().join("theirs");
    stranger.shell(&format!(
        "mkdir -m 755 {0} && printf '%s' '{script}' > {0}/plugin && chmod 755 {0}/plugin",
        theirs.display()
    ));
    let plugin =
        "exec: {apiVersion: client.authentication.k8s.io/v1, interactiveMode: Never, command: /bin/sh, args: [PLUGIN]}"
            .replace("PLUGIN", &theirs.join("plugin").to_string_lossy());
    let config = |user: &str| {
        format!(
            "{{apiVersion: v1, kind: Config, current-context: it, clusters: [{{name: c, cluster: {{server: \"http://127.0.0.1:1\"}}}}], \
             contexts: [{{name: it, context: {{cluster: c, user: u}}}}], users: [{{name: u, user: {{{user}}}}}]}}"
        )
    };
    let [by_them, by_us] = ["config", "roots"].map(|name| theirs.join(name));
    for (user, what) in [
        (plugin.as_str(), "names a program, which would be executed"),
        ("tokenFile: /etc/hostname", "names a file of this machine, which would be sent"),
        (
            "client-certificate: /etc/hostname, client-key: /etc/hostname",
            "names a file of this machine, which would be sent",
        ),
        ("auth-provider: {name: gcp, config: {cmd-path: /bin/sh}}", "names a program, which would be executed"),
    ] {
        stranger.shell(&format!("printf '%s' '{}' > {}", config(user), by_them.display()));
        // A good file is not better in a folder where another can be put in its place.
        std::fs::write(&by_us, config(user)).expect("written");
        for file in [&by_them, &by_us] {
            let file = file.display().to_string();
            let calls: [&[&str]; 3] = [
                &["run", "--cluster", "kubeconfig", "--context", "it", SMALL],
                &["sweep", "--cluster", "kubeconfig", "--context", "it"],
                &["explain", "--kubeconfig", &file, "--as", "serviceaccount/a/b", "list", "pods"],
            ];
            for args in calls {
                let said = said(place.kubewalk(args).env("KUBECONFIG", &file));
                assert_eq!(said.code, Some(3), "{args:?}: {said:?}");
                let all = said.stdout.clone() + &said.stderr;
                assert!(all.contains("belongs to another user") && all.contains(what), "{args:?}: {said:?}");
            }
        }
    }
    assert!(!sign.exists(), "the plugin was started");
    // One that only says where a cluster is may be anybody's.
    stranger.shell(&format!("printf '%s' '{}' > {}", config("token: abc"), by_them.display()));
    let said =
        said(place.kubewalk(&["sweep", "--cluster", "kubeconfig", "--context", "it"]).env("KUBECONFIG", &by_them));
    assert!(!format!("{said:?}").contains("belongs to another user"), "{said:?}");
    attack.held("exit 3: it belongs to another user, and it names a program, which would be executed; nothing was started or sent");
}

#[test]
fn attack_a03f_a_temporary_folder_and_gos_folders_of_another_user() {
    let attack = Attack::new(
        "A03f",
        "`TMPDIR`, and what Go keeps and is told (`GOCACHE`, `GOMODCACHE`, `GOENV`, `HOME`), are another user's, who could change what is \
         rendered and built there",
        file!(),
    );
    let (stranger, temp, place) = (Stranger::new(), shared_folder(), Place::new());
    let theirs = temp.path().join("theirs");
    stranger.shell(&format!("mkdir -m 777 {}", theirs.display()));
    // One that was not rendered before.
    let project = tempfile::tempdir().expect("a folder");
    let at = |name: &str| project.path().join(name);
    let account = format!("{{apiVersion: v1, kind: ServiceAccount, metadata: {{name: a{}}}}}\n", std::process::id());
    for (name, text) in [
        ("kubewalk.toml", ""),
        ("account.yaml", account.as_str()),
        ("kustomization.yaml", "resources: [account.yaml]\n"),
        ("s.yaml", "title: T\nsteps:\n  - title: S\n    apply: {kustomize: .}\n"),
    ] {
        std::fs::write(at(name), text).expect("written");
    }
    let story = at("s.yaml").display().to_string();
    let refused = said(place.kubewalk(&["check", "--render", &story]).env("TMPDIR", &theirs));
    assert_eq!(refused.code, Some(3), "{refused:?}");
    let words = format!("{refused:?}");
    assert!(words.contains("cannot work in the temporary folder") && words.contains("set TMPDIR"), "{refused:?}");
    assert_eq!(std::fs::read_dir(&theirs).expect("it can be read").count(), 0);
    let cache = tempfile::tempdir().expect("a folder");
    let build = |name: &str, value: &Path| {
        let mut command = place.kubewalk(&["run", "--cluster", "builtin", SMALL]);
        said(command.env("KUBEWALK_CACHE", cache.path()).env(name, value))
    };
    for name in ["GOCACHE", "GOMODCACHE", "GOENV", "GOTMPDIR", "HOME", "XDG_CONFIG_HOME"] {
        let refused = build(name, &theirs.join("go"));
        assert_eq!(refused.code, Some(3), "{name}: {refused:?}");
        assert!(refused.stderr.contains(&format!("nothing is built with {name}=")), "{name}: {refused:?}");
        assert!(refused.stderr.contains("belongs to another user"), "{name}: {refused:?}");
    }
    assert_eq!(std::fs::read_dir(&theirs).expect("it can be read").count(), 0);
    attack.held("exit 3: the variable, and whose folder it is; nothing was made there or started");
}

#[test]
fn attack_a03g_variables_that_name_what_programs_execute() {
    let attack = Attack::new(
        "A03g",
        "`BASH_ENV`, `PYTHONPATH`, `APT_CONFIG`, `GOFLAGS`, `TAR_OPTIONS`, `LD_LIBRARY_PATH`, `DOCKER_CONFIG` and their like name files or \
         folders of another user's, for the engine's build, for what renders, for Docker's commands",
        file!(),
    );
    let (stranger, temp, place) = (Stranger::new(), shared_folder(), Place::new());
    let (script, sign) = trap(temp.path());
    let theirs = temp.path().join("theirs");
    stranger.shell(&format!(
        "mkdir -m 755 {0} && printf '%s' '{script}' > {0}/evil && chmod 755 {0}/evil",
        theirs.display()
    ));
    let evil = theirs.join("evil").display().to_string();
    let folder = theirs.display().to_string();
    let cache = tempfile::tempdir().expect("a folder");
    for (name, value) in [
        ("BASH_ENV", evil.clone()),
        ("APT_CONFIG", evil.clone()),
        ("TAR_OPTIONS", format!("--use-compress-program={evil}")),
        ("GOFLAGS", format!("-mod=mod -toolexec={evil}")),
        ("CC", format!("{evil} -O2")),
        ("PYTHONPATH", format!("/usr/lib:{folder}")),
        ("PERL5LIB", folder.clone()),
        ("LD_LIBRARY_PATH", folder.clone()),
        ("DOCKER_CONFIG", folder.clone()),
    ] {
        let mut build = place.kubewalk(&["run", "--cluster", "builtin", SMALL]);
        let refused = said(build.env("KUBEWALK_CACHE", cache.path()).env(name, &value));
        assert_eq!(refused.code, Some(3), "{name}: {refused:?}");
        let words = format!("{refused:?}");
        assert!(words.contains(&format!("with {name} as it is set")), "{name}: {refused:?}");
        assert!(
            words.contains("belongs to another user") && words.contains(&format!("unset {name}")),
            "{name}: {refused:?}"
        );
    }
    assert!(!sign.exists(), "it was executed");
    attack.held(
        "exit 3: which program is not started, with which variable, and whose its file is; nothing of it was executed",
    );
}

#[test]
fn attack_a03h_what_is_executed_in_a_temporary_folder_of_another_user() {
    let attack = Attack::new(
        "A03h",
        "`TMPDIR` is another user's, who puts a kubectl where `kubewalk shell` has its own, or another stream where `docs` has its run's",
        file!(),
    );
    let (stranger, temp, place) = (Stranger::new(), shared_folder(), Place::new());
    let theirs = temp.path().join("theirs");
    stranger.shell(&format!("mkdir -m 777 {}", theirs.display()));
    let refused = said(place.kubewalk(&["docs", SMALL]).env("TMPDIR", &theirs));
    assert_eq!(refused.code, Some(3), "{refused:?}");
    assert!(format!("{refused:?}").contains("cannot work in the temporary folder"), "{refused:?}");
    // What a shell has on its PATH is looked at once there is a cluster to be in.
    let up = said(&mut place.kubewalk(&["cluster", "up", "--cluster", "builtin"]));
    assert_eq!(up.code, Some(0), "{up:?}");
    let refused = said(place.kubewalk(&["shell", "--", "kubectl", "version", "--client"]).env("TMPDIR", &theirs));
    assert_eq!(refused.code, Some(3), "{refused:?}");
    assert!(format!("{refused:?}").contains("cannot work in the temporary folder"), "{refused:?}");
    let down = said(&mut place.kubewalk(&["cluster", "down", "--all"]));
    assert_eq!(down.code, Some(0), "{down:?}");
    assert_eq!(std::fs::read_dir(&theirs).expect("it can be read").count(), 0);
    attack.held("exit 3: whose the folder is, and `set TMPDIR`; nothing was made there");
}

#[test]
fn attack_a03i_what_a_credential_plugin_finds_on_the_path() {
    let attack = Attack::new(
        "A03i",
        "the `PATH` has a folder of another user's, and the person's own credential plugin starts a program by its name",
        file!(),
    );
    let (stranger, temp, place) = (Stranger::new(), shared_folder(), Place::new());
    let (script, sign) = trap(temp.path());
    let theirs = temp.path().join("theirs");
    stranger.shell(&format!(
        "mkdir -m 755 {0} && printf '%s' '{script}' > {0}/helper-a03i && chmod 755 {0}/helper-a03i",
        theirs.display()
    ));
    let own = tempfile::tempdir().expect("a folder");
    let config = own.path().join("config");
    let text = "{apiVersion: v1, kind: Config, current-context: it, clusters: [{name: c, cluster: {server: 'http://127.0.0.1:1'}}], \
        contexts: [{name: it, context: {cluster: c, user: u}}], users: [{name: u, user: {exec: {apiVersion: client.authentication.k8s.io/v1, \
        interactiveMode: Never, command: /bin/sh, args: ['-c', 'helper-a03i']}}}]}";
    std::fs::write(&config, text).expect("written");
    let path = format!("{}:{}", theirs.display(), std::env::var("PATH").expect("a path"));
    for args in [
        &["explain", "--as", "jane", "get", "pods"][..],
        &["run", "--cluster", "kubeconfig", "--context", "it", SMALL],
        &["sweep", "--cluster", "kubeconfig", "--context", "it"],
    ] {
        let refused = said(place.kubewalk(args).env("KUBECONFIG", &config).env("PATH", &path));
        assert_eq!(refused.code, Some(3), "{args:?}: {refused:?}");
        assert!(format!("{refused:?}").contains("not found"), "{args:?}: {refused:?}");
    }
    assert!(!sign.exists(), "it was executed");
    attack
        .held("The plugin does not find it: programs that kubewalk starts get the PATH without what others can write.");
}
