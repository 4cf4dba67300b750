//! See `tests/docker/attacks.rs`. What a Pod with all rights reaches from its node, and what a node leaves behind.

#[path = "../../common/tools.rs"]
mod tools;

use std::{
    io::Read as _,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    process::{Child, Command},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};

use crate::{
    machine::{SMALL, SOON, engine},
    page::Attack,
    traces::{Place, Said},
};

/// The sums of all files of a folder, by another program.
fn sums(dir: &Path) -> String {
    let script =
        "find . -printf '%p %y %m %U:%G %s %T@ %l\\n' | sort; find . -type f -print0 | sort -z | xargs -0 sha256sum";
    let output = Command::new("sh").args(["-c", script]).current_dir(dir).output().expect("find");
    assert!(output.status.success() && output.stdout.len() > 1000, "{output:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A Pod with all that a Pod can have, which runs a script and says what it could do.
const HOSTILE: &str = r#"title: A hostile Pod
steps:
  - title: A privileged Pod with the node's root and all of its namespaces
    apply:
      - apiVersion: v1
        kind: Pod
        metadata: {name: p}
        spec:
          hostPID: true
          hostNetwork: true
          hostIPC: true
          terminationGracePeriodSeconds: 0
          containers:
            - name: c
              image: kubewalk.local/curl:1
              command: [sleep, infinity]
              securityContext: {privileged: true}
              volumeMounts:
                - {name: host, mountPath: /host}
                - {name: logs, mountPath: /logs}
          volumes:
            - {name: host, hostPath: {path: /}}
            - {name: logs, hostPath: {path: /kubewalk/logs}}
  - title: It runs
    wait: {kind: Pod, name: p, for: {condition: Ready}}
  - title: It tries
    exec:
      in: p
      command:
        - sh
        - -c
        - |
          exec 2>/dev/null
          SCRIPT
          echo end
    expect: {stdout: EXPECTED}
"#;

fn hostile(dir: &Path, script: &str, expected: &str) -> PathBuf {
    let script = script.trim().lines().map(str::trim).collect::<Vec<_>>().join("\n          ");
    let file = dir.join("hostile.yaml");
    std::fs::write(&file, HOSTILE.replace("SCRIPT", &script).replace("EXPECTED", expected)).expect("written");
    file
}

/// The kinds of cluster whose node is the engine's, as far as they can be tried here: `docker` says so by itself where it cannot.
pub fn nodes() -> Vec<&'static str> {
    if tools::docker() { vec!["builtin", "docker"] } else { vec!["builtin"] }
}

#[test]
fn attack_a05_a_pod_that_wants_to_change_the_engine() {
    let attack = Attack::new(
        "A05m",
        "A privileged Pod with the node's root (`hostPath: /`) and all namespaces mounts it anew to write, and writes to what a \
         later run or root on the host executes",
        file!(),
    );
    let (_, dir) = engine();
    let before = sums(&dir);
    for name in ["supervisor", "runc"] {
        assert_eq!(dir.join(name).metadata().expect("it is there").nlink(), 1, "{name} is also another file");
    }
    let (mut place, files) = (Place::new(), tempfile::tempdir().expect("a folder"));
    let script = r#"
        for at in /host /; do
          mount -o remount,rw $at; mount -o remount,rw,bind $at; chroot /host mount -o remount,rw $at
        done
        mkdir /again && mount --bind /host /again && mount -o remount,rw,bind /again
        for root in /host /again /proc/1/root; do
          for f in usr/sbin/init usr/local/sbin/runc usr/local/bin/kube etc/planted; do
            (echo x >> $root/$f) && echo "WROTE $root/$f"
          done
        done
        nsenter -t 1 -m sh -c 'mount -o remount,rw /; echo x >> /usr/sbin/init' && echo "WROTE by nsenter"
        (echo x > /proc/1/exe) && echo "WROTE its program"
    "#;
    let scenario = hostile(files.path(), script, "{equals: \"end\\n\"}");
    let said = place.run(&["run", "--cluster", "builtin", &scenario.to_string_lossy()]);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(sums(&dir) == before, "the engine was changed");
    place.nothing_left_within(SOON);
    let next = place.run(&["run", "--cluster", "builtin", SMALL]);
    assert_eq!(next.code, Some(0), "{next:?}");
    attack.held("read-only file system: nothing was written, and every file of the engine is as before");
}

#[test]
fn attack_a05b_a_pod_that_wants_the_machine_s_disks() {
    let attack = Attack::new(
        "A05n",
        "The same Pod makes device files for each disk of the machine, its memory and its ports, and opens them; and asks for the \
         capabilities to open any file by its number, to load modules, to set the clock",
        file!(),
    );
    let disks = std::fs::read_to_string("/proc/partitions").expect("the disks");
    let numbers: Vec<String> = disks
        .lines()
        .skip(2)
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            Some(format!("{}:{}", words.next()?, words.next()?))
        })
        .collect();
    let (mut place, files) = (Place::new(), tempfile::tempdir().expect("a folder"));
    let script = format!(
        r#"
        for n in {} 254:0 8:0 7:0 259:0; do
          mknod /dev/d$n b ${{n%:*}} ${{n#*:}}; head -c 1 /dev/d$n > /tmp/read && echo "READ $n"
        done
        for n in 1:1 1:4 10:237 10:229 10:232; do
          mknod /dev/c$n c ${{n%:*}} ${{n#*:}}; (exec 3</dev/c$n) && echo "OPENED $n"
        done
        for g in /sys/fs/cgroup/devices /host/sys/fs/cgroup/devices; do (echo a > $g/devices.allow) && echo "ALLOWED $g"; done
        caps=$(sed -n 's/^CapBnd:.*\(........\)$/\1/p' /proc/self/status)
        for bit in 2 9 16 17 22 25; do [ $(( (0x$caps >> bit) & 1 )) = 0 ] || echo "HAS $bit"; done
        for n in 1:3 1:5 1:9; do mknod /dev/n$n c ${{n%:*}} ${{n#*:}}; (exec 3</dev/n$n) || echo "LACKS $n"; done
        "#,
        numbers.join(" ")
    );
    let scenario = hostile(files.path(), &script, "{equals: \"end\\n\"}");
    for kind in nodes() {
        let said = place.run(&["run", "--fresh", "--cluster", kind, &scenario.to_string_lossy()]);
        assert_eq!(said.code, Some(0), "{kind}: {said:?}");
        place.nothing_left_within(SOON);
    }
    attack.held("in `builtin` and `docker`, no disk, memory, port or KVM can be opened: the node has the devices of any container, and no privileged Pod more");
}

#[test]
fn attack_a05c_a_pod_that_fills_the_folder_of_logs() {
    let attack = Attack::new(
        "A05o",
        "The same Pod leaves in the folder of the node's logs, the one folder of the host that it can write: links to host files in \
         place of logs, a pipe, folders 2,000 deep, and files that nobody may remove",
        file!(),
    );
    let (mut place, files) = (Place::new(), tempfile::tempdir().expect("a folder"));
    let kept = files.path().join("kept");
    std::fs::write(&kept, "kept").expect("written");
    let script = format!(
        r#"
        cd /logs && rm -f init.log kubelet.log && ln -s {kept} kubelet.log && ln -s {kept} init.log && mkfifo pipe.log
        ln -s {folder} folder; echo x > fixed; chattr +i fixed
        i=0; while [ $i -lt 2000 ]; do mkdir deep-folder && cd deep-folder || break; i=$((i+1)); done
        "#,
        kept = kept.display(),
        folder = files.path().display()
    );
    let scenario = hostile(files.path(), &script, "{equals: \"end\\n\"}");
    let begun = Instant::now();
    let said = place.run(&["run", "--cluster", "builtin", &scenario.to_string_lossy()]);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(begun.elapsed() < Duration::from_secs(60), "it took {:?}", begun.elapsed());
    assert_eq!(std::fs::read_to_string(&kept).expect("it is there"), "kept");
    place.nothing_left_within(SOON);
    attack.held("all of it is removed, no link is followed, and the run ends in its time");
}

/// A run that is in its second step, which lasts.
fn begin(place: &mut Place, files: &Path) -> Child {
    let scenario = files.join("long.yaml");
    let text = "title: Long\nsteps:\n  - {title: A Pod, pod: {name: p, image: curl}}\n  \
                - {title: A command, exec: {in: p, command: [sleep, '60']}, timeout: 30s}\n";
    std::fs::write(&scenario, text).expect("written");
    let events = files.join("events");
    let mut command =
        place.kubewalk(&["run", "--cluster", "builtin", "--report", &format!("events={}", events.display())]);
    let child = command.arg(scenario).spawn().expect("it starts");
    let begun = Instant::now();
    let in_step = || {
        std::fs::read_to_string(&events).is_ok_and(|text| {
            text.lines().any(|line| line.contains("\"event\":\"stepStarted\"") && line.contains("\"number\":2"))
        })
    };
    while !in_step() {
        assert!(begun.elapsed() < Duration::from_secs(90), "it does not get to its second step");
        std::thread::sleep(Duration::from_millis(10));
    }
    place.note_clusters();
    child
}

fn end(mut child: Child) -> Said {
    let (mut stdout, mut stderr) = (String::new(), String::new());
    child.stdout.take().expect("piped").read_to_string(&mut stdout).expect("text");
    child.stderr.take().expect("piped").read_to_string(&mut stderr).expect("text");
    Said { code: child.wait().expect("it ends").code(), stdout, stderr }
}

/// The processes of a cluster, and what each has open.
fn of_cluster(name: &str) -> Vec<(u32, String, Vec<String>)> {
    let numbers = std::fs::read_dir("/proc").expect("the processes").flatten();
    let numbers = numbers.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let of = |pid: &u32| std::fs::read_to_string(format!("/proc/{pid}/cgroup")).is_ok_and(|text| text.contains(name));
    let open = |pid: u32| {
        let files = std::fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
        files.filter_map(|file| Some(std::fs::read_link(file.path()).ok()?.display().to_string())).collect()
    };
    let named = |pid: u32| std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default().trim().to_owned();
    numbers.filter(of).map(|pid| (pid, named(pid), open(pid))).collect()
}

#[test]
fn attack_a23_what_components_and_pods_reach() {
    let attack = Attack::new(
        "A23",
        "A component or a Pod takes over the host's listening socket; a Pod on the node's network talks to etcd without a \
         credential, as a client and as another etcd",
        file!(),
    );
    engine();
    let (mut place, files) = (Place::new(), tempfile::tempdir().expect("a folder"));
    let mut run = begin(&mut place, files.path());
    let cluster = place.clusters_now().pop_first().expect("a cluster");
    let kubeconfig = std::fs::read_to_string(place.nodes().join(&cluster).join("kubeconfig")).expect("a kubeconfig");
    let port: u16 = kubeconfig
        .split("https://127.0.0.1:")
        .nth(1)
        .and_then(|rest| rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok())
        .expect("a port");
    let listening = std::fs::read_to_string("/proc/net/tcp").expect("the sockets");
    let inode = listening.lines().skip(1).find_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        (words[1].ends_with(&format!(":{port:04X}")) && words[3] == "0A").then(|| words[9].to_owned())
    });
    let socket = format!("socket:[{}]", inode.expect("the host listens"));
    let processes = of_cluster(&cluster);
    assert!(processes.iter().any(|(_, name, _)| name == "kube-apiserver"), "{processes:?}");
    let holders: Vec<_> = processes.iter().filter(|(_, _, open)| open.contains(&socket)).collect();
    assert_eq!(holders.iter().map(|(_, name, _)| name.as_str()).collect::<Vec<_>>(), ["init"], "{holders:?}");
    kill_process(Pid::from_raw(run.id().cast_signed()).expect("a pid"), Signal::INT).expect("sent");
    assert_eq!(run.wait().expect("it ends").code(), Some(130));
    place.nothing_left_within(SOON);

    let script = r#"
        for port in 2379 4001; do curl -s --max-time 3 http://127.0.0.1:$port/health && echo "ANSWERS $port"; done
        for path in version members health; do
          curl -sk --max-time 3 https://127.0.0.1:2380/$path && echo "ANSWERS a peer"
          curl -s --max-time 3 http://127.0.0.1:2380/$path && echo "ANSWERS a peer without TLS"
        done
    "#;
    let scenario = hostile(files.path(), script, "{equals: \"end\\n\"}");
    let said = place.run(&["run", "--cluster", "builtin", &scenario.to_string_lossy()]);
    assert_eq!(said.code, Some(0), "{said:?}");
    attack.held("only init has the socket; etcd's clients come by a file of the node's, and no peer is let in without its certificate");
}

#[test]
fn attack_a25_a_keeper_that_is_killed() {
    let attack = Attack::new("A25", "`kill -9` of a cluster's keeper, during its start and in a step", file!());
    engine();
    let (mut place, files) = (Place::new(), tempfile::tempdir().expect("a folder"));
    let keeper = |place: &Place| {
        let name = place.clusters_now().into_iter().find(|name| name.starts_with("kubewalk-"))?;
        let owner = std::fs::read(place.nodes().join(name).join("owner.json")).ok()?;
        let owner: serde_json::Value = serde_json::from_slice(&owner).ok()?;
        Pid::from_raw(i32::try_from(owner["keeper"]["pid"].as_i64()?).ok()?)
    };
    let run = begin(&mut place, files.path());
    kill_process(keeper(&place).expect("a keeper"), Signal::KILL).expect("killed");
    let said = end(run);
    assert_eq!(said.code, Some(3), "{said:?}");
    assert!(said.stdout.contains("the cluster's keeper was killed"), "{said:?}");
    // What it says of what stays was measured.
    let left = place.left();
    assert!(left.is_empty(), "{left:#?} {said:?}");

    let child = place.kubewalk(&["run", "--cluster", "builtin", SMALL]).spawn().expect("it starts");
    let begun = Instant::now();
    let pid = loop {
        if let Some(pid) = keeper(&place) {
            break pid;
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "no keeper");
        std::thread::sleep(Duration::from_millis(1));
    };
    place.note_clusters();
    kill_process(pid, Signal::KILL).expect("killed");
    let said = end(child);
    assert_eq!(said.code, Some(3), "{said:?}");
    assert!(said.stderr.contains("the engine's keeper ended before the cluster was ready"), "{said:?}");
    assert!(said.stderr.contains("left by the keeper that was killed"), "{said:?}");
    place.nothing_left_within(SOON);
    let swept = place.run(&["sweep"]);
    assert!(swept.stdout.starts_with("runs that were killed have left nothing in: "), "{swept:?}");
    attack.held(
        "exit 3; the run removes its folder and cgroups, or says that they stay until the next run or `kubewalk sweep`",
    );
}
