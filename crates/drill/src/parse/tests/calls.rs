use super::*;

/// An argument's value, from its text.
fn value(text: &str) -> Expr {
    let mut call = call(&format!("f({text}) = 0"));
    assert_eq!(call.arguments.len(), 1, "{text}");
    let value = call.arguments.remove(0).value;
    let again = super::call(&format!("f({value}) = 0")).arguments.remove(0).value;
    assert_eq!(again.to_string(), value.to_string());
    value
}

fn words(args: &[Arg]) -> Vec<String> {
    args.iter().map(Arg::to_string).collect()
}

fn fields(text: &str) -> Vec<(Option<String>, Option<String>, String)> {
    let Expr::Struct(fields) = value(text) else { panic!("{text}") };
    let strings = |Field { name, size, value }: Field| (name, size.map(|s| s.to_string()), value.to_string());
    fields.into_iter().map(strings).collect()
}

fn named(name: &str, value: &str) -> (Option<String>, Option<String>, String) {
    (Some(name.to_owned()), None, value.to_owned())
}

#[test]
fn a_call_has_arguments_and_a_result() {
    let call = call("setsockopt(3, SOL_SOCKET, SO_REUSEADDR, [1], 4) = 0");
    assert_eq!((call.name.as_str(), call.at, call.until), ("setsockopt", Pos { line: 1, column: 3 }, None));
    assert_eq!(words(&call.arguments), ["3", "SOL_SOCKET", "SO_REUSEADDR", "[1]", "4"]);
    assert_eq!(call.arguments[3].at, Pos { line: 1, column: 43 });
    assert_eq!(call.result.value, Expr::Integer(0, false));
    assert_eq!((call.errno, call.strerror, call.note), (None, None, None));
    assert_eq!(super::call("fork() = ...").arguments, []);
}

#[test]
fn errors_and_notes() {
    let with_note = call("read(3, ..., 1) = -1 EAGAIN (Resource temporarily\n  unavailable) (not yet (really))");
    assert_eq!(with_note.errno.as_deref(), Some("EAGAIN"));
    assert_eq!(with_note.strerror.as_deref(), Some("Resource temporarily unavailable"));
    assert_eq!(with_note.note.as_deref(), Some("not yet (really)"));
    let note = call("fcntl(3, F_GETFL) = 0x2 (flags O_RDWR|O_NONBLOCK)");
    assert_eq!((note.errno, note.note.as_deref()), (None, Some("flags O_RDWR|O_NONBLOCK")));
    assert_eq!(note.result.value, Expr::Integer(2, true));
    let word = call("fcntl(3, F_GETFL) = O_RDWR|O_NONBLOCK (flags)");
    assert_eq!((word.result.to_string().as_str(), word.note.as_deref()), ("O_RDWR|O_NONBLOCK", Some("flags")));
    assert_eq!(call("f() = -1 EPERM").errno.as_deref(), Some("EPERM"));
    assert_eq!(call("f() = htons(1)").result.to_string(), "htons(1)");
    assert_eq!(call("f() = [{a=g(1)}]").result.to_string(), "[{a=g(1)}]");
}

#[test]
fn a_call_without_an_error_may_be_followed_by_any_time() {
    for next in ["0.2 `a`", "5 `a`", "+1 `a`", "* > . 1:1(0)", ".5 `a`", "`a`"] {
        for result in ["0", "O_RDWR", "\"a\"", "..."] {
            let script = script(&format!("0 f(1) = {result}\n{next}"));
            assert_eq!(script.events[0].to_string(), format!("0 f(1) = {result}"), "{next}");
        }
    }
}

#[test]
fn blocking_calls() {
    let until = |text: &str| match &script(text).events[1].kind {
        EventKind::Call(call) => call.until,
        other => panic!("{other:?}"),
    };
    assert_eq!(until("0 `a`\n+0...0.2 read(3, ..., 1) = 1"), Some(Duration::from_millis(200)));
    assert_eq!(until("0 `a`\n0.1...0.3 read(3, ..., 1) = 1"), Some(Duration::from_millis(300)));
    assert_eq!(until("0 `a`\n0.1 ... 1 read(3, ..., 1) = 1"), Some(Duration::from_secs(1)));
    assert_eq!(printed("+.1....5 read(3, ..., 1) = 1"), "+0.1...0.5 read(3, ..., 1) = 1");
}

#[test]
fn numbers() {
    assert_eq!(value("5"), Expr::Integer(5, false));
    assert_eq!(value("-17"), Expr::Integer(-17, false));
    assert_eq!(value("0x1f"), Expr::Integer(31, true));
    assert_eq!(value("0xffffffffffffffff"), Expr::Integer(-1, true));
    assert_eq!(value("9223372036854775807"), Expr::Integer(i64::MAX, false));
    assert_eq!(value("-9223372036854775808"), Expr::Integer(i64::MIN, false));
    assert_eq!(value("1.5"), Expr::Decimal(1.5));
    assert_eq!(value("-.25"), Expr::Decimal(-0.25));
    assert_eq!(value("2.0").to_string(), "2.0");
    assert_eq!(value("0123abc"), Expr::Word("0123abc".to_owned()));
    assert_eq!(value("0xfg"), Expr::Word("0xfg".to_owned()));
}

#[test]
fn strings() {
    let text = |source: &str| match value(source) {
        Expr::Text(bytes) => bytes,
        other => panic!("{other:?}"),
    };
    assert_eq!(text(r#""""#), b"");
    assert_eq!(text(r#""a\n\r\t\\\"\'\x00\xfF\v\f\a\b\101\0""#), b"a\n\r\t\\\"'\x00\xff\x0b\x0c\x07\x08A\x00");
    assert_eq!(text("\"a\" \"b\"\n\"c\""), b"abc");
    assert_eq!(text("\"two\nlines and \\\nno third\""), b"two\nlines and no third");
    assert_eq!(text("\"é\""), "é".as_bytes());
    assert_eq!(value("\"é\"").to_string(), r#""\xc3\xa9""#);
    assert_eq!(value("\"GET \"...").to_string(), r#""GET "..."#);
    assert_eq!(value("\"GET \"..."), Expr::Prefix(b"GET ".to_vec()));
}

#[test]
fn words_and_their_or() {
    assert_eq!(value("..."), Expr::Default);
    assert_eq!(value("O_RDWR"), Expr::Word("O_RDWR".to_owned()));
    let Expr::Or(parts) = value("POLLIN | POLLOUT|0x10") else { panic!() };
    assert_eq!(words(&parts), ["POLLIN", "POLLOUT", "0x10"]);
    assert_eq!(value("a=1").to_string(), "a=1");
}

#[test]
fn lists_and_structs() {
    assert_eq!(value("[]"), Expr::List(vec![]));
    assert_eq!(value("[1, [2], {}]").to_string(), "[1, [2], {}]");
    assert_eq!(fields("{onoff=1, linger=0}"), [named("onoff", "1"), named("linger", "0")]);
    assert_eq!(
        fields("{fd=4, events=POLLOUT|POLLERR, revents=...}"),
        [named("fd", "4"), named("events", "POLLOUT|POLLERR"), named("revents", "...")]
    );
    assert_eq!(fields("{events=EPOLLIN|EPOLLET, ptr=4}"), [named("events", "EPOLLIN|EPOLLET"), named("ptr", "4")]);
    assert_eq!(
        fields("{sa_family=AF_INET, sin_port=htons(8080), sin_addr=inet_addr(\"192.0.2.1\")}"),
        [
            named("sa_family", "AF_INET"),
            named("sin_port", "htons(8080)"),
            named("sin_addr", "inet_addr(\"192.0.2.1\")")
        ]
    );
    assert_eq!(fields("{..., 1000}"), [(None, None, "...".to_owned()), (None, None, "1000".to_owned())]);
    assert_eq!(fields("{iov_base = \"abc\", iov_len=3}"), [named("iov_base", "\"abc\""), named("iov_len", "3")]);
}

#[test]
fn message_headers() {
    let sized = |name: &str, size: &str, value: &str| (Some(name.to_owned()), Some(size.to_owned()), value.to_owned());
    let control = "[{cmsg_level=SOL_TCP, cmsg_type=TCP_CM_INQ, cmsg_data=5}, \
                   {cmsg_level=CMSG_LEVEL_IP, cmsg_type=SCM_TIMESTAMPING, cmsg_data={scm_sec=0, scm_nsec=100}}, \
                   {cmsg_level=SOL_IP, cmsg_type=IP_RECVERR, cmsg_data={ee_errno=0, ee_origin=SO_EE_ORIGIN_ZEROCOPY, \
                   ee_type=0, ee_code=0, ee_info=0, ee_data=1}}]";
    let text = format!(
        "{{msg_name(...)=..., msg_iov(2)=[{{..., 10}}, {{\"ab\", 2}}], msg_flags=MSG_ERRQUEUE, msg_control={control}}}"
    );
    assert_eq!(
        fields(&text),
        [
            sized("msg_name", "...", "..."),
            sized("msg_iov", "2", "[{..., 10}, {\"ab\", 2}]"),
            named("msg_flags", "MSG_ERRQUEUE"),
            named("msg_control", control),
        ]
    );
}

#[test]
fn what_no_tcp_script_needs_is_kept_as_text() {
    assert_eq!(value("{(label 0, tc 0,\n ttl 0)}"), Expr::Other("(label 0, tc 0, ttl 0)".to_owned()));
    let gre = "flags [none], sum 0, off 0, key = 1, seq 0";
    assert_eq!(value(&format!("{{{gre}}}")), Expr::Other(gre.to_owned()));
    assert_eq!(fields("{flags=1}"), [named("flags", "1")]);
}
