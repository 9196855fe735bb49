use super::layout::{Cause, Graph, Mark, Sign};
use super::svg::{self, SvgOptions};
use super::*;
use crate::story::{CLIENT, SERVER, Story, experiments, seg};
use crate::trace::View;
use limpid_event::{FlowId, Instant};
use limpid_wire::IpAddr;
use std::collections::BTreeMap;

fn graphs(trace: &Trace) -> Vec<Graph> {
    of_connections(trace, Show::All, usize::MAX).into_iter().flatten().collect()
}

fn sequence(trace: &Trace) -> Vec<Mark> {
    graphs(trace)[0].panels.iter().find(|panel| panel.title == "sequence numbers").expect("a panel").marks.clone()
}

fn count(marks: &[Mark], fits: impl Fn(Sign) -> bool) -> usize {
    marks.iter().filter(|mark| fits(mark.sign)).count()
}

#[test]
fn a_loss_as_text() {
    let trace = experiments::lost_segment_fast();
    insta::assert_snapshot!(draw_all(&graphs(&trace), &GraphOptions::default()));
}

#[test]
fn a_loss_in_ascii() {
    let trace = experiments::lost_segment_rto();
    let options = GraphOptions { charset: crate::ladder::Charset::Ascii, width: 60, ..GraphOptions::default() };
    let text = draw_all(&graphs(&trace), &options);
    assert!(text.is_ascii(), "{text}");
    insta::assert_snapshot!(text);
}

#[test]
fn causes_have_signs_of_their_own() {
    let fast = sequence(&experiments::lost_segment_fast());
    assert_eq!(count(&fast, |sign| sign == Sign::Again { cause: Cause::Fast, needless: false }), 1);
    let rto = sequence(&experiments::lost_segment_rto());
    assert_eq!(count(&rto, |sign| matches!(sign, Sign::Again { cause: Cause::Timeout, .. })), 2);
    let closed = sequence(&experiments::zero_window());
    assert!(count(&closed, |sign| sign == Sign::ZeroWindow) >= 1);
    assert!(count(&closed, |sign| sign == Sign::WindowProbe) >= 1);
    assert_eq!(count(&closed, |sign| sign == Sign::Syn), 1);
}

#[test]
fn data_on_a_syn_stands_above_it() {
    let mut story = Story::new([View::Inside; 2]);
    story.sends(0, seg(CLIENT, "S", 0, 0).len(6));
    story.sends(10, seg(SERVER, "S.", 0, 7));
    story.sends(20, seg(CLIENT, ".", 7, 1));
    let marks = sequence(&story.end(40));
    let spans = |sign: Sign| marks.iter().filter(|m| m.sign == sign).map(|m| (m.low, m.high)).collect::<Vec<_>>();
    assert_eq!(spans(Sign::Syn), [(0.0, 1.0)]);
    assert_eq!(spans(Sign::Data { pushed: false }), [(1.0, 7.0)]);
}

/// A connection of which the capture was made at `near`.
fn seen_at(near: usize) -> Trace {
    let mut views = [View::Estimated; 2];
    views[near] = View::Observed;
    let mut story = Story::new(views);
    story.handshake(0);
    story.sends(40, seg(CLIENT, "P.", 1, 1).len(1000));
    story.sends(60, seg(SERVER, ".", 1, 1001));
    story.end(100)
}

#[test]
fn a_round_trip_is_measured_where_the_data_leaves() {
    for (near, samples, said) in [(CLIENT, 2, None), (SERVER, 0, Some("Seen at server:6379"))] {
        let graph = &graphs(&seen_at(near))[0];
        let panel = graph.panels.iter().find(|panel| panel.title == "round trip");
        let points = panel.map_or(0, |panel| panel.curves.iter().map(|curve| curve.points.len()).sum());
        assert_eq!(points, samples, "at {near}");
        assert_eq!(graph.remark.as_deref().map(|text| &text[..19]), said);
    }
}

#[test]
fn a_connection_without_data_shows_who_opened() {
    let graphs = graphs(&experiments::handshake([View::Inside; 2]));
    assert_eq!(graphs.len(), 1);
    assert!(graphs[0].senders[0].starts_with("client:"), "{:?}", graphs[0].senders);
}

#[test]
fn what_is_sent_for_nothing_is_told_by_d_sack() {
    let mut story = Story::new([View::Observed, View::Estimated]);
    story.handshake(0);
    story.sends(40, seg(CLIENT, ".", 1, 1).len(1000));
    story.sends(300, seg(CLIENT, ".", 1, 1).len(1000));
    story.sends(310, seg(SERVER, ".", 1, 1001));
    story.sends(330, seg(SERVER, ".", 1, 1001).sack(1, 1001));
    let marks = sequence(&story.end(400));
    assert_eq!(count(&marks, |sign| matches!(sign, Sign::Again { needless: true, .. })), 1, "{marks:?}");
    assert_eq!(count(&marks, |sign| sign == Sign::DuplicateSack), 1);
    assert_eq!(count(&marks, |sign| sign == Sign::Sack), 0);
}

/// Every picture of every story: well-formed, with no label on another.
#[test]
fn pictures_are_well_formed_and_labels_do_not_overlap() {
    for (name, trace) in experiments::all() {
        for graphs in of_connections(&trace, Show::All, usize::MAX).into_iter().filter(|graphs| !graphs.is_empty()) {
            let text = svg::draw(&graphs, &SvgOptions::default());
            let document = roxmltree::Document::parse(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
            let mut lines: BTreeMap<i64, Vec<(f64, f64, String)>> = BTreeMap::new();
            for node in document.descendants().filter(|node| node.has_tag_name("text")) {
                let at = |name| node.attribute(name).and_then(|value| value.parse::<f64>().ok()).expect("a place");
                let (x, y, class) = (at("x"), at("y"), node.attribute("class").unwrap_or_default());
                let words = node.text().unwrap_or_default();
                let width = words.chars().count() as f64 * 5.5;
                let left = match class.contains("tick y") {
                    true => x - width,
                    false if class.contains("tick x") => x - width / 2.0,
                    false => x,
                };
                lines.entry(y.round() as i64).or_default().push((left, left + width, words.to_owned()));
            }
            for texts in lines.values_mut() {
                texts.sort_by(|a, b| a.0.total_cmp(&b.0));
                let over = texts.windows(2).find(|pair| pair[0].1 > pair[1].0);
                assert_eq!(over, None, "{name}");
            }
        }
    }
}

#[test]
fn names_are_escaped() {
    let mut trace = seen_at(CLIENT);
    trace.hosts[CLIENT].name = "<script>alert('&')</script>\u{1b}".into();
    let text = svg::draw(&graphs(&trace), &SvgOptions::default());
    assert!(!text.contains("<script"), "{text}");
    assert!(text.contains("&lt;script&gt;alert('&amp;')"));
    roxmltree::Document::parse(&text).expect("well-formed");
}

#[test]
fn many_segments_are_thinned_out_and_what_was_sent_again_stays() {
    let mut story = Story::new([View::Inside; 2]);
    story.handshake(0);
    for n in 0..20_000u32 {
        story.sends(40 + u64::from(n), seg(CLIENT, ".", 1 + n * 100, 1).len(100));
        if n % 5000 == 2500 {
            story.sends(41 + u64::from(n), seg(CLIENT, ".", 1 + n * 100, 1).len(100));
        }
    }
    let graphs = graphs(&story.end(30_000));
    let text = svg::draw(&graphs, &SvgOptions::default());
    assert!(text.len() < 400_000, "{}", text.len());
    let document = roxmltree::Document::parse(&text).expect("well-formed");
    let again = document
        .descendants()
        .filter(|node| node.attribute("class") == Some("bar again"))
        .filter_map(|node| node.attribute("data-n"));
    assert_eq!(again.flat_map(|numbers| numbers.split(' ')).count(), 4, "{text}");
}

#[test]
fn absurd_traces_are_drawn_without_harm() {
    let mut trace = Trace::default();
    let host = IpAddr::v4([10, 0, 0, 1]);
    trace.add_host("", vec![host], View::Inside);
    let bytes = seen_at(CLIENT).packets[0].bytes.clone();
    for at in [Instant::ZERO, Instant::MAX] {
        trace.packet_sent(at, (0, 0), bytes.clone(), FlowId::NONE, None);
    }
    trace.finish(Instant::MAX);
    for graphs in of_connections(&trace, Show::All, usize::MAX) {
        roxmltree::Document::parse(&svg::draw(&graphs, &SvgOptions::default())).expect("well-formed");
        draw_all(&graphs, &GraphOptions::default());
    }
    assert_eq!(svg::draw(&[], &SvgOptions::default()), "");
}
