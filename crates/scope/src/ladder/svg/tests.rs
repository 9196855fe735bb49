use super::*;
use crate::ladder::{LadderOptions, lay_out, mermaid};
use crate::picture::Theme;
use crate::story::{CLIENT, SERVER, Story, seg};
use crate::trace::{Trace, View};
use crate::verdict;

fn drawn(trace: &Trace, spacing: Spacing) -> Drawing {
    let options = SvgOptions { spacing, title: "a title".into(), ..SvgOptions::default() };
    draw(&lay_out(trace, &LadderOptions::default()), &verdict::groups(trace), &options)
}

fn nothing_overlaps(drawing: &Drawing) {
    for (quad, text) in drawing.svg.text_boxes() {
        let ((left, right), (top, bottom)) = (quad.horizontal(), quad.vertical());
        assert!(left >= 0.0 && right <= drawing.width + 0.5, "'{text}' is beside the picture");
        assert!(top >= 0.0 && bottom <= drawing.height, "'{text}' is above or below the picture");
    }
    assert_eq!(drawing.svg.illegible(), Vec::<String>::new());
}

/// A handshake, a burst in both directions at once, and a close.
fn busy() -> Trace {
    let mut story = Story::new([View::Inside; 2]);
    story.handshake(0);
    for n in 0..8 {
        story.sends(30, seg(CLIENT, ".", 1 + n * 1000, 1).data(b"some words for the server, in no hurry"));
        story.sends(30 + u64::from(n), seg(SERVER, ".", 1 + n * 500, 1).data(b"and some for the client"));
    }
    story.says(60, CLIENT, "everything is said that there was to say, at some length, and it is enough");
    story.sends(60, seg(CLIENT, "F.", 8001, 4001));
    story.sends(70, seg(SERVER, "F.", 4001, 8002));
    story.sends(80, seg(CLIENT, ".", 8002, 4002));
    story.end(9_000)
}

#[test]
fn words_never_overlap_however_much_happens_at_once() {
    for spacing in [Spacing::True, Spacing::Even] {
        nothing_overlaps(&drawn(&busy(), spacing));
    }
}

#[test]
fn arrows_carry_their_numbers_and_lines() {
    let trace = busy();
    let lines = HashMap::from([(1, "IP 10.0.0.103 > 10.0.0.199: <S>".to_owned())]);
    let options = SvgOptions { lines, ..SvgOptions::default() };
    let text = draw(&lay_out(&trace, &LadderOptions::default()), &[], &options).document(Theme::Auto);
    assert!(
        text.contains(
            "<g class=\"segment\" data-segment=\"1\"><title>IP 10.0.0.103 &gt; 10.0.0.199: &lt;S&gt;</title>"
        )
    );
    assert!(text.contains("prefers-color-scheme:dark"));
}

#[test]
fn what_happens_more_slowly_slopes_more() {
    let slope = |delay: u64| {
        let mut story = Story::new([View::Inside; 2]);
        story.handshake(0);
        let id = story.trace.packet_sent(
            limpid_event::Instant::from_nanos(100_000_000),
            (CLIENT, SERVER),
            story.trace.packets[2].bytes.clone(),
            limpid_event::FlowId(1),
            None,
        );
        let at = limpid_event::Instant::from_nanos(100_000_000 + delay * 1_000_000);
        story.trace.packet_ended(id, crate::trace::Arrival::At(at));
        let trace = story.end(200);
        let ladder = lay_out(&trace, &LadderOptions::default()).remove(0);
        let columns = place::Columns::of(&ladder, 1000.0, [0, 0]);
        let places = place::place(&ladder, &columns, Spacing::True, 0.0);
        let path = places.paths.last().expect("it is drawn").clone();
        path.to.1 - path.from.1
    };
    let (usual, slow) = (slope(10), slope(20));
    assert!((slow / usual - 2.0).abs() < 0.05, "{usual} {slow}");
}

#[test]
fn a_trace_without_tcp_is_an_empty_picture() {
    let drawing = drawn(&Trace::default(), Spacing::True);
    assert!(drawing.height < 120.0);
}

#[test]
fn as_mermaid() {
    let ladder = lay_out(&busy(), &LadderOptions::default()).remove(0);
    let text = mermaid::draw(&ladder, "a \"title\"; #1");
    assert!(text.starts_with("---\ntitle: \"a 'title'; #1\"\n---\nsequenceDiagram\n"), "{text}");
    assert!(text.contains("    A->>B: 0.000 s  1 SYN seq 0 win 64240"), "{text}");
    assert!(text.contains("    B-->>A: (no ACK of ") || text.contains("    B->>A: "), "{text}");
    // Beyond the head, what Mermaid takes for its own is escaped.
    let body = text.split_once("sequenceDiagram").expect("a diagram").1;
    assert!(!body.replace("#59;", "").replace("#35;", "").contains(';'), "{body}");
}
