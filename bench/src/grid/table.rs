//! The grid for people: a table of all cells, and heat maps of what a terminal can show at once.

use crate::Outcomes;
use crate::cell::{Cell, Loss, RATES, RTTS};
use crate::interval::Interval;
use crate::play::Contender;
use crate::theory;
use std::fmt::Write as _;
use std::io::IsTerminal;

/// Whether standard output shows colours.
fn colours() -> bool {
    std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// A share's colours, of the 256: from red over yellow to green.
fn shade(share: f64) -> u8 {
    const STEPS: [u8; 10] = [160, 166, 172, 178, 184, 148, 112, 76, 40, 34];
    STEPS[((share * 10.0) as usize).min(9)]
}

fn painted(text: &str, share: f64) -> String {
    if colours() { format!("\x1b[30;48;5;{}m{text}\x1b[0m", shade(share)) } else { text.to_owned() }
}

/// Goodput as a share of what the link carries.
pub(crate) fn share(cell: &Cell, goodput: f64) -> f64 {
    goodput / theory::link(cell)
}

/// All cells, a line each.
pub(crate) fn table(grid: &[(Cell, Outcomes)], contenders: &[Contender]) -> String {
    let mut text = String::from("\nGoodput, % of what the link carries\n\n");
    let _ = write!(text, "{:>8} {:>6} {:>9} {:>6} {:>7} {:>5} ", "loss", "RTT", "rate", "queue", "reorder", "flows");
    let _ = write!(text, "{:>9}", "RFC 9438");
    for contender in contenders {
        let _ = write!(text, " {:>8}", contender.name());
    }
    text.push_str("  cubic/smoltcp\n");
    for (cell, outcomes) in grid {
        let Cell { loss, rtt_ms, mbit, queue, reorder, flows } = cell;
        let reorder = format!("{}%", reorder * 100.0);
        let _ = write!(
            text,
            "{loss:>8} {:>6} {:>9} {:>6} {reorder:>7} {flows:>5} ",
            format!("{rtt_ms} ms"),
            format!("{mbit} Mb/s"),
            format!("{queue} BDP")
        );
        let expected = theory::expected(cell, Contender::Limpid("cubic"));
        let _ = write!(text, "{:>9.1}", 100.0 * share(cell, expected));
        for contender in contenders {
            let figure = outcomes.get(contender).map(|outcome| share(cell, outcome.goodput()));
            let _ = match figure {
                Some(share) => write!(text, " {}", painted(&format!("{:>8.1}", share * 100.0), share)),
                None => write!(text, " {:>8}", "-"),
            };
        }
        let ratio = ratio_to_smoltcp(outcomes);
        let _ = writeln!(text, "  {}", ratio.map_or_else(|| "-".into(), in_words));
    }
    text
}

/// How much more our CUBIC gets through than smoltcp's: infinitely much where that gets nothing through.
pub(crate) fn ratio_to_smoltcp(outcomes: &Outcomes) -> Option<f64> {
    let (ours, theirs) = (outcomes.get(&Contender::Limpid("cubic"))?, outcomes.get(&Contender::Smoltcp)?);
    (ours.goodput() > 0.0).then(|| ours.goodput() / theirs.goodput())
}

/// How sure that is: half the width of the 95 % interval of the seeds' ratios, whose losses meet the same segments; infinite of
/// one seed.
pub(crate) fn spread_to_smoltcp(outcomes: &Outcomes) -> f64 {
    let seeds = |who| outcomes.get(&who).map_or(&[][..], |outcome| &outcome.by_seed);
    let (ours, theirs) = (seeds(Contender::Limpid("cubic")), seeds(Contender::Smoltcp));
    let ratios: Vec<f64> = ours.iter().zip(theirs).map(|(ours, theirs)| ratio(*ours, *theirs)).collect();
    Interval::of(&ratios).map_or(f64::INFINITY, |interval| interval.half)
}

/// 1 where neither gets anything through.
fn ratio(ours: f64, theirs: f64) -> f64 {
    if ours == theirs { 1.0 } else { ours / theirs }
}

fn in_words(ratio: f64) -> String {
    if ratio.is_finite() { format!("{ratio:.2}x") } else { "it stands".into() }
}

/// For each contender, loss over rate and round trip, where the queue holds one product and one flow is alone.
pub(crate) fn heat_maps(grid: &[(Cell, Outcomes)], contenders: &[Contender]) -> String {
    let mut text = String::new();
    for contender in contenders {
        let _ = writeln!(text, "\n{}: % of the link; one flow, queue of 1 BDP, no reordering\n", contender.name());
        let mut head = [format!("{:>8}", ""), format!("{:>8}", "loss")];
        for mbit in RATES {
            let _ = write!(head[0], "  {:^23}", format!("{mbit} Mb/s"));
            head[1].push_str("  ");
            for rtt in RTTS {
                let _ = write!(head[1], "{:>5} ", if rtt == 1 { "1 ms".into() } else { rtt.to_string() });
            }
        }
        let _ = writeln!(text, "{}\n{}", head[0], head[1]);
        for loss in Loss::ALL {
            let _ = write!(text, "{loss:>8}");
            for mbit in RATES {
                text.push_str("  ");
                for rtt_ms in RTTS {
                    let wanted = Cell { loss, rtt_ms, mbit, ..Cell::middle() };
                    let found = grid.iter().find(|(cell, _)| *cell == wanted).and_then(|(_, of)| of.get(contender));
                    text.push_str(&match found.map(|outcome| share(&wanted, outcome.goodput())) {
                        Some(share) => painted(&format!(" {:>4.0} ", share * 100.0), share),
                        None => "    · ".into(),
                    });
                }
            }
            text.push('\n');
        }
    }
    text
}
