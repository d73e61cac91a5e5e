//! What is rendered, beside the API server's own schemas: no field that it would not know.

use std::path::Path;

use http::Request;
use push_manager_envtest::Cluster;
use push_manager_operator::yaml;
use serde_json::Value;

use crate::openapi;
use crate::run::{
    OPERATOR, Ran, SERVER, operator, program, root, strs, try_template, value_files,
    with_monitoring,
};

async fn schemas() -> tempfile::TempDir {
    let client = Cluster::shared().await.client().await;
    let request = Request::get("/openapi/v2").body(Vec::new()).unwrap();
    let openapi: Value = client.request(request).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    openapi::write(&openapi, &monitoring(), folder.path());
    folder
}

/// Definitions of the Prometheus operator's kinds, as far as they are used here.
pub(crate) fn monitoring() -> Vec<Value> {
    let file = root().join("crates/operator/tests/charts/monitoring.yaml");
    yaml::read(&std::fs::read_to_string(file).unwrap()).unwrap()
}

/// The definition of PushManager itself is no object whose schema is listed there.
fn conform(schemas: &Path, manifests: &Path) -> Ran {
    let location = schemas.join(openapi::LOCATION);
    let args = [
        "-strict",
        "-summary",
        "-schema-location",
        location.to_str().unwrap(),
        manifests.to_str().unwrap(),
    ];
    program("KUBECONFORM", &args, None)
}

#[tokio::test]
async fn everything_that_is_rendered_is_known_to_the_api_server() {
    let manifests = tempfile::tempdir().unwrap();
    let mut count = 0;
    let mut add = |text: &str| {
        count += 1;
        let path = manifests.path().join(format!("{count}.yaml"));
        std::fs::write(path, text).unwrap();
    };
    for name in [OPERATOR, SERVER] {
        let files = value_files(name);
        let files = files.iter().map(|file| Some(file.to_str().unwrap()));
        for values in files.chain([None]) {
            let mut args = vec!["--namespace", "shop"];
            args.extend(values.iter().flat_map(|file| ["--values", file]));
            let ran = try_template(name, "push", &strs(&with_monitoring(&args)));
            assert!(ran.success, "{values:?}: {}", ran.said);
            add(&ran.stdout);
        }
    }
    for entry in std::fs::read_dir(root().join("examples")).unwrap() {
        let example = entry.unwrap().path();
        let text = std::fs::read_to_string(&example).unwrap();
        if text.contains("kind: PushManager") {
            add(&operator(&["render", "-f", example.to_str().unwrap()]));
        } else {
            add(&text);
        }
    }
    add(&std::fs::read_to_string(root().join("dist/install.yaml")).unwrap());
    let schemas = schemas().await;
    let ran = conform(schemas.path(), manifests.path());
    assert!(ran.success, "{}", ran.said);
    assert!(ran.said.contains("Skipped: 0"), "{}", ran.said);
}

#[tokio::test]
async fn a_field_that_the_api_server_does_not_know_is_seen() {
    let schemas = schemas().await;
    let manifests = tempfile::tempdir().unwrap();
    let path = manifests.path().join("1.yaml");
    for (right, wrong) in [
        (
            "terminationGracePeriodSeconds: 40",
            "terminationGraceSeconds: 40",
        ),
        ("replicas: 1", "replicas: one"),
        ("maxSurge: 25%", "maxSurgee: 25%"),
    ] {
        let rendered = try_template(SERVER, "push", &[]).stdout;
        assert!(rendered.contains(right));
        std::fs::write(&path, rendered.replace(right, wrong)).unwrap();
        let ran = conform(schemas.path(), manifests.path());
        assert!(!ran.success, "{wrong} is taken: {}", ran.said);
    }
}
