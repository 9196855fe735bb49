use super::*;
use crate::script::{Arg, Direction, EventKind, Expr, Field, Packet, PacketBody, Quoted, SystemCall, Time};
use std::time::Duration;

mod calls;
mod errors;
mod generated;
mod hostile;
mod packets;

fn script(text: &str) -> Script {
    parse(text, &Definitions::new()).unwrap_or_else(|e| panic!("{e}\n{text}"))
}

/// The error of a script that has one.
fn error(text: &str) -> String {
    match parse(text, &Definitions::new()) {
        Ok(script) => panic!("{text}\nwas read as\n{script}"),
        Err(error) => error.to_string(),
    }
}

/// What `event` says at a time of 0 or at another after it, and how it is printed.
fn printed(event: &str) -> String {
    let script = script(&format!("0 `first`\n{event}"));
    assert_eq!(script.events.len(), 2, "{event}");
    script.events[1].to_string()
}

fn call(text: &str) -> SystemCall {
    match script(&format!("0 {text}")).events.remove(0).kind {
        EventKind::Call(call) => call,
        other => panic!("{other:?}"),
    }
}

fn packet(text: &str) -> Packet {
    match script(&format!("0 {text}")).events.remove(0).kind {
        EventKind::Packet(packet) => packet,
        other => panic!("{other:?}"),
    }
}

/// A script's parts without their places.
fn unplaced(script: &Script) -> String {
    let text = format!("{script:?}");
    let mut out = String::new();
    let mut rest = text.as_str();
    while let Some(at) = rest.find("Pos { line: ").into_iter().chain(rest.find("last_line: ")).min() {
        out.push_str(&rest[..at]);
        let end = if rest[at..].starts_with("Pos") { "}" } else { "," };
        rest = rest[at..].split_once(end).map_or("", |(_, rest)| rest);
    }
    out + rest
}

#[test]
fn a_whole_script() {
    let text = r#"--tolerance_usecs=10000 // wide
--ip_version=ipv4
`./defaults.sh`
   0 socket(..., SOCK_STREAM|SOCK_NONBLOCK, IPPROTO_TCP) = 3
  +0 setsockopt(3, SOL_SOCKET, SO_REUSEADDR, [1], 4) = 0
  +0 bind(3, ..., ...) = 0
  +0 < S 0:0(0) win 32792 <mss 1000,sackOK,nop,nop,nop,wscale 7>
  +0 > S. 0:0(0) ack 1 <...>
+.1...0.2 read(4, ..., 1000) = -1 EAGAIN (Resource temporarily unavailable) (a note)
+.1 < [ect0] P.5 1:1001(1000) ack 1
      win 257 /* over
  lines */ <nop,nop,TS val 1 ecr 2>
   * > . 1:1(0) ack 1001
+.1~+.2 > . 1:1(0) ack 1001
  +0 %{ assert tcpi_cwnd == 10 }%
  +0 sendmsg(4, {msg_name(...)=..., msg_iov(1)=[{..., 1000}], msg_flags=0}, 0) = 1000
  +0 < icmp unreachable frag_needed mtu 1200 [1:1461(1460)]
  1.5 close(4) = 0
`cleanup`
"#;
    let whole = script(text);
    insta::assert_snapshot!(whole.to_string());
    assert_eq!(unplaced(&script(&whole.to_string())), unplaced(&whole));
    let lines: Vec<(u32, u32)> = whole.events.iter().map(|event| (event.at.line, event.last_line)).collect();
    assert_eq!(lines[5..8], [(9, 9), (10, 12), (13, 13)]);
    assert_eq!(whole.events[0].at, Pos { line: 4, column: 4 });
}

/// All files below a folder.
fn files_below(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] }).collect()
}

#[test]
fn our_own_scripts_are_printed_and_read_again() {
    let collection = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/packetdrill");
    let is_script = |path: &std::path::PathBuf| path.extension().is_some_and(|extension| extension == "pkt");
    let scripts: Vec<_> = files_below(&collection).into_iter().filter(is_script).collect();
    assert!(scripts.len() > 50, "{}", scripts.len());
    for path in scripts {
        let first = parse(&std::fs::read_to_string(&path).unwrap(), &Definitions::new());
        let first = first.unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        assert_eq!(unplaced(&script(&first.to_string())), unplaced(&first), "{}", path.display());
    }
}

#[test]
fn line_ends_mean_nothing() {
    let text = "0\nsocket\n(\n...\n,\nSOCK_STREAM,0\n)\n=\n3\n+0\n>\nS\n0:0(0)\n<\nmss\n1460\n>\n+0 close(3)=0";
    let events = script(text).events;
    assert_eq!(events.iter().map(|e| (e.at.line, e.last_line)).collect::<Vec<_>>(), [(1, 9), (10, 17), (18, 18)]);
    assert_eq!(events[1].to_string(), "+0 > S 0:0(0) <mss 1460>");
    assert_eq!(script(&text.replace('\n', "\r\n")).events.len(), 3);
    assert_eq!(script("0 close(3) = 0 +0 close(4) = 0").events.len(), 2);
}

#[test]
fn times() {
    let millis = Duration::from_millis;
    for (text, time, printed) in [
        ("0.1", Time::Absolute(millis(100)), "0.1"),
        ("7", Time::Absolute(millis(7000)), "7"),
        (".25", Time::Absolute(millis(250)), "0.25"),
        ("+.1", Time::Relative(millis(100)), "+0.1"),
        ("+0", Time::Relative(millis(0)), "+0"),
        ("+ 1.000001", Time::Relative(Duration::new(1, 1000)), "+1.000001"),
        ("*", Time::Any, "*"),
        ("1.0~1.2", Time::AbsoluteRange(millis(1000), millis(1200)), "1~1.2"),
        ("1 ~ 1", Time::AbsoluteRange(millis(1000), millis(1000)), "1~1"),
        ("+1.0~+1.2", Time::RelativeRange(millis(1000), millis(1200)), "+1~+1.2"),
        ("0.1234567899", Time::Absolute(Duration::new(0, 123_456_789)), "0.123456789"),
    ] {
        let event = &script(&format!("0 `a`\n{text} > . 1:1(0) ack 1")).events[1];
        assert_eq!((event.time, event.time.to_string().as_str()), (time, printed));
    }
}

#[test]
fn only_neighbours_must_be_in_order() {
    assert_eq!(script("0 `a`\n0.5 `b`\n+0 `c`\n0.1 `d`\n0.1 `e`").events.len(), 5);
}

#[test]
fn comments() {
    let events = script(
        "// before\n/* all */0 /**/ close /* 1 */ ( // 2\n3 /* * / ** */ ) = 0 // at the end\n+0 > /*\n*/ . 1:1(0) //",
    );
    assert_eq!(events.events.len(), 2);
    assert_eq!(events.events[1].at, Pos { line: 4, column: 1 });
    let kept = script("0 f(\"// no /* comment\") = 0\n+0 `curl http://host/*`\n+0 %{ 7 // 2 }%\n`// neither`");
    assert_eq!(kept.cleanup.unwrap().text, "// neither");
    assert_eq!(kept.events[1].to_string(), "+0 `curl http://host/*`");
    assert_eq!(kept.events[2].to_string(), "+0 %{ 7 // 2 }%");
    assert_eq!(script("--a=1// comment\n--b=/c /* d */\n0 `x`").options.len(), 2);
}

#[test]
fn options() {
    let script = script(
        "--ip_version=ipv6 --mss = 1460\n--strict_segments\n--local_ip=fd3d:0a0b:17d6::1 --tolerance_percent=12.5\n\
         --init_scripts=a,b --define=CC=\"reno a\" --define=C=`x y` --range=1~2 --text=\"a b\" --netmask_ip=255.255.0.0\n\
         0 `x`",
    );
    let options: Vec<_> = script.options.iter().map(|o| (o.name.as_str(), o.value.as_deref().unwrap_or("-"))).collect();
    assert_eq!(
        options,
        [
            ("ip_version", "ipv6"),
            ("mss", "1460"),
            ("strict_segments", "-"),
            ("local_ip", "fd3d:0a0b:17d6::1"),
            ("tolerance_percent", "12.5"),
            ("init_scripts", "a,b"),
            ("define", "CC=\"reno a\""),
            ("define", "C=`x y`"),
            ("range", "1~2"),
            ("text", "a b"),
            ("netmask_ip", "255.255.0.0"),
        ]
    );
    assert_eq!(script.options[3].at, Pos { line: 3, column: 1 });
    insta::assert_snapshot!(script.to_string());
}

#[test]
fn commands_before_after_and_between() {
    let all = script("`init \\\n  two`\n0 `event`\n`cleanup \\` too`");
    assert_eq!(all.init.as_ref().unwrap().text, "init \\\n  two");
    assert_eq!(all.init.as_ref().unwrap().joined(), "init   two");
    assert_eq!(all.cleanup.as_ref().unwrap().text, "cleanup \\` too");
    assert_eq!(all.events.len(), 1);
    assert_eq!(all.events[0].to_string(), "0 `event`");
    assert_eq!(all.cleanup.unwrap().at, Pos { line: 4, column: 1 });
}

#[test]
fn snippets_keep_their_text() {
    let events = script("0 %{ assert tcpi_cwnd == 10, tcpi_cwnd }%\n+0 %{\nif a:\n  print({}, '%')\n}%").events;
    let EventKind::Snippet(first) = &events[0].kind else { panic!() };
    assert_eq!((first.at, first.text.as_str()), (Pos { line: 1, column: 5 }, " assert tcpi_cwnd == 10, tcpi_cwnd "));
    let EventKind::Snippet(second) = &events[1].kind else { panic!() };
    assert_eq!(second.text, "\nif a:\n  print({}, '%')\n");
    assert_eq!((events[1].at.line, events[1].last_line), (2, 5));
}

#[test]
fn definitions_replace_whole_words() {
    let definitions: Definitions = [
        ("PROTO", "IPPROTO_TCP"),
        ("COOKIE", "0123456789abcdef"),
        ("NAME", "\"a\\n b\""),
        ("RUN", "`./run.sh`"),
        ("N", "-1"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into();
    let text = "--define=LEVEL=SOL_TCP --define=N=5\n0 f(PROTO, PROTO2, LEVEL, NAME, N) = N // N\n\
                +0 > S 0:0(0) <mss 1460,FO COOKIE>\n+0 RUN\n+0 f(\"N PROTO\") = 0 x (y)\n+0 %{ N }%\n+0 `N`";
    let script = parse(text, &definitions).unwrap();
    insta::assert_snapshot!(script.to_string());
    let EventKind::Call(call) = &script.events[0].kind else { panic!() };
    let columns: Vec<u32> = call.arguments.iter().map(|argument| argument.at.column).collect();
    assert_eq!(columns, [5, 12, 20, 27, 33]);
    assert_eq!(call.result.at, Pos { line: 2, column: 38 });
}

#[test]
fn an_undefined_name_is_a_word() {
    assert_eq!(call("f(PROTO) = 0").arguments[0].value, Expr::Word("PROTO".to_owned()));
}
