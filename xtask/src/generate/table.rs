//! A chart's values as Markdown, from `values.yaml`: the comment above a value is its row, a
//! `## Title` begins a table. It reads the YAML that our own files use, no more.

/// A value that was read.
#[derive(Debug, PartialEq, Eq)]
struct Row {
    path: String,
    default: String,
    about: String,
}

/// The tables, or what of the file can't be told.
pub(super) fn markdown(values: &str) -> Result<String, String> {
    let mut text = String::new();
    for (title, rows) in sections(values)? {
        text.extend(["\n### ", &title, "\n\n"]);
        text.push_str("| value | default | what it does |\n|---|---|---|\n");
        for Row {
            path,
            default,
            about,
        } in rows
        {
            let about = about.replace('|', "\\|");
            let row = format!("| `{path}` | `{default}` | {about} |\n");
            text.push_str(&row);
        }
    }
    Ok(text)
}

fn sections(values: &str) -> Result<Vec<(String, Vec<Row>)>, String> {
    let mut sections: Vec<(String, Vec<Row>)> = Vec::new();
    let (mut above, mut about) = (Vec::new(), String::new());
    let mut lines = values.lines().peekable();
    while let Some(line) = lines.next() {
        let (indent, rest) = (line.len() - line.trim_start().len(), line.trim_start());
        if let Some(title) = rest.strip_prefix("## ") {
            sections.push((title.to_owned(), Vec::new()));
        } else if let Some(comment) = rest.strip_prefix("# ") {
            about = join(&about, comment);
            continue;
        } else if let Some((key, value)) = rest.split_once(':') {
            above.truncate(indent / 2);
            above.push(key.to_owned());
            let path = above.join(".");
            let mut default = value.trim().to_owned();
            if default.is_empty() && !about.is_empty() {
                // The lines below are the default, on one line.
                while let Some(below) = lines.next_if(|next| is_below(next, indent)) {
                    default = join(&default, below.trim());
                }
            }
            match (default.is_empty(), about.is_empty(), sections.last_mut()) {
                // An object whose values are told one by one.
                (true, true, _) => {}
                (false, false, Some((_, rows))) => rows.push(Row {
                    path,
                    default,
                    about: std::mem::take(&mut about),
                }),
                (false, true, _) => return Err(format!("{path} has no comment above it")),
                (true, false, _) => return Err(format!("{path} has a comment, but no default")),
                (_, _, None) => return Err(format!("{path} stands below no `## Title`")),
            }
        }
        about.clear();
    }
    Ok(sections)
}

/// Whether a line belongs to the value of a key that is so far in.
fn is_below(line: &str, indent: usize) -> bool {
    let rest = line.trim_start();
    !rest.is_empty() && !rest.starts_with('#') && line.len() - rest.len() > indent
}

fn join(text: &str, more: &str) -> String {
    if text.is_empty() {
        more.to_owned()
    } else {
        format!("{text} {more}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comment_above_is_the_row_of_what_is_below() {
        let values = "# About the file.\n\n## First\n\n# How | many.\nreplicas: 2\nimage:\n  # The\n  # tag.\n  tag: \"\"\n\n## Second\n\n# All of it.\nresources:\n  requests: {cpu: 1}\n";
        let text = markdown(values).unwrap();
        for row in [
            "### First",
            "| `replicas` | `2` | How \\| many. |",
            "| `image.tag` | `\"\"` | The tag. |",
            "| `resources` | `requests: {cpu: 1}` | All of it. |",
        ] {
            assert!(text.contains(row), "{row} is missing in {text}");
        }
        assert!(!text.contains("About the file"));
    }

    #[test]
    fn a_value_that_nobody_tells_of_is_an_error() {
        let said = markdown("## T\na:\n  # Told.\n  b: 1\n  c: 2\n").unwrap_err();
        assert_eq!(said, "a.c has no comment above it");
    }
}
