//! The schema of one knob: its type, its bounds, and the words that refuse a value.

use std::time::Duration;

use push_manager_config::{Knob, Shape};
use serde_json::{Value, json};

use crate::knobs;

/// Numbers with units from the largest, each once, as the server reads them.
pub(crate) const DURATION: &str = r"^(0|([0-9]+([.][0-9]+)?h)?([0-9]+([.][0-9]+)?m)?([0-9]+([.][0-9]+)?s)?([0-9]+([.][0-9]+)?ms)?)$";
/// Longest duration or number of bytes, in characters: bounds what a rule costs.
const MAX_NUMBER: usize = 32;

/// A knob's schema.
pub(crate) fn schema(knob: &Knob) -> Value {
    let mut schema = shape(&knob.shape(), &knob.expected());
    if let Some(words) = schema.get_mut("enum").and_then(Value::as_array_mut) {
        words.retain(|word| word.as_str().is_some_and(|word| knobs::takes(knob, word)));
    }
    schema["description"] = description(knob).into();
    schema
}

/// What a knob does, its default, and whether a change needs a restart.
pub(crate) fn description(knob: &Knob) -> String {
    let default = match knobs::default_of(knob) {
        Some(text) if !text.is_empty() => format!(" Default: {text}."),
        Some(_) | None => String::new(),
    };
    let live = if knob.reloadable {
        " A change takes effect without a restart."
    } else {
        ""
    };
    format!("{}{default}{live}", knob.doc())
}

fn shape(shape: &Shape, expected: &str) -> Value {
    match shape {
        Shape::Text { min, max } => json!({"type": "string", "minLength": min, "maxLength": max}),
        Shape::List { min, max, item_max } => json!({
            "type": "array",
            "minItems": min,
            "maxItems": max,
            "items": {"type": "string", "minLength": 1, "maxLength": item_max},
            "x-kubernetes-list-type": "atomic",
        }),
        Shape::Flag => json!({"type": "boolean"}),
        Shape::Count { min, max } => {
            json!({"type": "integer", "format": "int64", "minimum": min, "maximum": max})
        }
        Shape::Port => json!({"type": "integer", "minimum": 0, "maximum": 65535}),
        Shape::Bytes { min, max } => json!({
            "anyOf": [{"type": "integer"}, {"type": "string"}],
            "x-kubernetes-int-or-string": true,
            "maxLength": MAX_NUMBER,
            "x-kubernetes-validations": [{
                "rule": bytes_between(*min, *max),
                "message": format!("expected {expected}"),
            }],
        }),
        Shape::Duration { min, max } => json!({
            "type": "string",
            "minLength": 1,
            "maxLength": MAX_NUMBER,
            "x-kubernetes-validations": [{
                "rule": duration_between(*min, *max),
                "message": format!("expected {expected}"),
            }],
        }),
        Shape::Ratio => json!({"type": "number", "minimum": 0, "maximum": 1}),
        Shape::Choice(words) => json!({"type": "string", "enum": words}),
    }
}

/// `KiB` and `KB` become the `Ki` and `k` that CEL's quantities know.
fn bytes_between(min: usize, max: usize) -> String {
    let quantity =
        "quantity(string(self).replace('iB', 'i').replace('KB', 'k').replace('MB', 'M'))";
    format!(
        "string(self).matches('^[0-9]+((Ki|Mi|Gi)B?|KB|MB)?$') \
         && {quantity}.compareTo(quantity('{min}')) >= 0 \
         && {quantity}.compareTo(quantity('{max}')) <= 0"
    )
}

fn duration_between(min: Duration, max: Duration) -> String {
    let milliseconds = |length: Duration| format!("duration('{}ms')", length.as_millis());
    format!(
        "self.matches('{DURATION}') && duration(self) >= {} && duration(self) <= {}",
        milliseconds(min),
        milliseconds(max)
    )
}
