//! Starting, stopping and pausing the processes, and waiting until they serve.

use std::fmt;
use std::sync::Mutex;
use std::sync::atomic::AtomicU32;
use std::time::Duration;

use http::Request;
use kube::Client;
use tokio::time::{Instant, sleep, timeout};

use super::{Cluster, Options, arguments, lock};
use crate::files::{Files, tail};
use crate::ports::{self, Ports};
use crate::process::{Process, program};
use crate::{access, audit};

const ETCD: &str = "etcd";
pub(crate) const API_SERVER: &str = "kube-apiserver";
pub(crate) const CONTROLLERS: &str = "kube-controller-manager";

/// How long all may take until the API server is ready.
const READY_WITHIN: Duration = Duration::from_mins(1);
const PROBE_WITHIN: Duration = Duration::from_secs(2);
const PROBE_PAUSE: Duration = Duration::from_millis(50);
/// How often a lost race for ports is run again.
const PORT_ATTEMPTS: usize = 5;
/// Lines of a log that tell why a process ended.
const TOLD_LINES: usize = 20;

/// Why the API server does not serve.
#[derive(Debug)]
struct NotReady {
    what: String,
    log: String,
}

impl fmt::Display for NotReady {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, log } = self;
        write!(f, "{what}; its log ends with:\n{log}")
    }
}

impl Cluster {
    /// Starts a cluster, and waits until it serves.
    pub async fn start(options: Options) -> Self {
        for _ in 0..PORT_ATTEMPTS {
            let cluster = Self::spawn(options);
            match cluster.until_ready().await {
                Ok(()) => {
                    if options.controllers {
                        cluster.start_controllers().await;
                    }
                    return cluster;
                }
                Err(why) if ports::lost(&why.log) => {}
                Err(why) => panic!("{why}"),
            }
        }
        panic!("ports are taken by others as soon as they are found free")
    }

    fn spawn(options: Options) -> Self {
        let (files, ports) = (Files::create(), Ports::choose());
        let janitor = Process::janitor(files.folder());
        access::write_users(&files, &arguments::url(ports));
        if options.audit {
            audit::write_policy(&files);
        }
        let etcd = arguments::etcd(&files, ports);
        let etcd = Process::start(ETCD, &program("ETCD"), &etcd, &files.log(ETCD));
        let cluster = Self {
            controllers: Mutex::new(None),
            api_server: Mutex::new(None),
            etcd: Mutex::new(etcd),
            options,
            ports,
            namespaces: AtomicU32::new(0),
            fences: AtomicU32::new(0),
            files,
            janitor,
        };
        cluster.spawn_api_server();
        cluster
    }

    /// Kills the API server, as a crash would; etcd keeps the data.
    pub fn stop_api_server(&self) {
        drop(lock(&self.api_server).take());
    }

    /// Starts the API server again, at the same address, and waits until it serves.
    pub async fn start_api_server(&self) {
        self.spawn_api_server();
        if let Err(why) = self.until_ready().await {
            panic!("{why}");
        }
    }

    /// Kills the API server and starts it again.
    pub async fn restart_api_server(&self) {
        self.stop_api_server();
        self.start_api_server().await;
    }

    /// Halts the API server: connections stay open, nothing answers.
    pub fn pause_api_server(&self) {
        self.signal_api_server("STOP");
    }

    /// Lets the API server go on after a pause.
    pub fn resume_api_server(&self) {
        self.signal_api_server("CONT");
    }

    /// Kills the controllers.
    pub fn stop_controllers(&self) {
        drop(lock(&self.controllers).take());
    }

    /// Starts the controllers, and waits until they do their work.
    pub async fn start_controllers(&self) {
        {
            let mut controllers = lock(&self.controllers);
            assert!(controllers.is_none(), "the controllers run already");
            let path = program("KUBE_CONTROLLER_MANAGER");
            let args = arguments::controllers(&self.files);
            let log = self.files.log(CONTROLLERS);
            *controllers = Some(Process::start(CONTROLLERS, &path, &args, &log));
        }
        // A namespace with what they put into each shows that they do.
        self.namespace("controllers-work").await;
    }

    fn spawn_api_server(&self) {
        let mut api_server = lock(&self.api_server);
        assert!(api_server.is_none(), "the API server runs already");
        let args = arguments::api_server(&self.files, self.ports, self.options.audit);
        let path = program("KUBE_APISERVER");
        let log = self.files.log(API_SERVER);
        *api_server = Some(Process::start(API_SERVER, &path, &args, &log));
    }

    fn signal_api_server(&self, signal: &str) {
        let mut api_server = lock(&self.api_server);
        let api_server = api_server.as_mut().expect("the API server was started");
        api_server.signal(signal);
    }

    async fn until_ready(&self) -> Result<(), NotReady> {
        let deadline = Instant::now() + READY_WITHIN;
        let mut client = None;
        while Instant::now() < deadline {
            self.both_run()?;
            // It makes its certificate, which clients need to know, at its start.
            if client.is_none() && self.files.authority().exists() {
                client = Some(self.client().await);
            }
            if let Some(client) = &client
                && is_ready(client).await
            {
                return Ok(());
            }
            sleep(PROBE_PAUSE).await;
        }
        Err(self.not_ready(API_SERVER, "is not ready in time"))
    }

    fn both_run(&self) -> Result<(), NotReady> {
        if let Some(status) = lock(&self.etcd).ended() {
            return Err(self.not_ready(ETCD, &format!("ended: {status}")));
        }
        match lock(&self.api_server).as_mut().map(Process::ended) {
            None => Err(self.not_ready(API_SERVER, "was stopped")),
            Some(Some(status)) => Err(self.not_ready(API_SERVER, &format!("ended: {status}"))),
            Some(None) => Ok(()),
        }
    }

    fn not_ready(&self, process: &str, what: &str) -> NotReady {
        NotReady {
            what: format!("{process} {what}"),
            log: tail(&self.files.log(process), TOLD_LINES),
        }
    }
}

async fn is_ready(client: &Client) -> bool {
    let request = Request::get("/readyz").body(Vec::new());
    let request = request.expect("a path is a request");
    let probe = timeout(PROBE_WITHIN, client.request_text(request));
    matches!(probe.await, Ok(Ok(_)))
}
