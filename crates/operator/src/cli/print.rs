//! `crd` and `rbac`, and how objects are written.

use std::io::Write;

use clap::Args;
use serde_json::{Value, json};

use super::{Failed, Output};
use crate::{crd, rbac};

/// Prints the CustomResourceDefinition.
#[derive(Debug, Args)]
pub(super) struct CrdOptions {
    /// How it is written.
    #[arg(short, long, value_enum, default_value_t)]
    output: Output,
}

/// Prints the account, roles and bindings.
#[derive(Debug, Args)]
pub(super) struct RbacOptions {
    /// The namespace that the operator runs in.
    #[arg(short, long, default_value = "push-manager-system")]
    namespace: String,
    /// The namespaces whose PushManagers it reconciles, comma-separated. [default: all]
    #[arg(long, value_name = "NAMESPACES", value_delimiter = ',')]
    watch: Vec<String>,
    /// How they are written.
    #[arg(short, long, value_enum, default_value_t)]
    output: Output,
}

pub(super) fn crd(options: &CrdOptions) -> Result<(), Failed> {
    objects(&[crd::definition()], options.output)
}

pub(super) fn rbac(options: &RbacOptions) -> Result<(), Failed> {
    objects(
        &rbac::manifests(&options.namespace, &options.watch),
        options.output,
    )
}

/// Writes objects to standard output.
pub(super) fn objects(objects: &[Value], output: Output) -> Result<(), Failed> {
    let text = match (output, objects) {
        (Output::Yaml, objects) => yaml(objects)?,
        (Output::Json, [one]) => json_text(one),
        (Output::Json, many) => {
            json_text(&json!({"apiVersion": "v1", "kind": "List", "items": many}))
        }
    };
    // Whoever reads it may close the pipe early, as `head` does.
    drop(std::io::stdout().write_all(text.as_bytes()));
    Ok(())
}

/// Documents as YAML, with a line between them.
pub(super) fn yaml(objects: &[Value]) -> Result<String, Failed> {
    let mut text = String::new();
    for (index, object) in objects.iter().enumerate() {
        let written = crate::yaml::write(object).map_err(|error| Failed {
            code: 1,
            text: format!("an object can't be written as YAML: {error}"),
        })?;
        if index > 0 {
            text.push_str("---\n");
        }
        text.push_str(&written);
    }
    Ok(text)
}

fn json_text(value: &Value) -> String {
    format!("{value:#}\n")
}
