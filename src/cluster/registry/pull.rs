//! An image as a whole: while one layer comes, the one before is unpacked.

use std::{
    fs::File,
    io::Seek as _,
    os::fd::OwnedFd,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use hyper_util::client::proxy::matcher::Matcher;

use super::{
    Fault, Reference,
    get::Source,
    layer, manifest,
    transport::{Patience, Transport},
    unpack::{self, MOST, Target},
};
use crate::cluster::client::login::DockerCredential;

/// What is pulled, how, and where to.
#[derive(Debug)]
pub struct Pull<'a> {
    /// The image.
    pub reference: &'a Reference,
    /// The hash of the engine that it must be.
    pub engine: &'a str,
    /// For its registry.
    pub login: Option<DockerCredential>,
    /// On the way to it.
    pub proxies: Matcher,
    /// How long it may take.
    pub within: Duration,
    /// Where the engine's files go: an empty folder that only this user can use.
    pub folder: OwnedFd,
    /// Its name, for people.
    pub place: String,
}

/// Tells an unpacking thread that no caller waits any more, however that comes.
struct GivesUp(Arc<AtomicBool>);

impl Drop for GivesUp {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Pulls an image, and says how many bytes came. `keep` is held until nothing is written any more, also by a thread that has not
/// noticed yet that this was given up. `tell` hears how many bytes are here, and of how many.
///
/// # Errors
/// Why not; what is in the folder then is worth nothing.
pub async fn pull<K: Send + Sync + 'static>(
    pull: Pull<'_>,
    keep: Arc<K>,
    tell: &mut (dyn FnMut(u64, u64) + Send),
) -> Result<u64, Fault> {
    let Pull { reference, engine, login, proxies, within, folder, place } = pull;
    let transport = Transport::new(proxies, Patience::begin(within));
    let mut source = Source::new(&transport, reference, login);
    let layers = manifest::layers(&mut source, engine).await?;
    let total = layers.iter().map(|layer| layer.size).sum();
    let (mut done, mut left) = (0, MOST);
    let given_up = GivesUp(Arc::default());
    let folder = Arc::new(folder);
    let mut unpacking: Option<tokio::task::JoinHandle<Result<unpack::Most, Fault>>> = None;
    let disk = |error| Fault::Disk { place: place.clone(), error };
    tell(done, total);
    for one in &layers {
        // A file without a name: whatever happens, it is gone at the end of this process.
        let file = unnamed(&folder).map_err(disk)?;
        let mut count = |bytes| {
            done += bytes;
            tell(done, total);
        };
        let written = file.try_clone().map_err(disk)?;
        layer::download(&mut source, one, (written, &place), &mut count).await.map_err(|fault| match fault {
            Fault::Slow { after, .. } => Fault::Slow { after, done, total },
            other => other,
        })?;
        if let Some(before) = unpacking.take() {
            left = ended(before.await)?;
        }
        let (folder, place, given_up, keep) =
            (Arc::clone(&folder), place.clone(), Arc::clone(&given_up.0), Arc::clone(&keep));
        unpacking = Some(tokio::task::spawn_blocking(move || {
            let _keep = keep;
            let mut file = file;
            file.rewind().map_err(|error| Fault::Disk { place: place.clone(), error })?;
            let mut target = Target { folder: &folder, place: &place, left, given_up: &given_up };
            unpack::layer(file, &mut target)?;
            Ok(target.left)
        }));
    }
    if let Some(last) = unpacking.take() {
        ended(last.await)?;
    }
    Ok(total)
}

fn ended<T>(joined: Result<Result<T, Fault>, tokio::task::JoinError>) -> Result<T, Fault> {
    joined.unwrap_or_else(|e| Err(Fault::Malformed { what: "a layer".into(), why: e.to_string() }))
}

/// A file on the same disk, which has no name.
fn unnamed(folder: &OwnedFd) -> std::io::Result<File> {
    use rustix::fs::{AtFlags, Mode, OFlags};
    const NAME: &str = ".layer";
    let how = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = rustix::fs::openat(folder, NAME, how, Mode::RUSR | Mode::WUSR)?;
    rustix::fs::unlinkat(folder, NAME, AtFlags::empty())?;
    Ok(file.into())
}
