//! Faults 26 and 29: disks that are full, and files that mean harm.

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use crate::{
    Files, SOON,
    fake_api::FakeApi,
    fake_daemon::{FakeDaemon, Pull},
    page::Fault,
    run_in, said,
    traces::{Place, Said},
};

/// Mounts a folder of 16 KiB in a mount namespace of its own, puts an old report there, and runs the rest; then prints what
/// the folder holds.
const ON_A_SMALL_DISK: &str = r#"mount -t tmpfs -o size=16k none "$0" && echo old >"$0/report" && head -c 8192 /dev/zero >"$0/other"
"$@"; code=$?; cat "$0/report"; ls -A "$0"; exit $code"#;

#[test]
fn fault_26_a_disk_that_is_full() {
    let mut fault =
        Fault::new(26, "the disk is full: of a report, of Docker in a pull", "a tmpfs; fake Docker", file!());
    let (place, files, api) = (Place::new(), Files::new(), FakeApi::start(|_| None));
    let kubeconfig = api.kubeconfig(files.path());
    let disk = files.path().join("disk");
    std::fs::create_dir(&disk).expect("a folder");
    let scenario = files.scenario("holds", "  - {title: It answers, request: {path: /readyz}}\n");
    for kind in ["html", "junit", "json", "events"] {
        let report = format!("{kind}={}", disk.join("report").display());
        let run = run_in(&place, &kubeconfig, "fake", &["--report", &report]);
        let mut command = Command::new("unshare");
        place.settle(&mut command);
        command.args(["--mount", "sh", "-c", ON_A_SMALL_DISK]).arg(&disk).arg(run.get_program()).args(run.get_args());
        let said = said(command.arg(&scenario).env("KUBECONFIG", &kubeconfig));
        // Small reports have room; the page has not.
        assert_eq!(said.code, Some(if kind == "html" { 7 } else { 0 }), "{said:?}");
        if kind == "html" {
            assert!(said.stdout.ends_with("old\nother\nreport\n"), "the old one is kept, and nothing half: {said:?}");
            fault.saw(&said, 7, "the html report could not be written");
        }
    }
    let docker = FakeDaemon::pulling(Pull::Broken("write /var/lib/docker/tmp/x: no space left on device"));
    let mut command = place.kubewalk(&["run", "--cluster", "k3s", "scenarios/rbac/one-role.yaml"]);
    let said = said(command.env("DOCKER_HOST", format!("unix://{}", docker.socket.display())));
    assert!(said.stderr.contains("docker system prune"), "{said:?}");
    fault.saw(&said, 3, "Docker's disk is full");
    fault.nothing_left(&place, SOON);
}

/// What is said of a file, how much of a processor's time that took, and the most memory in KiB.
fn read(place: &Place, path: &Path) -> (Said, Duration, u64) {
    let mut command = place.kubewalk(&["run", "--cluster", "builtin"]);
    let child = command.arg(path).spawn().expect("it starts");
    let (mut most, mut ticks) = (0, 0);
    let of = |file: &str| std::fs::read_to_string(format!("/proc/{}/{file}", child.id())).unwrap_or_default();
    loop {
        let (status, stat) = (of("status"), of("stat"));
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        most = most.max(line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0));
        // User and system time, in hundredths of a second.
        let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
        ticks = ticks.max(fields.iter().skip(11).take(2).filter_map(|time| time.parse::<u64>().ok()).sum());
        if fields[0] == "Z" {
            break;
        }
        std::thread::sleep(Duration::from_micros(500));
    }
    (crate::end(child), Duration::from_millis(10 * ticks), most)
}

#[test]
fn fault_29_files_that_mean_harm() {
    let mut fault = Fault::new(
        29,
        "hostile files: alias bomb, depth 100000, 1 GB, duplicate keys, NUL, tags, ways out of the folder, shell in names, \
         FIFO, device",
        "files",
        file!(),
    );
    let (place, files) = (Place::new(), Files::new());
    let write = |name: &str, bytes: &[u8]| {
        let path = files.path().join(name).with_extension("yaml");
        std::fs::write(&path, bytes).expect("written");
        path
    };
    let step = |text: &str| format!("title: x\nsteps:\n  - {{title: A, {text}}}\n").into_bytes();
    let huge = write("huge", b"");
    std::fs::File::options().write(true).open(&huge).and_then(|file| file.set_len(1 << 30)).expect("a sparse file");
    let fifo = files.path().join("fifo.yaml");
    rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, rustix::fs::Mode::RUSR, 0).expect("a FIFO");
    std::os::unix::fs::symlink("/etc/passwd", files.path().join("link.yml")).expect("a link");
    let bomb: String = (1..9).fold("title: &a0 lol\nsteps:\n".into(), |text, level| {
        format!("{text}  - &a{level} [{}]\n", vec![format!("*a{}", level - 1); 9].join(", "))
    });
    let deep = |open: &str| format!("title: x\nsteps: {}", open.repeat(100_000)).into_bytes();
    let of = |name: &str, bytes: Vec<u8>| write(name, &bytes);
    let cases: Vec<(PathBuf, &str)> = vec![
        (write("bomb", bomb.as_bytes()), "bomb.yaml:"),
        (of("flow", deep("[")), "nested too deeply"),
        (of("block", deep("\n- ")), "block.yaml:"),
        (of("maps", deep("{a: ")), "nested too deeply"),
        (huge, "too big for a scenario"),
        (write("twice", b"title: x\ntitle: y\nsteps: []\n"), "twice.yaml:2:1"),
        (write("nul", b"title: a\0b\nsteps: []\n"), "NUL character"),
        (write("bom", "\u{feff}title: x\nsteps: {}\n".as_bytes()), "bom.yaml:2:8"),
        (write("tag", b"title: !!python/object/apply:os.system [id]\nsteps: []\n"), "tag.yaml:1:8"),
        (of("out", step("apply: {file: ../../../../etc/passwd}")), "leads out of the scenario's project"),
        (of("rooted", step("apply: {file: /etc/passwd}")), "does not begin at the scenario's folder"),
        (of("linked", step("apply: {file: link.yml}")), "`link.yml` leads out of the scenario's project"),
        (of("shell", step("serviceAccount: '$(rm -rf /)'")), "shell.yaml:3:"),
        (of("quotes", step("pod: {name: '\";reboot;\"', image: curl}")), "quotes.yaml:3:"),
        (fifo, "no regular file"),
        ("/dev/zero".into(), "no regular file"),
        (write("passwd", &std::fs::read("/etc/passwd").expect("a file")), "passwd.yaml:1:"),
    ];
    for (path, words) in &cases {
        let (said, took, most) = read(&place, path);
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        // Quadratic work on these sizes takes minutes; a debug build on a slow machine needs some seconds for the largest.
        assert!(took < Duration::from_secs(20), "{name}: {took:?}");
        assert!(most < 200 << 10, "{name}: {most} KiB");
        assert!(!said.stderr.contains("root:x:0") || name == "passwd.yaml", "{said:?}");
        assert_eq!(said.code, Some(2), "{name}: {said:?}");
        assert!(said.stderr.contains(words), "{name}: {words}\n{}", said.stderr);
        if ["twice.yaml", "out.yaml", "shell.yaml", "fifo.yaml"].contains(&&*name) {
            fault.line(2, &said.stderr, "error: ");
        }
        assert_eq!(place.left(), Vec::<String>::new(), "nothing was started");
    }
    fault.nothing_left(&place, SOON);
}
