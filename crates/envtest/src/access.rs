//! Who may come in: users with tokens, and their kubeconfigs.

use std::path::{Path, PathBuf};

use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::api::PostParams;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config};
use serde_json::json;

use crate::files::{self, Files};

/// The user that tests are.
pub(crate) const ADMIN: &str = "admin";
/// The user that kube-controller-manager is.
pub(crate) const CONTROLLERS: &str = "system:kube-controller-manager";
/// The user of the stand-in for the kubelet, so that the audit log tells it apart.
pub(crate) const KUBELET: &str = "kubelet-stand-in";

/// How long a service account's token is valid, in seconds.
const TOKEN_VALID: i64 = 3600;

/// One user's way into the cluster.
struct Access<'a> {
    user: &'a str,
    token: &'a str,
    namespace: &'a str,
}

impl Access<'_> {
    /// Writes a kubeconfig, as JSON, which is YAML too.
    fn write(&self, files: &Files, server: &str) -> PathBuf {
        let Self {
            user,
            token,
            namespace,
        } = self;
        let authority = files.authority();
        let cluster = json!({"server": server, "certificate-authority": files::text(&authority)});
        let context = json!({"cluster": "envtest", "user": user, "namespace": namespace});
        let config = json!({
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "envtest", "cluster": cluster}],
            "users": [{"name": user, "user": {"token": token}}],
            "contexts": [{"name": "envtest", "context": context}],
            "current-context": "envtest",
        });
        let path = files.kubeconfig(&user.replace(':', "-"));
        files::write(&path, config.to_string());
        path
    }
}

/// Makes the users who may do everything: the API server's list of them, and
/// their kubeconfigs.
pub(crate) fn write_users(files: &Files, server: &str) {
    let lines = [ADMIN, CONTROLLERS, KUBELET].map(|user| {
        let token = format!("{:032x}", rand::random::<u128>());
        let access = Access {
            user,
            token: &token,
            namespace: "default",
        };
        access.write(files, server);
        format!("{token},{user},{user},\"system:masters\"\n")
    });
    files::write(&files.tokens(), lines.concat());
}

/// The kubeconfig of one of the users who may do everything.
pub(crate) fn user_kubeconfig(files: &Files, user: &str) -> PathBuf {
    files.kubeconfig(&user.replace(':', "-"))
}

/// Makes a kubeconfig of a service account, with a token of its own.
pub(crate) async fn write_account(
    files: &Files,
    server: &str,
    client: Client,
    namespace: &str,
    account: &str,
) -> PathBuf {
    let request = TokenRequest {
        spec: TokenRequestSpec {
            expiration_seconds: Some(TOKEN_VALID),
            ..TokenRequestSpec::default()
        },
        ..TokenRequest::default()
    };
    let accounts: Api<ServiceAccount> = Api::namespaced(client, namespace);
    let answer = accounts
        .create_token_request(account, &PostParams::default(), &request)
        .await
        .unwrap_or_else(|error| panic!("a token for {namespace}/{account}: {error}"));
    let status = answer.status.expect("an answer has a status");
    let access = Access {
        user: &format!("{namespace}:{account}"),
        token: &status.token,
        namespace,
    };
    access.write(files, server)
}

/// A client that a kubeconfig describes.
pub(crate) async fn client(kubeconfig: &Path) -> Client {
    // Another part of the process may have chosen already.
    drop(rustls::crypto::ring::default_provider().install_default());
    let read = Kubeconfig::read_from(kubeconfig).expect("a kubeconfig we wrote");
    let config = Config::from_custom_kubeconfig(read, &KubeConfigOptions::default())
        .await
        .expect("a kubeconfig we wrote");
    Client::try_from(config).expect("a client is made without a request")
}
