//! The API server's record of who asked for what.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::Duration;

use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;
use serde::Deserialize;
use serde_json::json;

use crate::Cluster;
use crate::eventually::eventually;
use crate::files::{self, Files};

/// How long the log may take to show a request that was answered.
const SHOWN_WITHIN: Duration = Duration::from_secs(10);
/// Names that nobody else asks for.
const FENCE: &str = "envtest-audit-fence";

/// A place in the audit log.
#[derive(Debug, Clone, Copy)]
pub struct AuditMark(u64);

/// A request that was answered; what does not apply to it is empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEvent {
    /// Who asked, such as `system:serviceaccount:namespace:name`.
    pub user: String,
    /// What for: `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`.
    pub verb: String,
    /// The API group of the resource; the core group is empty.
    pub group: String,
    /// The plural name of the resource.
    pub resource: String,
    /// Such as `status`.
    pub subresource: String,
    /// The namespace of the object.
    pub namespace: String,
    /// The name of the object.
    pub name: String,
    /// The HTTP status of the answer.
    pub code: u16,
}

impl Cluster {
    /// Remembers where the audit log ends, for [`audit_since`](Self::audit_since).
    pub async fn audit_mark(&self) -> AuditMark {
        let start = std::fs::metadata(self.files().audit_log()).map_or(0, |file| file.len());
        let (text, fence) = self.audit_until_fence(start).await;
        let after = text[fence..].find('\n').map_or(0, |end| fence + end + 1);
        AuditMark(start + after as u64)
    }

    /// All requests that were answered since then. A watch is answered when it
    /// ends, so one that still goes on is not among them.
    pub async fn audit_since(&self, mark: AuditMark) -> Vec<AuditEvent> {
        let (text, _) = self.audit_until_fence(mark.0).await;
        let events = text.lines().map(|line| {
            let record: Record = serde_json::from_str(line)
                .unwrap_or_else(|error| panic!("audit event {line:?}: {error}"));
            record.into_event()
        });
        events
            .filter(|event| !event.name.starts_with(FENCE))
            .collect()
    }

    /// Asks for a name of its own, and reads until that request is seen: those
    /// answered before must be in the log then. Returns where in the text it is.
    async fn audit_until_fence(&self, start: u64) -> (String, usize) {
        assert!(self.options().audit, "this cluster keeps no audit log");
        let number = self.fences.fetch_add(1, Ordering::Relaxed);
        // The dash keeps 1 from being found in 12.
        let name = format!("{FENCE}-{number}-");
        let maps: Api<ConfigMap> = Api::default_namespaced(self.client().await);
        let asked = maps.get_opt(&format!("{name}x")).await;
        asked.expect("the API server can be asked for a fence");
        let log = self.files().audit_log();
        eventually(SHOWN_WITHIN, "the audit log shows a request", async || {
            let text = whole_lines(&log, start);
            let fence = text.find(&name);
            fence.map(|at| (text, at)).ok_or("a log without it")
        })
        .await
    }
}

/// Tells the API server to note each request once, when it was answered.
pub(crate) fn write_policy(files: &Files) {
    let policy = json!({
        "apiVersion": "audit.k8s.io/v1",
        "kind": "Policy",
        "omitStages": ["RequestReceived", "ResponseStarted"],
        "rules": [{"level": "Metadata"}],
    });
    files::write(&files.audit_policy(), policy.to_string());
}

/// Lines from a place on; the last may be half written, and is left out then.
fn whole_lines(path: &Path, start: u64) -> String {
    let mut bytes = Vec::new();
    let mut file = File::open(path).expect("the audit log can be opened");
    file.seek(SeekFrom::Start(start))
        .and_then(|_| file.read_to_end(&mut bytes))
        .expect("the audit log can be read");
    let end = bytes.iter().rposition(|byte| *byte == b'\n');
    bytes.truncate(end.map_or(0, |end| end + 1));
    String::from_utf8(bytes).expect("the audit log is UTF-8")
}

/// An event as the API server writes it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record {
    user: User,
    verb: String,
    #[serde(default)]
    object_ref: ObjectRef,
    #[serde(default)]
    response_status: ResponseStatus,
}

#[derive(Deserialize)]
struct User {
    username: String,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct ObjectRef {
    api_group: String,
    resource: String,
    subresource: String,
    namespace: String,
    name: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct ResponseStatus {
    code: u16,
}

impl Record {
    fn into_event(self) -> AuditEvent {
        let object = self.object_ref;
        AuditEvent {
            user: self.user.username,
            verb: self.verb,
            group: object.api_group,
            resource: object.resource,
            subresource: object.subresource,
            namespace: object.namespace,
            name: object.name,
            code: self.response_status.code,
        }
    }
}
