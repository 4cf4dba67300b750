//! Images in Docker: the engine's node, loaded once; others, pulled where they are not there yet; and what Pods need of them.

use std::{collections::HashMap, path::Path, time::Duration};

use futures::{StreamExt as _, stream};
use testcontainers::bollard::{
    auth::DockerCredentials,
    body_try_stream,
    errors::Error,
    models::CreateImageInfo,
    query_parameters::{CreateImageOptionsBuilder, TagImageOptionsBuilder},
};
use tokio::{
    io::{AsyncReadExt as _, DuplexStream},
    sync::mpsc,
    time::Instant,
};

use crate::cluster::{
    ClusterError, Daemon, Progress, Settings, StartError,
    client::login::{self, DockerCredential},
    daemon::{Ends, on, runtime},
    engine::Release,
    own::{
        self,
        lock::{self, How},
    },
    registry::Reference,
    trouble,
};
use crate::stop::{Stop, unless_stopped};

/// What the names of images begin with that are made here, and in no registry.
const OURS: &str = "kubewalk.local/";

/// The name of the engine's node in Docker; its tag is the hash of the engine's sources.
pub const NODE: &str = "kubewalk.local/node";

/// How long a pull may take.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// Until the registry says its first word.
    pub first: Duration,
    /// Between two words; a registry that is silent for longer is stuck.
    pub between: Duration,
    /// In all.
    pub total: Duration,
    /// It may not happen at all.
    pub offline: bool,
}

impl Patience {
    /// What the settings say.
    pub fn from_settings(settings: &Settings) -> Self {
        let (first, total) = (settings.first_word, settings.pull_timeout);
        Patience { first, between: Duration::from_secs(60), total, offline: settings.offline }
    }
}

/// Whether an image is in Docker.
///
/// # Errors
/// When Docker does not say.
pub async fn here(daemon: &Daemon, image: &str) -> Result<bool, ClusterError> {
    let (client, at, image) = (daemon.client.clone(), daemon.at.clone(), image.to_owned());
    on(async move {
        match client.inspect_image(&image).await {
            Ok(_) => Ok(true),
            Err(Error::DockerResponseServerError { status_code: 404, .. }) => Ok(false),
            Err(e) => Err(trouble::image(&e, &image, &at)),
        }
    })
    .await
}

/// Loads the engine's node into Docker, if it is not there; runs that start side by side load it once.
///
/// # Errors
/// Why it cannot be read or loaded, or that the run was stopped.
pub async fn load_node(
    daemon: &Daemon,
    (release, engine): (Release, &Path),
    notes: &Path,
    stop: &Stop,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<(), StartError> {
    let (tag, root) = (release.hash(), engine.join("rootfs"));
    let name = format!("{NODE}:{tag}");
    if here(daemon, &name).await? {
        return Ok(());
    }
    let _turn = unless_stopped(stop, turn(notes)).await.map_err(StartError::Stopped)??;
    if here(daemon, &name).await? {
        return Ok(());
    }
    progress(Progress::Note(format!("loading the node image into Docker, once ({name})")));
    let (client, at) = (daemon.client.clone(), daemon.at.clone());
    let loading = on(async move {
        // The tag in the name: Podman passes over `tag`, and Docker takes both.
        let options = CreateImageOptionsBuilder::new().from_src("-").repo(&name).changes(vec![
            r#"ENTRYPOINT ["/sbin/init"]"#.into(),
            "ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin".into(),
            "ENV KUBECONFIG=/etc/kubernetes/admin.conf".into(),
            format!("LABEL {}engine={tag}", crate::cluster::owner::LABEL),
        ]);
        let mut said = client.create_image(Some(options.build()), Some(body_try_stream(archive(root))), None);
        while let Some(said) = said.next().await {
            said.map_err(|e| trouble::image(&e, &name, &at))?;
        }
        Ok::<(), ClusterError>(())
    });
    Ok(unless_stopped(stop, loading).await.map_err(StartError::Stopped)??)
}

/// Lets Docker itself pull the engine's node, by its digest, where this machine cannot unpack it: its file system may take two names
/// that differ in case for one.
///
/// # Errors
/// Why Docker cannot pull it, that it is another engine, or that the run was stopped.
pub async fn pull_node(
    daemon: &Daemon,
    (release, image): (Release, &Reference),
    patience: Patience,
    stop: &Stop,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<(), StartError> {
    let (name, tag) = (image.to_string(), release.hash());
    ensure(daemon, &name, patience, stop, progress).await?;
    let (client, at) = (daemon.client.clone(), daemon.at.clone());
    let tagging = on(async move {
        let about = client.inspect_image(&name).await.map_err(|e| trouble::image(&e, &name, &at))?;
        let labels = about.config.and_then(|config| config.labels).unwrap_or_default();
        let found = labels.get(&format!("{}engine", crate::cluster::owner::LABEL)).cloned().unwrap_or_default();
        if found != tag {
            let message = format!(
                "the image {name} is the engine `{}`, and this kubewalk is made for {tag}",
                found.escape_debug()
            );
            return Err(ClusterError::new(message, "name the image of this version with KUBEWALK_ENGINE_IMAGE"));
        }
        let options = TagImageOptionsBuilder::new().repo(NODE).tag(&tag).build();
        client.tag_image(&name, Some(options)).await.map_err(|e| trouble::image(&e, &name, &at))
    });
    Ok(unless_stopped(stop, tagging).await.map_err(StartError::Stopped)??)
}

/// Whether the engine's node is in Docker.
///
/// # Errors
/// When Docker does not say.
pub async fn node_here(daemon: &Daemon, release: Release) -> Result<bool, ClusterError> {
    here(daemon, &format!("{NODE}:{}", release.hash())).await
}

/// How long the load of another process is waited for.
const LOADED_WITHIN: Duration = Duration::from_secs(600);

/// The lock for loading, in a room of this user: the cache may be root's. It goes with its file.
async fn turn(notes: &Path) -> Result<std::fs::File, ClusterError> {
    let room = own::Room::make(notes)?;
    let path = room.path().join("docker-load.lock");
    let cannot = |e: std::io::Error| {
        ClusterError::new(
            format!("cannot lock {}, to load the node image into Docker: {e}", path.display()),
            "end that process if it hangs, and run kubewalk again",
        )
    };
    let file = room.lock_file("docker-load.lock").map_err(cannot)?;
    lock::soon(&file, How::Alone, LOADED_WITHIN).await.map_err(cannot)?;
    Ok(file)
}

/// A folder as a tar, as it is read; a folder that cannot be read breaks the stream, so that Docker keeps no half of it.
fn archive(root: std::path::PathBuf) -> impl futures::Stream<Item = std::io::Result<bytes::Bytes>> + Send + 'static {
    let (write, read) = tokio::io::duplex(1 << 20);
    let writing = Ends(runtime().spawn(async move {
        let mut tar = tokio_tar::Builder::new(write);
        tar.follow_symlinks(false);
        tar.append_dir_all(".", root).await?;
        tar.into_inner().await.map(drop)
    }));
    stream::unfold(Some((read, writing)), |state| async {
        let (mut read, mut writing): (DuplexStream, Ends<std::io::Result<()>>) = state?;
        let mut chunk = bytes::BytesMut::with_capacity(256 << 10);
        match read.read_buf(&mut chunk).await {
            Ok(0) => match (&mut writing.0).await {
                Ok(Ok(())) => None,
                Ok(Err(e)) => Some((Err(e), None)),
                Err(e) => Some((Err(std::io::Error::other(e)), None)),
            },
            Ok(_) => Some((Ok(chunk.freeze()), Some((read, writing)))),
            Err(e) => Some((Err(e), None)),
        }
    })
}

/// Pulls an image if it is not there.
///
/// # Errors
/// That it does not exist, that the registry cannot be reached, gives no more, or is too slow; or that the run was stopped.
pub async fn ensure(
    daemon: &Daemon,
    image: &str,
    patience: Patience,
    stop: &Stop,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<(), StartError> {
    if here(daemon, image).await? {
        return Ok(());
    }
    if image.starts_with(OURS) {
        let message = format!("there is no image {image} in Docker, and no registry has it");
        return Err(ClusterError::new(message, "look at its name; images of this name are made, not pulled").into());
    }
    if patience.offline {
        let message = format!("the image {image} is not in Docker, and --offline pulls none");
        return Err(
            ClusterError::new(message, "run `kubewalk prefetch` for this kind of cluster once with a network").into()
        );
    }
    let begun = Instant::now();
    let login = unless_stopped(stop, login::login_for(image)).await.map_err(StartError::Stopped)?;
    let login = login.unwrap_or_else(|why| {
        progress(Progress::Note(format!("{why}; {image} is pulled without a login")));
        None
    });
    let login = login.map(|login| to_docker(login, login::registry(image)));
    let begin = || {
        let (tell, told) = mpsc::channel(64);
        (told, Ends(runtime().spawn(pull(daemon.clone(), image.to_owned(), login.clone(), tell))))
    };
    let (mut told, mut _pulling) = begin();
    let mut layers = Layers::default();
    let mut patient = patience.first;
    loop {
        let stuck = (Instant::now() + patient).min(begun + patience.total);
        let said = match unless_stopped(stop, tokio::time::timeout_at(stuck, told.recv())).await {
            Ok(Ok(said)) => said,
            Ok(Err(_)) => return Err(layers.too_slow(image, begun.elapsed()).into()),
            Err(signal) => return Err(StartError::Stopped(signal)),
        };
        match said {
            Some(Ok(info)) => {
                patient = patience.between;
                layers.note(info);
                if layers.0.len() > MOST_LAYERS {
                    let message =
                        format!("the pull of {image} was given up: Docker tells of more than {MOST_LAYERS} layers");
                    return Err(ClusterError::new(message, "pull it by hand (docker pull)").into());
                }
                let (done, total) = layers.sum();
                progress(Progress::Pull { image: image.to_owned(), done, total });
            }
            Some(Err(e)) => {
                let again =
                    trouble::again_after(&e).filter(|time| begun.elapsed().saturating_add(*time) < patience.total);
                let Some(time) = again else { return Err(trouble::image(&e, image, &daemon.at).into()) };
                let why = trouble::image(&e, image, &daemon.at);
                progress(Progress::Note(format!("{why}; it is asked again then")));
                unless_stopped(stop, tokio::time::sleep(time)).await.map_err(StartError::Stopped)?;
                (told, _pulling) = begin();
            }
            None => return Ok(()),
        }
    }
}

/// A login as Docker takes it, for this registry.
fn to_docker(login: DockerCredential, registry: &str) -> DockerCredentials {
    let registry = DockerCredentials { serveraddress: Some(registry.to_owned()), ..DockerCredentials::default() };
    match login {
        DockerCredential::IdentityToken(token) => DockerCredentials { identitytoken: Some(token), ..registry },
        DockerCredential::UsernamePassword(name, password) => {
            DockerCredentials { username: Some(name), password: Some(password), ..registry }
        }
    }
}

async fn pull(
    daemon: Daemon,
    image: String,
    login: Option<DockerCredentials>,
    tell: mpsc::Sender<Result<CreateImageInfo, Error>>,
) {
    let options = CreateImageOptionsBuilder::new().from_image(&image).build();
    let (client, item) = match daemon.stream() {
        Ok(stream) => stream,
        Err(e) => return drop(tell.send(Err(e)).await),
    };
    let mut said = client.create_image(Some(options), None, login);
    while let Some(said) = said.next().await {
        item.whole();
        let said = said.map_err(|e| item.exceeded().map_or(e, |what| std::io::Error::other(what).into()));
        if tell.send(said).await.is_err() {
            return;
        }
    }
}

/// No image has more layers (Docker's own limit is 127).
const MOST_LAYERS: usize = 1024;

/// How far each layer is: bytes that are there, and all of its bytes.
#[derive(Debug, Default)]
struct Layers(HashMap<String, (u64, u64)>);

impl Layers {
    fn note(&mut self, info: CreateImageInfo) {
        let (Some(id), Some(status)) = (info.id, info.status) else { return };
        let of = |bytes: Option<i64>| u64::try_from(bytes.unwrap_or(0)).unwrap_or(0);
        let layer = self.0.entry(id).or_default();
        match (status.as_str(), info.progress_detail) {
            ("Downloading", Some(detail)) => *layer = (of(detail.current), of(detail.total)),
            ("Download complete" | "Pull complete" | "Already exists", _) => layer.0 = layer.1,
            _ => {}
        }
    }

    fn sum(&self) -> (u64, u64) {
        self.0.values().fold((0, 0), |sum, layer| (sum.0 + layer.0, sum.1 + layer.1))
    }

    fn too_slow(&self, image: &str, after: Duration) -> ClusterError {
        let (done, total) = self.sum();
        let far = match total {
            0 => "nothing of it has come".to_owned(),
            total => format!("{} of {} MB have come", done >> 20, total >> 20),
        };
        ClusterError::new(
            format!("the pull of {image} was given up after {} s: {far}", after.as_secs()),
            "pull it by hand (docker pull), or give it more time with KUBEWALK_PULL_TIMEOUT (seconds)",
        )
    }
}

/// The image as `docker save` writes it, for a node that shall have it.
///
/// # Errors
/// When Docker cannot give it.
pub async fn export(daemon: &Daemon, image: &str) -> Result<Vec<u8>, ClusterError> {
    let (client, at, image) = (daemon.client.clone(), daemon.at.clone(), image.to_owned());
    on(async move {
        let mut parts = Box::pin(client.export_image(&image));
        let mut all = Vec::new();
        while let Some(part) = parts.next().await {
            all.extend_from_slice(&part.map_err(|e| trouble::image(&e, &image, &at))?);
        }
        Ok(all)
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(id: &str, status: &str, current: i64, total: i64) -> CreateImageInfo {
        let detail =
            serde_json::json!({"id": id, "status": status, "progressDetail": {"current": current, "total": total}});
        serde_json::from_value(detail).expect("what Docker sends")
    }

    #[test]
    fn layers_add_up() {
        let mut layers = Layers::default();
        for said in [
            info("a", "Pulling fs layer", 0, 0),
            info("a", "Downloading", 10 << 20, 40 << 20),
            info("b", "Downloading", 5 << 20, 20 << 20),
            info("a", "Extracting", 1, 40 << 20),
            info("b", "Download complete", 0, 0),
        ] {
            layers.note(said);
        }
        assert_eq!(layers.sum(), (30 << 20, 60 << 20));
        let e = layers.too_slow("r/k:1", Duration::from_secs(7));
        assert_eq!(e.message, "the pull of r/k:1 was given up after 7 s: 30 of 60 MB have come");
    }

    #[tokio::test]
    async fn a_folder_that_cannot_be_read_breaks_the_stream() {
        let mut parts = Box::pin(archive("/no/such/folder".into()));
        let mut last = None;
        while let Some(part) = parts.next().await {
            last = Some(part);
        }
        assert!(last.expect("something").is_err());
    }
}
