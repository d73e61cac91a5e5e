//! The pushes that the README tells to try.

/// What they say: to a room, to a user, to everybody.
pub const PUSHES: [&str; 3] = ["Hello Room!", "Hello User!", "System Announcement"];

/// Body and method of each grpcurl command in the README.
pub fn commands(readme: &str) -> Vec<(&str, &str)> {
    let lines = readme.lines().map(str::trim);
    let bodies = lines.filter_map(|line| line.strip_prefix("grpcurl -plaintext -d '"));
    bodies
        .filter_map(|rest| rest.split_once("' localhost:50053 "))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_its_body_and_its_method() {
        let readme = "    grpcurl -plaintext -d '{\"a\":1}' localhost:50053 p.S/M\n    other\n";
        assert_eq!(commands(readme), [("{\"a\":1}", "p.S/M")]);
    }
}
