//! Sockets as the runner follows them: which packets are whose, and how sequence numbers of the script and of the wire go together.
//!
//! As in packetdrill there is one socket *under test*: the one made last, or the connection whose first packet the script
//! sent to it while it listened. Packets without ports are its own. A packet with ports (`5000 > 8080`) belongs to the
//! connection that has these ports in the script; so there may be several.

use limpid_wire::notation::SegmentText;
use limpid_wire::{Endpoint, SeqNum, TcpFlags};
use std::collections::HashMap;

/// The first port that a peer of the script's has if the script names none.
const FIRST_PORT: u16 = 50_000;

/// A socket, or a connection that has none yet.
#[derive(Debug)]
pub(crate) struct Socket {
    state: State,
    /// The live descriptor.
    pub(crate) fd: Option<i32>,
    /// Live ports; 0 while unknown.
    pub(crate) local_port: u16,
    pub(crate) remote_port: u16,
    /// The ports by which the script names it: local, remote.
    named: Option<(u16, u16)>,
    /// Our side's initial sequence number: the script's and the live one. The peer's is the same in both.
    script_isn: u32,
    live_isn: u32,
    remote_isn: u32,
    /// The peer's SYN that may begin another connection between the same ports.
    next_syn: Option<u32>,
    /// A reset has ended it, as far as can be told.
    reset: bool,
    pub(crate) timestamps: Timestamps,
    pub(crate) flow_label: FlowLabel,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    New,
    Listening,
    /// Connect was called.
    Connecting,
    /// The script has shown our SYN.
    SynSent,
    /// The peer's SYN-ACK came.
    SynAcked,
    /// The script's first packet came; nothing is known of our side.
    Received,
    /// Our SYN-ACK was seen.
    SynAckSent,
    Established,
}

/// Timestamps of the script and on the wire.
#[derive(Debug, Default)]
pub(crate) struct Timestamps {
    /// Our TSvals as the script showed them, and what they really were.
    shown: HashMap<u32, u32>,
    /// The first of them.
    first: Option<(u32, u32)>,
}

/// IPv6 flow labels: the script's are names, only their sameness counts.
#[derive(Debug, Default)]
pub(crate) struct FlowLabel {
    known: Option<(u32, u32)>,
}

impl Timestamps {
    /// The script shows `script` for what is `live`; gives `live` as the script counts.
    pub(crate) fn show(&mut self, script: u32, live: u32) -> u32 {
        self.shown.insert(script, live);
        let (first_script, first_live) = *self.first.get_or_insert((script, live));
        first_script.wrapping_add(live.wrapping_sub(first_live))
    }

    /// The live value for an echo reply of the script's.
    pub(crate) fn live(&self, script: u32, scaled: bool) -> Option<u32> {
        let computed = || {
            let (first_script, first_live) = self.first.filter(|_| scaled)?;
            Some(first_live.wrapping_add(script.wrapping_sub(first_script)))
        };
        self.shown.get(&script).copied().or_else(computed)
    }
}

impl FlowLabel {
    /// Whether a live label fits the script's, which is not 0.
    pub(crate) fn check(&mut self, script: u32, live: u32) -> Result<(), String> {
        if live == 0 {
            return Err("flowlabel unmarked in the live packet".to_owned());
        }
        match self.known {
            Some((known, known_live)) if script == known && live != known_live => {
                Err(format!("inconsistent flowlabels for this packet: expected: {known_live:#x} vs actual: {live:#x}"))
            }
            Some((known, known_live)) if script != known && live == known_live => {
                Err("expected a different flowlabel but got the same".to_owned())
            }
            _ => {
                self.known = Some((script, live));
                Ok(())
            }
        }
    }
}

impl Socket {
    fn new(state: State) -> Socket {
        Socket {
            state,
            fd: None,
            local_port: 0,
            remote_port: 0,
            named: None,
            script_isn: 0,
            live_isn: 0,
            remote_isn: 0,
            next_syn: None,
            reset: false,
            timestamps: Timestamps::default(),
            flow_label: FlowLabel::default(),
        }
    }

    /// The script sends a segment.
    pub(crate) fn sends(&mut self, text: &SegmentText) {
        let syn = text.flags.contains(TcpFlags::SYN);
        let ack = text.flags.contains(TcpFlags::ACK);
        match self.state {
            State::SynAckSent if ack => self.state = State::Established,
            State::SynSent if syn => {
                self.remote_isn = text.seq.0;
                if ack {
                    self.state = State::SynAcked;
                }
            }
            State::SynAckSent | State::Established | State::SynAcked if syn && !ack => {
                let another = self.reset || text.seq.0 != self.remote_isn;
                self.next_syn = another.then_some(text.seq.0);
            }
            _ => {}
        }
        self.reset |= text.flags.contains(TcpFlags::RST);
    }

    /// The script expects a segment.
    pub(crate) fn expects(&mut self, text: &SegmentText) {
        if self.state == State::Received && is_syn_ack(text) {
            self.script_isn = text.seq.0;
        }
    }

    /// Whether a live segment between these ports (ours, the peer's) is this socket's. `text` is what the script expects.
    pub(crate) fn owns(&self, (local, remote): (u16, u16), live: &SegmentText, text: &SegmentText) -> bool {
        if remote != self.remote_port {
            return false;
        }
        local == self.local_port && self.local_port != 0 || self.is_own_syn(live, text)
    }

    /// A SYN of an active open, whatever port it comes from: the first, or that of another try.
    fn is_own_syn(&self, live: &SegmentText, text: &SegmentText) -> bool {
        let again = matches!(self.state, State::SynAcked) && self.reset && is_syn(text);
        (self.state == State::SynSent || again) && is_syn(live)
    }

    /// A live segment of this socket's was seen: learns what it tells of ports and numbers.
    pub(crate) fn saw(&mut self, local: u16, live: &SegmentText, text: &SegmentText) {
        if local != self.local_port && self.is_own_syn(live, text) {
            self.state = State::SynSent;
            self.local_port = local;
            self.live_isn = live.seq.0;
            self.script_isn = text.seq.0;
            self.reset = false;
        }
        if is_syn_ack(live) && is_syn_ack(text) {
            let begins = self.state == State::Received;
            let again = self.next_syn.filter(|syn| live.ack == Some(SeqNum(syn.wrapping_add(1))));
            if begins || again.is_some_and(|_| live.seq.0 != self.live_isn) {
                self.state = State::SynAckSent;
                self.script_isn = text.seq.0;
                self.live_isn = live.seq.0;
                self.remote_isn = again.unwrap_or(self.remote_isn);
                self.next_syn = None;
                self.reset = false;
            }
        }
        self.reset |= live.flags.contains(TcpFlags::RST);
    }

    /// A segment of the script with the numbers of the wire.
    pub(crate) fn to_live(&self, text: &SegmentText) -> SegmentText {
        let syn = text.flags.contains(TcpFlags::SYN);
        let seq = if syn { 0 } else { self.remote_isn };
        let ack = self.live_isn.wrapping_sub(if syn { self.script_isn } else { 0 });
        let mut live = text.clone().shifted(seq, ack);
        if !text.flags.contains(TcpFlags::ACK) {
            live.ack = text.ack;
        }
        live
    }

    /// A segment of the wire with the numbers of the script.
    pub(crate) fn to_script(&self, live: &SegmentText) -> SegmentText {
        let syn = live.flags.contains(TcpFlags::SYN);
        let seq = if syn { self.script_isn } else { 0 }.wrapping_sub(self.live_isn);
        let ack = if syn { 0 } else { self.remote_isn.wrapping_neg() };
        let mut script = live.clone().shifted(seq, ack);
        if !live.flags.contains(TcpFlags::ACK) {
            script.ack = live.ack;
        }
        script
    }

    /// The live sequence number of a byte of ours, as an ICMP message quotes it.
    pub(crate) fn quoted(&self, seq: u32) -> u32 {
        seq.wrapping_add(self.live_isn)
    }
}

fn is_syn(text: &SegmentText) -> bool {
    text.flags.contains(TcpFlags::SYN) && !text.flags.contains(TcpFlags::ACK)
}

fn is_syn_ack(text: &SegmentText) -> bool {
    text.flags.contains(TcpFlags::SYN | TcpFlags::ACK)
}

/// All sockets of a run.
#[derive(Debug)]
pub(crate) struct Sockets {
    all: Vec<Socket>,
    under_test: Option<usize>,
    /// Where a peer's packets go if no socket tells.
    bind_port: u16,
    next_port: u16,
}

/// Why a packet can't be anybody's.
pub(crate) const NO_SOCKET: &str = "no matching socket for script packet";

impl Sockets {
    pub(crate) fn new(bind_port: u16) -> Sockets {
        Sockets { all: Vec::new(), under_test: None, bind_port, next_port: FIRST_PORT }
    }

    pub(crate) fn get(&mut self, index: usize) -> &mut Socket {
        &mut self.all[index]
    }

    /// The socket under test.
    pub(crate) fn under_test(&self) -> Option<&Socket> {
        self.under_test.map(|index| &self.all[index])
    }

    /// `socket()` gave a descriptor.
    pub(crate) fn opened(&mut self, fd: i32) {
        self.under_test = Some(self.add(Socket { fd: Some(fd), ..Socket::new(State::New) }));
    }

    pub(crate) fn bound(&mut self, fd: i32, port: u16) {
        if let Some(socket) = self.by_fd(fd) {
            socket.local_port = port;
        }
    }

    pub(crate) fn listens(&mut self, fd: i32) {
        if let Some(socket) = self.by_fd(fd) {
            socket.state = State::Listening;
        }
    }

    /// A call is about to connect to this port, or to disconnect.
    pub(crate) fn connects(&mut self, fd: i32, port: Option<u16>) {
        let Some(socket) = self.by_fd(fd) else { return };
        match (port, socket.state) {
            (None, _) => *socket = Socket { fd: Some(fd), named: socket.named, ..Socket::new(State::New) },
            (Some(port), State::New) => {
                socket.state = State::Connecting;
                socket.remote_port = port;
            }
            _ => {}
        }
    }

    /// A connection was accepted.
    ///
    /// # Errors
    /// If it is none that the script has opened.
    pub(crate) fn accepted(&mut self, peer: Option<Endpoint>, fd: i32) -> Result<(), String> {
        let passive = |socket: &&mut Socket| {
            matches!(socket.state, State::Received | State::SynAckSent | State::Established) && socket.fd.is_none()
        };
        let is_peer = |socket: &&mut Socket| peer.is_none_or(|peer| peer.port == socket.remote_port);
        match self.all.iter_mut().filter(passive).find(is_peer) {
            Some(socket) => {
                socket.fd = Some(fd);
                Ok(())
            }
            None => Err("unable to find socket matching accept() call".to_owned()),
        }
    }

    /// A descriptor was closed.
    pub(crate) fn closed(&mut self, fd: i32) {
        if let Some(socket) = self.by_fd(fd) {
            socket.fd = None;
        }
    }

    /// Whose segment the script sends.
    pub(crate) fn for_inbound(&mut self, text: &SegmentText) -> usize {
        if let Some((remote, local)) = text.ports {
            let known = self.named((local, remote));
            return known.unwrap_or_else(|| self.peer((local, remote), Some((local, remote)), text));
        }
        match self.under_test {
            Some(index) if !self.takes_new_peers(index, text) => index,
            other => {
                let local = other.map(|index| &self.all[index]).filter(|socket| socket.local_port != 0);
                let local = local.map_or(self.bind_port, |socket| socket.local_port);
                let remote = self.free_port();
                self.peer((local, remote), None, text)
            }
        }
    }

    /// True if a segment without ports begins a connection with a socket that has none yet, or with the listener behind one
    /// that the script names by its ports.
    fn takes_new_peers(&self, index: usize, text: &SegmentText) -> bool {
        let socket = &self.all[index];
        match socket.state {
            State::New | State::Listening => true,
            _ => socket.named.is_some() && is_syn(text) && self.all.iter().any(|s| s.state == State::Listening),
        }
    }

    /// Whose segment the script expects.
    ///
    /// # Errors
    /// If it is nobody's.
    pub(crate) fn for_outbound(&mut self, text: &SegmentText) -> Result<usize, &'static str> {
        let found = match text.ports {
            Some(named) => self.named(named).or_else(|| {
                // A connection that is about to open gets its name here.
                let index = self.connecting(text)?;
                self.all[index].named = Some(named);
                Some(index)
            }),
            None => self.under_test,
        };
        let index = found.ok_or(NO_SOCKET)?;
        let socket = &mut self.all[index];
        if socket.state == State::Connecting && is_syn(text) {
            socket.state = State::SynSent;
            // Which port it comes from, only the SYN tells.
            socket.local_port = 0;
            socket.script_isn = text.seq.0;
        }
        socket.expects(text);
        Ok(index)
    }

    /// Whose segment an ICMP message quotes.
    ///
    /// # Errors
    /// If there is nobody.
    pub(crate) fn for_icmp(&self) -> Result<usize, &'static str> {
        self.under_test.ok_or(NO_SOCKET)
    }

    fn connecting(&self, text: &SegmentText) -> Option<usize> {
        let fits = |socket: &Socket| socket.state == State::Connecting && socket.named.is_none() && is_syn(text);
        self.all.iter().position(fits)
    }

    fn named(&self, named: (u16, u16)) -> Option<usize> {
        self.all.iter().rposition(|socket| socket.named == Some(named))
    }

    /// A new connection from a peer of the script's, whose numbers count from its first segment.
    fn peer(&mut self, (local_port, remote_port): (u16, u16), named: Option<(u16, u16)>, first: &SegmentText) -> usize {
        let remote_isn = first.seq.0;
        let index = self.add(Socket { local_port, remote_port, named, remote_isn, ..Socket::new(State::Received) });
        let takes_over = match self.under_test {
            None => true,
            Some(index) => named.is_none() || self.all[index].state == State::Listening,
        };
        if takes_over {
            self.under_test = Some(index);
        }
        index
    }

    fn free_port(&mut self) -> u16 {
        let port = self.next_port;
        self.next_port = port.checked_add(1).unwrap_or(FIRST_PORT);
        port
    }

    fn by_fd(&mut self, fd: i32) -> Option<&mut Socket> {
        self.all.iter_mut().rfind(|socket| socket.fd == Some(fd))
    }

    fn add(&mut self, socket: Socket) -> usize {
        self.all.push(socket);
        self.all.len() - 1
    }
}

#[cfg(test)]
mod tests;
