//! The arguments.

use std::{ffi::OsString, path::PathBuf, time::Duration};

use clap::{Args, Parser, Subcommand, ValueEnum};
use pushtop::{feed::kube::Access, filter};

use crate::{drain, logs};

const MORE: &str = "\
Examples:
  kubectl pushmanager status push-fanout             is all well? which pod is not, and why?
  kubectl pushmanager status push-fanout --json      the same for scripts; exit code 3 when it is not
  kubectl pushmanager top push-fanout                the console, pushtop, at all of its pods
  kubectl pushmanager drain push-fanout push-7 --for 1h --reason 'kernel update'
  kubectl pushmanager logs push-fanout -f --since 5m
  kubectl pushmanager diagnose push-fanout           all there is to know as one file, without secrets

NAME is that of a PushManager in the namespace: kubectl get pushmanagers

Exit codes:
  0  done as asked; status: all is well
  1  failed: no cluster, no such PushManager, refused, a file that can't be written
  2  the command line is wrong; nothing was done
  3  status: something is not well; drain: nothing was done, since a pod refuses or none
     knows the node or answers; logs: some could not be read; diagnose: written, but not all of it
  4  drain: done at some pods, not at all of them
  top ends with the console's own: pushtop --help";

/// What a PushManager does, and what to do with it.
#[derive(Debug, Parser)]
#[command(
    name = "kubectl-pushmanager",
    bin_name = "kubectl pushmanager",
    version,
    after_help = MORE
)]
pub(super) struct Options {
    #[command(flatten)]
    pub(super) which: Which,
    #[command(subcommand)]
    pub(super) command: Command,
}

/// Which cluster and namespace.
#[derive(Clone, Debug, Args)]
pub(super) struct Which {
    /// The namespace, instead of the context's own.
    #[arg(short, long, global = true, value_name = "NAME")]
    pub(super) namespace: Option<String>,
    /// The context of the kubeconfig, instead of its current one.
    #[arg(long, global = true, value_name = "NAME")]
    context: Option<String>,
    /// The kubeconfig, instead of the environment's KUBECONFIG and ~/.kube/config.
    #[arg(long, global = true, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
}

impl Which {
    /// The way to the cluster.
    pub(super) fn access(&self) -> Access {
        Access {
            kubeconfig: self.kubeconfig.clone(),
            context: self.context.clone(),
        }
    }
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// How it does: conditions, pods, configuration, and what each pod says of itself.
    Status(Status),
    /// The console, pushtop, at all of its pods.
    Top(Top),
    /// Sends a Connect-Node nothing new, at every pod, until the time is over.
    #[command(after_help = DRAIN)]
    Drain(Drain),
    /// The logs of all pods, each line with its pod's name.
    Logs(Logs),
    /// Writes all that tells how it does into one file, without secrets.
    #[command(after_help = DIAGNOSE)]
    Diagnose(Diagnose),
}

/// For people, or for scripts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Form {
    /// A table.
    Text,
    /// A document.
    Json,
}

#[derive(Clone, Copy, Debug, Args)]
pub(super) struct Formed {
    /// As text or as JSON.
    #[arg(short, long, value_name = "FORM", default_value = "text")]
    output: Form,
    /// The same as -o json.
    #[arg(long, conflicts_with = "output")]
    json: bool,
}

impl Formed {
    pub(super) fn form(self) -> Form {
        if self.json { Form::Json } else { self.output }
    }
}

/// How it does.
#[derive(Debug, Args)]
pub(super) struct Status {
    /// The PushManager.
    pub(super) name: String,
    #[command(flatten)]
    pub(super) form: Formed,
}

/// The console.
#[derive(Debug, Args)]
pub(super) struct Top {
    /// The PushManager.
    pub(super) name: String,
    /// What pushtop takes, e.g. --screen nodes or --allow-actions.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub(super) arguments: Vec<OsString>,
}

const DRAIN: &str = "\
Each pod is asked first what it would do. Where one refuses (the node is another one by now, or too
few usable nodes would remain), nothing is done at any pod. A pod that does not answer stops nobody
and is named; one that starts later knows nothing of the drain. It ends by itself, when a manager
restarts, or when the node comes back as another instance. Calls under way end as usual.";

/// A drain.
#[derive(Debug, Args)]
pub(super) struct Drain {
    /// The PushManager.
    pub(super) name: String,
    /// The Connect-Node, by its id.
    pub(super) node: String,
    /// How long it lasts, at most 24h.
    #[arg(long = "for", value_name = "TIME", value_parser = lasting, conflicts_with = "undrain")]
    lasting: Option<Duration>,
    /// Why: it is kept with the audit event of each pod.
    #[arg(
        long,
        value_name = "TEXT",
        default_value = "",
        hide_default_value = true
    )]
    pub(super) reason: String,
    /// Ends a drain instead.
    #[arg(long)]
    pub(super) undrain: bool,
    /// Only tells what each pod would do.
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Does not ask. Needed where there is no terminal.
    #[arg(short, long)]
    pub(super) yes: bool,
    #[command(flatten)]
    pub(super) form: Formed,
}

impl Drain {
    pub(super) fn ttl(&self) -> Duration {
        self.lasting.unwrap_or(drain::USUAL)
    }
}

/// Logs.
#[derive(Debug, Args)]
pub(super) struct Logs {
    /// The PushManager.
    pub(super) name: String,
    /// Goes on with what comes, also from pods that come.
    #[arg(short, long)]
    pub(super) follow: bool,
    /// Only lines of so long ago, e.g. 5m.
    #[arg(long, value_name = "TIME", value_parser = span)]
    since: Option<Duration>,
    /// Only so many of each pod's last lines; -1 is all. [default: 100, with --since all]
    #[arg(long, value_name = "COUNT", allow_negative_numbers = true, value_parser = clap::value_parser!(i64).range(-1..))]
    tail: Option<i64>,
    /// Of the containers that were there before the last restart.
    #[arg(short, long, conflicts_with = "follow")]
    previous: bool,
    /// This container, instead of the one that serves.
    #[arg(short, long, value_name = "NAME")]
    container: Option<String>,
    /// With the time of each line.
    #[arg(long)]
    pub(super) timestamps: bool,
    #[command(flatten)]
    pub(super) form: Formed,
}

impl Logs {
    pub(super) fn wish(&self) -> logs::Wish {
        let usual = self.since.is_none().then_some(logs::USUAL_TAIL);
        logs::Wish {
            since: self.since,
            tail: self.tail.or(usual).filter(|tail| *tail >= 0),
            previous: self.previous,
            container: self.container.clone(),
        }
    }
}

const DIAGNOSE: &str = "\
In it: the PushManager and what the operator made for it, events, pods with their logs, metrics and
state, the operator's pods where they may be read, versions, and what was refused. No Secret is read.
Values whose name looks like a password, token, secret, key or authorization, and users in URLs, are
masked in objects, configuration and logs. Look through it before you send it nevertheless: a secret
in a sentence is not found.";

/// A bundle.
#[derive(Debug, Args)]
pub(super) struct Diagnose {
    /// The PushManager.
    pub(super) name: String,
    /// Where to, instead of pushmanager-NAMESPACE-NAME-TIME.tar.gz. It must not be there yet.
    #[arg(long, value_name = "FILE.tar.gz")]
    pub(super) output: Option<PathBuf>,
}

fn span(text: &str) -> Result<Duration, String> {
    filter::duration(text)
        .ok_or_else(|| "expected a time with its unit, e.g. 30s, 5m or 2h".to_owned())
}

fn lasting(text: &str) -> Result<Duration, String> {
    let lasting = span(text)?;
    if lasting > Duration::ZERO && lasting <= drain::LONGEST {
        return Ok(lasting);
    }
    Err("expected a time of at most 24h".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn parse(line: &str) -> Result<Options, clap::Error> {
        Options::try_parse_from(format!("kubectl-pushmanager {line}").split(' '))
    }

    #[test]
    fn the_arguments_contradict_nothing() {
        Options::command().debug_assert();
    }

    #[test]
    fn what_follows_the_name_is_the_consoles() {
        let options = parse("top push -n prod --once --json --screen nodes").unwrap();
        assert_eq!(options.which.namespace.as_deref(), Some("prod"));
        let Command::Top(top) = options.command else {
            panic!("{options:?}");
        };
        assert_eq!(top.arguments, ["--once", "--json", "--screen", "nodes"]);
    }

    #[test]
    fn a_drain_is_bounded_and_its_end_has_no_length() {
        for wrong in ["--for 25h", "--for 0s", "--for soon", "--undrain --for 1h"] {
            assert!(
                parse(&format!("drain push push-1 {wrong}")).is_err(),
                "{wrong}"
            );
        }
        assert!(parse("drain push push-1 --for 24h --yes -o json").is_ok());
    }

    #[test]
    fn a_tail_is_a_hundred_lines_unless_something_else_bounds_it() {
        for (line, tail) in [
            ("", Some(100)),
            (" --since 5m", None),
            (" --since 5m --tail 3", Some(3)),
            (" --tail -1", None),
        ] {
            let options = parse(&format!("logs push{line}")).unwrap();
            let Command::Logs(logs) = options.command else {
                panic!("{line}");
            };
            assert_eq!(logs.wish().tail, tail, "{line}");
        }
    }
}
