use super::*;
use crate::ladder::{self, LadderOptions};
use crate::picture::Theme;
use crate::story::{CLIENT, SERVER, Story, seg};

fn closed() -> Ladder {
    let mut story = Story::new([crate::trace::View::Inside; 2]);
    story.handshake(0);
    story.sends(7_000, seg(CLIENT, "F.", 1, 1));
    story.sends(7_010, seg(SERVER, "F.", 1, 2));
    story.sends(7_020, seg(CLIENT, ".", 2, 2));
    let trace = story.end(7_100);
    ladder::lay_out(&trace, &LadderOptions::default()).remove(0)
}

#[test]
fn states_follow_each_other_and_the_segments_that_changed_them_are_kept() {
    let timeline = Timeline::of(&closed());
    for spans in &timeline.spans {
        assert!(spans.len() >= 4, "{spans:?}");
        assert!(spans.windows(2).all(|pair| pair[0].to == pair[1].from));
    }
    let client: Vec<TcpState> = timeline.spans[0].iter().map(|span| span.state).collect();
    assert!(client.ends_with(&[TcpState::FinWait1, TcpState::TimeWait]), "{client:?}");
    assert_eq!(timeline.causes.iter().map(|cause| cause.number).collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6]);
}

#[test]
fn the_drawing_has_every_state_and_no_words_overlap() {
    let timeline = Timeline::of(&closed());
    let drawing = draw(&timeline, "states", 900.0);
    for span in timeline.spans.iter().flatten() {
        assert!(drawing.svg.text_boxes().iter().any(|(_, text)| text == span.state.name()), "{:?}", span.state);
    }
    let boxes = drawing.svg.text_boxes();
    for (index, (a, text)) in boxes.iter().enumerate() {
        for (b, other) in &boxes[index + 1..] {
            assert!(a.overlap(b) < 1.0, "'{text}' and '{other}' overlap");
        }
    }
    assert!(drawing.document(Theme::Auto).ends_with("</svg>\n"));
}

#[test]
fn the_legend_tells_of_syns_that_were_sent_again_and_of_nothing_else() {
    let said = |name: &str| {
        let mut timeline = Timeline::of(&closed());
        let cause = timeline.causes.iter_mut().find(|cause| cause.name.starts_with(name)).expect("it is there");
        cause.again = true;
        let drawing = draw(&timeline, "states", 1600.0);
        drawing.svg.text_boxes().iter().any(|(_, text)| text.contains("SYNs sent again"))
    };
    assert_eq!([said("SYN"), said("FIN")], [true, false]);
}

#[test]
fn as_text() {
    let text = text(&Timeline::of(&closed()), 100);
    let line = text.lines().find(|line| line.trim_start().starts_with("FIN-WAIT-1")).expect("a line of its own");
    assert!(line.contains('▒') && line.contains("from 7 s for 20 ms"), "{line}");
    assert_eq!(text.matches("ESTABLISHED").count(), 2, "{text}");
}

#[test]
fn times_have_as_many_digits_as_set_them_apart() {
    let micros = |list: &[u64]| list.iter().map(|n| std::time::Duration::from_micros(*n)).collect::<Vec<_>>();
    for (moments, unit, digits) in [
        (micros(&[0, 24, 53, 2_008_123, 2_008_542]), "time, s", 6),
        (micros(&[0, 10_000, 20_000, 7_020_000]), "time, s", 3),
        (micros(&[0, 1_500, 20_000]), "time, ms", 1),
        (micros(&[0, 10_000, 20_000]), "time, ms", 0),
        (micros(&[0, 7, 20_000]), "time, ms", 3),
        (micros(&[0, 24, 53]), "time, µs", 0),
    ] {
        let (name, _, count) = draw::unit(&moments);
        assert_eq!((name, count), (unit, digits), "{moments:?}");
    }
}
