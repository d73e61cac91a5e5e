//! The configuration file: from a YAML tree to knobs and what was given for them.

use std::collections::HashMap;

use crate::error::{Fault, Problem, Problems};
use crate::given::{Given, plain, quote};
use crate::knob::Knob;
use crate::knobs::SECTIONS;
use crate::nearest::nearest_key;
use crate::origin::Origin;
use crate::sources::File;
use crate::tree::{self, Node, Yaml};

/// The largest file taken, in bytes.
pub const MAX_FILE_BYTES: usize = 1 << 20;

/// A knob that the file sets.
pub(crate) struct Entry {
    pub(crate) knob: &'static Knob,
    pub(crate) given: Given,
    pub(crate) origin: Origin,
}

/// Takes a file apart, reporting what fits nowhere.
pub(crate) fn entries(file: &File, problems: &mut Problems) -> Vec<Entry> {
    let mut walk = Walk {
        file,
        problems,
        seen: HashMap::new(),
        entries: Vec::new(),
    };
    if file.text.len() > MAX_FILE_BYTES {
        let size = file.text.len();
        walk.unreadable(
            0,
            format!("{size} bytes long, more than the {MAX_FILE_BYTES} allowed"),
        );
        return walk.entries;
    }
    match tree::read(&file.text) {
        Ok(root) => walk.root(&root),
        Err(error) => walk.unreadable(error.line, error.what),
    }
    walk.entries
}

struct Walk<'a> {
    file: &'a File,
    problems: &'a mut Problems,
    seen: HashMap<String, u64>,
    entries: Vec<Entry>,
}

impl Walk<'_> {
    fn root(&mut self, root: &Node) {
        let what = match &root.value {
            Yaml::Null => return,
            Yaml::Map(map) => return self.map("", map),
            Yaml::List(_) => "a list",
            Yaml::Text(_) | Yaml::Plain(_) => "a single text",
        };
        let what = format!("holds {what}, expected sections such as grpc: with keys below them");
        self.unreadable(root.referenced.line(), what);
    }

    fn map(&mut self, prefix: &str, map: &[(tree::Key, Node)]) {
        for (key, node) in map {
            if self.problems.full() {
                return;
            }
            let path = match prefix {
                "" => key.value.clone(),
                prefix => format!("{prefix}.{}", key.value),
            };
            let line = key.referenced.line();
            if let Some(first) = self.seen.insert(path.clone(), line) {
                self.report(line, &path, Fault::Duplicate { first });
            } else if let Some(knob) = crate::knob(&path) {
                self.knob(knob, line, node);
            } else if SECTIONS.iter().any(|(name, _)| *name == path) {
                self.section(&path, line, node);
            } else {
                let nearest = nearest_key(&path).map(ToOwned::to_owned);
                self.report(line, &path, Fault::UnknownKey { nearest });
            }
        }
    }

    fn section(&mut self, name: &str, line: u64, node: &Node) {
        let given = match &node.value {
            Yaml::Null => return,
            Yaml::Map(map) => return self.map(name, map),
            Yaml::List(_) => "a list".to_owned(),
            Yaml::Text(text) | Yaml::Plain(text) => quote(text),
        };
        let keys: Vec<&str> = crate::knobs()
            .iter()
            .filter(|knob| knob.section() == name)
            .map(Knob::name)
            .collect();
        let fault = Fault::BadValue {
            given,
            expected: format!("a section with keys of {}", keys.join(", ")),
            hint: None,
        };
        self.report(line, name, fault);
    }

    fn knob(&mut self, knob: &'static Knob, line: u64, node: &Node) {
        let given = match &node.value {
            Yaml::Null => return,
            Yaml::Map(_) => Err("a mapping"),
            Yaml::List(list) => self.list(list).ok_or("a list of other things than texts"),
            Yaml::Text(_) | Yaml::Plain(_) => {
                let text = tree::scalar(&self.file.text, node).unwrap_or_default();
                Ok(Given::Text(text.to_owned()))
            }
        };
        match given {
            Ok(given) => self.entries.push(Entry {
                knob,
                given,
                origin: self.at(line),
            }),
            Err(what) => {
                let fault = Fault::BadValue {
                    given: what.to_owned(),
                    expected: knob.expected(),
                    hint: None,
                };
                self.report(line, knob.key, fault);
            }
        }
    }

    fn list(&self, list: &[Node]) -> Option<Given> {
        list.iter()
            .map(|node| tree::scalar(&self.file.text, node).map(ToOwned::to_owned))
            .collect::<Option<Vec<String>>>()
            .map(Given::List)
    }

    fn unreadable(&mut self, line: u64, what: String) {
        self.report(line, "", Fault::Unreadable { what });
    }

    fn report(&mut self, line: u64, key: &str, fault: Fault) {
        let origin = self.at(line);
        self.problems.push(Problem {
            origin,
            key: plain(key),
            fault,
        });
    }

    fn at(&self, line: u64) -> Origin {
        Origin::File {
            name: self.file.name.clone(),
            line,
        }
    }
}
