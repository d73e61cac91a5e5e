//! PushManagers from files, as the API server would take them: with its defaults, and unknown
//! fields refused.

use std::path::{Path, PathBuf};

use clap::Args;
use kube::ResourceExt;
use serde_json::Value;

use super::Failed;
use crate::{
    api::{KIND, PushManager},
    crd, yaml,
};

/// Largest file that is read.
const MAX_BYTES: u64 = 4 << 20;

/// The files to read.
#[derive(Debug, Args)]
pub(super) struct Files {
    /// A file with PushManagers among its documents; `-` is standard input. May be repeated.
    #[arg(short = 'f', long = "filename", value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
}

/// One PushManager of a file, or what is wrong with its form.
pub(super) struct Document {
    /// The file and the object's name.
    pub(super) place: String,
    pub(super) read: Result<PushManager, Vec<String>>,
}

impl Files {
    /// All PushManagers; other kinds are left out. A file without any is an error.
    pub(super) fn read(&self) -> Result<Vec<Document>, Failed> {
        let mut documents = Vec::new();
        for file in &self.files {
            let text = text(file)?;
            let name = file.display();
            let read = yaml::read(&text).map_err(|error| usage(format!("{name}: {error}")))?;
            let ours = read.into_iter().filter(|document| document["kind"] == KIND);
            documents.extend(ours.map(|document| Document::of(&name.to_string(), document)));
        }
        if documents.is_empty() {
            return Err(usage(format!("no document of kind {KIND} in there")));
        }
        Ok(documents)
    }
}

impl Document {
    fn of(file: &str, value: Value) -> Self {
        let name = value["metadata"]["name"]
            .as_str()
            .unwrap_or("without a name");
        let place = format!("{file}: {name}");
        let wrong = crd::form_problems(&value);
        let read = if wrong.is_empty() {
            serde_json::from_value::<PushManager>(value).map_err(|error| vec![error.to_string()])
        } else {
            Err(wrong)
        };
        let read = read.map(|mut pm| {
            pm.metadata
                .namespace
                .get_or_insert_with(|| "default".to_owned());
            pm
        });
        Self { place, read }
    }

    /// The PushManager's name and spec, where its form is right.
    pub(super) fn named(&self) -> Option<(String, &PushManager)> {
        self.read.as_ref().ok().map(|pm| (pm.name_any(), pm))
    }
}

fn text(file: &Path) -> Result<String, Failed> {
    let read = if file == Path::new("-") {
        std::io::read_to_string(std::io::Read::take(std::io::stdin(), MAX_BYTES))
    } else {
        std::fs::read_to_string(file)
    };
    read.map_err(|error| usage(format!("{}: {error}", file.display())))
}

fn usage(text: String) -> Failed {
    Failed { code: 2, text }
}
