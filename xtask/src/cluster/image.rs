//! Which node image a cluster is made of.

use std::time::Duration;

use crate::engine::Engine;
use crate::failure::{Failure, Result};
use crate::process::{self, End};
use crate::{cache, node_image};

/// kind's own image of v1.34.3: of the released ones the nearest to what is pinned.
const RELEASED: &str =
    "kindest/node@sha256:08497ee19eace7b4b5348db5c6a1591d7752b164530a36f855cb0f2bdcbadd48";
/// How long the registry may take to say that it has it.
const ANSWER: Duration = Duration::from_secs(20);

/// A wish for a node image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NodeImage {
    /// The released one where it can be had, else our own.
    Either,
    /// Our own, built from Debian's packages and Go modules.
    Own,
    /// This one, which is there or can be pulled.
    Named(String),
}

/// The name of the image, which is in the engine after this or will be pulled.
pub(super) fn ready(engine: &Engine, wish: &NodeImage) -> Result<String> {
    match wish {
        NodeImage::Named(image) => Ok(image.clone()),
        NodeImage::Own => node_image::ready(engine),
        NodeImage::Either => match released(engine) {
            Ok(image) => {
                eprintln!("    the released node image: {image}");
                Ok(image)
            }
            Err(failure) => {
                eprintln!("    the released node image can't be had here: {failure}");
                eprintln!("    our own instead, see tests/e2e/node/README.md");
                node_image::ready(engine)
            }
        },
    }
}

/// Whether the released image is there, or comes.
fn released(engine: &Engine) -> Result<String> {
    if node_image::present(engine, RELEASED) {
        return Ok(RELEASED.to_owned());
    }
    if engine.is_our_own() {
        return Err(Failure::new("our own engine reaches no registry"));
    }
    let log = cache::folder("clusters")?.join("registry.log");
    let mut ask = engine.docker();
    ask.args(["manifest", "inspect", RELEASED]);
    match process::logged("asking the registry", &mut ask, &log, Some(ANSWER))? {
        End::Exited(status) if status.success() => {}
        End::Exited(_) => return Err(Failure::new(last_line(&process::tail(&log)))),
        End::TimedOut => {
            let time = process::took(ANSWER);
            return Err(Failure::new(format!("no registry answered for {time}")));
        }
    }
    process::show(engine.docker().args(["pull", RELEASED]))?;
    Ok(RELEASED.to_owned())
}

/// A registry's complaint without the mark that a log's end has.
fn last_line(tail: &str) -> String {
    let line = tail.lines().last().unwrap_or("no reason was told");
    line.trim_start_matches(['|', ' ']).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_is_what_was_said_last() {
        assert_eq!(
            last_line("    | warning\n    | no such host"),
            "no such host"
        );
        assert_eq!(last_line(""), "no reason was told");
    }
}
