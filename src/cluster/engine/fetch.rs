//! A finished engine from an image registry, into the place where a build would have put it.
//!
//! It is unpacked beside and looked at as a whole, against the list that its build has written; only then does it get its name.
//! The lock is the one of the build's script, so that a pull and a build take turns.

use std::{
    fs::{File, Permissions},
    io,
    os::{
        fd::OwnedFd,
        unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _},
    },
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use rustix::fs::{Mode, OFlags};

use super::{Release, sums};
use crate::{
    cluster::{
        Progress, Settings,
        client::login,
        own::{
            self,
            lock::{self, How},
        },
        registry::{self, Fault, Pull, Reference},
    },
    settings,
};

/// As long as the build's script waits for another one.
const BUILT_WITHIN: Duration = Duration::from_secs(45 * 60);

/// Where it is being unpacked; it goes with the last holder of this, before the lock does.
struct Staging {
    path: PathBuf,
    _lock: File,
}

impl Drop for Staging {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.path);
    }
}

/// Pulls the engine of a release into the cache, which must be the real path of one that is ours.
pub(super) async fn fetch(
    release: Release,
    image: &Reference,
    cache: &Path,
    settings: &Settings,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<(), Fault> {
    let begun = Instant::now();
    let place = cache.display().to_string();
    let disk = |error| Fault::Disk { place: place.clone(), error };
    let lock = take_turn(cache, progress).await.map_err(disk)?;
    if release.built(cache).is_some() {
        return Ok(());
    }
    let hash = release.hash();
    let shelf = own::trusted_folder(&cache.join("engine")).map_err(|e| disk(io::Error::other(e)))?;
    let staging = Arc::new(Staging { path: shelf.join(format!("{hash}.part")), _lock: lock });
    let tree = staging.path.join("tree");
    let folder = private(&staging.path, &tree).map_err(disk)?;
    let name = image.to_string();
    let login = login::login_for(&name).await.unwrap_or_else(|why| {
        progress(Progress::Note(format!("{why}; {name} is pulled without a login")));
        None
    });
    let pull = Pull {
        reference: image,
        engine: &hash,
        login,
        proxies: settings::proxies(),
        within: settings.pull_timeout,
        folder,
        place: place.clone(),
    };
    let mut tell = |done, total| progress(Progress::Pull { image: name.clone(), done, total });
    let bytes = registry::pull(pull, Arc::clone(&staging), &mut tell).await?;
    // Reads half a gigabyte.
    let (list, engine) = (tree.clone(), hash.clone());
    let same = tokio::task::spawn_blocking(move || sums::compare(&list, &engine)).await;
    same.unwrap_or_else(|e| Err(e.to_string())).map_err(Fault::Contents)?;
    put_in_place(&tree, &shelf.join(&hash)).map_err(disk)?;
    let ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    progress(Progress::PulledEngine { kubernetes: release.minor, image: name, bytes, ms });
    Ok(())
}

/// Takes the lock of the cache, as the build's script does.
async fn take_turn(cache: &Path, progress: &mut (dyn FnMut(Progress) + Send)) -> io::Result<File> {
    let how = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let folder = rustix::fs::open(cache, how, Mode::empty())?;
    let how = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = File::from(rustix::fs::openat(&folder, "lock", how, Mode::RUSR | Mode::WUSR)?);
    give(&folder, &file)?;
    if file.try_lock().is_err() {
        progress(Progress::Note("another process pulls or builds an engine in this cache; waiting for it".into()));
        lock::soon(&file, How::Alone, BUILT_WITHIN).await?;
    }
    Ok(file)
}

/// What root makes under sudo in a cache of the user who called it is theirs, or they could not lock it later.
fn give(folder: &OwnedFd, file: &File) -> io::Result<()> {
    let (cache, about) = (rustix::fs::fstat(folder)?, file.metadata()?);
    if about.is_file() && about.uid() == 0 && cache.st_uid != 0 && rustix::process::geteuid().is_root() {
        let (user, group) = (rustix::fs::Uid::from_raw(cache.st_uid), rustix::fs::Gid::from_raw(cache.st_gid));
        rustix::fs::fchown(file, Some(user), Some(group))?;
    }
    Ok(())
}

/// Makes the folder anew, with another in it, and opens that one. What a pull that was killed has left is removed; we hold the lock.
fn private(beside: &Path, tree: &Path) -> io::Result<OwnedFd> {
    match std::fs::remove_dir_all(beside) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
        _ => {}
    }
    for folder in [beside, tree] {
        std::fs::DirBuilder::new().mode(0o700).create(folder)?;
    }
    let how = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(rustix::fs::open(tree, how, Mode::empty())?)
}

/// Gives it its name. A cache that root has made serves others, too: they may read.
fn put_in_place(tree: &Path, dir: &Path) -> io::Result<()> {
    std::fs::write(tree.join("COMPLETE"), "")?;
    std::fs::set_permissions(tree, Permissions::from_mode(0o755))?;
    match std::fs::remove_dir_all(dir) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
        _ => {}
    }
    std::fs::rename(tree, dir)
}
