use super::*;

#[test]
fn a_line_is_split_from_its_time_where_it_has_one() {
    let line = Line::read("a", "2026-01-01T00:00:00.120Z hello there");
    assert_eq!(line.text, "hello there");
    let shaped = [
        Shape::Text { times: false },
        Shape::Text { times: true },
        Shape::Json,
    ]
    .map(|shape| line.shaped(shape));
    let [plain, timed, json] = shaped;
    assert_eq!(plain, "a | hello there");
    assert_eq!(timed, "a | 2026-01-01T00:00:00.12Z hello there");
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(
        json,
        serde_json::json!({"at": "2026-01-01T00:00:00.12Z", "line": "hello there", "pod": "a"})
    );
    let line = Line::read("a", "no time");
    assert_eq!((line.at, line.text.as_str()), (None, "no time"));
}

#[test]
fn who_reads_on_asks_from_the_last_line() {
    let wish = Wish {
        since: Some(Duration::from_secs(5)),
        tail: Some(3),
        previous: false,
        container: None,
    };
    let first = wish.params(Some("main"), true, None);
    assert_eq!((first.since_seconds, first.tail_lines), (Some(5), Some(3)));
    assert_eq!(first.container.as_deref(), Some("main"));
    let at: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
    let later = wish.params(Some("main"), true, Some(at));
    assert_eq!((later.since_seconds, later.tail_lines), (None, None));
    assert_eq!(later.since_time, Some(at));
}
