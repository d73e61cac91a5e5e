//! `generate`: what the repository keeps generated from the types, the knobs and the children.

use std::io::Write;

use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use super::{Failed, print};
use crate::{chart, fields, rbac};

/// Prints what the repository keeps generated.
#[derive(Debug, Args)]
pub(super) struct GenerateOptions {
    /// What to print.
    #[arg(value_enum)]
    what: What,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum What {
    /// The fields of the resource, as Markdown.
    Fields,
    /// The same with headings in Chinese.
    FieldsZh,
    /// The rules that the operator's chart grants.
    Rbac,
    /// What the server's chart has to know of knobs.
    Knobs,
    /// The schema of the server's chart's values.
    ServerValues,
    /// The schema of the operator's chart's values.
    OperatorValues,
}

pub(super) fn run(options: &GenerateOptions) -> Result<(), Failed> {
    let text = match options.what {
        What::Fields => fields::markdown(fields::Words::ENGLISH),
        What::FieldsZh => fields::markdown(fields::Words::CHINESE),
        What::Rbac => yaml(&json!({
            "rules": rbac::rules(),
            "leaseRules": rbac::lease_rules(),
        }))?,
        What::Knobs => yaml(&chart::knobs())?,
        What::ServerValues => format!("{:#}\n", chart::server_values()),
        What::OperatorValues => format!("{:#}\n", chart::operator_values()),
    };
    // Whoever reads it may close the pipe early, as `head` does.
    drop(std::io::stdout().write_all(text.as_bytes()));
    Ok(())
}

fn yaml(value: &Value) -> Result<String, Failed> {
    print::yaml(std::slice::from_ref(value))
}
