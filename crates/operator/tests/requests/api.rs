//! A mock of the API server: it keeps what is applied, notes each request, and fails where a test
//! wants it to.

use std::collections::BTreeMap;

use http::{Request, Response};
use kube::client::Body;
use serde_json::{Map, Value, json};
use tower_test::mock::SendResponse;

/// A request that came.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    /// The method and what follows the namespace in the path, e.g. `PATCH services/push`.
    pub(crate) line: String,
    /// The whole path.
    pub(crate) path: String,
    /// The query, in its parts.
    pub(crate) query: Vec<String>,
    /// The body; null when there is none.
    pub(crate) body: Value,
}

/// What a request is answered with, if not as usual.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// This status and body.
    With(u16, Value),
    /// Nothing, ever.
    Silence,
}

/// The mock.
#[derive(Default)]
pub(crate) struct Api {
    /// What is stored, by what follows the namespace in the path.
    pub(crate) objects: BTreeMap<String, Value>,
    /// The requests since the last [`take`](Self::take).
    pub(crate) log: Vec<Seen>,
    faults: Vec<(String, usize, Answer)>,
    unanswered: Vec<SendResponse<Response<Body>>>,
    version: u64,
}

/// A refusal as the API server words it.
pub(crate) fn refusal(code: u16, reason: &str, message: &str) -> Value {
    json!({
        "kind": "Status", "apiVersion": "v1", "status": "Failure",
        "code": code, "reason": reason, "message": message,
    })
}

impl Api {
    /// Answers the next request that begins with `line` so, once.
    pub(crate) fn fail_about(&mut self, line: &str, code: u16, field: &str, message: &str) {
        let mut body = refusal(code, "Test", message);
        body["details"] = json!({"causes": [
            {"reason": "FieldValueInvalid", "message": message, "field": field},
        ]});
        self.answer_with(line, 1, Answer::With(code, body));
    }

    /// The same, of no field in particular.
    pub(crate) fn fail(&mut self, line: &str, code: u16, message: &str) {
        let answer = Answer::With(code, refusal(code, "Test", message));
        self.answer_with(line, 1, answer);
    }

    /// Answers requests that begin with `line` so, that many times.
    pub(crate) fn answer_with(&mut self, line: &str, times: usize, answer: Answer) {
        self.faults.push((line.to_owned(), times, answer));
    }

    /// The lines of the requests since last asked.
    pub(crate) fn take(&mut self) -> Vec<String> {
        self.log.drain(..).map(|seen| seen.line).collect()
    }

    /// Stores an object as if somebody else had written it.
    pub(crate) fn put(&mut self, key: &str, mut object: Value) -> Value {
        self.version += 1;
        let metadata = &mut object["metadata"];
        metadata["resourceVersion"] = self.version.to_string().into();
        if metadata["uid"].is_null() {
            metadata["uid"] = format!("uid-{}", self.version).into();
        }
        self.objects.insert(key.to_owned(), object.clone());
        object
    }

    /// Notes a request and answers it.
    pub(crate) async fn answer(
        &mut self,
        request: Request<Body>,
        respond: SendResponse<Response<Body>>,
    ) {
        let seen = seen(request).await;
        let planned = self
            .faults
            .iter_mut()
            .find(|(line, times, _)| *times > 0 && seen.line.starts_with(line.as_str()));
        let planned = planned.map(|(_, times, answer)| {
            *times -= 1;
            answer.clone()
        });
        self.log.push(seen.clone());
        match planned.unwrap_or_else(|| self.usual(&seen)) {
            Answer::Silence => self.unanswered.push(respond),
            Answer::With(code, body) => {
                // A watch's events are lines.
                let text = body
                    .as_str()
                    .map_or_else(|| body.to_string(), str::to_owned);
                let body = Body::from(text.into_bytes());
                respond.send_response(Response::builder().status(code).body(body).unwrap());
            }
        }
    }

    fn usual(&mut self, seen: &Seen) -> Answer {
        let (method, key) = seen.line.split_once(' ').unwrap();
        let missing = || Answer::With(404, refusal(404, "NotFound", &format!("{key} not found")));
        match method {
            "GET" => match self.objects.get(key) {
                Some(object) => Answer::With(200, object.clone()),
                None => missing(),
            },
            "PATCH" if key.ends_with("/status") => {
                let mut object = seen.body.clone();
                object["metadata"]["uid"] = "pm-1".into();
                Answer::With(200, self.put(key, object))
            }
            "PATCH" => {
                let there = self.objects.get(key).cloned();
                if let Some(conflict) = conflict(&seen.body, there.as_ref()) {
                    return Answer::With(409, refusal(409, "Conflict", &conflict));
                }
                Answer::With(200, self.put(key, applied(&seen.body, there.as_ref())))
            }
            "POST" => {
                let name = seen.body["metadata"]["name"].as_str().unwrap_or_default();
                let key = format!("{key}/{name}");
                Answer::With(201, self.put(&key, seen.body.clone()))
            }
            "PUT" => {
                let there = &self.objects[key]["metadata"]["resourceVersion"];
                if *there == seen.body["metadata"]["resourceVersion"] {
                    Answer::With(200, self.put(key, seen.body.clone()))
                } else {
                    Answer::With(409, refusal(409, "Conflict", "it was modified"))
                }
            }
            "DELETE" => match self.objects.remove(key) {
                Some(_) => Answer::With(200, json!({"kind": "Status", "status": "Success"})),
                None => missing(),
            },
            other => panic!("no answer to {other}"),
        }
    }
}

/// Why an apply that names an identity or a version is refused, as the API server does: the
/// version of what is not there is not looked at.
fn conflict(given: &Value, there: Option<&Value>) -> Option<String> {
    let keys = if there.is_some() {
        &["uid", "resourceVersion"][..]
    } else {
        &["uid"]
    };
    keys.iter().find_map(|key| {
        let named = &given["metadata"][key];
        let is = there.map_or(&Value::Null, |there| &there["metadata"][key]);
        (!named.is_null() && named != is).then(|| format!("{key} {named} is named, it has {is}"))
    })
}

async fn seen(request: Request<Body>) -> Seen {
    let (parts, body) = request.into_parts();
    let body = body.collect_bytes().await.unwrap();
    let path = parts.uri.path().to_owned();
    let short = path.split_once("/namespaces/").map(|(_, rest)| rest);
    let short = short.and_then(|rest| rest.split_once('/'));
    let short = short.map_or(path.as_str(), |(_, short)| short);
    let query = parts.uri.query().unwrap_or_default().split('&');
    let query: Vec<String> = query.filter(|q| !q.is_empty()).map(str::to_owned).collect();
    let watches = query.iter().any(|part| part == "watch=true");
    let method = if watches {
        "WATCH"
    } else {
        parts.method.as_str()
    };
    Seen {
        line: format!("{method} {short}"),
        path,
        query,
        body: serde_json::from_slice(&body).unwrap_or_default(),
    }
}

/// An object as server-side apply stores it: the operator owns what it gave.
fn applied(given: &Value, there: Option<&Value>) -> Value {
    let mut object = given.clone();
    let others = there.and_then(|there| there["metadata"]["managedFields"].as_array().cloned());
    let mut managers = others.unwrap_or_default();
    managers.retain(|entry| entry["manager"] != "push-manager-operator");
    managers.push(json!({
        "manager": "push-manager-operator", "operation": "Apply", "fieldsV1": fields(given),
    }));
    if let Some(there) = there {
        object["metadata"]["uid"] = there["metadata"]["uid"].clone();
        let scaled = managers
            .iter()
            .any(|e| !e["fieldsV1"]["f:spec"]["f:replicas"].is_null());
        if scaled && object["spec"]["replicas"].is_null() && given["kind"] == "Deployment" {
            object["spec"]["replicas"] = there["spec"]["replicas"].clone();
        }
    } else {
        object["metadata"]["generation"] = 1.into();
    }
    object["metadata"]["managedFields"] = managers.into();
    object
}

/// What the API server notes of an applied object: not what it is called.
fn fields(given: &Value) -> Value {
    let mut given = given.clone();
    if let Some(metadata) = given["metadata"].as_object_mut() {
        for never in ["name", "namespace", "uid", "resourceVersion"] {
            metadata.remove(never);
        }
    }
    for never in ["apiVersion", "kind"] {
        given.as_object_mut().unwrap().remove(never);
    }
    below(&given)
}

fn below(value: &Value) -> Value {
    let mut owned = Map::new();
    for (key, value) in value.as_object().into_iter().flatten() {
        owned.insert(format!("f:{key}"), below(value));
    }
    Value::Object(owned)
}
