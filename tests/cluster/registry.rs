//! The engine's image from a real registry on loopback: all that can go wrong on the way, and a walkthrough on an engine that was
//! pulled and never built here.
#![cfg(target_os = "linux")]

#[path = "registry/served.rs"]
mod served;
#[path = "../common/tools.rs"]
mod tools;

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
};

use rstest::rstest;
use serde_json::{Value, json};
use served::{Between, Does, Elsewhere, NAME, Registry, TOKEN, small_engine, sum};

/// A place with an empty cache, in which no engine can be built: there is no Go.
struct Place {
    temp: tempfile::TempDir,
    cache: PathBuf,
}

/// How it ended.
#[derive(Debug)]
struct Said {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Place {
    fn new() -> Place {
        let temp = tempfile::tempdir().expect("a folder");
        let tools = temp.path().join("tools");
        fs::create_dir(&tools).expect("a folder");
        for folder in ["/usr/bin", "/usr/sbin", "/bin", "/sbin"] {
            for tool in fs::read_dir(folder).into_iter().flatten().flatten().filter(|tool| tool.file_name() != "go") {
                let _ = symlink(tool.path(), tools.join(tool.file_name()));
            }
        }
        let cache = temp.path().join("cache");
        Place { temp, cache }
    }

    fn command(&self, args: &[&str], image: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kubewalk"));
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy().into_owned();
            if name.starts_with("KUBEWALK_") || name.to_lowercase().ends_with("_proxy") {
                command.env_remove(name);
            }
        }
        command.args(args).current_dir(env!("CARGO_MANIFEST_DIR")).env("NO_COLOR", "1");
        command.env("KUBEWALK_CACHE", &self.cache).env("KUBEWALK_STATE", self.temp.path().join("state"));
        command.env("KUBEWALK_ENGINE_IMAGE", image);
        command
    }

    fn run(&self, mut command: Command) -> Said {
        let said = command.output().expect("it starts");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Said { code: said.status.code(), out: text(&said.stdout), err: text(&said.stderr) }
    }

    /// `prefetch`, with little time.
    fn prefetch(&self, image: &str, seconds: &str) -> Said {
        let mut command = self.command(&["prefetch", "--cluster", "builtin", "--no-start"], image);
        command.env("PATH", self.temp.path().join("tools")).env("KUBEWALK_PULL_TIMEOUT", seconds);
        self.run(command)
    }

    /// What is in the cache where engines are.
    fn engines(&self) -> Vec<String> {
        let found = fs::read_dir(self.cache.join("engine")).into_iter().flatten().flatten();
        found.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
    }

    /// That it was not pulled for this reason, that a build was tried, and that nothing is left.
    fn refused(&self, said: &Said, class: &str, words: &str) {
        assert_eq!(said.code, Some(3), "{said:?}");
        assert!(said.err.contains(&format!("was not pulled ({class}): ")) && said.err.contains(words), "{said:?}");
        assert!(
            said.err.contains("; so the engine is built here") && said.err.contains("error: Go is missing"),
            "{said:?}"
        );
        assert_eq!(self.engines(), Vec::<String>::new());
    }
}

/// A registry with a small engine in it, and the digest of that.
fn served() -> (Registry, String) {
    let registry = Registry::start();
    let engine = registry.folder.path().join("engine");
    small_engine(&engine);
    let digest = registry.push(&engine);
    (registry, digest)
}

fn at(host: &str, digest: &str) -> String {
    format!("{host}/{NAME}@sha256:{digest}")
}

#[test]
fn what_is_whole_is_put_in_place_and_used_from_then_on() {
    let (registry, digest) = served();
    let place = Place::new();
    let said = place.prefetch(&at(&registry.host, &digest), "60");
    assert_eq!(said.code, Some(0), "{said:?}");
    let image = at(&registry.host, &digest);
    assert!(said.out.starts_with(&format!("the engine's node: pulled from {image}, ")), "{said:?}");
    assert_eq!(place.engines(), [kubewalk::cluster::engine::hash()]);
    let kubectl =
        place.cache.join("engine").join(kubewalk::cluster::engine::hash()).join("rootfs/usr/local/bin/kubectl");
    assert_eq!(fs::read_link(kubectl).expect("a link"), Path::new("kube"));
    // Offline, and with the registry gone.
    drop(registry);
    let mut command = place.command(&["prefetch", "--cluster", "builtin", "--no-start", "--offline"], &image);
    command.env("PATH", place.temp.path().join("tools"));
    let said = place.run(command);
    assert!(said.code == Some(0) && said.out.starts_with("the engine's node: was here already; "), "{said:?}");
}

#[rstest]
#[case("/manifests/", Does::Spoils, "digest", "what came as the manifest sha256:")]
#[case("/blobs/", Does::Spoils, "digest", "what came as the layer sha256:")]
#[case("/blobs/", Does::Cuts(5000), "cut", "broke off after 5000 of ")]
#[case("/blobs/", Does::Stops(5000), "silent", "said nothing for 3 s")]
#[case("/blobs/", Does::Trickles, "slow", "it was not here after 6 s")]
#[case("/manifests/", Does::Stops(10), "silent", "said nothing for 3 s")]
#[case("/manifests/", Does::Answers(401), "refused", "(401): log in (`docker login`), or name a mirror")]
#[case("/blobs/", Does::Answers(403), "refused", "(403): log in")]
#[case("/manifests/", Does::Answers(404), "missing", "does not have the manifest sha256:")]
#[case("/blobs/", Does::Answers(404), "missing", "does not have the layer sha256:")]
#[case("/manifests/", Does::Answers(500), "answer", "answered 500 when asked for the manifest")]
fn what_does_not_come_whole_is_not_used(
    #[case] of: &'static str,
    #[case] does: Does,
    #[case] class: &str,
    #[case] words: &str,
) {
    let (registry, digest) = served();
    let between = Between::start(&registry.host, of, does);
    let place = Place::new();
    let little = matches!(does, Does::Stops(_) | Does::Trickles);
    let said = place.prefetch(&at(&between.host, &digest), if little { "6" } else { "60" });
    place.refused(&said, class, words);
}

#[rstest]
#[case("/blobs/", Does::CutsOnce(100_000))]
#[case("/blobs/", Does::IsBusyTwice)]
#[case("/manifests/", Does::IsBusyTwice)]
#[case("/manifests/", Does::CutsOnce(10))]
#[case("/blobs/", Does::WantsToken)]
fn what_passes_is_waited_for(#[case] of: &'static str, #[case] does: Does) {
    let (registry, digest) = served();
    let between = Between::start(&registry.host, of, does);
    let place = Place::new();
    let said = place.prefetch(&at(&between.host, &digest), "60");
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(!said.err.contains(TOKEN) && !said.out.contains(TOKEN), "{said:?}");
    let asked = between.asked.lock().expect("asked").clone();
    let asks = |what: &str| asked.iter().any(|head| head.to_lowercase().contains(&what.to_lowercase()));
    let goes_on = of == "/blobs/" && matches!(does, Does::CutsOnce(_));
    assert_eq!(asks("\r\nrange: bytes="), goes_on, "{asked:?}");
    assert_eq!(
        asks("/token?scope=repository%3Akubewalk%2Fengine%3Apull&service=s"),
        does == Does::WantsToken,
        "{asked:?}"
    );
}

#[test]
fn a_registry_elsewhere_is_reached_by_https_through_a_proxy_with_a_login_that_is_never_told() {
    const HOST: &str = "registry.example";
    let (registry, digest) = served();
    let elsewhere = Elsewhere::start(&registry, HOST, "reader:open-the-door");
    let image = at(HOST, &digest);
    let docker = tempfile::tempdir().expect("a folder");
    let pull = |trusts: bool, logs_in: bool| {
        let place = Place::new();
        // reader:open-the-door
        let auths = if logs_in { json!({HOST: {"auth": "cmVhZGVyOm9wZW4tdGhlLWRvb3I="}}) } else { json!({}) };
        fs::write(docker.path().join("config.json"), json!({"auths": auths}).to_string()).expect("written");
        let mut command = place.command(&["prefetch", "--cluster", "builtin", "--no-start"], &image);
        command.env("PATH", place.temp.path().join("tools")).env("KUBEWALK_PULL_TIMEOUT", "60");
        command.env("DOCKER_CONFIG", docker.path()).env("HTTPS_PROXY", format!("http://me:sesame@{}", elsewhere.proxy));
        if trusts {
            command.env("SSL_CERT_FILE", &elsewhere.certificate);
        }
        let said = place.run(command);
        let told = format!("{}{}", said.out, said.err);
        for secret in ["open-the-door", "cmVhZGVyOm9wZW4tdGhlLWRvb3I", "sesame"] {
            assert!(!told.contains(secret), "{said:?}");
        }
        (place, said)
    };
    let (_, said) = pull(true, true);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(said.out.starts_with(&format!("the engine's node: pulled from {image}, ")), "{said:?}");
    let asked = elsewhere.asked.lock().expect("asked").clone();
    let logged_in = |head: &String| head.to_lowercase().contains("\r\nproxy-authorization: basic ");
    assert!(!asked.is_empty() && asked.iter().all(logged_in), "{asked:?}");
    let (place, said) = pull(true, false);
    place.refused(&said, "refused", "registry.example refuses the manifest");
    let (place, said) = pull(false, true);
    place.refused(&said, "unreachable", "registry.example cannot be reached: ");
}

#[test]
fn nobody_there_and_another_image_are_told_apart() {
    let (registry, digest) = served();
    let place = Place::new();
    let said = place.prefetch(
        "127.0.0.1:9/kubewalk/engine@sha256:0000000000000000000000000000000000000000000000000000000000000000",
        "6",
    );
    place.refused(&said, "unreachable", "127.0.0.1:9 cannot be reached: ");
    let said = place.prefetch(&at(&registry.host, &"0".repeat(64)), "6");
    place.refused(&said, "missing", "does not have the manifest sha256:0000");
    let changed = |change: &dyn Fn(&mut Value)| {
        let mut manifest = registry.manifest(&digest);
        change(&mut manifest);
        place.prefetch(&at(&registry.host, &registry.put_manifest(&manifest)), "6")
    };
    let said = changed(&|image| image["layers"][0]["mediaType"] = json!("application/vnd.oci.image.layer.v1.tar+zstd"));
    place.refused(&said, "media-type", "is of the type `application/vnd.oci.image.layer.v1.tar+zstd`");
    let said = changed(&|image| image["annotations"]["dev.kubewalk.engine"] = json!("0123456789abcdef"));
    place.refused(&said, "other-engine", "it is the engine 0123456789abcdef, and this kubewalk is made for ");
    let said = changed(&|image| image["layers"][0]["size"] = json!(7));
    place.refused(&said, "size", "should have 7 bytes, and ");
    let said = changed(&|image| drop(image["layers"].as_array_mut().expect("layers").remove(0)));
    place.refused(&said, "contents", "its file rootfs/usr/local/bin/kube is missing");
    let index = json!({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": [
        {"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": format!("sha256:{digest}"), "size": 1,
         "platform": {"os": "linux", "architecture": "mips"}}]});
    let said = place.prefetch(&at(&registry.host, &registry.put_manifest(&index)), "6");
    place.refused(&said, "platform", ", only for linux/mips");
}

#[test]
fn a_layer_that_leads_out_of_its_folder_writes_nothing() {
    let (registry, digest) = served();
    let place = Place::new();
    let work = registry.folder.path();
    fs::write(work.join("file"), "x").expect("written");
    // As GNU tar makes them when it is told to.
    for (name, why) in
        [("../../../escaped", "leads out of its folder"), ("/tmp/kubewalk-escaped", "is an absolute path")]
    {
        let mut tar = Command::new("tar");
        tar.current_dir(work).args(["-czPf", "layer.tgz", &format!("--transform=s,.*,{name},"), "file"]);
        let said = tar.output().expect("tar");
        assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
        let mut manifest = registry.manifest(&digest);
        let layer = registry.put_layer(&fs::read(work.join("layer.tgz")).expect("a layer"));
        manifest["layers"].as_array_mut().expect("layers").push(layer);
        let said = place.prefetch(&at(&registry.host, &registry.put_manifest(&manifest)), "20");
        place.refused(&said, "unsafe", why);
    }
    assert!(!place.temp.path().join("escaped").exists() && !Path::new("/tmp/kubewalk-escaped").exists());
}

#[test]
fn a_full_disk_is_told_and_nothing_is_left() {
    let (registry, digest) = served();
    let place = Place::new();
    fs::create_dir(&place.cache).expect("made");
    let mounted = |command: &mut Command| assert!(command.arg(&place.cache).status().expect("it starts").success());
    mounted(Command::new("mount").args(["-t", "tmpfs", "-o", "size=1m,mode=700", "tmpfs"]));
    let said = place.prefetch(&at(&registry.host, &digest), "20");
    let left = place.engines();
    mounted(Command::new("umount").arg("-l"));
    assert_eq!((said.code, left), (Some(3), vec![]), "{said:?}");
    assert!(said.err.contains("was not pulled (disk-full): cannot write below "), "{said:?}");
}

#[test]
fn offline_says_what_is_missing_and_starts_nothing() {
    let place = Place::new();
    let image = at("127.0.0.1:9", &sum(b""));
    for args in [
        ["run", "scenarios/rbac/one-role.yaml", "--cluster", "builtin", "--offline"].as_slice(),
        &["prefetch", "--cluster", "builtin", "--offline"],
    ] {
        let said = place.run(place.command(args, &image));
        assert_eq!(said.code, Some(3), "{said:?}");
        let words =
            "the engine's node with Kubernetes 1.37 is not on this machine, and --offline neither pulls nor builds it";
        assert!(said.err.contains(words) || said.out.contains(words), "{said:?}");
    }
    let said = place.run(place.command(&["prefetch", "--no-start"], "r.example/engine:1"));
    assert_eq!(said.code, Some(2), "{said:?}");
    assert!(
        said.err.contains("KUBEWALK_ENGINE_IMAGE is an image by its digest, or `none`: it has no digest"),
        "{said:?}"
    );
}

#[test]
fn the_walkthrough_holds_on_an_engine_that_was_only_pulled() {
    let settings = kubewalk::settings::from_env();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let engine =
        runtime.block_on(kubewalk::cluster::engine::ensure(&settings, &mut |_| ())).expect("there is an engine");
    let registry = Registry::start();
    let image = at(&registry.host, &registry.push(&engine));
    let place = Place::new();
    let args = ["run", "scenarios/serviceaccount/walkthrough.yaml", "--cluster", "builtin"];
    let mut command = place.command(&args, &image);
    command.env("PATH", place.temp.path().join("tools"));
    let said = place.run(command);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(said.err.contains(&format!("was pulled from {image}: ")), "{said:?}");
    if tools::docker() {
        // Docker gets what is in the cache, as after a build.
        let mut command = place.command(&["prefetch", "--cluster", "docker"], &image);
        command.env("PATH", place.temp.path().join("tools"));
        let said = place.run(command);
        assert_eq!(said.code, Some(0), "{said:?}");
        assert!(said.out.contains(" until a Pod can run, on docker; measured just now"), "{said:?}");
    }
}
