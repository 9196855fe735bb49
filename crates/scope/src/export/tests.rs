use super::*;
use crate::capture::Reader;
use crate::flows::{Flows, FlowsOptions};

/// All rows of the article's capture of a close.
fn rows() -> (Vec<SegmentRow>, Vec<crate::flows::Flow>) {
    let file = include_bytes!("../../../../tests/article/article-close.pcap");
    let mut reader = Reader::new(&file[..]).unwrap();
    let mut flows = Flows::new(FlowsOptions::default());
    let mut segments = Vec::new();
    while let Some(packet) = reader.next_ref().unwrap() {
        let sighting = flows.handle_packet(&packet).unwrap();
        segments.push(SegmentRow::new(&packet, sighting, &flows.flow(sighting.flow).unwrap()));
    }
    (segments, flows.finish().collect())
}

fn text(write: impl Fn(&mut Vec<u8>)) -> String {
    let mut text = Vec::new();
    write(&mut text);
    String::from_utf8(text).unwrap()
}

#[test]
fn the_article_as_rows() {
    let (segments, connections) = rows();
    let mut report = text(|to| segments.iter().for_each(|row| json_line(&SEGMENTS, row, to)));
    report += &text(|to| connections.iter().for_each(|row| json_line(&CONNECTIONS, row, to)));
    report += &text(|to| csv_header(&SEGMENTS, to));
    report += &text(|to| segments.iter().for_each(|row| csv_line(&SEGMENTS, row, to)));
    insta::assert_snapshot!(report);
}

/// Names are unique and fit for SQL; values are of the type that the column promises.
#[test]
fn schemas_keep_their_word() {
    fn check<R>(table: &Table<R>, rows: &[R]) {
        let mut names = std::collections::HashSet::new();
        for column in table.columns() {
            assert!(names.insert(column.name), "{} comes twice", column.name);
            assert!(column.name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{}", column.name);
            for row in rows {
                let fits = match column.value(row) {
                    Value::Null => true,
                    Value::Bool(_) => column.kind == ColumnType::Bool,
                    Value::Int(_) => column.kind == ColumnType::Int,
                    Value::Text(_) => column.kind == ColumnType::Text,
                };
                assert!(fits, "{} is not {:?}", column.name, column.kind);
            }
        }
    }
    let (segments, connections) = rows();
    check(&SEGMENTS, &segments);
    check(&CONNECTIONS, &connections);
}

#[test]
fn odd_texts_are_quoted() {
    static TABLE: Table<&str> = Table {
        groups: &[&[
            Column::text("a", "", |row| Value::from(*row)),
            Column::int("b", "", |_| Value::Null),
            Column::bool("c", "", |_| true.into()),
        ]],
    };
    assert_eq!(text(|to| csv_line(&TABLE, &"a, \"b\"", to)), "\"a, \"\"b\"\"\",,true\n");
    assert_eq!(text(|to| json_line(&TABLE, &"a\\\"\n", to)), "{\"a\":\"a\\\\\\\"\\u000a\",\"c\":true}\n");
}
