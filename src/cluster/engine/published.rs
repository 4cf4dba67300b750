//! Which image holds a finished engine, if one is known: what the release of this program has published, or what a person names.

use super::Release;
use crate::{
    cluster::{Settings, registry::Reference},
    k8s::Version,
};

/// The images that the release of this program has published, a line each: minor version, hash of the engine's sources, reference
/// with its digest; `scripts/engine-image pin` makes a line. Empty in a checkout: an image cannot be named by what it is made of.
/// (It is not in `engine/`, since what is there is hashed to name the engine.) A line for other sources than these counts for nothing.
const PUBLISHED: &str = include_str!("published.tsv");

/// The variable of a person who names another.
pub const VARIABLE: &str = "KUBEWALK_ENGINE_IMAGE";

/// Its value when nothing is to be pulled.
const NONE: &str = "none";

/// The image of a release's engine, if one is known.
pub fn image(release: Release, settings: &Settings) -> Option<Reference> {
    match &settings.engine_image {
        // What is wrong with it was said before anything began.
        Some(named) => {
            of_a_person(named).ok()?.into_iter().find(|(minor, _)| *minor == release.minor).map(|(_, image)| image)
        }
        None => of_the_release(PUBLISHED, release, &release.hash()),
    }
}

fn of_the_release(published: &str, release: Release, hash: &str) -> Option<Reference> {
    published.lines().find_map(|line| {
        let [minor, of, image] = line.split('\t').collect::<Vec<_>>()[..] else { return None };
        (minor.parse() == Ok(release.minor) && of == hash).then(|| Reference::parse(image).ok()).flatten()
    })
}

/// `HOST/NAME@sha256:…` for the newest version, `1.34=HOST/NAME@sha256:…` for another; commas between, or `none`.
fn of_a_person(text: &str) -> Result<Vec<(Version, Reference)>, String> {
    if text.trim() == NONE {
        return Ok(vec![]);
    }
    let one = |word: &str| {
        let word = word.trim();
        let (minor, image) = match word.split_once('=') {
            Some((minor, image)) => (minor.parse().map_err(|_| format!("`{minor}` is no minor version"))?, image),
            None => (Release::NEWEST.minor, word),
        };
        if Release::for_minor(Some(minor)).is_none() {
            return Err(format!("the engine has no Kubernetes {minor}; it has {}", Release::list()));
        }
        Ok((minor, Reference::parse(image).map_err(|why| format!("it {why}"))?))
    };
    text.split(',').map(one).collect()
}

/// What is wrong with the value of [`VARIABLE`], in one sentence. It is not repeated: a password may stand in it.
pub fn wrong(text: &str) -> Option<String> {
    of_a_person(text).err().map(|why| format!("{VARIABLE} is an image by its digest, or `{NONE}`: {why}"))
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    const SUM: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn a_line_counts_for_just_the_sources_that_it_was_made_of() {
        let published = format!("1.37\t0123\tr.example/engine@sha256:{SUM}\n1.34\t4567\tr.example/old@sha256:{SUM}\n");
        let of = |minor, hash| {
            let release = Release::for_minor(Some(minor)).expect("a release");
            of_the_release(&published, release, hash).map(|image| image.name)
        };
        assert_eq!(of(Version::new(1, 37), "0123").as_deref(), Some("engine"));
        assert_eq!(of(Version::new(1, 37), "89ab"), None);
        assert_eq!(of(Version::new(1, 34), "4567").as_deref(), Some("old"));
        assert_eq!(of(Version::new(1, 20), "0123"), None);
    }

    #[test]
    fn every_line_of_the_release_can_be_read() {
        for line in PUBLISHED.lines() {
            let [minor, hash, image] = line.split('\t').collect::<Vec<_>>()[..] else { panic!("{line}") };
            let release = Release::for_minor(minor.parse().ok()).expect(minor);
            assert!(of_the_release(PUBLISHED, release, hash).is_some(), "{image}");
        }
    }

    #[test]
    fn a_person_names_one_for_each_version_or_none() {
        let named = |text: &str, minor| {
            let settings =
                Settings { engine_image: Some(text.into()), ..Settings::in_folders(PathBuf::new(), PathBuf::new()) };
            image(Release::for_minor(Some(minor)).expect("a release"), &settings).map(|image| image.to_string())
        };
        let both = format!("127.0.0.1:5/new@sha256:{SUM}, 1.34=127.0.0.1:5/old@sha256:{SUM}");
        assert_eq!(named(&both, Version::new(1, 37)), Some(format!("127.0.0.1:5/new@sha256:{SUM}")));
        assert_eq!(named(&both, Version::new(1, 34)), Some(format!("127.0.0.1:5/old@sha256:{SUM}")));
        assert_eq!(named(&both, Version::new(1, 20)), None);
        assert_eq!(named("none", Version::new(1, 37)), None);
        assert_eq!((wrong(&both), wrong("none")), (None, None));
        assert!(wrong("r.example/engine:latest").is_some_and(|why| why.contains("it has no digest")));
        assert!(wrong(&format!("1.2=r.example/e@sha256:{SUM}")).is_some_and(|why| why.contains("no Kubernetes 1.2")));
    }
}
