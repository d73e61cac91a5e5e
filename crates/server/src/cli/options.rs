//! Options that say where the configuration comes from.

use std::{
    collections::BTreeMap,
    fs::File,
    io::Read,
    path::{Path, PathBuf},
};

use clap::Args;
use push_manager_config::{self as config, Loaded, MAX_FILE_BYTES, Override, Sources};

use super::Failed;
use crate::server::environment;

/// What stands before the list of problems.
pub(super) const WRONG: &str = "the configuration is wrong";

/// Where the configuration comes from: defaults < file < environment < flags.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Configuration (defaults < file < environment < flags)")]
pub(super) struct ConfigOptions {
    /// A YAML file with any of the knobs; `push-manager config show` lists them
    /// all [env: CONFIG_FILE].
    #[arg(long, short, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Sets one knob, e.g. --set fanout.deadline=2s; may be repeated.
    #[arg(long, global = true, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Same as --set grpc.port=PORT.
    #[arg(long, global = true, value_name = "PORT")]
    grpc_port: Option<String>,
    /// Same as --set metrics.port=PORT.
    #[arg(long, global = true, value_name = "PORT")]
    metrics_port: Option<String>,
    /// Same as --set controller.address=HOST:PORT.
    #[arg(long, global = true, value_name = "HOST:PORT")]
    controller_address: Option<String>,
    /// Same as --set etcd.endpoints=LIST, comma-separated.
    #[arg(long, global = true, value_name = "LIST")]
    etcd_endpoints: Option<String>,
    /// Same as --set advertise.address=HOST[:PORT].
    #[arg(long, global = true, value_name = "HOST[:PORT]")]
    advertise_address: Option<String>,
    /// Same as --set log.level=LEVEL.
    #[arg(long, global = true, value_name = "LEVEL")]
    log_level: Option<String>,
}

impl ConfigOptions {
    /// Reads the file and the environment, and lays everything over the defaults.
    pub(super) fn load(&self) -> Result<(Sources, Loaded), Failed> {
        let sources = Sources {
            file: self.config_file().as_deref().map(read).transpose()?,
            env: environment(),
            overrides: self.overrides(),
        };
        let loaded =
            config::load(&sources).map_err(|error| Failed::usage(format!("{WRONG}\n{error}")))?;
        for warning in &loaded.warnings {
            eprintln!("push-manager: warning: {warning}");
        }
        Ok((sources, loaded))
    }

    /// The file to read, if any; an empty variable counts as unset, like every other.
    pub(super) fn config_file(&self) -> Option<PathBuf> {
        let from_env = || std::env::var_os("CONFIG_FILE").map(PathBuf::from);
        let given = self.config.clone().or_else(from_env);
        given.filter(|path| !path.as_os_str().is_empty())
    }

    fn overrides(&self) -> Vec<Override> {
        let mut overrides: Vec<_> = self.set.iter().map(|text| Override::set(text)).collect();
        let named: BTreeMap<&'static str, (&'static str, &Option<String>)> = BTreeMap::from([
            ("--grpc-port", ("grpc.port", &self.grpc_port)),
            ("--metrics-port", ("metrics.port", &self.metrics_port)),
            (
                "--controller-address",
                ("controller.address", &self.controller_address),
            ),
            ("--etcd-endpoints", ("etcd.endpoints", &self.etcd_endpoints)),
            (
                "--advertise-address",
                ("advertise.address", &self.advertise_address),
            ),
            ("--log-level", ("log.level", &self.log_level)),
        ]);
        for (flag, (key, value)) in named {
            if let Some(value) = value {
                overrides.push(Override::named(flag, key, value));
            }
        }
        overrides
    }
}

/// Reads a configuration file, bounded.
pub(super) fn read(path: &Path) -> Result<config::File, Failed> {
    let failed = |error| Failed::usage(format!("can't read {}: {error}", path.display()));
    let mut text = String::new();
    let most = MAX_FILE_BYTES as u64 + 1;
    File::open(path)
        .and_then(|file| file.take(most).read_to_string(&mut text))
        .map_err(failed)?;
    Ok(config::File {
        name: path.display().to_string(),
        text,
    })
}
