//! The cache for built tools and scratch copies, addressed by content.
//!
//! A name in the cache holds a hash of everything that decides the content, so
//! nothing in it is ever updated: it is there, whole, or it is not. It may be
//! deleted at any time.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use crate::failure::{Failure, Result, While};

/// The folder of the cache's given part, made when missing:
/// `${XDG_CACHE_HOME:-~/.cache}/push-manager/PART`.
pub(crate) fn folder(part: &str) -> Result<PathBuf> {
    let base = std::env::var_os("XDG_CACHE_HOME")
        .filter(|value| !value.is_empty())
        .map(PathBuf::from)
        .or_else(|| std::env::home_dir().map(|home| home.join(".cache")))
        .ok_or_else(|| {
            Failure::new("there is no folder for the cache")
                .hint("set HOME or XDG_CACHE_HOME to a folder you may write to")
        })?;
    let folder = base.join("push-manager").join(part);
    make(&folder)?;
    Ok(folder)
}

pub(crate) fn make(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).while_doing(|| format!("making the folder {}", folder.display()))
}

/// Holds off other runs that want the same name, until dropped. A run that
/// dies lets go: the operating system drops the lock with the file.
pub(crate) fn lock(folder: &Path, name: &str) -> Result<File> {
    let path = folder.join(format!("{name}.lock"));
    let doing = || format!("locking {}", path.display());
    let file = File::create(&path).while_doing(doing)?;
    if file.try_lock().is_err() {
        eprintln!("    another run is busy with {name}; waiting for it");
        file.lock().while_doing(doing)?;
    }
    Ok(file)
}

/// A short name for some content (64-bit FNV-1a). Each part is preceded by its
/// length, so that moving bytes from one part to the next changes the name.
pub(crate) fn content_name<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> String {
    let mut hash = Fnv::new();
    for part in parts {
        hash.add(&(part.len() as u64).to_le_bytes());
        hash.add(part);
    }
    format!("{:016x}", hash.0)
}

struct Fnv(u64);

impl Fnv {
    const fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    fn add(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_fnv_1a() {
        let mut hash = Fnv::new();
        hash.add(b"foobar");
        assert_eq!(hash.0, 0x8594_4171_f739_67e8);
    }

    #[test]
    fn moving_a_byte_between_parts_changes_the_name() {
        let split_late: [&[u8]; 2] = [b"ab", b"c"];
        let split_early: [&[u8]; 2] = [b"a", b"bc"];
        assert_ne!(content_name(split_late), content_name(split_early));
    }
}
