//! The blocks' contents, written and read.
//!
//! A block begins with [`MAGIC`], the version and what it holds; then come numbers in LEB128 and strings with their
//! lengths before them, as `limpid_event::codec` has them.

use crate::trace::{Arrival, Host, Note, Packet, View, What};
use limpid_event::codec::{self, Coded, Input, put_bytes, put_number};
use limpid_event::{FlowId, Instant, LinkFate, TxReason};

/// Whose block it is: others may have chosen the same kind.
pub(super) const MAGIC: [u8; 6] = *b"limpid";

const RUN: u8 = 0;
const PACKET: u8 = 1;
const NOTES: u8 = 2;

/// What a block says.
#[derive(Debug)]
pub(super) enum Record<'a> {
    /// A run begins: what follows is of it.
    Run(Run),
    /// About the packet that comes next.
    Packet(Truth),
    /// What happened, in order.
    Notes(Notes<'a>),
}

/// What holds for a whole run.
#[derive(PartialEq, Eq, Debug)]
pub(super) struct Run {
    pub(super) epoch: u64,
    pub(super) end: Instant,
    pub(super) hosts: Vec<Host>,
}

/// What is known of a packet besides its bytes.
#[derive(PartialEq, Eq, Debug)]
pub(super) struct Truth {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) sent_at: Instant,
    pub(super) arrival: Arrival,
    pub(super) flow: FlowId,
    pub(super) why: Option<TxReason>,
    pub(super) copy: bool,
}

impl<'a> Record<'a> {
    /// What a block says; `None` if it is not ours, of another version, or damaged.
    pub(super) fn read(body: &'a [u8]) -> Option<Record<'a>> {
        let mut input = Input::new(body);
        let is_ours = input.array()? == MAGIC && input.byte()? == codec::VERSION;
        match input.byte().filter(|_| is_ours)? {
            RUN => run(&mut input).map(Record::Run),
            PACKET => truth(&mut input).map(Record::Packet),
            NOTES => Some(Record::Notes(Notes { input })),
            _ => None,
        }
    }
}

fn header(what: u8) -> Vec<u8> {
    [&MAGIC[..], &[codec::VERSION, what]].concat()
}

pub(super) fn put_run(run: &Run) -> Vec<u8> {
    let mut out = header(RUN);
    put_number(&mut out, run.epoch);
    put_number(&mut out, run.end.as_nanos());
    put_number(&mut out, run.hosts.len() as u64);
    for host in &run.hosts {
        put_bytes(&mut out, host.name.as_bytes());
        out.push(match host.view {
            View::Inside => 0,
            View::Observed => 1,
            View::Estimated => 2,
        });
        put_number(&mut out, host.addresses.len() as u64);
        host.addresses.iter().for_each(|address| out.extend(address.octets()));
    }
    out
}

fn run(input: &mut Input<'_>) -> Option<Run> {
    let (epoch, end) = (input.number()?, instant(input)?);
    let count: usize = input.fits().filter(|count| *count <= super::MAX_HOSTS)?;
    let mut hosts = Vec::new();
    for _ in 0..count {
        let name = String::from_utf8_lossy(input.bytes()?).into_owned();
        let view = match input.byte()? {
            0 => View::Inside,
            1 => View::Observed,
            2 => View::Estimated,
            _ => return None,
        };
        let addresses: usize = input.fits()?;
        // Each takes its bytes, so that a count that lies ends soon.
        let addresses = (0..addresses).map_while(|_| Some(input.address())).take_while(Option::is_some);
        let addresses: Vec<_> = addresses.flatten().collect();
        hosts.push(Host { name, addresses, view });
    }
    Some(Run { epoch, end, hosts })
}

pub(super) fn put_packet(packet: &Packet) -> Vec<u8> {
    let Packet { number: _, from, to, sent_at, arrival, bytes: _, flow, why, copy } = packet;
    let mut out = header(PACKET);
    for number in [*from as u64, *to as u64, sent_at.as_nanos(), flow.0] {
        put_number(&mut out, number);
    }
    out.push(u8::from(why.is_some()));
    out.extend(why.map(Coded::code));
    out.push(u8::from(*copy));
    match arrival {
        Arrival::At(at) => put_moment(&mut out, 0, *at),
        Arrival::Estimated(at) => put_moment(&mut out, 1, *at),
        Arrival::Lost { at, fate } => {
            put_moment(&mut out, 2, *at);
            out.push(fate.code());
        }
        Arrival::Unknown => out.push(3),
    }
    out
}

fn put_moment(out: &mut Vec<u8>, kind: u8, at: Instant) {
    out.push(kind);
    put_number(out, at.as_nanos());
}

fn truth(input: &mut Input<'_>) -> Option<Truth> {
    let (from, to) = (input.fits()?, input.fits()?);
    let (sent_at, flow) = (instant(input)?, FlowId(input.number()?));
    // A reason of a later version is as good as none.
    let why = if input.flag()? { TxReason::from_code(input.byte()?) } else { None };
    let copy = input.flag()?;
    let arrival = match input.byte()? {
        0 => Arrival::At(instant(input)?),
        1 => Arrival::Estimated(instant(input)?),
        2 => Arrival::Lost { at: instant(input)?, fate: LinkFate::read(input)? },
        3 => Arrival::Unknown,
        _ => return None,
    };
    Some(Truth { from, to, sent_at, arrival, flow, why, copy })
}

fn instant(input: &mut Input<'_>) -> Option<Instant> {
    input.number().map(Instant::from_nanos)
}

const EVENT: u8 = 0;
const APP: u8 = 1;
const DIFFERS: u8 = 2;

/// A block of notes that is being written.
#[derive(Default)]
pub(super) struct NotesBlock {
    out: Vec<u8>,
    note: Vec<u8>,
}

impl NotesBlock {
    /// Appends a note, with its length before it, so that readers can pass over what they do not know.
    pub(super) fn push(&mut self, note: &Note) {
        let Note { at, host, flow, what } = note;
        if self.out.is_empty() {
            self.out = header(NOTES);
        }
        self.note.clear();
        for number in [at.as_nanos(), *host as u64, flow.0] {
            put_number(&mut self.note, number);
        }
        match what {
            What::Event(event) => {
                self.note.push(EVENT);
                codec::encode(event, &mut self.note);
            }
            What::App(text) => {
                self.note.push(APP);
                self.note.extend(text.as_bytes());
            }
            What::Differs(text) => {
                self.note.push(DIFFERS);
                self.note.extend(text.as_bytes());
            }
        }
        put_bytes(&mut self.out, &self.note);
    }

    /// Bytes so far.
    pub(super) fn len(&self) -> usize {
        self.out.len()
    }

    /// The block, if there is anything in it; afterwards there is nothing.
    pub(super) fn take(&mut self) -> Option<Vec<u8>> {
        (!self.out.is_empty()).then(|| std::mem::take(&mut self.out))
    }
}

/// The notes of a block: each or `None` for one that can't be read.
#[derive(Debug)]
pub(super) struct Notes<'a> {
    input: Input<'a>,
}

impl Iterator for Notes<'_> {
    type Item = Option<Note>;

    fn next(&mut self) -> Option<Option<Note>> {
        let bytes = self.input.bytes()?;
        // What pads the block.
        if bytes.is_empty() {
            return None;
        }
        Some(note(bytes))
    }
}

fn note(bytes: &[u8]) -> Option<Note> {
    let mut input = Input::new(bytes);
    let (at, host, flow) = (instant(&mut input)?, input.fits()?, FlowId(input.number()?));
    let kind = input.byte()?;
    let rest = input.rest();
    let text = || String::from_utf8_lossy(rest).into_owned();
    let what = match kind {
        EVENT => What::Event(codec::decode(rest)?),
        APP => What::App(text()),
        DIFFERS => What::Differs(text()),
        _ => return None,
    };
    Some(Note { at, host, flow, what })
}
