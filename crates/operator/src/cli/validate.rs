//! `validate`: whether PushManagers in files would be taken, without a cluster.

use clap::Args;
use serde_json::json;

use super::{Failed, read::Files};
use crate::settings::settle;

/// Checks PushManagers in files.
#[derive(Debug, Args)]
pub(super) struct ValidateOptions {
    #[command(flatten)]
    files: Files,
    /// One JSON document for scripts.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(options: &ValidateOptions) -> Result<(), Failed> {
    let mut report = Vec::new();
    let mut bad = 0;
    for document in options.files.read()? {
        let settled = document
            .named()
            .map(|(name, pm)| settle(&name, &pm.spec, "push-manager"));
        let (problems, advice) = match (&document.read, settled) {
            (Err(problems), _) => (problems.clone(), Vec::new()),
            (Ok(_), Some(Err(invalid))) => (invalid.problems, Vec::new()),
            (Ok(_), Some(Ok(settings))) => (Vec::new(), settings.advice),
            (Ok(_), None) => (Vec::new(), Vec::new()),
        };
        bad += usize::from(!problems.is_empty());
        report.push((document.place, problems, advice));
    }
    if options.json {
        let lines: Vec<_> = report
            .iter()
            .map(|(place, problems, advice)| {
                json!({"object": place, "valid": problems.is_empty(), "problems": problems, "advice": advice})
            })
            .collect();
        println!("{:#}", json!(lines));
    } else {
        for (place, problems, advice) in &report {
            let word = if problems.is_empty() {
                "valid"
            } else {
                "not valid"
            };
            println!("{place}: {word}");
            problems
                .iter()
                .chain(advice)
                .for_each(|line| println!("  {line}"));
        }
    }
    if bad == 0 {
        return Ok(());
    }
    let text = format!("{bad} of {} PushManagers are not valid", report.len());
    Err(Failed { code: 3, text })
}
