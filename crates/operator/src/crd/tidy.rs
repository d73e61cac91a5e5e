//! The generator's schema as Kubernetes' own tools write theirs.

use serde_json::{Map, Value, json};

/// What a quantity looks like, as Kubernetes' own generator says it.
const QUANTITY: &str = r"^(\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|([eE](\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))))?$";

/// Most entries of a map such as labels.
const MAX_ENTRIES: u64 = 64;

/// Goes through a whole schema.
pub(super) fn schema(schema: &mut Value) {
    let Some(object) = schema.as_object_mut() else {
        return;
    };
    if is_quantity(object) {
        *schema = quantity();
        return;
    }
    // Absent is how nothing is said; the API server then drops a `null`.
    object.remove("nullable");
    if let Some(words) = object.get_mut("enum").and_then(Value::as_array_mut) {
        words.retain(|word| !word.is_null());
    }
    if let Some(Value::String(text)) = object.get_mut("description") {
        *text = one_line(text);
    }
    for bound in ["minimum", "maximum"] {
        whole(object, bound);
    }
    if let Some(properties) = object.get_mut("properties").and_then(Value::as_object_mut) {
        // Made for devices, which an instance has no use for.
        properties.remove("claims");
        properties.values_mut().for_each(self::schema);
        if let Some(unavailable) = properties.get_mut("maxUnavailable") {
            bound_share(unavailable);
        }
    }
    if object.contains_key("additionalProperties") {
        object
            .entry("maxProperties")
            .or_insert_with(|| MAX_ENTRIES.into());
    }
    for below in ["items", "additionalProperties"] {
        if let Some(below) = object.get_mut(below) {
            self::schema(below);
        }
    }
}

fn is_quantity(object: &Map<String, Value>) -> bool {
    let description = object.get("description").and_then(Value::as_str);
    description.is_some_and(|text| text.starts_with("Quantity is a fixed-point"))
}

fn quantity() -> Value {
    json!({
        "anyOf": [{"type": "integer"}, {"type": "string"}],
        "description": "A quantity such as 2, 500m, 256Mi or 1Gi.",
        "pattern": QUANTITY,
        "x-kubernetes-int-or-string": true,
    })
}

/// A count or a percentage.
fn bound_share(share: &mut Value) {
    share["x-kubernetes-validations"] = json!([{
        "rule": "type(self) == int ? self >= 0 : self.matches('^(100|[1-9]?[0-9])%$')",
        "message": "expected a whole number such as 1, or a share such as 25%",
    }]);
    share["maxLength"] = 4.into();
}

/// `1000.0` as `1000`.
fn whole(object: &mut Map<String, Value>, key: &str) {
    let number = object.get(key).and_then(Value::as_f64);
    #[allow(
        clippy::cast_possible_truncation,
        reason = "bounds of ours are far below 2^53"
    )]
    if let Some(number) = number.filter(|number| number.fract() == 0.0) {
        object.insert(key.to_owned(), (number as i64).into());
    }
}

/// A comment's lines as one; its paragraphs stay apart.
fn one_line(text: &str) -> String {
    let paragraphs: Vec<String> = text
        .split("\n\n")
        .map(|paragraph| paragraph.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect();
    paragraphs.join("\n\n")
}
