//! What the Helm charts take from here: the schemas of their values, whose parts that Kubernetes
//! or the resource know are those of the definition, and what the server's chart must know of
//! knobs. What the charts render is in `charts/`.

mod operator;
mod server;
mod strict;

use serde_json::{Map, Value, json};

use crate::{crd, names};

pub use self::{
    operator::values as operator_values,
    server::{knobs, values as server_values},
};

/// The parts of the resource's definition.
struct Definition(Value);

impl Definition {
    fn new() -> Self {
        let crd = crd::definition();
        let schema = &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
        Self(schema["properties"]["spec"].clone())
    }

    /// The schema at a path such as `podTemplate.affinity`, as values are checked.
    fn part(&self, path: &str) -> Value {
        let mut schema = &self.0;
        for name in path.split('.') {
            schema = &schema["properties"][name];
        }
        debug_assert!(schema.is_object(), "the definition has no {path}");
        strict::strict(schema)
    }

    /// As `part`, for values that may be empty, which means absent.
    fn blank(&self, path: &str) -> Value {
        strict::or_blank(self.part(path))
    }
}

/// An object of exactly these values.
#[allow(
    clippy::needless_pass_by_value,
    reason = "what is given is made for it, and becomes part of it"
)]
fn object(description: &str, properties: Value) -> Value {
    json!({
        "type": "object",
        "description": description,
        "additionalProperties": false,
        "properties": properties,
    })
}

fn text(description: &str) -> Value {
    json!({"type": "string", "description": description})
}

fn flag(description: &str) -> Value {
    json!({"type": "boolean", "description": description})
}

fn count(min: i64, max: i64, description: &str) -> Value {
    json!({"type": "integer", "minimum": min, "maximum": max, "description": description})
}

fn one_of(words: &[&str], description: &str) -> Value {
    json!({"enum": words, "description": description})
}

/// Labels, annotations.
fn map(description: &str) -> Value {
    json!({
        "type": "object",
        "description": description,
        "additionalProperties": {"type": "string"},
    })
}

/// Labels by which others select an object; those that the chart itself sets are not among them.
fn labels(description: &str) -> Value {
    let mut labels = map(description);
    let ours = [
        names::NAME,
        names::INSTANCE,
        names::MANAGED_BY,
        "helm.sh/chart",
    ];
    labels["propertyNames"] = json!({"not": {"enum": ours}});
    labels
}

/// Further labels of pods: what the operator's rules refuse is refused.
fn pod_labels(description: &str) -> Value {
    let mut labels = map(description);
    let ours = names::RESERVED_LABELS.map(|prefix| prefix.replace('.', "[.]"));
    let pattern = format!("^({})", ours.join("|"));
    labels["propertyNames"] = json!({"not": {"pattern": pattern}});
    labels
}

/// Further variables, without those that the chart or its values set already.
fn variables(mut schema: Value, ours: &[&str], prefix: &str) -> Value {
    let refused = json!({"anyOf": [{"enum": ours}, {"pattern": prefix}]});
    schema["items"]["properties"]["name"]["not"] = refused;
    schema
}

/// Where an image is.
fn image(description: &str) -> Value {
    object(
        description,
        json!({
            "repository": {"type": "string", "minLength": 1, "pattern": "^[^\\s:@]+(:[0-9]+/[^\\s:@]+)?$", "description": "Where it is, without tag or digest."},
            "tag": {"type": "string", "pattern": "^([A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?$", "description": "Its tag. Empty: the chart's appVersion."},
            "digest": {"type": "string", "pattern": "^([a-z0-9]+:[a-f0-9]{32,})?$", "description": "Its digest, such as sha256:…. It wins over the tag."},
            "pullPolicy": one_of(&["", "Always", "IfNotPresent", "Never"], "When it is pulled. Empty: as Kubernetes does."),
        }),
    )
}

/// The whole schema of a chart's values.
fn values(title: &str, properties: Value) -> Value {
    let mut schema = Map::new();
    schema.insert(
        "$schema".to_owned(),
        "http://json-schema.org/draft-07/schema#".into(),
    );
    schema.insert("title".to_owned(), title.into());
    let mut properties = properties;
    // What Helm itself puts among a chart's values when it is another's part.
    properties["global"] = json!({"type": "object"});
    if let Value::Object(object) = object("Generated: cargo xtask generate.", properties) {
        schema.extend(object);
    }
    Value::Object(schema)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every object says what it holds, so that a misspelt value is refused.
    fn assert_strict(path: &str, schema: &Value) {
        if schema["type"] == "object" && path != ".global" {
            assert!(!schema["additionalProperties"].is_null(), "{path}");
        }
        for (name, below) in schema["properties"].as_object().into_iter().flatten() {
            assert_strict(&format!("{path}.{name}"), below);
        }
        if schema["items"].is_object() {
            assert_strict(&format!("{path}[]"), &schema["items"]);
        }
    }

    #[test]
    fn no_object_of_values_takes_what_it_does_not_know() {
        assert_strict("", &server_values());
        assert_strict("", &operator_values());
    }
}
