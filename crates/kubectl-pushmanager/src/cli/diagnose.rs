//! `diagnose`: progress to standard error, the file's name to standard output.

use std::{
    fs::OpenOptions,
    io::Write,
    path::{Path, PathBuf},
    process::ExitCode,
};

use k8s_openapi::jiff::Timestamp;

use super::{Failed, NOT_WELL, options::Diagnose, output};
use crate::{
    cluster::Cluster,
    diagnose::{self, Limits, Wish},
    words,
};

pub(super) async fn run(cluster: &Cluster, options: &Diagnose) -> Result<ExitCode, Failed> {
    let path = options.output.clone();
    let path = path.unwrap_or_else(|| usual(&cluster.namespace, &options.name));
    if path.exists() {
        return Err(Failed::usage(format!(
            "{} is there already",
            path.display()
        )));
    }
    let wish = Wish {
        name: options.name.clone(),
        limits: Limits::default(),
    };
    let mut progress = |what: &str| eprintln!("collecting {what}");
    let bundle = Box::pin(diagnose::gather(cluster, &wish, &mut progress)).await?;
    let (files, lacking) = (bundle.names().count(), bundle.lacking());
    let at = u64::try_from(Timestamp::now().as_second()).unwrap_or(0);
    let packed = bundle.pack(at).map_err(|error| Failed::running(&error))?;
    write(&path, &packed).map_err(|error| Failed {
        code: 1,
        text: format!("writing {}: {error}", path.display()),
    })?;
    for (what, why) in &lacking {
        eprintln!("not collected: {what}: {why}");
    }
    let size = words::bytes(packed.len());
    let lacks = match lacking.len() {
        0 => "nothing is missing".to_owned(),
        count => format!("{count} could not be collected"),
    };
    output::line(&format!(
        "{}: {size}, {files} files; {lacks}",
        path.display()
    ))?;
    Ok(if lacking.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(NOT_WELL)
    })
}

fn usual(namespace: &str, name: &str) -> PathBuf {
    let now = Timestamp::now().strftime("%Y%m%dT%H%M%SZ");
    format!("pushmanager-{namespace}-{name}-{now}.tar.gz").into()
}

/// Only its owner reads it, and nothing that is there is written over.
fn write(path: &Path, packed: &[u8]) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(packed)?;
    file.sync_all()
}
