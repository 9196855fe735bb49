use super::segments::{Row, chosen};
use super::*;
use crate::story::{CLIENT, SERVER, Story, experiments, seg};
use crate::trace::View;
use limpid_event::TxReason;

fn page(trace: &Trace, options: &PageOptions) -> String {
    render(&[Part { title: "", number: None, trace }], options)
}

/// Everything between two tags, and what is left of the page without it.
fn cut<'p>(page: &'p str, open: &str, close: &str) -> (&'p str, String) {
    let from = page.find(open).expect("a beginning") + open.len();
    let to = from + page[from..].find(close).expect("an end");
    (&page[from..to], format!("{}{}", &page[..from], &page[to..]))
}

/// HTML that is also XML but for what HTML alone knows: elements without an end, attributes without a value.
fn is_balanced(page: &str) -> Result<(), String> {
    const VOID: [&str; 4] = ["meta", "input", "br", "hr"];
    let (_, page) = cut(page, "<style>", "</style>");
    let (_, page) = cut(&page, "<script>", "</script>");
    let mut open: Vec<&str> = Vec::new();
    let mut rest = page.as_str();
    while let Some(at) = rest.find('<') {
        let end = at + rest[at..].find('>').ok_or("a tag does not end")?;
        let tag = &rest[at + 1..end];
        rest = &rest[end + 1..];
        let name = tag.trim_start_matches('/').split([' ', '/']).next().unwrap_or_default();
        match () {
            () if tag.starts_with('!') || tag.ends_with('/') || VOID.contains(&name) => {}
            () if tag.starts_with('/') => match open.pop() {
                Some(expected) if expected == name => {}
                other => return Err(format!("</{name}> ends {other:?}")),
            },
            () => open.push(name),
        }
    }
    if open.is_empty() { Ok(()) } else { Err(format!("{open:?} do not end")) }
}

#[test]
fn every_story_has_a_page_whose_parts_are_all_there() {
    for (name, trace) in experiments::all() {
        let page = page(&trace, &PageOptions { title: name.into(), ..PageOptions::default() });
        is_balanced(&page).unwrap_or_else(|error| panic!("{name}: {error}"));
        for packet in &trace.packets {
            let row = format!("data-segment=\"{}\"", packet.number);
            let tcp =
                matches!(crate::analysis::packet::dissect(&packet.bytes), crate::analysis::packet::Content::Tcp(_));
            assert!(!tcp || page.contains(&row), "{name}: {row}");
        }
        // Names of parts that are pointed at are there once.
        for id in page.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()) {
            assert_eq!(page.matches(&format!(" id=\"{id}\"")).count(), 1, "{name}: {id}");
        }
        let elsewhere = ["src=", "url(http", "@import", "<link", "<iframe"].iter().find(|what| page.contains(**what));
        assert_eq!(elsewhere, None, "{name}");
    }
}

#[test]
fn citations_lead_to_segments() {
    let page = page(&experiments::lost_segment_fast(), &PageOptions::default());
    let cites = page.split("href=\"#").skip(1).filter_map(|rest| rest.split('"').next());
    let mut seen = 0;
    for id in cites {
        assert!(page.contains(&format!(" id=\"{id}\"")), "{id}");
        seen += 1;
    }
    assert!(seen > 10, "{seen}");
    assert!(page.contains("sent again as"), "the verdict is on the page");
}

#[test]
fn nothing_that_people_name_becomes_markup() {
    let mut trace = experiments::lost_segment_fast();
    let evil = "<script>alert(1)</script><!--\"'&\u{1b}[31m";
    trace.hosts[CLIENT].name = evil.into();
    let options = PageOptions { title: evil.into(), subtitle: evil.into(), ..PageOptions::default() };
    let page = render(&[Part { title: evil, number: None, trace: &trace }], &options);
    assert!(!page.contains("<script>alert") && !page.contains('\u{1b}') && !page.contains("<!--"));
    assert_eq!(page.matches("<script").count(), 1);
    is_balanced(&page).expect("balanced");
}

#[test]
fn of_many_connections_and_segments_what_is_left_out_is_said() {
    let mut story = Story::new([View::Inside; 2]);
    story.handshake(0);
    for n in 0..4000u32 {
        story.sends(40 + u64::from(n), seg(CLIENT, ".", 1 + n * 100, 1).len(100));
    }
    story.sends(5000, seg(CLIENT, ".", 200_001, 1).len(100).why(TxReason::RtoRetransmit));
    story.sends(5010, seg(SERVER, ".", 1, 400_001));
    let trace = story.end(6000);
    let options = PageOptions { max_segments: 300, ..PageOptions::default() };
    let one = page(&trace, &options);
    assert!(one.contains("segments not listed"));
    assert_eq!(one.matches("<li id=\"c1-").count(), 300);
    assert!(one.contains("class=\"again\""), "what was sent again is listed");
    assert!(one.contains("Every segment by itself"), "what is folded unfolds");
    assert!(one.len() < 450_000, "{}", one.len());

    let parts: Vec<Part<'_>> = (0..9).map(|_| Part { title: "one", number: None, trace: &trace }).collect();
    let few = render(&parts, &PageOptions { max_connections: 4, max_segments: 10, ..PageOptions::default() });
    assert_eq!(few.matches("<details class=\"connection\"").count(), 4);
    assert!(few.contains("5 connections not on this page."), "said");
}

#[test]
fn an_empty_capture_has_a_page() {
    let page = page(&Trace::default(), &PageOptions::default());
    assert!(page.contains("There is no TCP connection in this capture."));
    is_balanced(&page).expect("balanced");
}

#[test]
fn special_segments_come_before_the_rest() {
    let trace = experiments::bulk(200);
    let analysis = Analysis::of(&trace);
    let rows: Vec<Row<'_>> = analysis.connections[0].segments.iter().map(|segment| Row { segment, line: "" }).collect();
    let listed = chosen(&rows, 20);
    assert_eq!(listed.len(), 20);
    assert!(listed.contains(&0) && listed.contains(&(rows.len() - 1)));
    assert_eq!(chosen(&rows, 0).len(), 0);
    assert_eq!(chosen(&rows, usize::MAX).len(), rows.len());
}
