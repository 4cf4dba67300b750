use super::*;

fn ask() -> Ask {
    Ask { wanted: Wanted::default(), until: Until::Unused(60), build: build(), whose: Whose::default() }
}

#[test]
fn of_two_who_make_a_folder_one_has_made_it() {
    let root = tempfile::tempdir().expect("a folder");
    let root = root.path().join("base/state");
    let Made::New(folder, lock) = Folder::make(&root, "a", &ask()).expect("made") else { panic!("it was there") };
    assert!(matches!(Folder::make(&root, "a", &ask()).expect("found"), Made::AlreadyThere(_)));
    assert_eq!(Folder::all(&root).expect("read").len(), 1);
    assert_eq!(sweep(&root), Vec::<String>::new());
    drop(lock);
    // A process that another test starts has it, too, between its fork and its exec.
    let begun = std::time::Instant::now();
    while folder.is_held("starter.lock") && begun.elapsed() < Duration::from_secs(10) {
        std::thread::sleep(Duration::from_millis(1));
    }
    assert!(folder.state().is_none());
    assert_eq!(sweep(&root), ["a"]);
    assert!(!folder.path().exists());
}

#[test]
fn a_folder_that_others_can_use_is_not_believed() {
    use std::os::unix::fs::PermissionsExt as _;
    let root = tempfile::tempdir().expect("a folder");
    let base = root.path().join("base");
    let room = base.join("held");
    drop(Folder::make(&room, "a", &ask()).expect("made"));
    for at in [&room, &base] {
        std::fs::set_permissions(at, std::fs::Permissions::from_mode(0o755)).expect("changed");
        assert!(Folder::all(&room).is_err());
        assert!(Folder::make(&room, "b", &ask()).is_err());
        std::fs::set_permissions(at, std::fs::Permissions::from_mode(0o700)).expect("changed");
    }
}

#[test]
fn a_state_without_its_holder_is_none() {
    let root = tempfile::tempdir().expect("a folder");
    let Made::New(folder, _lock) = Folder::make(&root.path().join("base/s"), "a", &ask()).expect("made") else {
        panic!("it was there")
    };
    let state = State {
        ask: ask(),
        holder: 1,
        kind: ClusterKind::Builtin,
        kubernetes: "v1.37.2".into(),
        pods: true,
        anonymous: true,
        curl_image: "curl".into(),
        kubeconfig: "/x".into(),
        kubectl: Kubectl::new([]),
    };
    folder.write("state.json", &state).expect("written");
    assert!(folder.state().is_none());
    let holder = folder.open("holder.lock").expect("opened");
    holder.lock().expect("locked");
    assert_eq!(folder.state().expect("a state").kubernetes, "v1.37.2");
    let mut other = serde_json::to_value(&state).expect("JSON");
    other["kind"] = "microvm".into();
    folder.write("state.json", &other).expect("written");
    let error = folder.known().expect_err("no such kind").message;
    assert!(
        folder.state().is_none() && error.contains("cluster a cannot be read: unknown variant `microvm`"),
        "{error}"
    );
}

#[test]
fn who_waits_to_be_alone_is_next() {
    let root = tempfile::tempdir().expect("a folder");
    let folder = Folder::at(root.path().to_owned());
    let none = BTreeSet::new();
    let first = Turn::wait(&folder, false, &none).expect("a turn");
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::scope(|scope| {
        let alone = tell.clone();
        scope.spawn(|| {
            let turn = Turn::wait(&folder, true, &none).expect("a turn");
            alone.send("alone").expect("sent");
            drop((turn, alone));
        });
        while !folder.is_held("turn.lock") {
            std::thread::yield_now();
        }
        scope.spawn(|| {
            let turn = Turn::wait(&folder, false, &none).expect("a turn");
            tell.send("beside").expect("sent");
            drop((turn, tell));
        });
        drop(first);
        assert_eq!(told.iter().collect::<Vec<_>>(), ["alone", "beside"]);
    });
}

#[test]
fn a_name_is_for_one_at_a_time() {
    let root = tempfile::tempdir().expect("a folder");
    let folder = Folder::at(root.path().to_owned());
    let names = |all: &[&str]| all.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
    let first = Turn::wait(&folder, false, &names(&["a", "b"])).expect("a turn");
    drop(Turn::wait(&folder, false, &names(&["c"])).expect("nobody has it"));
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let _turn = Turn::wait(&folder, false, &names(&["b"])).expect("a turn");
            tell.send("second").expect("sent");
        });
        // It cannot be seen that a thread waits, only that it did not go on.
        assert!(told.recv_timeout(std::time::Duration::from_millis(100)).is_err());
        drop(first);
        assert_eq!(told.recv().expect("a turn"), "second");
    });
}
