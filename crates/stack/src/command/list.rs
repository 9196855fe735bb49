//! What there is: every connection and listener, as `ss` and `/proc/net/tcp` show them.

use crate::flow::Phase;
use crate::stack::Stack;
use limpid_event::{Observer, TcpState};
use limpid_wire::{Endpoint, IpAddr};

/// A connection, in whatever phase, or a listener.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Listed {
    /// Our end.
    pub local: Endpoint,
    /// The other end; unspecified for a listener.
    pub remote: Endpoint,
    /// Its state.
    pub state: TcpState,
    /// Bytes that the peer has not acknowledged, sent or not; a FIN counts as one.
    pub send_queue: u32,
    /// Bytes to be read; of a listener the connections to be accepted.
    pub recv_queue: u32,
}

impl<O: Observer> Stack<O> {
    /// Listeners, then connections, embryonic ones and those in TIME-WAIT; each group in no particular order. What is gone
    /// from the wire is not shown.
    pub fn list(&self) -> impl Iterator<Item = Listed> + '_ {
        let quiet = |local, remote, state| Listed { local, remote, state, send_queue: 0, recv_queue: 0 };
        let listeners = self.sockets.listeners().map(move |listener| {
            let local = listener.bind.local;
            let any = if local.addr.is_v4() { IpAddr::UNSPECIFIED_V4 } else { IpAddr::UNSPECIFIED };
            let recv_queue = listener.accept_queue.len() as u32;
            Listed { recv_queue, ..quiet(local, Endpoint::new(any, 0), TcpState::Listen) }
        });
        let flows = self.flows.iter().filter_map(move |(_, flow)| match &flow.phase {
            Phase::SynSent(_) => Some(quiet(flow.key.local, flow.key.remote, TcpState::SynSent)),
            Phase::Connection(connection) => Some(Listed {
                send_queue: connection.unacknowledged(),
                recv_queue: u32::try_from(connection.readable_len()).unwrap_or(u32::MAX),
                ..quiet(flow.key.local, flow.key.remote, connection.state())
            }),
            Phase::Resting(_) => Some(quiet(flow.key.local, flow.key.remote, TcpState::Established)),
            Phase::Over(_) | Phase::Between => None,
        });
        let embryos = self.embryos.iter().map(move |(_, e)| quiet(e.key.local, e.key.remote, TcpState::SynReceived));
        let waiting = self.quiet.iter().map(move |(_, q)| quiet(q.key.local, q.key.remote, q.time_wait.state()));
        listeners.chain(flows).chain(embryos).chain(waiting)
    }
}
