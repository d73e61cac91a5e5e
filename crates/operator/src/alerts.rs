//! The alert rules and the dashboard that are shipped, and how the rules are made those of one
//! PushManager.

use serde_json::Value;

/// The Grafana dashboard.
pub(crate) const DASHBOARD: &str = include_str!("../assets/dashboard.json");
/// The rules, with a placeholder for whom they are about.
const RULES: &str = include_str!("../assets/alerts/push-manager.yaml");
/// What the rules hold in place of labels.
const PLACEHOLDER: &str = "$SELECTOR";

/// The groups of rules for one PushManager, whose name metrics carry as their `service`.
pub(crate) fn groups(namespace: &str, service: &str) -> Value {
    let selector = format!("namespace=\"{namespace}\",service=\"{service}\"");
    let text = RULES.replace(PLACEHOLDER, &selector);
    let rules: Value = serde_saphyr::from_str(&text).unwrap_or_default();
    rules["groups"].clone()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_is_about_one_push_manager() {
        let groups = groups("shop", "push").to_string();
        assert!(groups.contains(r#"namespace=\"shop\",service=\"push\""#));
        assert!(!groups.contains('$') || !groups.contains(PLACEHOLDER));
        let expressions = RULES.matches("expr:").count();
        assert!(expressions > 0);
    }
}
