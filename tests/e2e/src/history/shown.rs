//! A verdict in words: one line of counts, and examples.

use std::fmt;

use super::{
    Push,
    verdict::{Doubled, Lost, Miscounted, Misdelivered, Verdict},
};

/// Examples shown of each kind.
const EXAMPLES: usize = 10;

impl fmt::Display for Verdict {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            pushes,
            failed,
            lost,
            doubled,
            miscounted,
            misdelivered,
            unsure,
            incomplete,
            received,
        } = self;
        write!(
            formatter,
            "{pushes} pushes, {} failed, {} lost, {} doubled, {} miscounted, {} misdelivered; \
             {unsure} unsure, {incomplete} incomplete, {received} received",
            failed.len(),
            lost.len(),
            doubled.len(),
            miscounted.len(),
            misdelivered.len(),
        )?;
        self.examples(formatter)
    }
}

impl Verdict {
    fn examples(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        examples(formatter, "failed", &self.failed, |push| {
            format!("{}: {} {}", told(push), push.code, push.error)
        })?;
        examples(formatter, "lost", &self.lost, |Lost { push, client }| {
            format!("{}: never at {client}; {}", told(push), said(push))
        })?;
        examples(formatter, "doubled", &self.doubled, |it| {
            let Doubled {
                push,
                client,
                at_ms,
            } = it;
            format!("{}: at {client} at {at_ms:?}", told(push))
        })?;
        examples(formatter, "miscounted", &self.miscounted, |it| {
            let Miscounted { push, why } = it;
            format!("{}: {why}; {}", told(push), said(push))
        })?;
        examples(formatter, "misdelivered", &self.misdelivered, |it| {
            let Misdelivered {
                push,
                client,
                data,
                at_ms,
            } = it;
            let what = push.as_ref().map_or_else(|| "never sent".to_owned(), told);
            format!("{data} at {client} at {at_ms}: {what}")
        })
    }
}

fn examples<T>(
    formatter: &mut fmt::Formatter<'_>,
    kind: &str,
    all: &[T],
    show: impl Fn(&T) -> String,
) -> fmt::Result {
    for one in all.iter().take(EXAMPLES) {
        write!(formatter, "\n  {kind}: {}", show(one))?;
    }
    let more = all.len().saturating_sub(EXAMPLES);
    if more > 0 {
        write!(formatter, "\n  {kind}: and {more} more")?;
    }
    Ok(())
}

fn told(push: &Push) -> String {
    let Push {
        seq,
        target,
        sent_ms,
        ended_ms,
        sends,
        ..
    } = push;
    format!("push {seq} to {target}, {sent_ms} to {ended_ms}, sent {sends} times")
}

/// The receipt in words.
fn said(push: &Push) -> String {
    let counts: Vec<String> = push
        .outcomes
        .iter()
        .map(|(outcome, count)| format!("{count} {outcome}"))
        .collect();
    format!("receipt {} says [{}]", push.push_id, counts.join(", "))
}
