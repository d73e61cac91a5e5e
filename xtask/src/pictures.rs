//! `pictures`: the pictures of the console in the documentation, drawn by the program itself from
//! the recording beside them.

use std::process::Command;

use crate::failure::{Failure, Result};
use crate::{process, test, workspace};

/// Each screen with the moment of the recording that shows it well. A test draws them again and
/// compares.
const PICTURES: [(&str, &str); 5] = [
    ("overview", "55s"),
    ("nodes", "55s"),
    ("pushes", "55s"),
    ("events", "55s"),
    ("replicas", "55s"),
];

pub(crate) fn run(arguments: &[String]) -> Result<()> {
    if let Some(argument) = arguments.first() {
        return Err(Failure::new(format!(
            "`cargo xtask pictures` takes no {argument}"
        )));
    }
    let (root, program) = (workspace::root()?, test::release_pushtop()?);
    for (screen, at) in PICTURES {
        let file = format!("docs/pictures/{screen}.svg");
        let mut draw = Command::new(&program);
        draw.current_dir(&root)
            .args([
                "--replay",
                "docs/demo.pmrec",
                "--at",
                at,
                "--screen",
                screen,
            ])
            .args(["--size", "100x30", "--snapshot", &file]);
        process::show(&mut draw)?;
        println!("{file}");
    }
    Ok(())
}
