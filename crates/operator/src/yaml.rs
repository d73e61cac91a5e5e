//! Objects as YAML that any YAML 1.1 or 1.2 parser reads back equal.

use serde_json::Value;

/// Writes one document.
pub fn write(object: &Value) -> Result<String, serde_saphyr::SerializeError> {
    let text = serde_saphyr::to_string(object)?;
    Ok(if text.ends_with('\n') {
        text
    } else {
        text + "\n"
    })
}

/// Reads the documents of a text; empty ones are left out.
pub fn read(text: &str) -> Result<Vec<Value>, serde_saphyr::Error> {
    let documents: Vec<Value> = serde_saphyr::from_multiple(text)?;
    Ok(documents
        .into_iter()
        .filter(|document| !document.is_null())
        .collect())
}
