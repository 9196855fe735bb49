use super::*;
use crate::recorder::Recorder;
use crate::testing::{A, B, packet};
use limpid_event::{FlowId, Instant, LinkFate};
use limpid_scope::trace::View;

#[test]
fn a_story_is_told_in_flags_lengths_and_relative_numbers() {
    let recorder = Recorder::new(0);
    recorder.add_host("client", vec![A], View::Inside);
    recorder.add_host("server", vec![B], View::Inside);
    let at = Instant::ZERO;
    let send = |ends: (usize, usize), flags, seq, data: &[u8]| {
        let addresses = if ends.0 == 0 { (A, B) } else { (B, A) };
        recorder.sent(at, ends, &packet(addresses, flags, seq, data), FlowId::NONE, None)
    };
    send((0, 1), TcpFlags::SYN, u32::MAX, b"");
    let lost = send((0, 1), TcpFlags::ACK | TcpFlags::PSH, 0, b"hello");
    send((0, 1), TcpFlags::FIN | TcpFlags::ACK, 5, b"");
    // A new connection of the same ports counts from its own SYN.
    send((0, 1), TcpFlags::SYN, 77, b"");
    recorder.lost(lost, at, LinkFate::Lost);
    let nonsense = recorder.sent(at, (1, 0), b"nonsense", FlowId::NONE, None);
    recorder.arrived(nonsense, at);
    let story = story(&recorder.trace(at));
    assert_eq!(story.words(), ["client S", "client P. 5 lost", "client F.", "client S", "server ?"]);
    assert_eq!(story.numbered(), ["client S 0:0", "client P. 5 lost 1:6", "client F. 6:6", "client S 0:0", "server ?"]);
    assert_eq!(story.count_flags(TcpFlags::SYN), 2);
    assert_eq!(story.count(|line, _, len| line.lost && len == 5), 1);
}
