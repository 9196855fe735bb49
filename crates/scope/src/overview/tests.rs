use super::*;
use limpid_wire::{Endpoint, IpAddr};

fn connection(number: u64, fate: Fate) -> Connection {
    let at = number as i64 * 1_000_000;
    let trouble = (fate >= Fate::Silent).then(|| (fate as u8, "something".to_owned()));
    Connection {
        number,
        client: Endpoint::new(IpAddr::v4([10, 0, (number % 7) as u8, 1]), 40_000),
        server: Endpoint::new(IpAddr::v4([10, 0, 0, 2]), 443),
        span: (at, at + 50_000_000),
        bytes: [100, 2_000],
        fate,
        trouble,
    }
}

fn many(count: u64) -> Vec<Connection> {
    (1..=count).map(|n| connection(n, Fate::ALL[if n % 100 == 0 { 4 } else { (n % 2) as usize }])).collect()
}

#[test]
fn few_connections_have_a_row_each_in_order_of_time() {
    let overview = Overview::of(&many(5), 0);
    assert_eq!(overview.rows.iter().map(|row| row.number).collect::<Vec<_>>(), (1..=5).map(Some).collect::<Vec<_>>());
    assert!(overview.density.is_empty() && overview.worst.is_empty());
    let text = text(&overview, 100);
    assert!(text.starts_with("5 connections in 54 ms: 2 closed, 3 open at the end; 10,500 B\n"), "{text}");
    assert!(text.contains("10.0.1.1:40000 → 10.0.0.2:443") && text.contains("■ closed   → open at the end"), "{text}");
}

#[test]
fn many_connections_are_grouped_and_the_worst_stand_apart() {
    let overview = Overview::of(&many(10_000), 3);
    assert_eq!(overview.count, 10_003);
    assert_eq!(overview.rows.len(), 7);
    assert_eq!(overview.rows.iter().map(|row| row.fates.iter().sum::<u64>()).sum::<u64>(), 10_000);
    // All of them have the same to say: few are enough, and the last one counts the others.
    assert_eq!(overview.worst.len() as u64, ALIKE);
    assert!(overview.worst.iter().all(|row| row.fates[4] == 1));
    assert!(overview.worst[3].note.ends_with("(and 96 more)"), "{}", overview.worst[3].note);
    assert!(overview.rows.iter().all(|row| row.density.len() == STEPS));
    // Fifty milliseconds each, one a millisecond: 51 at once.
    let most = overview.density.iter().map(|step| step.iter().sum::<u64>()).max();
    assert!((50..=130).contains(&most.unwrap()), "{most:?}");
    let text = text(&overview, 100);
    assert!(text.contains("  at most ") && text.contains("\nThe worst:\n"), "{text}");
    assert!(text.lines().all(|line| unicode_width::UnicodeWidthStr::width(line) <= 110), "{text}");
}

#[test]
fn no_words_overlap() {
    for count in [0, 1, 5, 60, 10_000] {
        let drawing = draw(&Overview::of(&many(count), 0), "a capture", 1000.0);
        let boxes = drawing.svg.text_boxes();
        for (index, (a, text)) in boxes.iter().enumerate() {
            for (b, other) in &boxes[index + 1..] {
                assert!(a.overlap(b) < 1.0, "{count}: '{text}' and '{other}' overlap");
            }
        }
        assert!(drawing.height < 2_000.0);
    }
}
