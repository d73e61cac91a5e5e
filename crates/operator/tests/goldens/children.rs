//! Each child of each variant.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use push_manager_operator::{
    api::PushManager,
    children::{self, Child, Wanted},
    knobs,
    settings::settle,
    yaml,
};
use serde_json::Value;

/// The variant that the others are told apart from.
const SMALLEST: &str = "minimal";
/// What the shipped dashboard's text is replaced with: it is golden enough in its own file.
const DASHBOARD: &str = include_str!("../../assets/dashboard.json");

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens")
}

/// The PushManagers: those of the examples, and one in each folder beside this file.
fn variants() -> BTreeMap<String, PushManager> {
    let examples = folder().join("../../../../examples");
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            files.insert(name, path.join("spec.yaml"));
        }
    }
    for name in [SMALLEST, "production"] {
        files.insert(name.to_owned(), examples.join(format!("{name}.yaml")));
    }
    let read = |(name, file): (String, PathBuf)| {
        let text = fs::read_to_string(&file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        let object = yaml::read(&text).unwrap().remove(0);
        let unknown = push_manager_operator::crd::form_problems(&object);
        assert!(unknown.is_empty(), "{name}: {unknown:?}");
        (name, serde_json::from_value(object).unwrap())
    };
    files.into_iter().map(read).collect()
}

/// The children of one, by the names of their goldens.
fn rendered(pm: &PushManager) -> BTreeMap<String, String> {
    let name = pm.metadata.name.as_deref().unwrap();
    let mut settings = settle(name, &pm.spec, "registry.example/push-manager").unwrap();
    if pm.spec.image.is_none() && pm.spec.version == env!("CARGO_PKG_VERSION") {
        // A release changes no golden.
        "registry.example/push-manager:VERSION".clone_into(&mut settings.image);
    }
    let wanted = Wanted {
        name,
        namespace: pm.metadata.namespace.as_deref().unwrap_or("shop"),
        uid: Some("6b3f2a54-0000-4000-8000-000000000001"),
        spec: &pm.spec,
        settings: &settings,
        replicas: pm.spec.autoscaling.is_none().then_some(pm.spec.replicas),
    };
    let built =
        children::all().filter_map(|child| Some((golden(child), text(child.object(&wanted)?))));
    built.collect()
}

/// The name of a child's goldens.
fn golden(child: &Child) -> String {
    format!("{}{}", child.kind.kind, child.suffix)
}

fn text(mut object: Value) -> String {
    if let Some(dashboard) = object.pointer_mut("/data/push-manager.json") {
        assert_eq!(dashboard.as_str(), Some(DASHBOARD));
        *dashboard = "as in assets/dashboard.json".into();
    }
    yaml::write(&object).unwrap()
}

/// What each variant's folder must hold: all of the smallest, and what differs from that.
fn expected() -> BTreeMap<String, BTreeMap<String, String>> {
    let rendered: BTreeMap<_, _> = variants()
        .iter()
        .map(|(name, pm)| (name.clone(), rendered(pm)))
        .collect();
    let smallest = rendered[SMALLEST].clone();
    let differs = |variant: &str, child: &String, text: &String| {
        variant == SMALLEST || smallest.get(child) != Some(text)
    };
    let mut expected = rendered;
    for (variant, children) in &mut expected {
        children.retain(|child, text| differs(variant, child, text));
    }
    expected
}

#[test]
fn each_child_of_each_variant_is_as_its_golden() {
    for (variant, children) in expected() {
        let mut settings = insta::Settings::clone_current();
        settings.set_snapshot_path(folder().join(&variant));
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        for (child, text) in children {
            settings.bind(|| insta::assert_snapshot!(child, text));
        }
    }
}

#[test]
fn every_child_has_a_golden_and_every_golden_a_child() {
    let mut there = BTreeSet::new();
    for entry in fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        for file in fs::read_dir(&path).into_iter().flatten() {
            let file = file.unwrap().path();
            if file
                .extension()
                .is_some_and(|extension| extension == "snap")
            {
                there.insert(file.strip_prefix(folder()).unwrap().to_owned());
            }
        }
    }
    let expected = expected();
    let wanted: BTreeSet<PathBuf> = expected
        .iter()
        .flat_map(|(variant, children)| {
            let path = move |child| Path::new(variant).join(format!("{child}.snap"));
            children.keys().map(path)
        })
        .collect();
    assert_eq!(there, wanted);
    for child in children::all().map(golden) {
        let shown = expected
            .values()
            .any(|variant| variant.contains_key(&child));
        assert!(
            shown,
            "{child} is in no variant: add it to a spec.yaml here"
        );
    }
}

#[test]
fn the_variant_with_every_knob_has_every_knob() {
    let pm = &variants()["every-knob"];
    let spec = serde_json::to_value(&pm.spec).unwrap();
    for (field, knob) in knobs::fields() {
        let given = spec.pointer(&format!("/{}/{}", field.section, field.name));
        assert!(
            given.is_some(),
            "{} is not in every-knob/spec.yaml",
            knob.key
        );
    }
}

#[test]
fn children_are_rendered_alike_each_time() {
    for (variant, pm) in variants() {
        assert_eq!(rendered(&pm), rendered(&pm), "{variant}");
    }
}
