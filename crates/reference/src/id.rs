//! What an id of a user, room or node may look like; says nothing about whether it exists.

/// The longest id, in bytes of UTF-8.
const MAX_ID_BYTES: usize = 256;

/// Why an id is refused; the sentence goes to whoever sent it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadId {
    /// Nothing was given.
    #[error("{0} is missing or empty; expected 1 to {MAX_ID_BYTES} bytes")]
    Empty(&'static str),
    /// More was given than an id may hold.
    #[error("{0} has {1} bytes; expected at most {MAX_ID_BYTES}")]
    TooLong(&'static str, usize),
    /// A control character was given.
    #[error("{0} holds a control character (U+{1:04X}); expected none")]
    Control(&'static str, u32),
}

/// Accepts `value` as the id named `field`.
pub(crate) fn check(field: &'static str, value: &str) -> Result<(), BadId> {
    if value.is_empty() {
        return Err(BadId::Empty(field));
    }
    if value.len() > MAX_ID_BYTES {
        return Err(BadId::TooLong(field, value.len()));
    }
    match value.chars().find(|letter| letter.is_control()) {
        Some(letter) => Err(BadId::Control(field, u32::from(letter))),
        None => Ok(()),
    }
}

impl From<BadId> for tonic::Status {
    fn from(bad: BadId) -> Self {
        Self::invalid_argument(bad.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_any_script_are_accepted() {
        assert_eq!(check("user_id", "用户:1/2 %"), Ok(()));
        assert_eq!(check("user_id", &"x".repeat(256)), Ok(()));
    }

    #[test]
    fn bad_ids_name_the_field_and_what_was_given() {
        let said = |value: &str| check("room_id", value).unwrap_err().to_string();
        assert!(said("").contains("room_id is missing or empty"));
        assert!(said(&"x".repeat(257)).contains("257 bytes"));
        assert!(said("a\u{7}b").contains("U+0007"));
    }
}
