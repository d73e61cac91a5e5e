use std::io::Read as _;

use flate2::read::GzDecoder;
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::redact::tests::{holder, leaks, name, planted, secret};

/// All that a bundle holds: names and contents.
fn unpacked(bundle: Bundle) -> (String, Vec<(String, String)>) {
    let packed = bundle.pack(1).unwrap();
    let mut bytes = Vec::new();
    GzDecoder::new(packed.as_slice())
        .read_to_end(&mut bytes)
        .unwrap();
    let mut archive = tar::Archive::new(bytes.as_slice());
    let mut files = Vec::new();
    for file in archive.entries().unwrap() {
        let mut file = file.unwrap();
        let path = file.path().unwrap().display().to_string();
        let mut content = String::new();
        file.read_to_string(&mut content).unwrap();
        files.push((path, content));
    }
    (String::from_utf8_lossy(&bytes).into_owned(), files)
}

#[test]
fn a_bundle_keeps_within_its_limits_and_tells_what_it_left_out() {
    // Each file is cut to 20 bytes, and 32 more say so.
    for (all, files) in [(200, 100), (10_000, 3)] {
        let limits = Limits {
            file: 20,
            all,
            files,
        };
        let mut bundle = Bundle::new("b", limits);
        for file in 0..9 {
            bundle.text(&format!("{file}"), "0123456789推送推送推送");
        }
        let lacking = bundle.lacking();
        assert_eq!(lacking.len(), 1);
        assert!(lacking[0].1.starts_with("6 files"), "{lacking:?}");
        let (_, files) = unpacked(bundle);
        assert_eq!(files.len(), 4);
        assert_eq!(files[0].0, "b/0");
        let cut = "0123456789推送推\n[cut here";
        assert!(files[0].1.starts_with(cut), "{files:?}");
        assert!(files[3].0.starts_with("b/not-collected/000-"));
    }
}

#[test]
fn a_name_leads_out_of_no_folder() {
    let mut bundle = Bundle::new("../..", Limits::default());
    bundle.text("../a/..\\b", "x");
    bundle.lacks("../../etc", "because");
    let (_, files) = unpacked(bundle);
    for (path, _) in files {
        assert!(!path.contains("..") || path.contains("..-b"), "{path}");
        assert!(!path.starts_with('/'), "{path}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn no_secret_is_in_the_bytes_of_a_bundle(
        name in name(), secret in secret(), form in 0..19_usize, place in 0..12_usize
    ) {
        let mut bundle = Bundle::new("b", Limits::default());
        bundle.object("a.json", holder(place, form, &name, &secret));
        bundle.object("b.json", json!([{ "list": holder(place + 1, form, &name, &secret) }]));
        bundle.text("c.log", &format!("first\n{}\nlast", planted(form, &name, &secret)));
        bundle.lacks("d", &planted(form, &name, &secret));
        let (bytes, _) = unpacked(bundle);
        prop_assert!(!leaks(&bytes), "{bytes}");
    }
}
