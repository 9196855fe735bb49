//! Which pairs of endpoints are drawn where there are too many: of those that look the same the first.

use crate::analysis::{Analysis, Connection, Segment};
use crate::words;
use limpid_wire::TcpFlags;
use std::collections::HashMap;

/// A pair with more segments than this is like no other.
const FEW: usize = 4;

/// A pair of endpoints that is drawn.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Chosen {
    /// Which one, in the order of their first packets.
    pub(crate) pair: usize,
    /// How many others look the same, and are not drawn.
    pub(crate) alike: usize,
}

impl Chosen {
    /// What stands above its ladder, if there are several of `pairs`.
    pub(crate) fn caption(&self, pairs: usize) -> Option<String> {
        let caption = (pairs > 1)
            .then(|| format!("Connection {} of {}", words::number(self.pair as u64 + 1), words::number(pairs as u64)));
        match self.alike {
            0 => caption,
            alike => caption.map(|caption| format!("{caption}, and {} more like it", words::number(alike as u64))),
        }
    }
}

/// What a short connection looks like: who sent what, and what became of it.
type Shape = Vec<(usize, TcpFlags, u32, bool, bool)>;

/// All pairs if there are at most `most`; otherwise, of those that look the same, the first, and `most` of them at most.
pub(crate) fn chosen(analysis: &Analysis<'_>, most: usize) -> Vec<Chosen> {
    let pairs = super::pairs(analysis);
    let mut all: Vec<Chosen> = (0..pairs).map(|pair| Chosen { pair, alike: 0 }).collect();
    if pairs <= most {
        return all;
    }
    let mut of_pair: Vec<Vec<&Connection>> = vec![Vec::new(); pairs];
    analysis.connections.iter().for_each(|connection| of_pair[connection.pair].push(connection));
    let mut first: HashMap<Shape, usize> = HashMap::new();
    let mut kept: Vec<usize> = Vec::new();
    for (pair, connections) in of_pair.iter().enumerate() {
        let segments = || connections.iter().flat_map(|connection| &connection.segments);
        let is_short = segments().take(FEW + 1).count() <= FEW;
        match is_short.then(|| *first.entry(segments().map(look).collect()).or_insert(pair)) {
            Some(like) if like != pair => all[like].alike += 1,
            _ => kept.push(pair),
        }
    }
    kept.truncate(most);
    kept.into_iter().map(|pair| all[pair]).collect()
}

fn look(segment: &Segment) -> (usize, TcpFlags, u32, bool, bool) {
    (segment.from, segment.tcp.flags, segment.tcp.len, segment.arrival.is_lost(), segment.dropped.is_some())
}
