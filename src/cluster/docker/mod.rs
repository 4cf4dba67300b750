//! Docker: whether it answers, its images, containers, networks and commands, and what it complains about.

pub mod bounded;
pub mod container;
pub mod daemon;
pub mod exec;
pub mod images;
pub mod kind_network;
pub mod labelled;
pub mod node_image;
pub mod published;
pub mod trouble;
