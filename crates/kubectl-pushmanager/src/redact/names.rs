//! Which names look like those of secrets.

/// A name with one of these in it, in whatever case.
const WORDS: &[&str] = &[
    "password",
    "passwd",
    "pwd",
    "passphrase",
    "token",
    "secret",
    "key",
    "authorization",
    "credential",
    "cookie",
];

/// Whether what has this name may be a secret.
pub(super) fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    WORDS.iter().any(|word| name.contains(word))
}

/// Whether its value has spaces within, and so ends with its line.
pub(super) fn is_header(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.contains("authorization") || name.contains("cookie")
}

/// Fields of Kubernetes that point at a secret by name, and so are none.
pub(super) fn is_reference(field: &str) -> bool {
    let known = [
        "secret",
        "secrets",
        "imagePullSecrets",
        "serviceAccountToken",
    ];
    known.contains(&field) || field.ends_with("Ref") || field.ends_with("Refs")
}

/// What such a pointer is made of. Anything else in it is taken for a secret.
pub(super) fn is_part_of_a_reference(field: &str) -> bool {
    let known = [
        "apiVersion",
        "audience",
        "defaultMode",
        "expirationSeconds",
        "group",
        "items",
        "key",
        "kind",
        "mode",
        "name",
        "namespace",
        "optional",
        "path",
        "secretName",
        "uid",
    ];
    known.contains(&field)
}

/// Maps whose keys somebody made up: no field of Kubernetes is among them.
pub(super) fn is_made_up(field: &str) -> bool {
    let known = [
        "annotations",
        "data",
        "labels",
        "matchLabels",
        "nodeSelector",
        "options",
        "parameters",
        "selector",
        "stringData",
    ];
    known.contains(&field)
}
