//! `limpid listen`: Linux's own TCP is the client.

use crate::support::{AtTerminal, LIMPID, have, kill, scratch, trace_lines};
use std::io::Write;
use std::process::{Command, Stdio};

fn listen(arguments: &[&str], input: &[u8]) -> (Option<i32>, String, String) {
    let mut process = Command::new(LIMPID)
        .arg("listen")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    process.stdin.take().unwrap().write_all(input).unwrap();
    let output = process.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn echo_to_a_kernel_client() {
    if !have(&["bash"]) {
        return;
    }
    let client = "exec bash -c 'exec 3<>/dev/tcp/$LIMPID_ADDRESS/$LIMPID_PORT
        echo hello >&3; read -u 3 line; echo \"back: $line\"'";
    let (code, out, err) = listen(&["7", "--echo", "--spawn", client], b"");
    assert_eq!(code, Some(0), "{err}");
    assert!(out.starts_with("back: hello\n"), "{out}");
    assert!(err.contains("Listening on 10.0.0.103 port 7.") && err.contains("Connection from 10.0.0.199:"), "{err}");
    let lines = trace_lines(&out);
    assert!(lines[0].starts_with(" 10.0.0.199.") && lines[0].contains("> 10.0.0.103.7: Flags [S]"), "{lines:?}");
    assert!(lines[1].contains("10.0.0.103.7 > 10.0.0.199.") && lines[1].contains("Flags [S.]"), "{lines:?}");
}

#[test]
fn bulk_data_is_echoed_byte_by_byte() {
    if !have(&["nc", "cmp"]) {
        return;
    }
    let (sent, back) = (scratch("sent"), scratch("back"));
    let bytes: Vec<u8> = (0..2_000_000_u32).map(|i| (i * 7 + i / 253) as u8).collect();
    std::fs::write(&sent, &bytes).unwrap();
    let client = format!("nc -N $LIMPID_ADDRESS $LIMPID_PORT < {} > {}", sent.display(), back.display());
    let (code, _, err) = listen(&["7", "--echo", "--quiet", "--spawn", &client], b"");
    assert_eq!(code, Some(0), "{err}");
    assert!(std::fs::read(&back).unwrap() == bytes);
}

#[test]
fn several_clients_at_once() {
    if !have(&["nc"]) {
        return;
    }
    let client = "for i in 1 2 3 4 5; do (echo client $i | nc -N $LIMPID_ADDRESS $LIMPID_PORT) & done; wait";
    let (code, out, err) = listen(&["7", "--echo", "--quiet", "--spawn", client], b"");
    assert_eq!(code, Some(0), "{err}");
    let mut lines: Vec<_> = out.lines().collect();
    lines.sort_unstable();
    assert_eq!(lines, ["client 1", "client 2", "client 3", "client 4", "client 5"]);
    assert_eq!(err.matches("Connection from").count(), 5);
}

#[test]
fn one_client_gets_standard_input_and_output() {
    if !have(&["nc"]) {
        return;
    }
    let got = scratch("got");
    let client = format!("echo from the client | nc -N $LIMPID_ADDRESS $LIMPID_PORT > {}", got.display());
    let (code, out, err) = listen(&["8080", "--quiet", "--spawn", &client], b"from the server\n");
    assert_eq!(code, Some(0), "{err}");
    assert_eq!(out, "from the client\n");
    // The client writes its file while it ends.
    crate::support::soon("the client got our input", || std::fs::read(&got).is_ok_and(|b| b == b"from the server\n"));
}

#[test]
fn a_client_that_never_comes() {
    if !have(&[]) {
        return;
    }
    let (code, out, err) = listen(&["7", "--echo", "--spawn", "echo sorry; exit 4"], b"");
    assert_eq!(code, Some(1));
    assert!(err.contains("limpid: echo sorry; exit 4: ended (exit status: 4) and nobody has connected"), "{err}");
    assert!(out.starts_with("sorry\n"));
}

#[test]
fn ctrl_c_ends_the_echo_server() {
    if !have(&["bash"]) {
        return;
    }
    let client = "exec bash -c 'exec 3<>/dev/tcp/$LIMPID_ADDRESS/$LIMPID_PORT; sleep 1000'";
    for way in ["^C", "TERM"] {
        let mut server = AtTerminal::start(&["listen", "7", "--echo", "--spawn", client]);
        server.expect("Connection from 10.0.0.199:");
        match way {
            "^C" => server.type_in("\x03"),
            signal => kill(signal, server.pid()),
        }
        assert_eq!(server.end(), Some(0), "{}", server.shown);
        assert!(server.is_restored());
        let last_words = trace_lines(&server.shown).iter().filter(|l| l.contains("Flags [F.]")).count();
        assert!(last_words >= 1, "the server closes: {}", server.shown);
    }
}
