//! An image as the archive that `docker save` writes; nothing in it depends on when or where.

use std::process::Command;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tar::{Builder, EntryType, Header};

use super::{Content, Product};
use crate::failure::{Result, While};
use crate::{process, workspace};

/// What an image is made from.
#[derive(Debug)]
pub(super) struct Source {
    version: String,
    revision: String,
    /// Of the commit.
    created: String,
}

impl Source {
    /// Of nothing that this repository versions.
    pub(super) fn unknown() -> Self {
        Self {
            version: "unknown".to_owned(),
            revision: "unknown".to_owned(),
            created: "1970-01-01T00:00:00Z".to_owned(),
        }
    }

    pub(super) fn of_the_repository() -> Result<Self> {
        let git = |words: &[&str]| {
            let mut git = Command::new("git");
            git.arg("-C").arg(workspace::history()?).args(words);
            // The commit's time is to be told in UTC.
            git.env("TZ", "UTC");
            Ok(process::capture(&mut git)?.trim().to_owned())
        };
        let changed = !git(&["status", "--porcelain"])?.is_empty();
        let suffix = if changed { "-changed" } else { "" };
        Ok(Self {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            revision: git(&["rev-parse", "HEAD"])? + suffix,
            created: git(&[
                "log",
                "-1",
                "--format=%cd",
                "--date=format-local:%Y-%m-%dT%H:%M:%SZ",
            ])?,
        })
    }
}

/// An image, not yet named.
pub(super) struct Packed {
    config: Vec<u8>,
    layer: Vec<u8>,
    layer_id: String,
}

/// Packs an image of one layer.
pub(super) fn pack(product: &Product, contents: &[Content], source: &Source) -> Result<Packed> {
    let layer = layer(contents)?;
    let layer_id = digest(&layer);
    let config = config(product, source, &layer_id).to_string().into_bytes();
    Ok(Packed {
        config,
        layer,
        layer_id,
    })
}

impl Packed {
    /// The digest of its configuration, which engines call it by.
    pub(super) fn id(&self) -> String {
        digest(&self.config)
    }

    pub(super) fn size(&self) -> u64 {
        self.layer.len() as u64
    }

    /// The archive that names it so.
    pub(super) fn archive(self, name: &str, tags: &[&str]) -> Result<Vec<u8>> {
        let tags: Vec<String> = tags.iter().map(|tag| format!("{name}:{tag}")).collect();
        let layer = format!("{}/layer.tar", self.layer_id);
        let config = format!("{}.json", self.id());
        let manifest = json!([{"Config": config, "RepoTags": tags, "Layers": [layer]}]);
        let manifest = manifest.to_string().into_bytes();
        layer_of(&[
            (config, 0o644, self.config),
            (layer, 0o644, self.layer),
            ("manifest.json".to_owned(), 0o644, manifest),
        ])
    }
}

/// What engines are told of an image.
pub(super) fn config(product: &Product, source: &Source, layer: &str) -> Value {
    let ports = product
        .ports
        .iter()
        .map(|port| (format!("{port}/tcp"), json!({})));
    let label = |name: &str| format!("org.opencontainers.image.{name}");
    let mut run = json!({
        "User": "65532:65532",
        "Env": ["PATH=/"],
        "WorkingDir": "/",
        "ExposedPorts": ports.collect::<serde_json::Map<_, _>>(),
        "Labels": {
            label("title"): product.name,
            label("description"): product.description,
            label("version"): source.version,
            label("revision"): source.revision,
            label("created"): source.created,
            label("licenses"): env!("CARGO_PKG_LICENSE"),
        },
    });
    if let Some(entrypoint) = product.entrypoint {
        run["Entrypoint"] = json!([entrypoint]);
    }
    let architecture = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    json!({
        "architecture": architecture,
        "os": "linux",
        "created": source.created,
        "config": run,
        "rootfs": {"type": "layers", "diff_ids": [format!("sha256:{layer}")]},
        "history": [{"created": source.created, "created_by": "cargo xtask images"}],
    })
}

/// The files and their folders, in the order of their names.
fn layer(contents: &[Content]) -> Result<Vec<u8>> {
    let mut sorted = contents.to_vec();
    sorted.sort();
    layer_of(&sorted)
}

fn layer_of(contents: &[Content]) -> Result<Vec<u8>> {
    let doing = || "packing an image".to_owned();
    let mut tar = Builder::new(Vec::new());
    let mut folders: Vec<&str> = Vec::new();
    for (path, mode, bytes) in contents {
        if path.ends_with('/') {
            let mut header = header(EntryType::Directory, *mode, 0);
            tar.append_data(&mut header, path, std::io::empty())
                .while_doing(doing)?;
            continue;
        }
        if let Some((folder, _)) = path.rsplit_once('/')
            && !folders.contains(&folder)
        {
            folders.push(folder);
            let mut header = header(EntryType::Directory, 0o755, 0);
            tar.append_data(&mut header, format!("{folder}/"), std::io::empty())
                .while_doing(doing)?;
        }
        let mut header = header(EntryType::Regular, *mode, bytes.len() as u64);
        tar.append_data(&mut header, path, bytes.as_slice())
            .while_doing(doing)?;
    }
    tar.into_inner().while_doing(doing)
}

/// Of root's, from the beginning of time.
fn header(kind: EntryType, mode: u32, size: u64) -> Header {
    let mut header = Header::new_ustar();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(size);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header
}

fn digest(bytes: &[u8]) -> String {
    format!("{:x}", Sha256::digest(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packed(contents: &[Content]) -> Packed {
        let source = Source {
            version: "1.2.3".to_owned(),
            revision: "0123abc".to_owned(),
            created: "2026-01-02T03:04:05Z".to_owned(),
        };
        pack(&super::super::PRODUCTS[0], contents, &source).unwrap()
    }

    fn content(name: &str) -> Content {
        (name.to_owned(), 0o755, name.as_bytes().to_vec())
    }

    #[test]
    fn the_order_of_files_changes_nothing_and_their_content_does() {
        let (a, b) = (content("etc/a"), content("b"));
        let one = packed(&[a.clone(), b.clone()]).id();
        assert_eq!(one, packed(&[b.clone(), a]).id());
        assert_ne!(one, packed(&[b]).id());
    }

    #[test]
    fn the_archive_holds_what_docker_load_asks_for() {
        let packed = packed(&[content("push-manager")]);
        let id = packed.id();
        let bytes = packed
            .archive("push-manager", &["latest", "1.2.3"])
            .unwrap();
        let mut archive = tar::Archive::new(bytes.as_slice());
        let mut files = std::collections::BTreeMap::new();
        for entry in archive.entries().unwrap() {
            let mut entry = entry.unwrap();
            let name = entry.path().unwrap().display().to_string();
            let mut bytes = Vec::new();
            std::io::Read::read_to_end(&mut entry, &mut bytes).unwrap();
            files.insert(name, bytes);
        }
        let manifest: Value = serde_json::from_slice(&files["manifest.json"]).unwrap();
        let config = &files[manifest[0]["Config"].as_str().unwrap()];
        assert_eq!(id, digest(config));
        let layer = &files[manifest[0]["Layers"][0].as_str().unwrap()];
        let config: Value = serde_json::from_slice(config).unwrap();
        let named = &config["rootfs"]["diff_ids"][0];
        assert_eq!(*named, format!("sha256:{}", digest(layer)));
        assert_eq!(config["config"]["User"], "65532:65532");
        assert_eq!(config["config"]["Entrypoint"], json!(["/push-manager"]));
        assert_eq!(manifest[0]["RepoTags"][1], "push-manager:1.2.3");
    }
}
