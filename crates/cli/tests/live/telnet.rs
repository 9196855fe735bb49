//! `limpid telnet`, typed at a terminal, against real servers in a private network.

use crate::support::{AtTerminal, LIMPID, have, kill, scratch, soon, trace_lines};
use rustix::termios::LocalModes;
use std::process::{Command, Stdio};

const REDIS: &str = "redis-server --port 6379 --protected-mode no --save '' --appendonly no";

/// The flags of each segment in the trace: `S`, `S.`, `P.` …
fn flags(shown: &str) -> Vec<String> {
    let flags = |line: &&str| Some(line.split_once("Flags [")?.1.split_once(']')?.0.to_owned());
    trace_lines(shown).iter().filter_map(flags).collect()
}

#[test]
fn the_article_with_a_real_redis() {
    if !have(&["redis-server"]) {
        return;
    }
    let pcap = scratch("redis.pcap");
    let pcap = pcap.to_str().unwrap();
    let mut telnet = AtTerminal::start(&["telnet", "10.0.0.199", "6379", "--spawn", REDIS, "--pcap", pcap]);
    telnet.expect("Trying 10.0.0.199...");
    telnet.expect("Connected to 10.0.0.199.");
    telnet.expect("Escape character is '^]'.");
    telnet.type_in("PING\n");
    telnet.expect("+PONG");
    telnet.type_in("\x1d");
    telnet.expect("telnet> ");
    telnet.type_in("quit\n");
    telnet.expect("Connection closed.");
    assert_eq!(telnet.end(), Some(0), "{}", telnet.shown);
    assert!(telnet.is_restored());

    let lines = trace_lines(&telnet.shown);
    assert!(lines[0].contains("10.0.0.103.") && lines[0].contains("> 10.0.0.199.6379: Flags [S]"), "{lines:?}");
    let flags = flags(&telnet.shown);
    assert_eq!(flags[..4], ["S", "S.", ".", "P."], "the handshake and our PING");
    // We close; redis's FIN takes the ACK of ours along, or comes after it; the last word is ours.
    assert_eq!(flags.iter().filter(|f| f.contains('F')).count(), 2, "{flags:?}");
    assert_eq!(flags.last().unwrap(), ".");
    assert!(!flags.iter().any(|f| f.contains('R')), "{flags:?}");

    if have(&["tcpdump"]) {
        let output = Command::new("tcpdump").args(["-n", "-r", pcap]).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert_eq!(text.lines().count(), lines.len(), "{text}");
    }
}

#[test]
fn without_a_word_it_is_the_articles_six_segments() {
    if !have(&["redis-server"]) {
        return;
    }
    let mut telnet = AtTerminal::start(&["telnet", "--spawn", REDIS, "10.0.0.199", "6379"]);
    telnet.expect("Escape character");
    telnet.type_in("\x1d");
    telnet.expect("telnet> ");
    telnet.type_in("q\n");
    assert_eq!(telnet.end(), Some(0));
    let flags = flags(&telnet.shown);
    assert_eq!(flags[..3], ["S", "S.", "."]);
    assert_eq!(flags[3], "F.", "we close first");
    assert_eq!(flags.iter().filter(|f| *f == "F.").count(), 2);
    assert!((6..=7).contains(&flags.len()), "the ACK of our FIN rides on redis's FIN, or not: {flags:?}");
    assert!(trace_lines(&telnet.shown).iter().all(|line| line.ends_with("length 0")));
}

#[test]
fn the_prompt() {
    if !have(&["redis-server"]) {
        return;
    }
    let mut telnet = AtTerminal::start(&["telnet", "10.0.0.199", "6379", "--quiet", "--spawn", REDIS]);
    telnet.expect("Escape character");
    telnet.type_in("\x1d");
    telnet.expect("telnet> ");
    telnet.type_in("status\n");
    telnet.expect("Connected to 10.0.0.199:6379 from 10.0.0.103:");
    telnet.expect("Operating line by line.");
    telnet.expect("TCP: ESTABLISHED, rtt ");
    telnet.type_in("\x1dhelp\n");
    telnet.expect("close the connection and leave telnet");
    telnet.type_in("\x1d");
    telnet.expect("telnet> ");
    telnet.type_in("nonsense\n");
    telnet.expect("?Invalid command");
    telnet.expect("telnet> ");
    telnet.type_in("\n");
    telnet.type_in("ECHO back-in-the-conversation\n");
    telnet.expect("$24\nback-in-the-conversation");
    telnet.type_in("\x1dclose\n");
    telnet.expect("Connection closed.");
    assert_eq!(telnet.end(), Some(0));
    assert!(telnet.is_restored());
    assert_eq!(trace_lines(&telnet.shown).len(), 0, "--quiet");
}

#[test]
fn the_server_closes_first() {
    if !have(&["redis-server"]) {
        return;
    }
    let mut telnet = AtTerminal::start(&["telnet", "10.0.0.199", "6379", "--spawn", REDIS]);
    telnet.expect("Escape character");
    telnet.type_in("QUIT\n");
    telnet.expect("+OK");
    telnet.expect("Connection closed by foreign host.");
    assert_eq!(telnet.end(), Some(0));
    let lines = trace_lines(&telnet.shown);
    let first_fin = lines.iter().find(|l| l.contains("Flags [F")).unwrap();
    assert!(first_fin.starts_with(" 10.0.0.199.6379 >"), "{first_fin}");
}

#[test]
fn ctrl_c_hangup_and_term_leave_in_good_order() {
    if !have(&["redis-server"]) {
        return;
    }
    for way in ["^C", "HUP", "TERM"] {
        let mut telnet = AtTerminal::start(&["telnet", "10.0.0.199", "6379", "--spawn", REDIS]);
        telnet.expect("Escape character");
        match way {
            "^C" => telnet.type_in("\x03"),
            signal => kill(signal, telnet.pid()),
        }
        telnet.expect("Connection closed.");
        assert_eq!(telnet.end(), Some(0), "{way}");
        assert!(telnet.is_restored(), "{way}");
        assert_eq!(flags(&telnet.shown).iter().filter(|f| f.contains('F')).count(), 2, "{way}: {}", telnet.shown);
    }
}

#[test]
fn nothing_is_left_even_after_kill_9() {
    if !have(&["redis-server"]) {
        return;
    }
    // A compound command: redis is the shell's child, not ours.
    let note = scratch("namespace");
    let spawn = format!("readlink /proc/self/ns/net > {}; {REDIS}; true", note.display());
    let mut telnet = AtTerminal::start(&["telnet", "10.0.0.199", "6379", "--spawn", &spawn]);
    telnet.expect("Escape character");
    let namespace = std::fs::read_to_string(&note).unwrap();
    let outside = std::fs::read_link("/proc/self/ns/net").unwrap();
    assert_ne!(outside.to_str(), Some(namespace.trim()), "redis is in a network of its own");
    let inside = || {
        let processes = std::fs::read_dir("/proc").unwrap().flatten();
        let net = |p: std::fs::DirEntry| std::fs::read_link(p.path().join("ns/net")).ok();
        processes.into_iter().filter_map(net).filter(|net| net.to_str() == Some(namespace.trim())).count()
    };
    assert!(inside() >= 3, "the command, a shell, redis");
    kill("KILL", telnet.pid());
    telnet.end();
    soon("nobody is in its network any more", || inside() == 0);
}

#[test]
fn without_rights_it_takes_a_user_namespace() {
    if !have(&["redis-server", "setpriv"]) {
        return;
    }
    // In a mount namespace of its own, the device is open to all and the command lies where all may run it.
    let set_up = format!(
        "mount -t tmpfs tmpfs /dev/net && mknod -m 666 /dev/net/tun c 10 200 && touch /dev/net/limpid && \
         mount --bind {LIMPID} /dev/net/limpid && cd / && \
         printf 'PING\\n' | setpriv --reuid=65534 --regid=65534 --clear-groups \
         /dev/net/limpid telnet 10.0.0.199 6379 --spawn \"{REDIS}\""
    );
    let output = Command::new("unshare").args(["-m", "sh", "-c", &set_up]).output().unwrap();
    let (text, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{errors}");
    assert!(text.contains("+PONG"), "{text}{errors}");
}

#[test]
fn refused_and_unanswered() {
    if !have(&["redis-server", "sh"]) {
        return;
    }
    let local_only = format!("{REDIS} --bind 127.0.0.1");
    let mut telnet = AtTerminal::start(&["telnet", "10.0.0.199", "6379", "--spawn", &local_only]);
    telnet.expect("Trying");
    assert_eq!(telnet.end(), Some(1));
    assert!(telnet.shown.contains("limpid: 10.0.0.199:6379: connection refused"), "{}", telnet.shown);
    assert_eq!(flags(&telnet.shown), ["S", "R."]);

    // The article's busy server: it drops what it gets. A route to nowhere on Linux's side does the same.
    let deaf = format!("ip route replace blackhole 10.0.0.103/32; {REDIS}");
    let arguments = ["telnet", "10.0.0.199", "6379", "--timeout", "0.5", "--spawn", &deaf];
    let mut telnet = AtTerminal::start(&arguments);
    assert_eq!(telnet.end(), Some(1));
    assert!(telnet.shown.contains("limpid: 10.0.0.199:6379: connection timed out"), "{}", telnet.shown);
    assert_eq!(flags(&telnet.shown), ["S"]);
}

#[test]
fn a_command_that_does_not_listen() {
    if !have(&[]) {
        return;
    }
    let output = Command::new(LIMPID)
        .args(["telnet", "10.0.0.199", "6379", "--spawn", "echo first; echo no such disk >&2; exit 3"])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(message.starts_with("limpid: echo first; "), "{message}");
    assert!(message.contains("ended (exit status: 3) before it listened on port 6379; it said: no such disk"));
    assert_eq!(message.lines().count(), 1);
}

#[test]
fn a_pipe_is_heard_out() {
    if !have(&["redis-server"]) {
        return;
    }
    let script = format!("printf 'PING\\nECHO last\\n' | {LIMPID} telnet 10.0.0.199 6379 --quiet --spawn \"{REDIS}\"");
    let output = Command::new("sh").args(["-c", &script]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("+PONG\r\n$4\r\nlast\r\nConnection closed by foreign host."), "{text}");
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn options_are_negotiated() {
    if !have(&["nc"]) {
        return;
    }
    let answers = scratch("answers");
    // WILL ECHO, WILL SUPPRESS-GO-AHEAD, DO TERMINAL-TYPE, and a text with an escaped 255.
    let server = format!(
        "printf '\\377\\373\\001\\377\\373\\003\\377\\375\\030login: ' | nc -l 10.0.0.199 23 > {}",
        answers.display()
    );
    let mut telnet = AtTerminal::start(&["telnet", "10.0.0.199", "--spawn", &server]);
    telnet.expect("login: ");
    soon("character at a time", || !telnet.modes().local_modes.intersects(LocalModes::ICANON | LocalModes::ECHO));
    telnet.type_in("a\r");
    let expected = b"\xff\xfd\x01\xff\xfd\x03\xff\xfc\x18a\r\0";
    soon("the answers", || std::fs::read(&answers).is_ok_and(|bytes| bytes == expected));
    telnet.type_in("\x1d");
    telnet.expect("telnet> ");
    assert!(telnet.is_restored(), "the prompt has the terminal's own modes");
    telnet.type_in("status\n");
    telnet.expect("Operating character at a time.");
    telnet.type_in("\x1dquit\n");
    assert_eq!(telnet.end(), Some(0));
    assert!(telnet.is_restored());
}

#[test]
fn ipv6() {
    if !have(&["redis-server"]) {
        return;
    }
    let mut telnet = AtTerminal::start(&["telnet", "fd00::199", "6379", "--spawn", REDIS]);
    telnet.expect("Connected to fd00::199.");
    telnet.type_in("PING\n");
    telnet.expect("+PONG");
    telnet.type_in("\x1dquit\n");
    assert_eq!(telnet.end(), Some(0));
    assert!(trace_lines(&telnet.shown)[0].starts_with("6 fd00::103."), "{}", telnet.shown);
}

#[test]
fn a_tun_device_of_the_users() {
    if !have(&["ip", "nc"]) {
        return;
    }
    // In a network made here, so that nothing of this machine's is touched.
    let script = format!(
        "ip tuntap add limpid7 mode tun && ip address add 10.0.0.199/24 dev limpid7 && ip link set limpid7 up && \
         (echo welcome | nc -N -l 10.0.0.199 23 > /dev/null &) && sleep 0.2 && \
         {LIMPID} telnet 10.0.0.199 --tun limpid7 --address 10.0.0.103 < /dev/null; \
         echo code $?; ip -br link show limpid7"
    );
    let output = Command::new("unshare").args(["-n", "sh", "-c", &script]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("welcome") && text.contains("code 0"), "{text}{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(flags(&text)[..3], ["S", "S.", "."]);
    assert!(text.trim_end().lines().last().unwrap().starts_with("limpid7 "), "the user's device is still there");
}

#[test]
fn a_tun_device_that_another_process_has() {
    if !have(&["ip"]) {
        return;
    }
    let script = format!(
        "ip tuntap add limpid7 mode tun && ip address add 10.0.0.199/24 dev limpid7 && ip link set limpid7 up && \
         ({LIMPID} listen 7 --tun limpid7 --address 10.0.0.103 --echo > /dev/null 2>&1 &) && sleep 0.5 && \
         {LIMPID} telnet 10.0.0.199 --tun limpid7 --address 10.0.0.104 < /dev/null; echo code $?; pkill -INT -f 'listen 7 --tun limpid7'"
    );
    let output =
        Command::new("unshare").args(["-n", "--pid", "--fork", "--mount-proc", "sh", "-c", &script]).output().unwrap();
    let (text, complaint) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(text.contains("code 1"), "{text}{complaint}");
    assert!(complaint.contains("another process has it"), "{complaint}");
}
