//! Images of programs that are not ours, for tests where they can't be pulled.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::{Content, Image, Product, archive};
use crate::failure::{Result, While};
use crate::{cache, machine, process, tools, workspace};

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

static ETCD: Product = Product {
    name: "push-manager-test/etcd",
    description: "etcd, as tools/etcd pins it",
    programs: &[],
    entrypoint: None,
    ports: &[2379],
};
static PROMETHEUS: Product = Product {
    name: "push-manager-test/prometheus",
    description: "Prometheus, as this machine has it",
    programs: &[],
    entrypoint: Some("/bin/prometheus"),
    ports: &[9090],
};
/// What a volume that is mounted there inherits.
const ANYONES: u32 = 0o777;

/// etcd, as its makers' image has it.
pub(crate) fn etcd() -> Result<(Image, String)> {
    let program = read(&tools::one("etcd")?)?;
    let contents = [
        ("usr/local/bin/etcd".to_owned(), 0o755, program),
        ("var/lib/etcd/".to_owned(), ANYONES, Vec::new()),
    ];
    packed(&ETCD, &contents)
}

/// Debian's Prometheus, without its page.
pub(crate) fn prometheus() -> Result<(Image, String)> {
    let found = machine::PROMETHEUS.find();
    let program = found.ok_or_else(|| machine::PROMETHEUS.missing())?;
    let mut contents = libraries(&program)?;
    contents.push(("bin/prometheus".to_owned(), 0o755, read(&program)?));
    contents.push((
        "etc/nsswitch.conf".to_owned(),
        0o644,
        b"hosts: files dns\n".to_vec(),
    ));
    contents.push(("prometheus/".to_owned(), ANYONES, Vec::new()));
    packed(&PROMETHEUS, &contents)
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).while_doing(|| format!("reading {}", path.display()))
}

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
    let bytes = read(&program)?;
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
        Ok((
            path.trim_start_matches('/').to_owned(),
            0o755,
            read(Path::new(path))?,
        ))
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
