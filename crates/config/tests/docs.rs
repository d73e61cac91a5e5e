//! The reference of all knobs says what the program does.

use std::fs;
use std::path::Path;

const BEGIN: &str = "<!-- generated: begin -->\n";
const END: &str = "<!-- generated: end -->\n";
const MEND: &str = "UPDATE_DOCS=1 cargo test -p push-manager-config --test docs";

#[test]
fn the_reference_lists_every_knob_as_it_is() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/configuration.md");
    let text = fs::read_to_string(&path).unwrap();
    let (intro, rest) = text.split_once(BEGIN).expect("the begin marker");
    let (_, outro) = rest.split_once(END).expect("the end marker");
    let wanted = format!(
        "{intro}{BEGIN}{}{END}{outro}",
        push_manager_config::markdown()
    );
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, wanted).unwrap();
        return;
    }
    assert!(
        text == wanted,
        "docs/configuration.md is out of date; run: {MEND}"
    );
}
