//! The reference of the resource's fields as Markdown, for `docs/kubernetes.md`.

use std::collections::BTreeMap;

use push_manager_config::Knob;
use serde_json::Value;

use crate::{crd, knobs};

/// Where Kubernetes' own documentation goes on, and this one ends.
const FOREIGN: [&str; 9] = [
    "spec.resources",
    "spec.podTemplate.affinity",
    "spec.podTemplate.tolerations",
    "spec.podTemplate.env.valueFrom",
    "spec.autoscaling.metrics",
    "spec.autoscaling.behavior",
    "spec.networkPolicy.clients",
    "spec.networkPolicy.monitoring",
    "status.conditions",
];

/// The words around the fields.
#[derive(Clone, Copy, Debug)]
pub struct Words {
    header: &'static str,
    required: &'static str,
    status: &'static str,
}

impl Words {
    /// In English.
    pub const ENGLISH: Self = Self {
        header: "| field | type | default | what it does |",
        required: "*required*",
        status: "What the operator reports.",
    };
    /// In Chinese; what a field does is said in English.
    pub const CHINESE: Self = Self {
        header: "| 字段 | 类型 | 默认值 | 作用 |",
        required: "*必填*",
        status: "由 operator 报告。",
    };
}

/// A table a section: first what stands directly in `spec`, then each object of it, then `status`.
pub fn markdown(words: Words) -> String {
    let crd = crd::definition();
    let schema = &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
    let (spec, status) = (
        &schema["properties"]["spec"],
        &schema["properties"]["status"],
    );
    let mut table = Table {
        text: String::new(),
        knobs: knobs::fields()
            .map(|(field, knob)| (format!("spec.{}.{}", field.section, field.name), knob))
            .collect(),
        words,
    };
    table.section("spec", "", spec, |schema| !is_section(schema));
    for (name, below) in properties(spec).filter(|(_, below)| is_section(below)) {
        let about = below["description"].as_str().unwrap_or_default();
        table.section(&format!("spec.{name}"), about, below, |_| true);
    }
    table.section("status", words.status, status, |_| true);
    table.text
}

fn properties(schema: &Value) -> impl Iterator<Item = (&String, &Value)> {
    schema["properties"].as_object().into_iter().flatten()
}

/// Whether an object has a table of its own.
fn is_section(schema: &Value) -> bool {
    properties(schema).next().is_some() && schema["properties"]["requests"].is_null()
}

struct Table {
    text: String,
    knobs: BTreeMap<String, &'static Knob>,
    words: Words,
}

impl Table {
    fn section(&mut self, path: &str, about: &str, schema: &Value, pick: fn(&Value) -> bool) {
        let about = match about {
            "" => String::new(),
            about => format!("{about}\n\n"),
        };
        let header = self.words.header;
        self.text.extend(["\n### ", path, "\n\n", &about, header]);
        self.text.push_str("\n|---|---|---|---|\n");
        self.rows(path, schema, pick);
    }

    fn rows(&mut self, path: &str, schema: &Value, pick: fn(&Value) -> bool) {
        let required = schema["required"].as_array().into_iter().flatten();
        let required: Vec<&str> = required.filter_map(Value::as_str).collect();
        for (name, below) in properties(schema).filter(|(_, below)| pick(below)) {
            let path = format!("{path}.{name}");
            self.row(&path, below, required.contains(&name.as_str()));
            // Where a list's entries are meant, the entries' fields follow.
            let inner = if below["type"] == "array" {
                &below["items"]
            } else {
                below
            };
            if !FOREIGN.contains(&path.as_str()) {
                self.rows(&path, inner, |_| true);
            }
        }
    }

    fn row(&mut self, path: &str, schema: &Value, required: bool) {
        let knob = self.knobs.get(path);
        let default = match (required, knob, &schema["default"]) {
            (true, _, _) => self.words.required.to_owned(),
            (false, Some(knob), _) => code(&knobs::default_of(knob).unwrap_or_default()),
            (false, None, Value::Null) => String::new(),
            (false, None, Value::String(text)) => code(text),
            (false, None, other) => code(&other.to_string()),
        };
        let about = match knob {
            Some(knob) => crd::knob_description(knob),
            None => schema["description"]
                .as_str()
                .unwrap_or_default()
                .to_owned(),
        };
        let about = match knob.and_then(|knob| knobs::default_of(knob)) {
            Some(text) => about.replace(&format!(" Default: {text}."), ""),
            None => about,
        };
        let kind = knob.map_or_else(|| kind(schema), |knob| knob.expected());
        let cell = |text: &str| text.replace('|', "\\|").replace('\n', " ");
        let [kind, default, about] = [kind, default, about].map(|text| cell(&text));
        let row = format!("| `{path}` | {kind} | {default} | {about} |\n");
        self.text.push_str(&row);
    }
}

fn code(text: &str) -> String {
    match text {
        "" => String::new(),
        text => format!("`{text}`"),
    }
}

/// What a field takes, in a word or two.
fn kind(schema: &Value) -> String {
    if schema["x-kubernetes-int-or-string"] == true {
        return "integer or string".to_owned();
    }
    if let Some(words) = schema["enum"].as_array() {
        let words: Vec<&str> = words.iter().filter_map(Value::as_str).collect();
        return words.join(", ");
    }
    match schema["type"].as_str() {
        Some("array") => format!("list of {}", kind(&schema["items"])),
        Some("object") if schema["additionalProperties"].is_object() => {
            format!("map of {}", kind(&schema["additionalProperties"]))
        }
        Some(other) => other.to_owned(),
        None => "any".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_knob_has_a_row_with_its_default() {
        let text = markdown(Words::ENGLISH);
        for (field, knob) in knobs::fields() {
            let row = format!("| `spec.{}.{}` |", field.section, field.name);
            let row = text.lines().find(|line| line.starts_with(&row));
            let row = row.unwrap_or_else(|| panic!("no row for {}", knob.key));
            assert!(!row.contains("Default:"), "{row}");
        }
    }

    #[test]
    fn what_kubernetes_documents_is_not_written_out() {
        let text = markdown(Words::CHINESE);
        assert!(text.contains("`spec.podTemplate.affinity`"));
        assert!(!text.contains("podTemplate.affinity."));
        assert!(text.contains("| 字段 |"));
    }
}
