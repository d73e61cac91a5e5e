//! The bundle: files that were looked through, bounded in size, packed as one.

use std::io;

use flate2::{Compression, write::GzEncoder};
use serde_json::Value;
use tar::{Builder, Header};

use crate::redact;

/// How large it may get, before it is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a file; what is longer loses its end.
    pub file: usize,
    /// Bytes of all files; those that come later are left out.
    pub all: usize,
    /// Files.
    pub files: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            file: 4 << 20,
            all: 256 << 20,
            files: 5_000,
        }
    }
}

/// What stands where a file was cut.
const CUT: &str = "\n[cut here: the file is longer]\n";

/// Something for a bundle, collected and not looked through yet.
#[derive(Clone, Debug, PartialEq)]
pub enum Piece {
    /// An object, with its path.
    Object(String, Value),
    /// A text, with its path.
    Text(String, String),
    /// What could not be collected, and why.
    Lack(String, String),
}

/// A bundle. Nothing gets into it but through the redaction.
#[derive(Debug)]
pub struct Bundle {
    folder: String,
    limits: Limits,
    files: Vec<(String, String)>,
    bytes: usize,
    lacks: Vec<(String, String)>,
    left_out: usize,
}

impl Bundle {
    /// An empty one; all files are in that folder.
    pub fn new(folder: &str, limits: Limits) -> Self {
        Self {
            folder: safe(folder),
            limits,
            files: Vec::new(),
            bytes: 0,
            lacks: Vec::new(),
            left_out: 0,
        }
    }

    /// Adds a piece.
    pub fn add(&mut self, piece: Piece) {
        match piece {
            Piece::Object(path, value) => self.object(&path, value),
            Piece::Text(path, text) => self.text(&path, &text),
            Piece::Lack(what, why) => self.lacks(&what, &why),
        }
    }

    /// Adds an object.
    pub fn object(&mut self, path: &str, mut value: Value) {
        redact::object(&mut value);
        self.file(path, format!("{value:#}\n"));
    }

    /// Adds a text.
    pub fn text(&mut self, path: &str, text: &str) {
        self.file(path, redact::text(text));
    }

    /// Notes what could not be collected, and why.
    pub fn lacks(&mut self, what: &str, why: &str) {
        let (what, why) = (redact::text(what), redact::text(why));
        self.lacks.push((what, why));
    }

    /// What could not be collected, with the reasons.
    pub fn lacking(&self) -> Vec<(String, String)> {
        let mut lacking = self.lacks.clone();
        if self.left_out > 0 {
            let why = format!("{} files more than the bundle may hold", self.left_out);
            lacking.push(("some files".to_owned(), why));
        }
        lacking
    }

    /// The names of the files so far.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.files.iter().map(|(name, _)| name.as_str())
    }

    fn file(&mut self, path: &str, mut content: String) {
        if content.len() > self.limits.file {
            content.truncate(content.floor_char_boundary(self.limits.file));
            content.push_str(CUT);
        }
        let is_full = self.files.len() >= self.limits.files;
        if is_full || self.bytes + content.len() > self.limits.all {
            self.left_out += 1;
            return;
        }
        self.bytes += content.len();
        self.files.push((safe(path), content));
    }

    /// All of it, as a compressed archive of that time, in seconds since 1970.
    pub fn pack(mut self, at: u64) -> io::Result<Vec<u8>> {
        for (place, (what, why)) in self.lacking().into_iter().enumerate() {
            let path = format!("not-collected/{place:03}-{}.txt", safe(&what));
            self.files.push((path, format!("{what}\n\n{why}\n")));
        }
        let packed = GzEncoder::new(Vec::new(), Compression::default());
        let mut archive = Builder::new(packed);
        for (path, content) in &self.files {
            let mut header = Header::new_gnu();
            header.set_size(content.len() as u64);
            header.set_mode(0o600);
            header.set_mtime(at);
            header.set_cksum();
            let path = format!("{}/{path}", self.folder);
            archive.append_data(&mut header, path, content.as_bytes())?;
        }
        archive.into_inner()?.finish()
    }
}

/// A path that stays within the folder, whatever names are in it.
fn safe(path: &str) -> String {
    let parts = path.split('/').map(|part| {
        let fits = |letter: char| match letter {
            letter if letter.is_ascii_alphanumeric() || "-_.".contains(letter) => letter,
            _ => '-',
        };
        let part: String = part.chars().take(100).map(fits).collect();
        if part.trim_matches('.').is_empty() {
            "-".to_owned()
        } else {
            part
        }
    });
    parts.collect::<Vec<_>>().join("/")
}
