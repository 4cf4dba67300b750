//! A node's image, and what its container may reach of Docker's machine.

use testcontainers::{
    CopyToContainer, Image,
    bollard::models::{DeviceMapping, HostConfig},
    core::{ContainerPort, WaitFor},
};

/// The API server's port in every node of ours.
pub const API_PORT: u16 = 6443;

/// What a node may reach of Docker's machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Rights {
    /// All of it, its disks included: a privileged container. What is not made for less needs that.
    #[default]
    All,
    /// What a node of ours needs, see [`restrict`].
    Node,
}

/// Capabilities that no part of a node of ours needs, and with which a privileged Pod could reach past it; the engine's keeper
/// has the same list for the node that runc starts.
const WITHHELD: [&str; 8] = [
    "DAC_READ_SEARCH",
    "LINUX_IMMUTABLE",
    "MAC_ADMIN",
    "MAC_OVERRIDE",
    "SYS_BOOT",
    "SYS_MODULE",
    "SYS_RAWIO",
    "SYS_TIME",
];

/// Makes what Docker has read-only for a container that is not privileged writable in its own namespaces, and starts the node.
const OWN_CGROUPS: &str = r#"mount -o remount,rw /sys 2>/dev/null
for at in /sys/fs/cgroup /sys/fs/cgroup/*; do
    [ -d "$at" ] && { mount -o remount,rw "$at" || mount -o remount,rw,bind "$at"; } 2>/dev/null
done
exec /sbin/init "$@""#;

/// Takes from a node what a privileged container has and a node of ours does not need: all devices but those of any container
/// and the kernel's messages, and `WITHHELD`. A privileged Pod in it cannot have more.
pub fn restrict(config: &mut HostConfig) {
    config.cap_add = Some(vec!["ALL".into()]);
    config.cap_drop = Some(WITHHELD.map(str::to_owned).to_vec());
    let unconfined = ["seccomp=unconfined", "apparmor=unconfined", "label=disable"];
    config.security_opt = Some(unconfined.map(str::to_owned).to_vec());
    // The kubelet and kube-proxy write settings of the node's own namespaces.
    (config.masked_paths, config.readonly_paths) = (Some(vec![]), Some(vec![]));
    // The kubelet reads there that the kernel has killed a process for lack of memory.
    let messages = || Some("/dev/kmsg".to_owned());
    config.devices = Some(vec![DeviceMapping {
        path_on_host: messages(),
        path_in_container: messages(),
        cgroup_permissions: Some("rm".into()),
    }]);
}

/// A node's image, and how it is started.
#[derive(Debug, Clone, Default)]
pub struct NodeImage {
    /// Without its tag.
    pub name: String,
    /// Its tag.
    pub tag: String,
    /// The arguments of its entry point.
    pub args: Vec<String>,
    /// Folders in memory.
    pub tmpfs: Vec<&'static str>,
    /// The most memory that it may use, in bytes.
    pub memory: Option<u64>,
    /// Files that are there before it starts.
    pub files: Vec<CopyToContainer>,
    /// What it may reach of Docker's machine.
    pub rights: Rights,
}

impl Image for NodeImage {
    fn name(&self) -> &str {
        &self.name
    }

    fn tag(&self) -> &str {
        &self.tag
    }

    /// None: a log line promises little, so each kind asks the cluster itself.
    fn ready_conditions(&self) -> Vec<WaitFor> {
        vec![]
    }

    fn entrypoint(&self) -> Option<&str> {
        (self.rights == Rights::Node).then_some("/bin/sh")
    }

    fn cmd(&self) -> impl IntoIterator<Item = impl Into<std::borrow::Cow<'_, str>>> {
        let before: &[&str] = if self.rights == Rights::Node { &["-c", OWN_CGROUPS, "init"] } else { &[] };
        before.iter().copied().chain(self.args.iter().map(String::as_str))
    }

    fn copy_to_sources(&self) -> impl IntoIterator<Item = &CopyToContainer> {
        &self.files
    }

    fn expose_ports(&self) -> &[ContainerPort] {
        &[ContainerPort::Tcp(API_PORT)]
    }
}
