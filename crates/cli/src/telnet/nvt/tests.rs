use super::*;

/// Feeds the pieces in; answers with what is shown and what is answered.
fn receive(nvt: &mut Nvt, pieces: &[&[u8]]) -> (Vec<u8>, Vec<u8>) {
    let (mut show, mut answer) = (Vec::new(), Vec::new());
    pieces.iter().for_each(|piece| nvt.receive(piece, &mut show, &mut answer));
    (show, answer)
}

#[test]
fn plain_text_passes() {
    let (show, answer) = receive(&mut Nvt::default(), &[b"+PONG\r\n"]);
    assert_eq!((&show[..], &answer[..]), (&b"+PONG\r\n"[..], &b""[..]));
}

#[test]
fn a_carriage_return_with_nul_is_only_a_carriage_return() {
    let (show, _) = receive(&mut Nvt::default(), &[b"a\r\0b\r", b"\0c\0"]);
    assert_eq!(show, b"a\rb\rc\0");
}

#[test]
fn commands_are_taken_out_wherever_they_are_cut() {
    let whole = [b'a', IAC, IAC, b'b', IAC, 241, b'c', IAC, SB, 24, 1, IAC, IAC, SE, 7, IAC, SE, b'd'];
    for cut in 0..=whole.len() {
        let (show, answer) = receive(&mut Nvt::default(), &[&whole[..cut], &whole[cut..]]);
        assert_eq!(show, [b'a', IAC, b'b', b'c', b'd'], "cut at {cut}");
        assert!(answer.is_empty());
    }
}

#[test]
fn echo_and_suppress_go_ahead_are_welcome_once() {
    let mut nvt = Nvt::default();
    let offer = [IAC, WILL, ECHO, IAC, WILL, SUPPRESS_GO_AHEAD, IAC, DO, SUPPRESS_GO_AHEAD];
    let (_, answer) = receive(&mut nvt, &[&offer]);
    assert_eq!(answer, [IAC, DO, ECHO, IAC, DO, SUPPRESS_GO_AHEAD, IAC, WILL, SUPPRESS_GO_AHEAD]);
    assert!(nvt.is_character_at_a_time());
    // Said again, nothing changes and nothing is answered: no loops.
    assert_eq!(receive(&mut nvt, &[&offer]).1, [0u8; 0]);
    assert_eq!(receive(&mut nvt, &[&[IAC, WONT, ECHO]]).1, [IAC, DONT, ECHO]);
    assert!(!nvt.is_character_at_a_time());
    assert_eq!(receive(&mut nvt, &[&[IAC, WONT, ECHO]]).1, [0u8; 0]);
}

#[test]
fn everything_else_is_refused() {
    let mut nvt = Nvt::default();
    for option in (0..=255).filter(|o| ![ECHO, SUPPRESS_GO_AHEAD].contains(o)) {
        assert_eq!(receive(&mut nvt, &[&[IAC, WILL, option]]).1, [IAC, DONT, option]);
        assert_eq!(receive(&mut nvt, &[&[IAC, DO, option]]).1, [IAC, WONT, option]);
        assert_eq!(receive(&mut nvt, &[&[IAC, WONT, option, IAC, DONT, option]]).1, [0u8; 0]);
    }
    // That we echo what the peer sends is refused too.
    assert_eq!(receive(&mut nvt, &[&[IAC, DO, ECHO]]).1, [IAC, WONT, ECHO]);
}

#[test]
fn what_is_typed_becomes_network_lines() {
    let mut out = Vec::new();
    Nvt::default().send(b"PING\n\xff\r", &mut out);
    assert_eq!(out, b"PING\r\n\xff\xff\r\0");
}
