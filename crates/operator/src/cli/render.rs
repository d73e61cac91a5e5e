//! `render`: what PushManagers would become, without a cluster, for review.

use clap::Args;

use super::{Failed, Output, print, read::Files};
use crate::{
    api::PushManager,
    children::{self, Wanted},
    settings::settle,
};

/// Prints the objects that PushManagers would become.
#[derive(Debug, Args)]
pub(super) struct RenderOptions {
    #[command(flatten)]
    files: Files,
    /// Where images of versions are.
    #[arg(long, env = "IMAGE_REPOSITORY", default_value = "push-manager")]
    image_repository: String,
    /// How they are written.
    #[arg(short, long, value_enum, default_value_t)]
    output: Output,
}

pub(super) fn run(options: &RenderOptions) -> Result<(), Failed> {
    let mut objects = Vec::new();
    for document in options.files.read()? {
        let invalid = |problems: &[String]| Failed {
            code: 3,
            text: format!("{}: {}", document.place, problems.join("; ")),
        };
        let pm = document
            .read
            .as_ref()
            .map_err(|problems| invalid(problems))?;
        objects.extend(rendered(pm, &options.image_repository).map_err(|p| invalid(&p))?);
    }
    print::objects(&objects, options.output)
}

/// All children, those of optional kinds as well.
pub(crate) fn rendered(
    pm: &PushManager,
    repository: &str,
) -> Result<Vec<serde_json::Value>, Vec<String>> {
    let name = pm.metadata.name.clone().unwrap_or_default();
    let settings = settle(&name, &pm.spec, repository).map_err(|invalid| invalid.problems)?;
    let replicas = match &pm.spec.autoscaling {
        Some(scaling) => pm
            .spec
            .replicas
            .max(scaling.min_replicas)
            .min(scaling.max_replicas),
        None => pm.spec.replicas,
    };
    let wanted = Wanted {
        name: &name,
        namespace: pm.metadata.namespace.as_deref().unwrap_or("default"),
        // They are nobody's yet: with a made-up owner Kubernetes would delete them.
        uid: None,
        spec: &pm.spec,
        settings: &settings,
        replicas: Some(replicas),
    };
    Ok(children::all()
        .filter_map(|child| child.object(&wanted))
        .collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_rendered_names_no_owner() {
        // As it is read back from a cluster.
        let pm = json!({
            "apiVersion": "pushmanager.io/v1alpha1", "kind": "PushManager",
            "metadata": {"name": "push", "namespace": "shop", "uid": "pm-1"},
            "spec": {
                "etcd": {"endpoints": ["etcd:2379"]}, "controller": {"address": "controller:50051"},
            },
        });
        let pm: PushManager = serde_json::from_value(pm).unwrap();
        let objects = rendered(&pm, "push-manager").unwrap();
        assert!(objects.len() > 4);
        for object in objects {
            let metadata = object["metadata"].as_object().unwrap();
            assert!(!metadata.contains_key("ownerReferences"), "{object}");
        }
    }
}
