//! `/proc/net/tcp` and `/proc/net/tcp6` of our stack, in Linux's columns. Timers, owners and the kernel's own numbers are 0.

use limpid_event::{Observer, TcpState};
use limpid_stack::{Listed, Stack};
use limpid_wire::Endpoint;
use std::fmt::Write as _;

/// How long Linux makes the lines of `/proc/net/tcp`; those of `/proc/net/tcp6` end where they end.
const WIDTH: usize = 149;

/// The file: with IPv4 addresses, or with IPv6 ones.
pub(super) fn tcp<O: Observer>(stack: &Stack<O>, v4: bool) -> String {
    let head = match v4 {
        true => "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode",
        false => {
            "  sl  local_address                         remote_address                        st tx_queue rx_queue \
             tr tm->when retrnsmt   uid  timeout inode"
        }
    };
    let width = if v4 { WIDTH } else { 0 };
    let mut text = format!("{head:width$}\n");
    for (nth, row) in stack.list().filter(|row| row.local.addr.is_v4() == v4).enumerate() {
        let Listed { local, remote, state, send_queue, recv_queue, .. } = row;
        let line = format!(
            "{nth:4}: {} {} {:02X} {send_queue:08X}:{recv_queue:08X} 00:00000000 00000000     0        0 0 1 {:016x} 0 0 0 10 0",
            words(local),
            words(remote),
            number(state),
            0
        );
        let _ = writeln!(text, "{line:width$}");
    }
    text
}

/// Address and port as the kernel prints them: the address in 32-bit words of the machine's order.
fn words(Endpoint { addr, port }: Endpoint) -> String {
    let bytes = match addr.as_v4() {
        Some(v4) => v4.to_vec(),
        None => addr.octets().to_vec(),
    };
    let mut text = String::new();
    for word in bytes.chunks_exact(4) {
        let word = u32::from_le_bytes([word[0], word[1], word[2], word[3]]);
        let _ = write!(text, "{word:08X}");
    }
    let _ = write!(text, ":{port:04X}");
    text
}

/// The kernel's number of a state.
fn number(state: TcpState) -> u8 {
    match state {
        TcpState::Established => 1,
        TcpState::SynSent => 2,
        TcpState::SynReceived => 3,
        TcpState::FinWait1 => 4,
        TcpState::FinWait2 => 5,
        TcpState::TimeWait => 6,
        TcpState::Closed => 7,
        TcpState::CloseWait => 8,
        TcpState::LastAck => 9,
        TcpState::Listen => 10,
        TcpState::Closing => 11,
    }
}
