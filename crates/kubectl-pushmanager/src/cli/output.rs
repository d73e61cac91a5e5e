//! Standard output. Whoever reads may have read enough: that is a good end.

use std::io::{self, ErrorKind, Write};

use serde::Serialize;

use super::Failed;

/// Prints a text and the end of its line.
pub(super) fn line(text: &str) -> Result<(), Failed> {
    said(write(text))
}

/// Prints a document.
pub(super) fn json(document: &impl Serialize) -> Result<(), Failed> {
    let text = serde_json::to_string_pretty(document).map_err(|error| Failed::running(&error))?;
    line(&text)
}

/// Writes a text and the end of its line at once.
pub(super) fn write(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.write_all(b"\n")?;
    out.flush()
}

/// What came of writing.
pub(super) fn said(written: io::Result<()>) -> Result<(), Failed> {
    match written {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => std::process::exit(0),
        Err(error) => Err(Failed {
            code: 1,
            text: format!("standard output: {error}"),
        }),
        Ok(()) => Ok(()),
    }
}
