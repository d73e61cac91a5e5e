//! Properties: no text panics, and what is shown loads to an equal configuration.

use proptest::prelude::*;
use push_manager_config::{Config, File, Kind, Knob, Override, Sources, knobs, load};

fn load_yaml(text: &str) -> Option<Config> {
    let sources = Sources {
        file: Some(File {
            name: "push.yaml".to_owned(),
            text: text.to_owned(),
        }),
        ..Sources::default()
    };
    load(&sources).ok().map(|loaded| loaded.config)
}

/// A text that may or may not suit the knob.
fn value_for(knob: &'static Knob) -> BoxedStrategy<String> {
    match knob.kind {
        Kind::Count | Kind::Port => (0_u32..20_000).prop_map(|n| n.to_string()).boxed(),
        Kind::Bytes => "[1-9][0-9]{0,3}(KiB|MiB|KB|)".boxed(),
        Kind::Duration => "([1-9]m)?[0-9]{1,2}(\\.[0-9]{1,3})?s([1-9]{1,3}ms)?".boxed(),
        Kind::Ratio => (0.0..=1.0).prop_map(|n: f64| n.to_string()).boxed(),
        Kind::Flag => any::<bool>().prop_map(|b| b.to_string()).boxed(),
        Kind::Choice => "etcd|memory|room|auto|text|json".boxed(),
        Kind::List => "([a-z]{1,5}:[1-9]{2}|[a-z]{1,5}/)(,[a-z]{6}(:[1-9]{2}|/))?".boxed(),
        Kind::Text => "[a-z'\"#é{}:&* -]{0,12}|[a-z]{1,5}(:[1-9]{2}|/)|warn".boxed(),
    }
}

fn settings() -> impl Strategy<Value = Vec<(&'static str, String)>> {
    let one = (0..knobs().len()).prop_flat_map(|index| {
        let knob = &knobs()[index];
        value_for(knob).prop_map(move |value| (knob.key, value))
    });
    proptest::collection::vec(one, 0..30)
}

/// The defaults with each setting that loads on top of the ones before it.
fn config_of(settings: Vec<(&'static str, String)>) -> (Config, Vec<Override>) {
    let mut kept = Sources::default();
    let mut config = Config::default();
    for (key, value) in settings {
        kept.overrides.push(Override::named("--set", key, value));
        match load(&kept) {
            Ok(loaded) => config = loaded.config,
            Err(_) => drop(kept.overrides.pop()),
        }
    }
    (config, kept.overrides)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn shown_rows_load_to_an_equal_configuration(settings in settings()) {
        let (config, overrides) = config_of(settings);
        let loaded = load(&Sources { overrides, ..Sources::default() }).unwrap();
        let secrets = [
            ("etcd.password", &config.etcd.password),
            ("admin.read_token", &config.admin.read_token),
            ("admin.operate_token", &config.admin.operate_token),
        ];
        let shown = loaded
            .rows()
            .into_iter()
            .filter(|row| secrets.iter().all(|(key, _)| *key != row.key))
            .map(|row| Override::named("--set", row.key, row.value))
            .chain(secrets.map(|(key, secret)| Override::named("--set", key, secret.expose())))
            .collect();
        let again = load(&Sources { overrides: shown, ..Sources::default() }).unwrap();
        prop_assert_eq!(again.config, config);
    }

    #[test]
    fn the_yaml_of_a_configuration_loads_to_an_equal_one(settings in settings()) {
        let (mut config, _) = config_of(settings);
        config.etcd.username = String::new();
        config.etcd.password = push_manager_config::Secret::default();
        config.admin = Config::default().admin;
        prop_assert_eq!(load_yaml(&config.to_yaml()), Some(config));
    }

    #[test]
    fn no_text_panics(text in "\\PC{0,200}|[ \\t\\na-c:{}\\[\\],&*!|>'\"#%@?<~0-9.-]{0,200}") {
        let _ = load_yaml(&text);
    }

    #[test]
    fn no_value_of_a_known_key_panics(
        index in 0..knobs().len(),
        value in "\\PC{0,60}|[\\n\\[\\]{},:0-9a-z!&*'\"@./-]{0,60}",
    ) {
        let knob = &knobs()[index];
        let _ = load_yaml(&format!("{}:\n  {}: {value}\n", knob.section(), knob.name()));
        let overrides = vec![Override::named("--set", knob.key, value.clone())];
        let env = [(knob.pm_env(), value)].into();
        if let Err(error) = load(&Sources { overrides, env, file: None }) {
            prop_assert!(error.to_string().lines().count() <= 4);
        }
    }

    #[test]
    fn no_damage_to_a_file_panics_or_shows_its_password(
        at in 0_usize..2_000,
        junk in "[\\t\\n:{}\\[\\]&*!'\"#-]{1,3}",
    ) {
        let mut text = Config::default().to_yaml();
        text.push_str("etcd.password: 'hunter2'\netcd.usernam: x\n");
        let at = (0..=at.min(text.len())).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
        text.insert_str(at, &junk);
        let sources = Sources {
            file: Some(File { name: "push.yaml".to_owned(), text }),
            ..Sources::default()
        };
        let error = load(&sources).unwrap_err();
        prop_assert!(!error.to_string().contains("hunter2"), "{}", error);
    }
}
