use super::super::model::{Model, Pause, Subject};
use super::super::update::{Effect, Message, message, update};
use super::*;
use insta::assert_snapshot;
use limpid_scope::capture::Reader;
use limpid_scope::ladder::Charset;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

const PLAIN: Look = Look { charset: Charset::Utf8, color: false };
const SECOND: i64 = 1_000_000_000;

/// The article's two captures, one after the other: a connect that nobody answers, and a connection that closes. They were
/// made at different times; here the second begins 20 s after the first.
fn article(look: Look) -> Model {
    let subject = Subject { source: "eth0".into(), filter: "tcp port 6379".into(), is_live: true };
    let mut model = Model::new(subject, look);
    let mut end = 0;
    for (name, begin) in [("syn-timeout", 1_000 * SECOND), ("close", 1_020 * SECOND)] {
        let path = format!("{}/../../tests/article/article-{name}.pcap", env!("CARGO_MANIFEST_DIR"));
        let mut reader = Reader::new(std::fs::File::open(path).unwrap()).unwrap();
        let mut first = None;
        while let Some(mut packet) = reader.next_ref().unwrap() {
            packet.time = begin + packet.time - *first.get_or_insert(packet.time);
            end = packet.time;
            model.survey.handle_packet(&packet);
        }
    }
    model.pass(Some(end));
    model.refresh();
    model
}

/// The screen as text.
fn screen(model: &mut Model, width: u16, height: u16) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| _ = draw(frame, model)).unwrap();
    let buffer = terminal.backend().buffer();
    let line = |y| (0..width).map(|x| buffer[(x, y)].symbol()).collect::<String>().trim_end().to_owned();
    (0..height).map(|y| line(y) + "\n").collect()
}

/// Presses keys, one after the other.
fn press(model: &mut Model, keys: &[KeyCode]) -> Option<Effect> {
    let mut effect = None;
    for key in keys {
        effect = message(model, KeyEvent::new(*key, KeyModifiers::NONE)).and_then(|message| update(model, message));
    }
    effect
}

fn type_in(model: &mut Model, text: &str) {
    text.chars().for_each(|c| _ = press(model, &[KeyCode::Char(c)]));
}

#[test]
fn the_list_at_several_sizes() {
    let mut model = article(PLAIN);
    for (width, height) in [(80, 24), (120, 14), (170, 12), (60, 10)] {
        assert_snapshot!(format!("list_{width}x{height}"), screen(&mut model, width, height));
    }
}

#[test]
fn the_ladder_at_several_sizes() {
    let mut model = article(PLAIN);
    press(&mut model, &[KeyCode::Enter]);
    for (width, height) in [(80, 24), (140, 30)] {
        assert_snapshot!(format!("ladder_{width}x{height}"), screen(&mut model, width, height));
    }
    // Up from the last arrow to the first: then what stands above it is seen, too.
    press(&mut model, &[KeyCode::Home]);
    let first = screen(&mut model, 80, 24);
    assert!(first.contains("SYN seq") && first.contains("\n1  "), "{first}");
    press(&mut model, &[KeyCode::Esc]);
    assert!(screen(&mut model, 80, 24).contains("CLIENT"));
}

#[test]
fn ascii_has_the_same_shape() {
    let look = Look { charset: Charset::Ascii, color: false };
    let mut model = article(look);
    for keys in [vec![], vec![KeyCode::Enter], vec![KeyCode::Esc, KeyCode::Char('?')]] {
        press(&mut model, &keys);
        for width in [80, 170] {
            let text = screen(&mut model, width, 24);
            assert!(text.is_ascii(), "{text}");
        }
    }
    press(&mut model, &[KeyCode::Esc]);
    assert_snapshot!("list_ascii", screen(&mut model, 80, 24));
}

#[test]
fn without_colour_nothing_is_lost() {
    let mut plain = article(PLAIN);
    let mut coloured = article(Look { color: true, ..PLAIN });
    for keys in [vec![], vec![KeyCode::Enter], vec![KeyCode::Esc, KeyCode::Char('?')]] {
        press(&mut plain, &keys);
        press(&mut coloured, &keys);
        assert_eq!(screen(&mut plain, 100, 30), screen(&mut coloured, 100, 30));
    }
}

#[test]
fn help_names_the_keys() {
    let mut model = article(PLAIN);
    press(&mut model, &[KeyCode::Char('?')]);
    assert_snapshot!("help_100x28", screen(&mut model, 100, 28));
    press(&mut model, &[KeyCode::Char('x')]);
    press(&mut model, &[KeyCode::Esc]);
    assert!(!model.shows_help);
}

#[test]
fn a_search_narrows_the_list_and_escape_widens_it() {
    let mut model = article(PLAIN);
    assert_eq!(model.list.rows.len(), 2);
    type_in(&mut model, "/unANSwered");
    assert!(screen(&mut model, 80, 24).contains("Search: unANSwered"));
    assert_eq!(model.list.rows.len(), 1);
    press(&mut model, &[KeyCode::Backspace, KeyCode::Enter]);
    assert!(!model.list.is_typing && model.list.rows.len() == 1);
    type_in(&mut model, "/xyz");
    assert!(screen(&mut model, 80, 24).contains("Nothing like that"));
    press(&mut model, &[KeyCode::Esc]);
    assert_eq!(model.list.rows.len(), 2);
    type_in(&mut model, "t");
    assert_eq!(model.list.rows.len(), 1);
    press(&mut model, &[KeyCode::Esc]);
    assert_eq!(model.list.rows.len(), 2);
}

#[test]
fn sorting_goes_by_every_column_and_keeps_who_is_chosen() {
    let mut model = article(PLAIN);
    press(&mut model, &[KeyCode::Down]);
    let chosen = model.list.chosen;
    for _ in 0..9 {
        press(&mut model, &[KeyCode::Char('>')]);
        let order: Vec<_> = model.list.rows.iter().map(|row| row.flow).collect();
        press(&mut model, &[KeyCode::Char('r')]);
        let reverse: Vec<_> = model.list.rows.iter().rev().map(|row| row.flow).collect();
        assert_eq!(order, reverse, "{:?}", model.list.sort);
        press(&mut model, &[KeyCode::Char('r')]);
        assert_eq!(model.list.chosen, chosen);
    }
}

#[test]
fn a_pause_stops_the_picture_but_not_the_count() {
    let mut model = article(PLAIN);
    press(&mut model, &[KeyCode::Char('p')]);
    let before = screen(&mut model, 80, 24);
    assert!(before.contains("paused, 0 packets since"), "{before}");
    let frame = [0x45; 40];
    let packet = limpid_scope::capture::CapturedPacket::whole(
        99,
        2_000 * SECOND,
        limpid_scope::capture::LinkType::RAW,
        frame.to_vec(),
    );
    model.survey.handle_packet(&packet.lend());
    model.pass(Some(2_000 * SECOND));
    model.refresh();
    let after = screen(&mut model, 80, 24);
    assert!(after.contains("paused, 1 packet since"), "{after}");
    assert_eq!(before.lines().skip(2).collect::<Vec<_>>(), after.lines().skip(2).collect::<Vec<_>>());
    press(&mut model, &[KeyCode::Char(' ')]);
    assert!(model.pause.is_none());
}

#[test]
fn what_was_dropped_is_said_in_the_header() {
    let mut model = article(PLAIN);
    model.dropped = (1234, 5);
    assert!(screen(&mut model, 80, 24).contains("1,234 packets dropped by the kernel, 5 here"));
}

#[test]
fn keys_leave_suspend_and_save() {
    let mut model = article(PLAIN);
    assert_eq!(press(&mut model, &[KeyCode::Char('q')]), Some(Effect::Quit));
    assert_eq!(press(&mut model, &[KeyCode::Char('s')]), Some(Effect::Save(model.list.chosen)));
    assert_eq!(press(&mut model, &[KeyCode::Char('S')]), Some(Effect::Save(None)));
    let control = |c| message(&article(PLAIN), KeyEvent::new(KeyCode::Char(c), KeyModifiers::CONTROL));
    assert_eq!(control('c'), Some(Message::Quit));
    assert_eq!(control('z'), Some(Message::Suspend));
    // While a search is typed, q is a letter.
    type_in(&mut model, "/q");
    assert_eq!(model.list.search, "q");
    assert_eq!(message(&model, KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL)), Some(Message::Quit));
}

#[test]
fn no_size_panics() {
    let mut model = article(PLAIN);
    for keys in [vec![], vec![KeyCode::Enter], vec![KeyCode::Char('?')]] {
        press(&mut model, &keys);
        for (width, height) in [(1, 1), (2, 40), (200, 1), (5, 5), (40, 12), (300, 100)] {
            screen(&mut model, width, height);
        }
    }
    model.pause = Some(Pause { at: i64::MAX, packets: 0 });
    screen(&mut model, 80, 24);
}

#[test]
fn nothing_is_a_picture_too() {
    let mut model = Model::new(Subject { source: "any".into(), filter: String::new(), is_live: true }, PLAIN);
    assert_snapshot!("nothing_yet", screen(&mut model, 80, 8));
    press(&mut model, &[KeyCode::Enter, KeyCode::Down, KeyCode::Char('s')]);
    assert!(screen(&mut model, 80, 8).contains("there is no connection to save"));
}
