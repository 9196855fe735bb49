//! The live ladder of one connection: made anew from the packets kept of it as they come, a place in it, an arrow chosen.

use super::keep::Keep;
use limpid_scope::dump::{Names, Options, Printer, Zone};
use limpid_scope::flows::FlowNumber;
use limpid_scope::ladder::terminal::{Painted, paint};
use limpid_scope::ladder::{Charset, Ladder, LadderOptions, lay_out};
use limpid_scope::trace::Trace;
use limpid_scope::verdict;
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// A ladder is made anew at most so often, and takes at most a quarter of the time.
const EVERY: Duration = Duration::from_millis(100);
const SHARE: u32 = 4;
/// The most arrows that are drawn where nothing is folded.
const MAX_ARROWS: usize = 600;

/// The ladder on the screen.
#[derive(Debug)]
pub(crate) struct LadderView {
    pub(crate) flow: FlowNumber,
    /// The first line shown.
    pub(crate) top: usize,
    /// New arrows scroll in.
    pub(crate) follows: bool,
    /// The packet whose arrow is chosen.
    chosen: Option<u64>,
    /// Runs of ordinary data are folded.
    pub(crate) folds: bool,
    /// Whether what it means is said beside it.
    pub(crate) explains: bool,
    drawn: Option<Drawn>,
}

/// What a ladder is made of; if none of this changes, neither does the ladder.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Basis {
    packets: u64,
    partial: bool,
    width: usize,
    charset: Charset,
    folds: bool,
}

/// A ladder made of the packets that were there.
#[derive(Debug)]
pub(crate) struct Drawn {
    basis: Basis,
    at: Instant,
    took: Duration,
    pub(crate) painted: Painted,
    /// Each arrow with a number: its line and its packet, from the top.
    arrows: Vec<(usize, u64)>,
    /// tcpdump's line of each packet.
    lines: HashMap<u64, String>,
    /// What it means.
    pub(crate) sentences: Vec<String>,
    /// Packets that are no longer kept.
    pub(crate) gone: u64,
}

impl LadderView {
    pub(crate) fn new(flow: FlowNumber) -> LadderView {
        LadderView { flow, top: 0, follows: true, chosen: None, folds: true, explains: true, drawn: None }
    }

    /// Makes it anew if there is something new, and not too often. True if it is not up to date afterwards.
    ///
    /// `partial`: a filter may have hidden packets of it.
    pub(crate) fn refresh(&mut self, keep: &Keep, packets: u64, partial: bool, width: usize, charset: Charset) -> bool {
        let basis = Basis { packets, partial, width, charset, folds: self.folds };
        if let Some(drawn) = &self.drawn {
            if drawn.basis == basis {
                return false;
            }
            let is_same_view = Basis { packets, ..drawn.basis } == basis;
            if is_same_view && drawn.at.elapsed() < EVERY.max(drawn.took * SHARE) {
                return true;
            }
        }
        self.drawn = Some(Drawn::of(keep, self.flow, basis));
        if self.follows {
            self.chosen = None;
        }
        false
    }

    pub(crate) fn drawn(&self) -> Option<&Drawn> {
        self.drawn.as_ref()
    }

    /// The arrow chosen: its line, its packet, and tcpdump's line of that. By itself the last one is.
    pub(crate) fn chosen(&self) -> Option<(usize, u64, &str)> {
        let drawn = self.drawn.as_ref()?;
        let chosen = self.chosen.and_then(|number| drawn.arrows.iter().find(|(_, n)| *n == number));
        let (line, number) = *chosen.or(drawn.arrows.last())?;
        Some((line, number, drawn.lines.get(&number).map_or("", String::as_str)))
    }

    /// Chooses the arrow `by` places further down. The last one follows what comes.
    pub(crate) fn step(&mut self, by: isize) {
        let (Some(drawn), Some((_, number, _))) = (&self.drawn, self.chosen()) else { return };
        let last = drawn.arrows.len().saturating_sub(1);
        let at = drawn.arrows.iter().position(|(_, n)| *n == number).unwrap_or(last);
        let to = at.saturating_add_signed(by).min(last);
        self.chosen = drawn.arrows.get(to).map(|(_, number)| *number);
        self.follows = to == last;
    }

    /// Scrolls so that the chosen arrow is among the `height` lines shown, and what follows the end is at its end.
    pub(crate) fn scroll(&mut self, height: usize) {
        let Some(lines) = self.drawn.as_ref().map(|drawn| drawn.painted.lines.len()) else { return };
        let line = self.chosen().map_or(0, |(line, ..)| line);
        let end = lines.saturating_sub(height);
        if self.follows {
            self.top = end;
            return;
        }
        // A little of what stands around it is seen, too; of the first one everything above.
        let margin = (height / 4).min(3);
        let first = self.drawn.as_ref().and_then(|d| d.arrows.first()).is_some_and(|(l, _)| *l == line);
        if first && line < height {
            self.top = 0;
        } else if line < self.top + margin {
            self.top = line.saturating_sub(margin);
        } else if line + margin >= self.top + height {
            self.top = line + margin + 1 - height.min(line + margin + 1);
        }
        self.top = self.top.min(end);
    }
}

impl Drawn {
    /// Packets of the connection, kept or not, when it was made.
    pub(crate) fn packets(&self) -> u64 {
        self.basis.packets
    }

    fn of(keep: &Keep, flow: FlowNumber, basis: Basis) -> Drawn {
        let at = Instant::now();
        let names = Names::of_interfaces();
        let mut printer = Printer::new(Options { numeric: true, names, zone: Zone::local(), ..Options::default() });
        let mut lines = HashMap::new();
        let packets = keep.of(flow.0).inspect(|packet| {
            lines.insert(packet.number, printer.print(packet));
        });
        let mut trace = Trace::from_capture(packets);
        trace.partial = basis.partial;
        let options = LadderOptions::default();
        let options = match basis.folds {
            true => options,
            false => {
                LadderOptions { fold_from: usize::MAX, bundle_from: usize::MAX, max_arrows: MAX_ARROWS, ..options }
            }
        };
        let ladder = lay_out(&trace, &options).into_iter().next();
        let painted = match &ladder {
            Some(ladder) => paint(ladder, basis.width, basis.charset),
            None => Painted { lines: Vec::new(), arrows: Vec::new() },
        };
        let hides = basis.partial.then(|| "The filter may hide some of its packets.".to_owned());
        let sentences = hides.into_iter().chain(verdict::explain(&trace).iter().map(ToString::to_string)).collect();
        let arrows = ladder.as_ref().map(|ladder| numbered(ladder, &painted)).unwrap_or_default();
        Drawn { basis, at, took: at.elapsed(), painted, arrows, lines, sentences, gone: keep.gone(flow.0) }
    }
}

/// The arrows that have numbers, from the top.
fn numbered(ladder: &Ladder, painted: &Painted) -> Vec<(usize, u64)> {
    let places = ladder.arrows.iter().zip(&painted.arrows);
    let mut arrows: Vec<_> = places.filter_map(|(arrow, [from, _])| Some((*from, arrow.label.number?))).collect();
    arrows.sort_unstable();
    arrows
}
