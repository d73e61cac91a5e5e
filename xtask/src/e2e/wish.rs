//! What a run of the end-to-end tests is asked to do.

use std::path::PathBuf;

use crate::cluster::{NodeImage, Options};
use crate::failure::{Failure, Result, While};
use crate::images::Profile;

/// Where the scenarios run.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) enum Place {
    /// In a cluster that kind makes here.
    #[default]
    Kind,
    /// In somebody's, whose administrator's kubeconfig this is.
    Kubeconfig(PathBuf),
}

/// What is left at the end.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stays {
    #[default]
    Nothing,
    Cluster,
    /// The cluster, and the namespaces of failed scenarios in it.
    Failed,
}

#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Wish {
    pub(super) filters: Vec<String>,
    pub(super) place: Place,
    /// How images get into somebody's cluster: a command that takes an archive.
    pub(super) load: Option<String>,
    pub(super) stays: Stays,
    pub(super) profile: Profile,
    /// Only one in so many scenarios, chosen by the seed.
    pub(super) part: Option<(usize, String)>,
    /// Whether scenarios tell nothing until they fail.
    pub(super) captured: bool,
    pub(super) list: bool,
    /// Whether the hosts are made of our own node image, wherever it runs.
    pub(super) own_node_image: bool,
}

impl Wish {
    /// The cluster that kind is to make.
    pub(super) fn cluster(&self, name: &str) -> Options {
        Options {
            name: name.to_owned(),
            image: if self.own_node_image {
                NodeImage::Own
            } else {
                NodeImage::Either
            },
            kubeconfig: None,
        }
    }
}

pub(super) fn read(arguments: &[String]) -> Result<Wish> {
    let mut wish = Wish::default();
    let bad = |what: String| Failure::new(what).hint("cargo xtask help e2e");
    let (mut part, mut seed) = (None, None);
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        let mut value = || {
            let value = words.next().cloned();
            value.ok_or_else(|| bad(format!("{word} wants a value")))
        };
        match word.as_str() {
            "--keep" => wish.stays = Stays::Failed,
            "--keep-cluster" => wish.stays = Stays::Cluster,
            "--dev" => wish.profile = Profile::Dev,
            "--own-node-image" => wish.own_node_image = true,
            "--captured" => wish.captured = true,
            "--list" => wish.list = true,
            "--filter" => wish.filters.push(value()?),
            "--kubeconfig" => wish.place = Place::Kubeconfig(kubeconfig(&value()?)?),
            "--load" => wish.load = Some(value()?),
            "--part" => part = Some(value()?),
            "--seed" => seed = Some(value()?),
            flag if flag.starts_with('-') => return Err(bad(format!("there is no {flag}"))),
            filter => wish.filters.push(filter.to_owned()),
        }
    }
    wish.part = match (part, seed) {
        (None, None) => None,
        (Some(part), Some(seed)) => Some((
            one_in(&part).ok_or_else(|| bad(format!("--part {part}: expected 1/N")))?,
            seed,
        )),
        _ => return Err(bad("--part and --seed come together".to_owned())),
    };
    match wish.place {
        Place::Kind if wish.load.is_some() => {
            return Err(bad("--load comes with --kubeconfig".to_owned()));
        }
        Place::Kubeconfig(_) if wish.own_node_image => {
            return Err(bad(
                "--own-node-image is for a cluster that is made here".to_owned()
            ));
        }
        Place::Kind | Place::Kubeconfig(_) => {}
    }
    if wish.part.is_some() && !wish.filters.is_empty() {
        return Err(bad(
            "--part chooses by itself: no filters beside it".to_owned()
        ));
    }
    Ok(wish)
}

/// Where that file is from any folder: the scenarios run in another one than this.
fn kubeconfig(named: &str) -> Result<PathBuf> {
    let path = std::path::absolute(named).while_doing(|| format!("--kubeconfig {named}"))?;
    if path.is_file() {
        return Ok(path);
    }
    let said = format!("--kubeconfig {named}: there is no file {}", path.display());
    Err(Failure::new(said).hint("cargo xtask help e2e"))
}

fn one_in(part: &str) -> Option<usize> {
    part.strip_prefix("1/")?
        .parse()
        .ok()
        .filter(|many| *many > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish(words: &str) -> Result<Wish> {
        read(
            &words
                .split_whitespace()
                .map(str::to_owned)
                .collect::<Vec<_>>(),
        )
    }

    #[test]
    fn words_are_filters() {
        assert_eq!(wish("a --filter b").unwrap().filters, ["a", "b"]);
    }

    #[test]
    fn a_part_needs_its_seed_and_stands_alone() {
        assert_eq!(
            wish("--part 1/3 --seed x").unwrap().part,
            Some((3, "x".to_owned()))
        );
        for words in [
            "--part 1/3",
            "--seed x",
            "--part 2/3 --seed x",
            "--part 1/0 --seed x",
            "--part 1/3 --seed x a",
        ] {
            assert!(wish(words).is_err(), "{words}");
        }
    }

    #[test]
    fn what_would_be_passed_over_is_refused() {
        assert!(wish("--load cat").is_err());
        assert!(wish("--kubeconfig Cargo.toml --load cat").is_ok());
        assert!(wish("--kubeconfig Cargo.toml --own-node-image").is_err());
    }

    #[test]
    fn a_kubeconfig_is_found_from_any_folder_or_refused() {
        // Tests run in the package's folder.
        let Place::Kubeconfig(path) = wish("--kubeconfig Cargo.toml").unwrap().place else {
            panic!("a kubeconfig was named");
        };
        assert!(path.is_absolute() && path.ends_with("Cargo.toml"));
        assert!(wish("--kubeconfig /").is_err());
        let said = wish("--kubeconfig no/such").unwrap_err().to_string();
        assert!(said.contains("there is no file /"), "{said}");
    }
}
