//! `limpid watch` at a terminal and in pipes: on captures, and on live traffic in a private network.

use crate::support::{AtTerminal, LIMPID, kill, scratch, soon};
use limpid_device::namespace::Namespace;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

fn article(name: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/article").join(name);
    path.to_str().expect("a path in UTF-8").to_owned()
}

fn at_screen(arguments: &[&str]) -> AtTerminal {
    AtTerminal::start_with(&[&["watch"], arguments].concat(), |command| {
        command.env("TERM", "xterm").env_remove("COLUMNS").env("TZ", "UTC").current_dir(scratch_dir());
    })
}

fn scratch_dir() -> PathBuf {
    let path = scratch("watch");
    std::fs::create_dir_all(&path).unwrap();
    path
}

/// It was left as it was found: the modes, the normal screen, the cursor.
fn assert_restored(terminal: &AtTerminal) {
    assert!(terminal.is_restored(), "the modes are back");
    let shown = &terminal.shown;
    let last = |sequence: &str| shown.rfind(sequence);
    assert!(last("\x1b[?1049l") > last("\x1b[?1049h"), "the normal screen is back: {shown:?}");
    assert!(last("\x1b[?25h") > last("\x1b[?25l"), "the cursor is back: {shown:?}");
}

fn output(arguments: &[&str], input: &[u8]) -> (Option<i32>, String, String) {
    let mut child = Command::new(LIMPID)
        .arg("watch")
        .args(arguments)
        .env("TZ", "UTC")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It may stop reading early.
    let _ = child.stdin.take().unwrap().write_all(input);
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn a_key_that_comes_with_a_new_size_is_obeyed() {
    let file = article("article-syn-timeout.pcap");
    for columns in 100..112 {
        let mut terminal = at_screen(&["-r", &file]);
        terminal.expect_screen("the list", |s| s.contains("at its end"));
        terminal.resize(columns, 30);
        terminal.type_in("q");
        assert_eq!(terminal.end(), Some(0));
    }
}

#[test]
fn a_capture_is_looked_through_with_keys() {
    let file = article("article-syn-timeout.pcap");
    let mut terminal = at_screen(&["-r", &file]);
    terminal.expect_screen("the list", |s| s.contains("10.0.0.199:56424 → 10.0.0.103:23") && s.contains("at its end"));
    terminal.expect_screen("its trouble", |s| s.contains("SYN unanswered, 5th retry in"));
    terminal.type_in("\r");
    let ladder = terminal.expect_screen("the ladder", |s| s.contains("no SYN-ACK ever came") && s.contains("Esc back"));
    assert!(ladder.contains("Flags [S], seq") && ladder.contains("was sent again 4 times"), "{ladder}");
    terminal.type_in("\x1b");
    terminal.expect_screen("the list again", |s| s.contains("CLIENT → SERVER"));
    terminal.type_in("/nowhere");
    terminal.expect_screen("a search in vain", |s| s.contains("Search: nowhere") && s.contains("Nothing like that"));
    terminal.type_in("\x1b");
    terminal.expect_screen("everything again", |s| s.contains("10.0.0.199:56424"));
    terminal.type_in("p");
    terminal.expect_screen("the pause", |s| s.contains("paused, 0 packets since"));
    terminal.type_in("p?");
    terminal.expect_screen("help", |s| s.contains("┌ Help ─"));
    terminal.type_in("?s");
    let saved = terminal.expect_screen("that it is saved", |s| s.contains("5 packets saved as limpid-1"));
    let name = saved.lines().last().unwrap().split(" saved as ").nth(1).unwrap().trim().to_owned();
    let (code, lines, _) = output(&["--lines", "-n", "-r", scratch_dir().join(&name).to_str().unwrap()], b"");
    assert_eq!((code, lines.lines().count()), (Some(0), 5));
    terminal.resize(100, 30);
    terminal.type_in("q");
    assert_eq!(terminal.end(), Some(0));
    assert_restored(&terminal);
    let said = terminal.shown.rsplit("\x1b[?25h").next().unwrap();
    assert!(said.contains("5 packets, 1 connection, 1 in trouble") && said.contains("SYN unanswered"), "{said}");
}

#[test]
fn whatever_ends_it_the_terminal_is_restored() {
    let file = article("article-close.pcap");
    for way in ["^C", "TERM", "HUP", "INT"] {
        let mut terminal = at_screen(&["-r", &file, "--speed", "1"]);
        terminal.expect_screen("the list", |s| s.contains("10.0.0.103"));
        match way {
            "^C" => terminal.type_in("\x03"),
            signal => kill(signal, terminal.pid()),
        }
        assert_eq!(terminal.end(), Some(0), "{way}: {}", terminal.shown);
        assert_restored(&terminal);
    }
}

#[test]
fn ctrl_z_gives_the_terminal_back_and_takes_it_again() {
    let mut terminal = at_screen(&["-r", &article("article-close.pcap")]);
    terminal.expect_screen("the list", |s| s.contains("10.0.0.103"));
    terminal.type_in("\x1a");
    let pid = terminal.pid();
    let state = move || std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    soon("it stops", || state().rsplit(") ").next().is_some_and(|rest| rest.starts_with('T')));
    terminal.expect("\x1b[?1049l");
    assert!(terminal.is_restored());
    kill("CONT", pid);
    terminal.expect("\x1b[?1049h");
    terminal.expect_screen("the list again", |s| s.contains("10.0.0.103"));
    terminal.type_in("q");
    assert_eq!(terminal.end(), Some(0));
    assert_restored(&terminal);
}

#[test]
fn pipes_get_lines_and_are_told_so() {
    let file = article("article-close.pcap");
    let whole = std::fs::read(&file).unwrap();
    let expected = std::fs::read_to_string(article("article-close.txt")).unwrap();
    let (code, lines, said) = output(&["-n", "-t", "-S", "-r", &file], b"");
    assert_eq!((code, &lines), (Some(0), &expected));
    assert!(said.contains("printing lines") && said.contains("6 packets, 0 dropped by the kernel"), "{said}");
    // Standard input, a count, a packet cut in the middle.
    let (code, lines, said) = output(&["--lines", "-ntS", "-c", "2", "-r", "-"], &whole);
    assert_eq!((code, lines.lines().count()), (Some(0), 2));
    assert!(said.starts_with("2 packets, "), "{said}");
    let (code, lines, said) = output(&["--lines", "-ntS", "-r", "-"], &whole[..whole.len() - 1]);
    assert_eq!((code, lines.lines().count()), (Some(1), 5));
    assert!(said.contains("limpid: standard input: "), "{said}");
}

#[test]
fn objects_for_scripts() {
    let file = article("article-close.pcap");
    let (code, segments, _) = output(&["--json", "segments", "-r", &file], b"");
    let rows: Vec<serde_json::Value> = segments.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((code, rows.len()), (Some(0), 6));
    let kinds: Vec<_> = rows.iter().map(|row| row["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["SYN", "SYN-ACK", "ACK", "FIN", "FIN", "ACK"]);
    assert_eq!((&rows[1]["flags"], &rows[1]["sender"], &rows[1]["ack"]), (&"S.".into(), &"server".into(), &1.into()));
    let (code, connections, _) = output(&["--json", "connections", "-r", &file], b"");
    let row: serde_json::Value = serde_json::from_str(connections.trim()).unwrap();
    assert_eq!((code, &row["ending"], &row["closer"]), (Some(0), &"closed".into(), &"client".into()));
    let article = output(&["--json", "connections", "-r", &crate::watch::article("article-syn-timeout.pcap")], b"").1;
    let row: serde_json::Value = serde_json::from_str(article.trim()).unwrap();
    assert_eq!((&row["opening"], &row["client_retransmissions"]), (&"no answer".into(), &4.into()));
    insta::assert_snapshot!("a_segment_as_json", segments.lines().nth(1).unwrap());
    insta::assert_snapshot!("a_connection_as_json", connections);
}

#[test]
fn everything_can_be_saved_and_paced() {
    let (file, copy) = (article("article-close.pcap"), scratch("copy.pcapng"));
    let copy = copy.to_str().unwrap();
    // Four seconds and more pass in it; a hundred times as fast that is no time.
    let (code, lines, _) = output(&["--lines", "-ntS", "-r", &file, "--speed", "100", "-w", copy], b"");
    assert_eq!(code, Some(0));
    assert_eq!(output(&["--lines", "-ntS", "-r", copy], b"").1, lines);
    let (code, first, _) = output(&["--lines", "-nt", "-r", &file, "--speed", "0.0001", "--for", "300ms"], b"");
    assert_eq!((code, first.lines().count()), (Some(0), 1));
    let (code, _, said) = output(&["-r", "/no/such/file"], b"");
    assert_eq!(code, Some(1));
    assert!(said.contains("limpid: /no/such/file: No such file"), "{said}");
}

/// Leaving at once loses nothing that was on its way: what is saved is a beginning of the capture, whole packets of it.
#[test]
fn leaving_the_screen_saves_what_is_on_its_way() {
    let (file, copy) = (article("article-close.pcap"), scratch("left.pcapng"));
    let copy = copy.to_str().unwrap();
    let mut terminal = at_screen(&["-r", &file, "--speed", "1", "-w", copy]);
    terminal.expect_screen("the list", |s| s.contains("10.0.0.103"));
    terminal.type_in("q");
    assert_eq!(terminal.end(), Some(0), "{}", terminal.shown);
    let (code, saved, said) = output(&["--lines", "-ntS", "-r", copy], b"");
    let whole = output(&["--lines", "-ntS", "-r", &file], b"").1;
    assert!(code == Some(0) && !saved.is_empty() && whole.starts_with(&saved), "{saved} {said}");
}

/// A private network for the calling thread; `None`, with the reason printed, where it can't be had.
fn private_network() -> Option<Namespace> {
    let lacking = match Namespace::enter() {
        Ok(namespace) => return Some(namespace),
        Err(error) => error.to_string(),
    };
    assert!(std::env::var_os("LIMPID_REQUIRE_TOOLS").is_none_or(|v| v != "1"), "{lacking}");
    eprintln!("skipped: {lacking}");
    None
}

/// A listener that has no room for a third connection: SYNs are dropped.
fn full_listener() -> (OwnedFd, SocketAddr, Vec<TcpStream>) {
    use rustix::net::{AddressFamily, SocketType, bind, getsockname, listen, socket};
    let listener = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
    bind(&listener, &SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0)).unwrap();
    listen(&listener, 0).unwrap();
    let address = SocketAddr::try_from(getsockname(&listener).unwrap()).unwrap();
    let queued = vec![TcpStream::connect(address).unwrap()];
    (listener, address, queued)
}

#[test]
fn live_connections_come_and_go() {
    let Some(_network) = private_network() else { return };
    let mut terminal = at_screen(&["-i", "lo", "tcp"]);
    terminal.expect_screen("that it is live", |s| s.contains("● live") && s.contains("Nothing yet"));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = listener.local_addr().unwrap();
    let mut client = TcpStream::connect(server).unwrap();
    let (mut peer, _) = listener.accept().unwrap();
    client.write_all(b"hello").unwrap();
    peer.read_exact(&mut [0; 5]).unwrap();
    let who = format!("{} → {server}", client.local_addr().unwrap());
    terminal.expect_screen("the connection", |s| s.contains(&who) && s.contains("ESTABLISHED"));
    terminal.type_in("\r");
    terminal.expect_screen("its ladder", |s| s.contains("SYN-ACK seq 0") && s.contains("Flags ["));
    drop(client);
    drop(peer);
    terminal.expect_screen("that the ladder goes on", |s| s.contains("TIME-WAIT") && s.contains("FIN"));
    terminal.type_in("\x1b");
    // Nobody listens here.
    TcpStream::connect("127.0.0.1:1").unwrap_err();
    terminal.expect_screen("the refusal", |s| s.contains("refused: the server answered the SYN with a reset"));
    // Here somebody listens and has no room.
    let (_listener, full, _queued) = full_listener();
    let waiting = std::thread::spawn(move || {
        let connect = || TcpStream::connect_timeout(&full, Duration::from_millis(1500));
        // How many fit is the kernel's affair: the last does not.
        (0..4).map(|_| connect()).take_while(Result::is_ok).count()
    });
    terminal.expect_screen("the SYN without answer", |s| s.contains("SYN unanswered, "));
    waiting.join().unwrap();
    terminal.type_in("\x03");
    assert_eq!(terminal.end(), Some(0));
    assert_restored(&terminal);
    assert!(terminal.shown.contains("in trouble; 0 dropped by the kernel, 0 dropped here"), "{}", terminal.shown);
}

#[test]
fn live_lines_come_at_once() {
    let Some(_network) = private_network() else { return };
    let mut child = Command::new(LIMPID)
        .args(["watch", "-i", "lo", "--lines", "-nt", "-c", "3", "tcp"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    // It takes a moment until packets are captured.
    let connections = std::thread::spawn(move || {
        let deadline = Instant::now() + Duration::from_secs(10);
        while Instant::now() < deadline {
            drop(TcpStream::connect(listener.local_addr().unwrap()));
            std::thread::sleep(Duration::from_millis(50));
        }
    });
    let first = lines.next().unwrap().unwrap();
    assert!(first.starts_with("IP 127.0.0.1.") && first.contains("Flags ["), "{first}");
    assert_eq!(lines.count(), 2);
    assert!(child.wait().unwrap().success());
    drop(connections);
}

#[test]
fn without_rights_it_says_which() {
    // Nobody's user has no capabilities; without root there is none to begin with.
    let mut command = Command::new("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "--bounding-set=-all", LIMPID]);
    if !rustix::process::getuid().is_root() {
        command = Command::new(LIMPID);
    }
    let output = command.args(["watch", "--lines", "-i", "lo"]).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    if said.starts_with("setpriv: ") {
        eprintln!("skipped: {said}");
        return;
    }
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("CAP_NET_RAW") || said.contains("cap_net_raw"), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
}
