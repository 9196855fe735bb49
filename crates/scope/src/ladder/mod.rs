//! Ladders: sequence diagrams of what happened between two hosts, sloped by time.
//!
//! [`layout`] says what stands where: [`lay_out`] makes it from a [`Trace`], and [`terminal`] and [`svg`] draw it.
//! [`render`] does both.

mod build;
mod bundle;
mod fold;
mod label;
pub mod layout;
pub mod mermaid;
pub mod svg;
pub mod terminal;
mod traffic;

#[cfg(test)]
mod tests;

pub use layout::Ladder;
pub use terminal::{Charset, RenderOptions};

use crate::analysis::Analysis;
use crate::trace::Trace;

/// What a ladder shows.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LadderOptions {
    /// SYNs show their absolute sequence numbers; everything else counts from there.
    pub absolute_syn: bool,
    /// All sequence numbers are absolute.
    pub absolute: bool,
    /// Runs of ordinary data and acknowledgements longer than this are folded.
    pub fold_from: usize,
    /// Runs of segments that are alike, at least so many, are drawn as one broad arrow; at least three.
    pub bundle_from: usize,
    /// More arrows than this, and shorter runs are folded, too; if that is not enough, of each kind of event the first few are
    /// drawn and the others counted in folds.
    pub many_arrows: usize,
    /// The most arrows one ladder shows; what stands in the middle of more is folded.
    pub max_arrows: usize,
    /// The most remarks one ladder shows.
    pub max_remarks: usize,
    /// The most ladders made of one trace; a last line counts the others.
    pub max_ladders: usize,
}

impl LadderOptions {
    /// Every segment by itself, up to a bound that keeps a picture in its limits.
    pub fn unfolded() -> LadderOptions {
        LadderOptions {
            fold_from: usize::MAX,
            bundle_from: usize::MAX,
            many_arrows: usize::MAX,
            max_arrows: 1500,
            ..LadderOptions::default()
        }
    }
}

impl Default for LadderOptions {
    fn default() -> LadderOptions {
        LadderOptions {
            absolute_syn: false,
            absolute: false,
            fold_from: 16,
            bundle_from: 4,
            many_arrows: 44,
            max_arrows: 100,
            max_remarks: 100,
            max_ladders: 16,
        }
    }
}

/// Lays out a ladder for each pair of endpoints, in the order of their first packets; of more than `options.max_ladders` one
/// for those that look the same, and no more than so many.
pub fn lay_out(trace: &Trace, options: &LadderOptions) -> Vec<Ladder> {
    build::ladders(&Analysis::of(trace), options)
}

/// `text` with the signs that `charset` has: in ASCII, `–` becomes `-` and `µs` becomes `us`.
pub fn in_charset(text: &str, charset: Charset) -> std::borrow::Cow<'_, str> {
    terminal::in_charset(text, charset)
}

/// What stands above the ladder of the pair of endpoints `index`, if there are several.
pub(crate) fn caption(index: usize, pairs: usize) -> Option<String> {
    build::Chosen { pair: index, alike: 0 }.caption(pairs)
}

/// Which pairs of endpoints [`lay_out`] draws.
pub fn drawn_pairs(trace: &Trace, options: &LadderOptions) -> Vec<usize> {
    drawn_pairs_of(&Analysis::of(trace), options.max_ladders)
}

/// The same of what is analysed already.
pub(crate) fn drawn_pairs_of(analysis: &Analysis<'_>, most: usize) -> Vec<usize> {
    build::chosen(analysis, most).iter().map(|chosen| chosen.pair).collect()
}

/// Draws the ladders of `trace` as text, each line ended by a newline. Empty if the trace has no TCP in it.
pub fn render(trace: &Trace, options: &RenderOptions) -> String {
    let analysis = Analysis::of(trace);
    let ladders = build::ladders(&analysis, &options.ladder);
    let mut text = terminal::draw(&ladders, options);
    let pairs = build::pairs(&analysis);
    let told: usize = ladders.iter().map(|ladder| 1 + ladder.alike).sum();
    if pairs > told {
        let more = crate::words::count((pairs - told) as u64, "more connection");
        text.push_str(&format!("({more} not drawn)\n"));
    }
    text
}
