//! Compiles `proto/` with a compiler in Rust, so that this crate needs no `protoc`.

use std::{
    env,
    error::Error,
    fs,
    path::{Path, PathBuf},
};

use prost::Message;

/// Each package apart: who reflects one names the other nowhere.
const PUBSUB: [&str; 4] = [
    "pubsub/message.proto",
    "pubsub/push_manager.proto",
    "pubsub/controller.proto",
    "pubsub/connect_node.proto",
];
const ADMIN: [&str; 1] = ["pushmanager/admin/v1/admin.proto"];
const RECORDING: [&str; 1] = ["pushmanager/recording/v1/recording.proto"];

fn main() -> Result<(), Box<dyn Error>> {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("../../proto");
    for package in ["pubsub", "pushmanager"] {
        println!("cargo:rerun-if-changed={}", root.join(package).display());
    }
    write_descriptors(&root, &PUBSUB, "pubsub.bin")?;
    write_descriptors(&root, &ADMIN, "admin.bin")?;
    let all: Vec<_> = [&PUBSUB[..], &ADMIN, &RECORDING].concat();
    let set = protox::compile(all, [&root])?;
    tonic_prost_build::configure()
        .bytes(".")
        // Equal rows are equal bytes.
        .btree_map(".pushmanager")
        .compile_fds(set)?;
    Ok(())
}

fn write_descriptors(root: &Path, files: &[&str], name: &str) -> Result<(), Box<dyn Error>> {
    let set = protox::compile(files, [root])?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join(name), set.encode_to_vec())?;
    Ok(())
}
