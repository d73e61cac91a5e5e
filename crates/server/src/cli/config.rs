//! `config check` and `config show`.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use push_manager_config::{Knob, knob, knobs};
use serde_json::json;

use super::{ConfigOptions, EXIT_CODES, Failed, options::WRONG};

#[derive(Debug, Args)]
pub(super) struct ConfigCommand {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Say whether the server would start with this configuration; every problem is listed.
    #[command(after_help = EXIT_CODES)]
    Check {
        /// Print JSON instead.
        #[arg(long)]
        json: bool,
    },
    /// Show every knob with its value and where that comes from.
    #[command(after_help = EXIT_CODES)]
    Show {
        /// Also print what each knob means, its bounds and its variable.
        #[arg(long)]
        explain: bool,
        /// Print JSON instead.
        #[arg(long)]
        json: bool,
    },
}

/// Scripts that ask for JSON get the problems as JSON too.
fn refused(failed: Failed, action: &Action) -> Failed {
    if let Action::Check { json: true } = action {
        let problems = failed.text.strip_prefix(WRONG).unwrap_or(&failed.text);
        let problems: Vec<_> = problems.trim().lines().collect();
        say!("{}", json!({"ok": false, "problems": problems}));
    }
    failed
}

pub(super) fn run(options: &ConfigOptions, command: &ConfigCommand) -> Result<ExitCode, Failed> {
    let (sources, loaded) = options
        .load()
        .map_err(|failed| refused(failed, &command.action))?;
    match &command.action {
        Action::Check { json: false } => {
            let file = sources
                .file
                .map_or_else(|| "no file".to_owned(), |file| file.name);
            say!("ok: {} knobs, {file}", knobs().len());
        }
        Action::Check { json: true } => {
            say!("{}", json!({"ok": true, "warnings": loaded.warnings}));
        }
        Action::Show {
            explain,
            json: false,
        } => {
            for row in loaded.rows() {
                say!("{} = {}  # {}", row.key, row.value, row.origin);
                if let Some(knob) = knob(row.key).filter(|_| *explain) {
                    say!("    {}", knob.doc());
                    say!("    {}; variable {}", knob.expected(), variables(knob));
                }
            }
        }
        Action::Show { json: true, .. } => {
            let rows = loaded.rows().into_iter().map(
                |row| json!({"key": row.key, "value": row.value, "origin": row.origin.to_string()}),
            );
            say!("{}", json!(rows.collect::<Vec<_>>()));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn variables(knob: &Knob) -> String {
    match knob.env {
        Some(name) => format!("{name} (or {})", knob.pm_env()),
        None => knob.pm_env(),
    }
}
