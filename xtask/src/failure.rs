//! What went wrong, and what to do about it: the one error of this program.

use std::fmt;

pub(crate) type Result<T> = std::result::Result<T, Failure>;

/// A message for a person, with a hint on how to go on where there is one.
#[derive(Debug)]
pub(crate) struct Failure {
    what: String,
    hint: Option<String>,
}

impl Failure {
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            hint: None,
        }
    }

    pub(crate) fn hint(self, hint: impl Into<String>) -> Self {
        Self {
            hint: Some(hint.into()),
            ..self
        }
    }

    /// Both, for when the second way failed, too.
    pub(crate) fn and(self, link: &str, other: &Self) -> Self {
        Self::new(format!("{self}\n{link}: {other}"))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        match &self.hint {
            Some(hint) => write!(f, "\n  what to do: {hint}"),
            None => Ok(()),
        }
    }
}

/// The outcome of a run after which things were cleared up. Why the run failed comes first; that
/// clearing failed is then told beside it.
pub(crate) fn cleared<T>(ran: Result<T>, cleared: Result<()>) -> Result<T> {
    match (ran, cleared) {
        (Ok(_), Err(failure)) => Err(failure),
        (Err(failure), Err(beside)) => {
            eprintln!("    clearing up failed, too: {beside}");
            Err(failure)
        }
        (ran, Ok(())) => ran,
    }
}

/// Says what was being done when an operating system call failed.
pub(crate) trait While<T> {
    fn while_doing(self, doing: impl FnOnce() -> String) -> Result<T>;
}

impl<T> While<T> for std::io::Result<T> {
    fn while_doing(self, doing: impl FnOnce() -> String) -> Result<T> {
        self.map_err(|error| Failure::new(format!("{}: {error}", doing())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed<T>(what: &str) -> Result<T> {
        Err(Failure::new(what))
    }

    #[test]
    fn a_run_that_failed_says_why_whatever_became_of_what_it_left() {
        let said = |result: Result<u8>| result.map_err(|failure| failure.to_string());
        assert_eq!(said(cleared(Ok(1), Ok(()))), Ok(1));
        for clearing in [Ok(()), failed("left")] {
            assert_eq!(said(cleared(failed("red"), clearing)), Err("red".into()));
        }
        assert_eq!(said(cleared(Ok(1), failed("left"))), Err("left".into()));
    }

    #[test]
    fn of_two_failures_both_are_told_with_their_hints() {
        let first = Failure::new("no engine").hint("start one");
        let both = first.and(
            "and none of our own",
            &Failure::new("no root").hint("be root"),
        );
        assert_eq!(
            both.to_string(),
            "no engine\n  what to do: start one\nand none of our own: no root\n  what to do: be root"
        );
    }
}
