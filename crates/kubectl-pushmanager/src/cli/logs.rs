//! `logs`: lines to standard output, remarks to standard error.

use std::{io, process::ExitCode};

use super::{
    Failed, NOT_WELL,
    options::{Form, Logs},
    output,
};
use crate::{
    cluster::Cluster,
    logs::{self, Line, Out, Shape},
};

struct Printed(Shape);

impl Out for Printed {
    fn line(&mut self, line: &Line) -> io::Result<()> {
        output::write(&line.shaped(self.0))
    }

    fn remark(&mut self, text: &str) {
        eprintln!("kubectl pushmanager: {text}");
    }
}

pub(super) async fn run(cluster: &Cluster, options: &Logs) -> Result<ExitCode, Failed> {
    let shape = match options.form.form() {
        Form::Json => Shape::Json,
        Form::Text => Shape::Text {
            times: options.timestamps,
        },
    };
    let (wish, mut out) = (options.wish(), Printed(shape));
    if options.follow {
        let ended = Box::pin(logs::followed(cluster, &options.name, &wish, &mut out)).await?;
        output::said(ended)?;
        return Ok(ExitCode::SUCCESS);
    }
    let merged = Box::pin(logs::merged(cluster, &options.name, &wish, &mut out)).await?;
    let mut read = logs::Read::default();
    output::said(merged.map(|all| read = all))?;
    Ok(match read {
        logs::Read { pods: 0, failed: 0 } => {
            out.remark("it has no pods");
            ExitCode::SUCCESS
        }
        logs::Read { pods: 0, .. } => ExitCode::from(1),
        logs::Read { failed: 0, .. } => ExitCode::SUCCESS,
        logs::Read { .. } => ExitCode::from(NOT_WELL),
    })
}
