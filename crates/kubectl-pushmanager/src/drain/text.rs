//! Plans, and what came of them, for people.

use pushtop::{
    once::text::table,
    replica::text::{MOST_MESSAGE, clean},
};

use super::{Answer, Answered, Report};

/// What the pods would do.
pub fn planned(report: &Report) -> String {
    let mut lines = rows(&report.pods);
    // All pods would do the same.
    let willing = report.pods.iter().find(|pod| pod.answer == Answer::Willing);
    let willing = willing.filter(|_| report.outcome == "planned");
    let planned = willing.map(|pod| pod.lines.as_slice()).unwrap_or_default();
    lines.extend(planned.iter().map(|line| format!("  {line}")));
    if !planned.is_empty() {
        lines.push(String::new());
    }
    lines.push(closing(report));
    joined(&lines)
}

/// What came of it.
pub fn text(report: &Report) -> String {
    let mut lines = rows(&report.pods);
    lines.push(closing(report));
    joined(&lines)
}

fn joined(lines: &[String]) -> String {
    let cleaned = lines.iter().map(|line| clean(line, MOST_MESSAGE));
    cleaned.collect::<Vec<_>>().join("\n")
}

fn rows(pods: &[Answered]) -> Vec<String> {
    let rows = pods.iter().map(|pod| {
        let (word, why) = match &pod.answer {
            Answer::Willing => ("would", ""),
            Answer::Done(said) => ("done", said.as_str()),
            Answer::Refused(why) => ("refuses", why.as_str()),
            Answer::Unknown => ("unknown", "it does not know the node"),
            Answer::Silent(why) => ("no answer", why.as_str()),
        };
        vec![pod.pod.clone(), word.to_owned(), why.to_owned()]
    });
    table(&["POD", "ANSWER", ""], rows)
}

fn closing(report: &Report) -> String {
    let Report { verb, node, .. } = report;
    let silent = |pod: &&Answered| matches!(pod.answer, Answer::Silent(_));
    let silent: Vec<_> = report.pods.iter().filter(silent).collect();
    let without = match silent.as_slice() {
        [] => String::new(),
        pods => {
            let names: Vec<_> = pods.iter().map(|pod| pod.pod.as_str()).collect();
            format!("; without {}, which did not answer", names.join(", "))
        }
    };
    match report.outcome {
        "done" => format!("{verb} {node}: done{without}"),
        "partly" => format!("{verb} {node}: done at some pods, not at all of them{without}"),
        "planned" => format!("{verb} {node}: nobody refuses{without}"),
        "refused" => {
            format!("{verb} {node}: nothing was done, because not every pod would{without}")
        }
        "unknown" => format!("{verb} {node}: no pod knows a node of this name{without}"),
        _ => format!("{verb} {node}: no pod answered"),
    }
}
