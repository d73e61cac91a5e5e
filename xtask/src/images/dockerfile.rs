//! Whether the images that `Dockerfile` makes are those that are made here, as far as reading it tells.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::archive::{self, Source};
use super::{PRODUCTS, Product, contents};
use crate::workspace;

/// One `FROM` and what follows.
#[derive(Debug, Default)]
struct Stage {
    name: String,
    /// What its variables stand for.
    arguments: BTreeMap<String, String>,
    /// What is configured, in the words of an image's configuration.
    config: Map<String, Value>,
    /// Files copied out of the build, by where they are put.
    copied: Vec<String>,
}

impl Stage {
    fn follow(&mut self, outer: &BTreeMap<String, String>, word: &str, rest: &str) {
        let rest = self.filled(rest);
        match word {
            "ARG" => {
                let (name, value) = argument(&rest);
                let value = value.or_else(|| outer.get(name).cloned());
                self.arguments
                    .insert(name.to_owned(), value.unwrap_or_default());
            }
            "LABEL" => {
                let labels = words(&rest).into_iter().map(|label| {
                    let (name, value) = label.split_once('=').unwrap();
                    (name.to_owned(), json!(value))
                });
                self.set("Labels", labels.collect::<Map<_, _>>().into());
            }
            "ENV" => self.set("Env", json!([rest])),
            "USER" => self.set("User", json!(rest)),
            "EXPOSE" => {
                let ports = words(&rest).into_iter();
                let ports = ports.map(|port| (format!("{port}/tcp"), json!({})));
                self.set("ExposedPorts", ports.collect::<Map<_, _>>().into());
            }
            "ENTRYPOINT" => self.set("Entrypoint", serde_json::from_str(&rest).unwrap()),
            "COPY" if rest.starts_with("--from=build ") => self.copy(&words(&rest)[1..]),
            _ => assert_eq!(
                self.name, "build",
                "{word} {rest}: what is that to an image?"
            ),
        }
    }

    fn set(&mut self, name: &str, value: Value) {
        assert_eq!(self.config.insert(name.to_owned(), value), None, "{name}");
    }

    fn copy(&mut self, words: &[String]) {
        let (to, from) = words.split_last().unwrap();
        for file in from {
            let name = file.strip_prefix("/out/").unwrap();
            let into = to.strip_suffix(name).unwrap_or(to);
            assert_eq!(into, "/", "{file} goes to {to}");
            self.copied.push(name.to_owned());
        }
        self.copied.sort();
    }

    fn filled(&self, text: &str) -> String {
        let known = self.arguments.iter();
        known.fold(text.to_owned(), |text, (name, value)| {
            text.replace(&format!("${{{name}}}"), value)
        })
    }
}

fn argument(text: &str) -> (&str, Option<String>) {
    match text.split_once('=') {
        Some((name, value)) => (name, Some(value.to_owned())),
        None => (text, None),
    }
}

/// Words between blanks; what quotes hold is of one word.
fn words(text: &str) -> Vec<String> {
    let mut quoted = false;
    let ends = |c: char| {
        quoted ^= c == '"';
        c == ' ' && !quoted
    };
    let words = text.split(ends).filter(|word| !word.is_empty());
    words.map(|word| word.replace('"', "")).collect()
}

fn text() -> String {
    std::fs::read_to_string(workspace::root().unwrap().join("Dockerfile")).unwrap()
}

fn stages() -> Vec<Stage> {
    let text = text();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let joined = lines.collect::<Vec<_>>().join("\n").replace("\\\n", " ");
    let (mut outer, mut stages) = (BTreeMap::new(), Vec::<Stage>::new());
    for line in joined.lines().filter(|line| !line.is_empty()) {
        let (word, rest) = line.split_once(' ').unwrap();
        match (word, stages.last_mut()) {
            ("FROM", _) => stages.push(Stage {
                name: rest.split_once(" AS ").unwrap().1.to_owned(),
                ..Stage::default()
            }),
            (_, Some(stage)) => stage.follow(&outer, word, rest),
            (_, None) => {
                let (name, value) = argument(rest);
                outer.insert(name.to_owned(), value.unwrap());
            }
        }
    }
    stages
}

#[test]
fn each_image_of_the_dockerfile_is_configured_as_ours() {
    let stages = stages();
    for product in PRODUCTS {
        let stage = stages.iter().find(|stage| stage.name == product.name);
        let stage = stage.unwrap_or_else(|| panic!("no target {}", product.name));
        let mut ours = archive::config(product, &Source::unknown(), "")["config"].take();
        // Where none is named, engines take it.
        assert_eq!(
            ours.as_object_mut().unwrap().remove("WorkingDir"),
            Some(json!("/"))
        );
        assert_eq!(Value::Object(stage.config.clone()), ours);
        let mut programs = vec!["etc/"];
        programs.extend(product.programs);
        programs.sort_unstable();
        assert_eq!(stage.copied, programs, "{}", product.name);
    }
    assert_eq!(stages.len(), PRODUCTS.len() + 1);
    // What a build without a target makes.
    assert_eq!(stages.last().unwrap().name, PRODUCTS[0].name);
}

#[test]
fn its_files_beside_programs_are_ours() {
    let none = Product {
        programs: &[],
        ..PRODUCTS[0]
    };
    let text = text();
    for (path, _, bytes) in contents(&none, "".as_ref()).unwrap() {
        let line = String::from_utf8(bytes).unwrap();
        let echo = format!("echo '{}' > /out/{path};", line.trim_end());
        assert!(text.contains(&echo), "{echo}");
    }
}
