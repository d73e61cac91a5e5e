//! Reads what Rust's test runner prints.

/// Which tests ran and how they ended, over all the binaries of one run.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Report {
    /// Sums of the closing lines.
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) ok: Vec<String>,
    pub(crate) red: Vec<String>,
}

impl Report {
    pub(crate) fn read<'a>(lines: impl IntoIterator<Item = &'a str>) -> Self {
        let mut report = Self::default();
        let mut in_list_of_failures = false;
        for line in lines {
            if in_list_of_failures && line.starts_with("    ") {
                report.add_red(line.trim());
                continue;
            }
            in_list_of_failures = line == "failures:";
            if let Some(sums) = line.strip_prefix("test result: ") {
                report.passed += number_before(sums, " passed");
                report.failed += number_before(sums, " failed");
            } else if let Some((name, end)) = ending(line) {
                match end {
                    "ok" => report.ok.push(name.to_owned()),
                    "FAILED" => report.add_red(name),
                    _ => {}
                }
            }
        }
        report
    }

    /// A red test is named when it ends and again in the list of failures,
    /// where a test's own prints cannot garble it.
    fn add_red(&mut self, name: &str) {
        if !self.red.iter().any(|known| known == name) {
            self.red.push(name.to_owned());
        }
    }
}

/// "test a::b ... ok" → ("a::b", "ok"). A time may follow.
fn ending(line: &str) -> Option<(&str, &str)> {
    let (name, end) = line.strip_prefix("test ")?.split_once(" ... ")?;
    let name = name.strip_suffix(" - should panic").unwrap_or(name);
    Some((name, end.split_whitespace().next()?))
}

fn number_before(text: &str, word: &str) -> u64 {
    let Some((before, _)) = text.split_once(word) else {
        return 0;
    };
    let digits = before.rsplit(|c: char| !c.is_ascii_digit()).next();
    digits.and_then(|d| d.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUN: &str = "\
running 3 tests
test a::good ... ok
test a::panics - should panic ... ok
test a::bad ... FAILED

failures:

---- a::bad stdout ----
    not a name, though indented

failures:
    a::bad
    a::garbled

test result: FAILED. 2 passed; 2 failed; 0 ignored; 0 measured; 7 filtered out

test result: ok. 5 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out";

    #[test]
    fn names_and_sums_are_read() {
        let report = Report::read(RUN.lines());
        assert_eq!(report.ok, ["a::good", "a::panics"]);
        assert_eq!(report.red, ["a::bad", "a::garbled"]);
        assert_eq!((report.passed, report.failed), (7, 2));
    }

    #[test]
    fn no_output_is_no_test() {
        assert_eq!(Report::read([]), Report::default());
    }
}
