//! What Docker complains about, in one sentence with a remedy. Its own words follow where they say more.

use std::{error::Error as _, io::ErrorKind, time::Duration};

use testcontainers::{TestcontainersError, bollard::errors::Error, core::error::ClientError};

use crate::cluster::{ClusterError, bounded};

const WITHOUT: &str = "use --cluster builtin, which needs no Docker (Linux and root)";

/// testcontainers could not make a client, or not do what was asked.
pub fn client(e: &ClientError, at: &str) -> ClusterError {
    match e {
        ClientError::Init(e)
        | ClientError::CreateContainer(e)
        | ClientError::RemoveContainer(e)
        | ClientError::StartContainer(e)
        | ClientError::InspectContainer(e)
        | ClientError::UploadToContainerError(e)
        | ClientError::InitExec(e)
        | ClientError::InspectExec(e) => request(e, at),
        ClientError::PullImage { descriptor, err } => image(err, descriptor, at),
        ClientError::Configuration(e) => {
            ClusterError::new(format!("Docker's settings are wrong: {e}"), "look at DOCKER_HOST")
        }
        other => ClusterError::plain(format!("Docker: {other}")),
    }
}

/// The same, when a container was to be started.
pub fn container(e: &TestcontainersError, at: &str) -> ClusterError {
    match e {
        TestcontainersError::Client(e) => client(e, at),
        other => ClusterError::plain(format!("the container could not be started: {other}")),
    }
}

/// A request failed, by the connection or by what Docker answered.
pub fn request(e: &Error, at: &str) -> ClusterError {
    match answer(e) {
        Some(said) => refusal(&said),
        None => connection(e, at),
    }
}

/// No connection to Docker.
pub fn connection(e: &Error, at: &str) -> ClusterError {
    if let Some(what) = bounded::too_much(e) {
        return bounded::flooded(at, what);
    }
    if let Error::SocketNotFoundError(path) = e {
        return ClusterError::new(
            format!("there is no Docker here: no socket {path}"),
            format!("start Docker, say where it is with DOCKER_HOST, or {WITHOUT}"),
        );
    }
    if matches!(e, Error::RequestTimeoutError) {
        return silent(at, Duration::from_secs(120));
    }
    match io_kind(e) {
        Some(ErrorKind::NotFound) => ClusterError::new(
            format!("there is no Docker at {at}"),
            format!("start Docker, say where it is with DOCKER_HOST, or {WITHOUT}"),
        ),
        Some(ErrorKind::PermissionDenied) => ClusterError::new(
            format!("Docker at {at} does not let this user in"),
            "add the user to the group `docker` (sudo usermod -aG docker $USER) and log in again, or use sudo -E",
        ),
        Some(ErrorKind::ConnectionRefused) => ClusterError::new(
            format!("nobody answers at {at}: Docker is not running"),
            format!("start it (sudo systemctl start docker, or Docker Desktop), or {WITHOUT}"),
        ),
        _ => ClusterError::new(
            format!("cannot speak to Docker at {at}: {}", chain(e)),
            format!("see that `docker version` works, or {WITHOUT}"),
        ),
    }
}

/// Docker took the connection, and then said nothing.
pub fn silent(at: &str, after: Duration) -> ClusterError {
    ClusterError::new(
        format!("Docker at {at} has not answered for {} s", after.as_secs()),
        format!("restart Docker (sudo systemctl restart docker), or {WITHOUT}"),
    )
}

/// An image could not be had of the Docker at `at`.
pub fn image(e: &Error, image: &str, at: &str) -> ClusterError {
    let Some(said) = answer(e) else { return connection(e, at) };
    let lower = said.to_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    if limited(e, &lower) {
        let again =
            retry_after(&lower).map_or_else(String::new, |(said, _)| format!("; it says: try again after {said}"));
        return ClusterError::new(
            format!("the registry of {image} gives no more images for now (rate limit{again})"),
            "log in (docker login), which raises the limit, use a mirror, or load the image with docker load",
        );
    }
    if has(&["no space left on device"]) {
        return refusal(&said);
    }
    if has(&["manifest unknown", "not found", "does not exist", "access denied", "no such image", "unauthorized"]) {
        return ClusterError::new(
            format!("there is no image {image}, here or in its registry: {}", first_line(&said)),
            "look at its name; load it with docker load where there is no registry",
        );
    }
    if has(&["no such host", "timeout", "refused", "unreachable", "misbehaving", "eof", "reset by peer", "certificate"])
    {
        return ClusterError::new(
            format!("the image {image} is not here, and its registry cannot be reached: {}", first_line(&said)),
            format!("load it with docker load, use a mirror, or {WITHOUT}"),
        );
    }
    ClusterError::plain(format!("Docker could not get the image {image}: {}", first_line(&said)))
}

/// What Docker refused to do.
fn refusal(said: &str) -> ClusterError {
    let lower = said.to_lowercase();
    if lower.contains("no space left on device") {
        return ClusterError::new(
            "Docker's disk is full",
            "make room (docker system df, docker system prune), and start again",
        );
    }
    if lower.contains("operation not permitted") || lower.contains("unable to apply caps") {
        return ClusterError::new(
            format!("Docker cannot start privileged containers here: {}", first_line(said)),
            "a node of Kubernetes needs one; use a Docker that is not restricted (see .ci/docker), or --cluster builtin",
        );
    }
    if lower.contains("no such image") {
        return ClusterError::new(format!("an image has gone: {}", first_line(said)), "start again; it is loaded anew");
    }
    ClusterError::plain(format!("Docker refuses: {}", first_line(said)))
}

/// What Docker itself answered, if it did.
fn answer(e: &Error) -> Option<String> {
    match e {
        Error::DockerResponseServerError { message, .. } => Some(message.clone()),
        Error::DockerStreamError { error } => Some(error.clone()),
        _ => None,
    }
}

fn status(e: &Error) -> Option<u16> {
    match e {
        Error::DockerResponseServerError { status_code, .. } => Some(*status_code),
        _ => None,
    }
}

/// Whether a registry gives no more images for now.
fn limited(e: &Error, lower: &str) -> bool {
    status(e) == Some(429)
        || ["toomanyrequests", "too many requests", "rate limit"].iter().any(|word| lower.contains(word))
}

/// When a registry that gives no more images for now wants to be asked again, if it says so.
pub fn again_after(e: &Error) -> Option<Duration> {
    let lower = answer(e)?.to_lowercase();
    if limited(e, &lower) { retry_after(&lower).map(|(_, time)| time) } else { None }
}

/// The time that a registry names, for people and as it is. Docker passes on only its words, not the header.
fn retry_after(lower: &str) -> Option<(String, Duration)> {
    let rest = lower.split_once("retry-after:")?.1.trim_start();
    let said: String = rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '.').collect();
    if let Ok(seconds) = said.parse() {
        return Some((format!("{said} s"), Duration::from_secs(seconds)));
    }
    let mut seconds = 0.0;
    for part in said.split_inclusive(|c: char| c.is_ascii_alphabetic()) {
        let unit = [('h', 3600.0), ('m', 60.0), ('s', 1.0)].into_iter().find(|(unit, _)| part.ends_with(*unit))?;
        seconds += part[..part.len() - 1].parse::<f64>().ok()? * unit.1;
    }
    let time = Duration::try_from_secs_f64(seconds).ok()?;
    (!said.is_empty()).then_some((said, time))
}

fn first_line(text: &str) -> String {
    let line = text.trim().lines().next().unwrap_or_default();
    let cut: String = line.chars().take(300).collect();
    if cut.len() < line.len() { format!("{cut}…") } else { cut }
}

fn io_kind(e: &Error) -> Option<ErrorKind> {
    // This one is transparent: its source is the source of what it holds.
    if let Error::IOError { err } = e {
        return Some(err.kind());
    }
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(e);
    while let Some(e) = cause {
        if let Some(e) = e.downcast_ref::<std::io::Error>() {
            return Some(e.kind());
        }
        cause = e.source();
    }
    None
}

/// An error with its causes; the outermost alone often says only "error".
fn chain(e: &Error) -> String {
    let mut text = e.to_string();
    let mut cause = e.source();
    while let Some(e) = cause {
        let next = e.to_string();
        if !text.contains(&next) {
            text = format!("{text}: {next}");
        }
        cause = e.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const HOST: &str = "tcp://10.0.0.9:2375";

    #[test]
    fn a_docker_that_is_not_reached_any_more_is_named_by_where_it_is() {
        let refused = || Error::IOError { err: std::io::Error::from(ErrorKind::ConnectionRefused) };
        for said in [image(&refused(), "r/k:1", HOST), request(&refused(), HOST)] {
            assert_eq!(said.message, "nobody answers at tcp://10.0.0.9:2375: Docker is not running");
        }
    }

    fn stream(error: &str) -> Error {
        Error::DockerStreamError { error: error.into() }
    }

    #[rstest]
    #[case(
        "toomanyrequests: You have reached your pull rate limit. You may increase the limit by authenticating",
        "the registry of r/k:1 gives no more images for now (rate limit)"
    )]
    #[case(
        "toomanyrequests: retry-after: 5m30s, allowed: 2000/minute",
        "the registry of r/k:1 gives no more images for now (rate limit; it says: try again after 5m30s)"
    )]
    #[case(
        "Too Many Requests. Retry-After: 60",
        "the registry of r/k:1 gives no more images for now (rate limit; it says: try again after 60 s)"
    )]
    #[case(
        "manifest for r/k:1 not found: manifest unknown: manifest unknown",
        "there is no image r/k:1, here or in its registry: manifest for r/k:1 not found: manifest unknown: manifest unknown"
    )]
    #[case(
        "Get \"https://r/v2/\": dial tcp: lookup r on 10.0.0.1:53: no such host",
        "the image r/k:1 is not here, and its registry cannot be reached: Get \"https://r/v2/\": dial tcp: lookup r on 10.0.0.1:53: no such host"
    )]
    #[case("write /var/lib/docker/tmp/GetImageBlob1: no space left on device", "Docker's disk is full")]
    fn an_image_that_cannot_be_had_says_why(#[case] docker: &str, #[case] sentence: &str) {
        assert_eq!(image(&stream(docker), "r/k:1", HOST).message, sentence);
    }

    #[rstest]
    #[case("toomanyrequests: retry-after: 5m30s, allowed: 2000/minute", Some(330_000))]
    #[case("Too Many Requests. Retry-After: 60", Some(60_000))]
    #[case("rate limit; retry-after: 1.5s", Some(1500))]
    #[case("rate limit; retry-after: soon", None)]
    #[case("toomanyrequests", None)]
    #[case("no space left on device; retry-after: 1s", None)]
    fn a_registry_says_when_to_ask_again(#[case] docker: &str, #[case] millis: Option<u64>) {
        assert_eq!(again_after(&stream(docker)), millis.map(Duration::from_millis));
    }

    #[test]
    fn a_daemon_that_answers_429_is_a_rate_limit_too() {
        let e = Error::DockerResponseServerError { status_code: 429, message: "slow down".into() };
        let message = image(&e, "r/k:1", HOST).message;
        assert!(message.contains("rate limit"), "{message}");
    }

    #[test]
    fn a_machine_without_a_capability_is_told_apart_from_a_full_disk() {
        let said = "OCI runtime create failed: unable to apply caps: operation not permitted: unknown";
        let e = Error::DockerResponseServerError { status_code: 500, message: said.into() };
        assert!(request(&e, "unix:///s").message.starts_with("Docker cannot start privileged containers here: OCI"));
        let e = Error::DockerResponseServerError { status_code: 500, message: "mkdir: no space left on device".into() };
        assert_eq!(request(&e, "unix:///s").message, "Docker's disk is full");
    }
}
