//! The engine's sources travel inside the binary; a new file among them must compile it anew.

fn main() {
    println!("cargo:rerun-if-changed=engine");
}
