//! The reference of all knobs as Markdown, for `docs/configuration.md`.

use crate::knob::{Knob, join_docs};
use crate::knobs::{SECTIONS, knobs};

/// A table per section: key, default, what is taken, where, and what it does.
pub fn markdown() -> String {
    let mut text = String::new();
    for (section, docs) in SECTIONS {
        text.extend(["\n## ", section, "\n\n", &join_docs(docs), "\n\n"]);
        text.push_str("| key | default | takes | environment | what it does |\n");
        text.push_str("|---|---|---|---|---|\n");
        for knob in knobs().iter().filter(|knob| knob.section() == *section) {
            text.push_str(&row(knob));
        }
    }
    text.push('\n');
    text
}

fn row(knob: &Knob) -> String {
    let default = match knob.default_text() {
        text if text.is_empty() => "nothing".to_owned(),
        text => format!("`{text}`"),
    };
    let own = format!("`{}`", knob.pm_env());
    let env = match knob.env {
        Some(name) => format!("`{name}`, {own}"),
        None => own,
    };
    let mut doc = knob.doc();
    if knob.reloadable {
        doc.push_str(" **May change while running.**");
    }
    if knob.secret {
        doc.push_str(" **Secret:** never shown.");
    }
    format!(
        "| `{}` | {default} | {} | {env} | {} |\n",
        knob.key,
        cell(&knob.expected()),
        cell(&doc)
    )
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}
