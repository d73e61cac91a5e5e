//! What the command line of `cluster` asks for.

use std::path::PathBuf;

use super::{NodeImage, Options};
use crate::failure::{Failure, Result};

/// The cluster's name where none is given.
const NAME: &str = "push-manager";

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wish {
    pub(super) action: Action,
    pub(super) options: Options,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Action {
    Create,
    Delete,
    Status,
    /// Puts the images of an archive on the nodes.
    Load(PathBuf),
}

pub(super) fn wish(arguments: &[String]) -> Result<Wish> {
    let (action, mut rest) = match arguments.split_first() {
        Some((word, rest)) if word == "create" => (Action::Create, rest),
        Some((word, rest)) if word == "delete" => (Action::Delete, rest),
        Some((word, rest)) if word == "status" => (Action::Status, rest),
        Some((word, [archive, rest @ ..])) if word == "load" => {
            (Action::Load(archive.into()), rest)
        }
        _ => return Err(misread("wants create, delete, status or load ARCHIVE")),
    };
    let mut options = Options {
        name: NAME.to_owned(),
        image: NodeImage::Either,
        kubeconfig: None,
    };
    let creates = action == Action::Create;
    while let Some((flag, after)) = rest.split_first() {
        let Some((value, after)) = after.split_first() else {
            return Err(misread(&format!("knows no {flag} without a value")));
        };
        match (flag.as_str(), value.as_str()) {
            ("--name", name) => name.clone_into(&mut options.name),
            ("--image", image) if creates => options.image = NodeImage::Named(image.to_owned()),
            ("--node-image", "own") if creates => options.image = NodeImage::Own,
            ("--kubeconfig", path) => options.kubeconfig = Some(path.into()),
            _ => return Err(misread(&format!("knows no {flag} {value} here"))),
        }
        rest = after;
    }
    Ok(Wish { action, options })
}

fn misread(what: &str) -> Failure {
    Failure::new(format!("`cargo xtask cluster` {what}")).hint("cargo xtask help cluster")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(words: &str) -> Result<Wish> {
        let words: Vec<String> = words.split_whitespace().map(str::to_owned).collect();
        wish(&words)
    }

    #[test]
    fn a_bare_create_takes_the_image_that_can_be_had() {
        let Wish { action, options } = asked("create").unwrap();
        assert_eq!(action, Action::Create);
        assert_eq!(options.name, NAME);
        assert_eq!(options.image, NodeImage::Either);
        assert_eq!(options.kubeconfig, None);
    }

    #[test]
    fn flags_of_create_are_read() {
        let options = asked("create --name a --image b:1 --kubeconfig c").unwrap();
        let expected = Options {
            name: "a".to_owned(),
            image: NodeImage::Named("b:1".to_owned()),
            kubeconfig: Some("c".into()),
        };
        assert_eq!(options.options, expected);
        let own = asked("create --node-image own").unwrap();
        assert_eq!(own.options.image, NodeImage::Own);
    }

    #[test]
    fn an_archive_is_loaded_into_the_cluster_that_is_named() {
        let Wish { action, options } = asked("load a.tar --name b").unwrap();
        assert_eq!(action, Action::Load("a.tar".into()));
        assert_eq!(options.name, "b");
    }

    #[test]
    fn what_is_misread_is_told() {
        assert!(asked("").is_err());
        assert!(asked("load").is_err());
        assert!(asked("create --name").is_err());
        assert!(asked("create --node-image other").is_err());
        assert!(asked("delete --image b:1").is_err());
        assert!(asked("delete a").is_err());
    }
}
