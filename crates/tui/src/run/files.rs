//! Files that are written for people: never over one that is there.

use std::{
    io,
    path::{Path, PathBuf},
};

use tokio::{fs::OpenOptions, io::AsyncWriteExt};

/// Names that are tried.
const MOST_NAMES: u32 = 100;

/// Writes a new file, under that name or, where there is one, a numbered one. Gives the name.
pub(super) async fn write(path: &Path, text: &str) -> io::Result<PathBuf> {
    let mut number = 1;
    loop {
        let path = numbered(path, number);
        match OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&path)
            .await
        {
            Ok(mut file) => {
                file.write_all(text.as_bytes()).await?;
                file.flush().await?;
                return Ok(path);
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && number < MOST_NAMES => {
                number += 1;
            }
            Err(error) => return Err(error),
        }
    }
}

/// `a.csv`, `a-2.csv`, `a-3.csv` …
fn numbered(path: &Path, number: u32) -> PathBuf {
    if number == 1 {
        return path.to_owned();
    }
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let named = match path.extension() {
        Some(extension) => format!("{stem}-{number}.{}", extension.to_string_lossy()),
        None => format!("{stem}-{number}"),
    };
    path.with_file_name(named)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_file_that_is_there_is_left_alone_and_the_next_has_a_number() {
        let folder = std::env::temp_dir().join(format!("pushtop-files-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("nodes-1.csv");
        let names = [
            write(&path, "one").await.unwrap(),
            write(&path, "two").await.unwrap(),
            write(&path, "three").await.unwrap(),
        ];
        let named = names.each_ref().map(|path| path.file_name().unwrap());
        assert_eq!(named, ["nodes-1.csv", "nodes-1-2.csv", "nodes-1-3.csv"]);
        assert_eq!(std::fs::read_to_string(&names[0]).unwrap(), "one");
        assert_eq!(std::fs::read_to_string(&names[2]).unwrap(), "three");
        std::fs::remove_dir_all(folder).unwrap();
        assert!(write(&path, "no folder").await.is_err());
    }
}
