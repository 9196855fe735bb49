//! Experiments: TCP's behaviour, staged. Each is a file in [`crate::experiments`]; this is what they have in common.

use crate::LabError;
use crate::link::Conditions;
use limpid_scope::trace::Trace;
use std::ops::RangeInclusive;
use std::time::Duration;

pub mod check;
pub mod scene;
pub mod story;

pub use check::Check;
pub use scene::{Ended, Scene};
pub use story::{Story, story};

/// One experiment: what it shows, and how it is run.
pub struct Experiment {
    /// Its name on the command line.
    pub name: &'static str,
    /// What happens, in one line.
    pub summary: &'static str,
    /// What to look for, a line each.
    pub look_for: &'static [&'static str],
    /// What shows best what it is about.
    pub picture: Picture,
    /// The settings that it has beyond those of the link.
    pub settings: &'static [Setting],
    /// The parts that this machine's Linux can play.
    pub kernel: &'static [Role],
    /// Runs it: one or several runs, to be shown one after the other.
    pub run: fn(&Settings) -> Result<Vec<Run>, LabError>,
}

impl std::fmt::Debug for Experiment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Experiment").field("name", &self.name).finish_non_exhaustive()
    }
}

/// What is drawn of an experiment, unless somebody asks for something else.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Picture {
    /// Each segment: lines and a ladder.
    #[default]
    Ladder,
    /// Windows, rates and round trips over time: for transfers of thousands of segments.
    Graph,
}

/// A setting that only some experiments have.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Setting {
    /// [`Settings::syn_retries`].
    SynRetries,
    /// [`Settings::linear`].
    Linear,
    /// [`Settings::deadline`].
    Deadline,
}

/// The part that a host plays.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// It opens the connection (the one drawn on the left).
    Client,
    /// It is connected to (the one drawn on the right).
    Server,
}

/// Whom our stack meets.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Peer {
    /// Another stack of ours, in virtual time.
    #[default]
    Limpid,
    /// This machine's Linux, in real time, which plays this part.
    Kernel(Role),
}

/// What a run is asked for.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Decides everything that chance decides, and every secret of the stacks.
    pub seed: u64,
    /// Whom our stack meets.
    pub peer: Peer,
    /// IPv6 instead of IPv4.
    pub ipv6: bool,
    /// What the link does by chance and nature, both ways.
    pub link: Conditions,
    /// Segments with data from the client that the link loses, by number, from 1 on.
    pub lose: Vec<RangeInclusive<u64>>,
    /// SYN retransmissions; the experiment's default if `None`.
    pub syn_retries: Option<u8>,
    /// Linux's newer schedule: four SYN retransmissions a second apart first.
    pub linear: bool,
    /// The application's own deadline for connecting.
    pub deadline: Option<Duration>,
    /// The packets of long transfers are kept, too, for a capture; else only the events of their engines are.
    pub packets: bool,
}

impl Default for Settings {
    /// Our stack on both sides, IPv4, seed 1, and a clean link of 10 ms each way.
    fn default() -> Settings {
        Settings {
            seed: 1,
            peer: Peer::Limpid,
            ipv6: false,
            link: Conditions::delay(Duration::from_millis(10)),
            lose: Vec::new(),
            syn_retries: None,
            linear: false,
            deadline: None,
            packets: false,
        }
    }
}

impl Settings {
    /// True if the link does nothing but take time, so that an experiment can say exactly what must happen.
    pub fn clean_link(&self) -> bool {
        let Conditions { loss, bursts, reorder, duplicate, corrupt, rate, .. } = self.link;
        let losses = bursts.is_some() || !self.lose.is_empty();
        rate.is_none() && !losses && [loss, reorder, duplicate, corrupt].iter().all(|p| *p <= 0.0)
    }

    /// The part that Linux plays, if it plays any.
    pub fn kernel_role(&self) -> Option<Role> {
        match self.peer {
            Peer::Limpid => None,
            Peer::Kernel(role) => Some(role),
        }
    }
}

/// What came of one run.
#[derive(Clone, Debug)]
pub struct Run {
    /// What was special about it; empty where an experiment is a single run.
    pub title: String,
    /// What happened.
    pub trace: Trace,
    /// What it shows, in sentences with figures.
    pub findings: Vec<String>,
    /// Packets, events and remarks that were more than are kept ([`MAX_PACKETS`](crate::recorder::MAX_PACKETS),
    /// [`MAX_NOTES`](crate::recorder::MAX_NOTES)), so that they are not in the trace.
    pub left_out: u64,
    /// How it ended otherwise than intended; empty if it ended as intended.
    pub differences: Vec<String>,
}

impl Run {
    /// True if it ended as intended.
    pub fn as_intended(&self) -> bool {
        self.differences.is_empty()
    }
}

/// The experiment of this name.
pub fn find(name: &str) -> Option<&'static Experiment> {
    crate::experiments::ALL.iter().copied().find(|e| e.name == name)
}

/// The experiment whose name is nearest to a mistyped one, if any is near.
pub fn nearest(name: &str) -> Option<&'static Experiment> {
    let distance = |e: &&&Experiment| edit_distance(name, e.name);
    let nearest = crate::experiments::ALL.iter().min_by_key(distance)?;
    // A third of the letters wrong is still a typo; more is another word.
    (distance(&nearest) <= nearest.name.len().div_ceil(3)).then_some(nearest)
}

/// Levenshtein's distance.
fn edit_distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests;
