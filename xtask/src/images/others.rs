//! Images of programs that are not ours, for tests where they can't be pulled.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::{Content, Image, Product, archive};
use crate::failure::{Result, While};
use crate::{cache, process, tools, workspace};

static METRICS_SERVER: Product = Product {
    name: "push-manager-test/metrics-server",
    description: "Tells Kubernetes how busy pods are",
    programs: &[],
    entrypoint: Some("/metrics-server"),
    ports: &[10250],
};

static PREVIOUS: Product = Product {
    name: "push-manager-test/previous-operator",
    description: "The operator of the version before",
    programs: &[],
    entrypoint: Some("/push-manager-operator"),
    ports: &[8080],
};

/// The metrics server, which autoscalers ask; returns the image and its whole name.
pub(crate) fn metrics_server() -> Result<(Image, String)> {
    let program = tools::one("metrics-server")?;
    let bytes = fs::read(&program).while_doing(|| format!("reading {}", program.display()))?;
    packed(
        &METRICS_SERVER,
        &[("metrics-server".to_owned(), 0o755, bytes)],
    )
}

/// The operator of the version before, to upgrade from.
pub(crate) fn previous_operator() -> Result<(Image, String)> {
    let program = crate::previous::operator()?;
    let mut contents = libraries(&program)?;
    let bytes = fs::read(&program).while_doing(|| format!("reading {}", program.display()))?;
    contents.push(("push-manager-operator".to_owned(), 0o755, bytes));
    packed(&PREVIOUS, &contents)
}

/// What a program is linked with at its start.
fn libraries(program: &Path) -> Result<Vec<Content>> {
    let listed = process::capture(Command::new("ldd").arg(program))?;
    let paths = listed
        .split_whitespace()
        .filter(|word| word.starts_with('/'));
    let contents = paths.map(|path| {
        let bytes = fs::read(path).while_doing(|| format!("reading {path}"))?;
        Ok((path.trim_start_matches('/').to_owned(), 0o755, bytes))
    });
    contents.collect()
}

fn packed(product: &Product, contents: &[Content]) -> Result<(Image, String)> {
    let packed = archive::pack(product, contents, &archive::Source::unknown())?;
    let (name, id, size) = (product.name, packed.id(), packed.size());
    let tag = cache::content_name([id.as_bytes()]);
    let into = workspace::target()?.join("images");
    cache::make(&into)?;
    let archive = into.join(format!("{}.tar", name.replace('/', "-")));
    let bytes = packed.archive(name, &[&tag])?;
    fs::write(&archive, bytes).while_doing(|| format!("writing {}", archive.display()))?;
    let image = Image {
        name,
        id,
        archive,
        size,
    };
    Ok((image, format!("{name}:{tag}")))
}
