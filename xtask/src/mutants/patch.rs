//! A patch and its header: what it breaks, and which test must see it.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::failure::{Failure, Result, While};

/// How long a patched test may take before it counts as hung.
const LIMIT: Duration = Duration::from_mins(5);
/// The same on a real cluster, which may have to be made first.
const SCENARIO_LIMIT: Duration = Duration::from_mins(20);
/// What a scenario is named by.
const SCENARIO: &str = "cargo xtask e2e ";

#[derive(Debug)]
pub(crate) struct Patch {
    pub(crate) name: String,
    pub(crate) file: PathBuf,
    pub(crate) breaks: String,
    pub(crate) caught_by: CaughtBy,
    /// What the test says when it fails for this reason and no other.
    pub(crate) says: Option<String>,
    /// Whether a hang is how the broken promise shows.
    pub(crate) by_timeout: bool,
    pub(crate) limit: Duration,
    /// The files that it changes.
    pub(crate) touches: Vec<PathBuf>,
}

/// `cargo test CARGO… -- TEST FLAGS…`, or `cargo xtask e2e TEST`
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CaughtBy {
    /// Whether it is a scenario on a real cluster.
    pub(crate) scenario: bool,
    pub(crate) cargo: Vec<String>,
    pub(crate) test: String,
    pub(crate) flags: Vec<String>,
}

impl fmt::Display for CaughtBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.scenario {
            return write!(f, "{SCENARIO}{}", self.test);
        }
        let words = self.cargo.iter().map(String::as_str);
        let words = words.chain(["--", &self.test]);
        let words = words.chain(self.flags.iter().map(String::as_str));
        let words: Vec<_> = words.collect();
        write!(f, "cargo test {}", words.join(" "))
    }
}

/// All patches of a folder, by name.
pub(crate) fn all(folder: &Path) -> Result<Vec<Patch>> {
    let doing = || format!("reading the folder {}", folder.display());
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).while_doing(doing)? {
        let path = entry.while_doing(doing)?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "patch")
        {
            files.push(path);
        }
    }
    files.sort();
    files
        .into_iter()
        .map(|file| {
            let text =
                fs::read_to_string(&file).while_doing(|| format!("reading {}", file.display()))?;
            parse(&file, &text)
        })
        .collect()
}

pub(super) fn parse(file: &Path, text: &str) -> Result<Patch> {
    let wrong = |what: &str| {
        Failure::new(format!("{}: {what}", file.display()))
            .hint("cargo xtask help mutants shows the header")
    };
    let header = |key: &str| {
        let start = format!("# {key}");
        let lines = text.lines().take_while(|line| line.starts_with('#'));
        lines
            .filter_map(|line| line.strip_prefix(&start))
            .find(|rest| rest.is_empty() || rest.starts_with(':'))
            .map(|rest| rest.trim_start_matches(':').trim())
    };
    let breaks = header("breaks").filter(|words| !words.is_empty());
    let caught_by = header("caught-by").ok_or_else(|| wrong("has no line `# caught-by: …`"))?;
    let caught_by = command(caught_by).ok_or_else(|| {
        wrong(
            "caught-by reads `cargo test ARGUMENTS -- ONE_TEST_NAME [--flags]` \
             or `cargo xtask e2e ONE_SCENARIO`",
        )
    })?;
    let timeout = header("caught-by-timeout");
    let limit = match timeout.filter(|seconds| !seconds.is_empty()) {
        Some(seconds) => seconds
            .parse()
            .map(Duration::from_secs)
            .map_err(|_| wrong("caught-by-timeout takes whole seconds, or nothing"))?,
        None if caught_by.scenario => SCENARIO_LIMIT,
        None => LIMIT,
    };
    let touches = touched(text);
    if touches.is_empty() {
        return Err(wrong(
            "changes no file: it wants a unified diff with a/ and b/ paths",
        ));
    }
    Ok(Patch {
        name: file
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned(),
        file: file.to_path_buf(),
        breaks: breaks
            .ok_or_else(|| wrong("has no line `# breaks: …`"))?
            .to_owned(),
        caught_by,
        says: header("says").map(str::to_owned),
        by_timeout: timeout.is_some(),
        limit,
        touches,
    })
}

fn command(line: &str) -> Option<CaughtBy> {
    if let Some(test) = line.strip_prefix(SCENARIO) {
        let one = !test.is_empty() && !test.contains(char::is_whitespace);
        return one.then(|| CaughtBy {
            scenario: true,
            cargo: Vec::new(),
            test: test.to_owned(),
            flags: Vec::new(),
        });
    }
    let (cargo, runner) = line.strip_prefix("cargo test ")?.split_once(" -- ")?;
    let owned = |words: &str| words.split_whitespace().map(str::to_owned).collect();
    let (flags, mut names): (Vec<String>, Vec<String>) = runner
        .split_whitespace()
        .map(str::to_owned)
        .partition(|w| w.starts_with('-'));
    let test = names.pop()?;
    names.is_empty().then(|| CaughtBy {
        scenario: false,
        cargo: owned(cargo),
        test,
        flags,
    })
}

/// The files named by the diff, before and after.
fn touched(text: &str) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = text
        .lines()
        .filter_map(|line| {
            let old = line.strip_prefix("--- a/");
            old.or_else(|| line.strip_prefix("+++ b/"))
        })
        .map(|path| PathBuf::from(path.split('\t').next().unwrap_or(path)))
        .collect();
    files.dedup();
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
# breaks: the revision of the list is ignored
# caught-by: cargo test -p push-manager --test discovery -- watch_starts --exact
--- a/crates/server/src/a.rs
+++ b/crates/server/src/a.rs
@@ -1 +1 @@
-one
+# caught-by-timeout
";

    fn read(text: &str) -> Result<Patch> {
        parse(Path::new("x/unread-revision.patch"), text)
    }

    #[test]
    fn the_header_is_read() {
        let patch = read(TEXT).unwrap();
        assert_eq!(patch.name, "unread-revision");
        assert_eq!(patch.breaks, "the revision of the list is ignored");
        assert_eq!(
            patch.caught_by.cargo,
            ["-p", "push-manager", "--test", "discovery"]
        );
        assert_eq!(patch.caught_by.test, "watch_starts");
        assert_eq!(patch.caught_by.flags, ["--exact"]);
        assert_eq!(patch.touches, [PathBuf::from("crates/server/src/a.rs")]);
    }

    #[test]
    fn what_the_test_says_may_be_told() {
        assert_eq!(read(TEXT).unwrap().says, None);
        let told = read(&format!("# says: the list: 3\n{TEXT}")).unwrap();
        assert_eq!(told.says.as_deref(), Some("the list: 3"));
    }

    #[test]
    fn only_the_header_is_the_header() {
        assert!(!read(TEXT).unwrap().by_timeout);
        let hangs = read(&format!("# caught-by-timeout: 20\n{TEXT}")).unwrap();
        assert!(hangs.by_timeout);
        assert_eq!(hangs.limit, Duration::from_secs(20));
        assert_eq!(
            read(&format!("# caught-by-timeout\n{TEXT}")).unwrap().limit,
            LIMIT
        );
    }

    #[test]
    fn a_header_that_proves_nothing_is_refused() {
        for (from, to) in [
            ("# breaks: the", "# the"),
            ("# caught-by: cargo test", "# caught-by: true"),
            ("-- watch_starts --exact", ""),
            ("-- watch_starts --exact", "-- --exact"),
            ("-- watch_starts --exact", "-- one two"),
            ("/crates", "crates"),
        ] {
            assert!(read(&TEXT.replace(from, to)).is_err(), "{to}");
        }
    }

    #[test]
    fn a_command_is_shown_as_it_was_written() {
        for line in [
            "cargo test -p x --lib -- a_test --exact",
            "cargo xtask e2e a::scenario",
        ] {
            assert_eq!(command(line).unwrap().to_string(), line);
        }
    }

    #[test]
    fn a_scenario_has_more_time() {
        let text = TEXT.replace(
            "cargo test -p push-manager --test discovery -- watch_starts --exact",
            "cargo xtask e2e faults::a_claim",
        );
        let patch = read(&text).unwrap();
        assert!(patch.caught_by.scenario);
        assert_eq!(patch.limit, SCENARIO_LIMIT);
    }
}
