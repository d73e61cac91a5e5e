//! The operator for those without Helm: its chart, rendered.

use std::path::Path;
use std::process::Command;

use crate::failure::Result;
use crate::{process, tools};

/// What it is called, and where it runs.
const NAME: &str = "push-manager-operator";
const NAMESPACE: &str = "push-manager-system";
/// What only Helm reads.
const HELMS: [&str; 3] = [
    "# Source: ",
    "helm.sh/chart: ",
    "app.kubernetes.io/managed-by: Helm",
];
const HEAD: &str = "\
# The Push-Manager operator with all it needs, made from its Helm chart by `cargo xtask generate`:
#   kubectl apply --server-side -f install.yaml
# To delete by this file deletes the definition, and with it every PushManager and its pods.
apiVersion: v1
kind: Namespace
metadata:
  name: push-manager-system
  labels:
    pod-security.kubernetes.io/enforce: restricted
";

pub(super) fn manifests(root: &Path) -> Result<String> {
    let mut command = Command::new(tools::one("helm")?);
    command
        .args(["template", NAME])
        .arg(root.join(super::OPERATOR_CHART));
    command.args(["--namespace", NAMESPACE, "--kube-version"]);
    command.arg(tools::version("kubectl")?);
    command.args(["--skip-tests", "--set", "crds.keep=false"]);
    Ok(format!("{HEAD}{}", plain(&process::capture(&mut command)?)))
}

/// Without what only Helm reads. Blank lines stay: some are within texts.
fn plain(rendered: &str) -> String {
    let helms = |line: &&str| HELMS.iter().any(|word| line.trim_start().starts_with(word));
    let kept = rendered.lines().filter(|line| !helms(line));
    kept.flat_map(|line| [line, "\n"]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_helm_reads_is_left_out() {
        let rendered =
            "---\n# Source: a/b.yaml\nkind: X\n  labels:\n    helm.sh/chart: a-1\n    app: b\n";
        assert_eq!(plain(rendered), "---\nkind: X\n  labels:\n    app: b\n");
    }
}
