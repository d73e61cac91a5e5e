//! `images`: container images of the product, made from programs built on this machine.
//!
//! Nothing is pulled and no container engine is needed: an image is one layer with static
//! programs, written as the archive that `docker load` and `kind load image-archive` read. Of one
//! commit the same bytes come out each time. `Dockerfile` builds the same programs inside containers.

mod able;
mod archive;
#[cfg(test)]
mod dockerfile;
mod others;
mod programs;
mod twice;

use std::fs;
use std::path::PathBuf;

use crate::failure::{Failure, Result, While};
use crate::{cache, engine, process, workspace};

pub(crate) use others::{etcd, metrics_server, previous_operator, prometheus};
pub(crate) use programs::{Profile, build as programs};

/// What an image of a release may weigh, unpacked.
const AT_MOST: u64 = 25 << 20;

/// One image of ours.
#[derive(Debug)]
pub(crate) struct Product {
    pub(crate) name: &'static str,
    description: &'static str,
    programs: &'static [&'static str],
    /// The program that runs when none is named.
    entrypoint: Option<&'static str>,
    ports: &'static [u16],
}

pub(crate) static PRODUCTS: &[Product] = &[
    Product {
        name: "push-manager",
        description: "Takes pushes from business servers and fans them out to Connect-Nodes",
        programs: &["push-manager"],
        entrypoint: Some("/push-manager"),
        ports: &[50053, 50054, 9093],
    },
    Product {
        name: "push-manager-operator",
        description: "Runs Push-Manager in Kubernetes",
        programs: &["push-manager-operator"],
        entrypoint: Some("/push-manager-operator"),
        ports: &[8080],
    },
    Product {
        name: "push-manager-reference",
        description: "A Connect-Node and a Controller-Manager to try Push-Manager with",
        programs: &["push-manager-node", "push-manager-controller"],
        entrypoint: None,
        ports: &[50051, 50052, 8080],
    },
];

/// An image that lies on the disk.
#[derive(Debug)]
pub(crate) struct Image {
    pub(crate) name: &'static str,
    /// The digest of its configuration, which engines call it by.
    pub(crate) id: String,
    pub(crate) archive: PathBuf,
    size: u64,
}

/// Images that belong together.
#[derive(Debug)]
pub(crate) struct Built {
    pub(crate) images: Vec<Image>,
    pub(crate) tag: String,
}

/// What is asked for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Wish {
    names: Vec<String>,
    load: bool,
    twice: bool,
    profile: Profile,
}

pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let wish = wish(arguments)?;
    // Before the minutes that a build takes.
    let engine = wish.load.then(engine::require).transpose()?;
    let built = build(&wish.names, wish.profile)?;
    if wish.twice {
        twice::same(&built, &wish.names, wish.profile)?;
    }
    let Built { images, tag } = built;
    if let Some(engine) = engine {
        for image in &images {
            let mut docker = engine.docker();
            docker
                .args(["load", "--quiet", "--input"])
                .arg(&image.archive);
            process::show(&mut docker)?;
        }
    }
    for image in &images {
        let tenths = image.size * 10 / (1 << 20);
        let (name, id, archive) = (image.name, &image.id, image.archive.display());
        println!(
            "{name:<23} {}.{} MiB  {id}  {archive}",
            tenths / 10,
            tenths % 10
        );
    }
    println!("tags: latest, {}, {tag}", env!("CARGO_PKG_VERSION"));
    Ok(())
}

fn wish(arguments: &[String]) -> Result<Wish> {
    let mut wish = Wish::default();
    for word in arguments {
        match word.as_str() {
            "--load" => wish.load = true,
            "--twice" => wish.twice = true,
            "--dev" => wish.profile = Profile::Dev,
            flag if flag.starts_with('-') => {
                let said = Failure::new(format!("`cargo xtask images` has no {flag}"));
                return Err(said.hint("cargo xtask help images"));
            }
            name => wish.names.push(name.to_owned()),
        }
    }
    Ok(wish)
}

/// Builds the images of these names, or all. Each is named by `latest`, by the version, and by a
/// tag that all that are built together share and no others have.
pub(crate) fn build(names: &[String], profile: Profile) -> Result<Built> {
    let products = products(names)?;
    let folder = programs(profile)?;
    let source = archive::Source::of_the_repository()?;
    let packed = products.iter().map(|product| {
        let packed = archive::pack(product, &contents(product, &folder)?, &source)?;
        fits(product, packed.size(), profile)?;
        Ok(packed)
    });
    let packed = packed.collect::<Result<Vec<_>>>()?;
    let ids: Vec<String> = packed.iter().map(archive::Packed::id).collect();
    let tag = cache::content_name(ids.iter().map(String::as_bytes));
    let into = workspace::target()?.join("images").join(profile.folder());
    cache::make(&into)?;
    let mut images = Vec::new();
    for ((product, packed), id) in products.iter().zip(packed).zip(ids) {
        let (name, size) = (product.name, packed.size());
        let archive = into.join(format!("{name}.tar"));
        let bytes = packed.archive(name, &["latest", env!("CARGO_PKG_VERSION"), &tag])?;
        fs::write(&archive, bytes).while_doing(|| format!("writing {}", archive.display()))?;
        images.push(Image {
            name,
            id,
            archive,
            size,
        });
    }
    Ok(Built { images, tag })
}

fn products(names: &[String]) -> Result<Vec<&'static Product>> {
    let known: Vec<&str> = PRODUCTS.iter().map(|product| product.name).collect();
    if let Some(name) = names.iter().find(|name| !known.contains(&name.as_str())) {
        return Err(Failure::new(format!("there is no image `{name}`"))
            .hint(format!("the images are {}", known.join(", "))));
    }
    let asked = |product: &&Product| names.is_empty() || names.iter().any(|n| n == product.name);
    Ok(PRODUCTS.iter().filter(asked).collect())
}

fn fits(product: &Product, size: u64, profile: Profile) -> Result<()> {
    if profile == Profile::Release && size > AT_MOST {
        let name = product.name;
        let said = format!("{name} weighs {size} bytes; at most {AT_MOST} are promised");
        return Err(Failure::new(said));
    }
    Ok(())
}

/// A file of an image: where, its mode, what; or an empty folder, whose name ends with a slash.
pub(crate) type Content = (String, u32, Vec<u8>);

fn contents(product: &Product, folder: &std::path::Path) -> Result<Vec<Content>> {
    let mut contents = vec![
        // Static programs of glibc ask it where to look names up.
        (
            "etc/nsswitch.conf".to_owned(),
            0o644,
            b"hosts: files dns\n".to_vec(),
        ),
        (
            "etc/passwd".to_owned(),
            0o644,
            b"push-manager:x:65532:65532::/:/nowhere\n".to_vec(),
        ),
    ];
    for program in product.programs {
        let path = folder.join(program);
        let bytes = fs::read(&path).while_doing(|| format!("reading {}", path.display()))?;
        contents.push(((*program).to_owned(), 0o755, bytes));
    }
    Ok(contents)
}
