use super::*;
use crate::parse::parse;
use crate::script::EventKind;

/// The first argument of a call.
fn arg(text: &str) -> Arg {
    let script = parse(&format!("0 f({text}) = 0"), &Default::default()).unwrap_or_else(|e| panic!("{text}: {e}"));
    match &script.events[0].kind {
        EventKind::Call(call) => call.arguments[0].clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn numbers() {
    for (text, value) in [
        ("5", 5),
        ("-1", -1),
        ("0x10", 16),
        ("SOL_SOCKET", 1),
        ("O_RDWR|O_NONBLOCK", 0o4002),
        ("EPOLLIN|EPOLLET", 0x8000_0001),
        ("htons(80)", i64::from(80u16.to_be())),
        ("htonl(1)", i64::from(1u32.to_be())),
        ("NULL", 0),
        ("ECONNRESET", 104),
    ] {
        assert_eq!(number(&arg(text)).unwrap(), value, "{text}");
    }
    assert_eq!(int(&arg("0xffffffff")).unwrap(), -1);
    assert_eq!(size(&arg("1000")).unwrap(), 1000);
}

#[test]
fn what_is_no_number() {
    let told: Vec<String> = ["...", "[1]", "\"abc\"", "FROB", "htons(70000)", "frob(1)", "{onoff=1, linger=0}", "1.5"]
        .iter()
        .map(|text| match number(&arg(text)).unwrap_err() {
            Stop::Unsupported { at, what } => format!("{text}: UNSUPPORTED {}:{} {what}", at.line, at.column),
            Stop::Invalid { at, what } => format!("{text}: INVALID {}:{} {what}", at.line, at.column),
            other => panic!("{other:?}"),
        })
        .collect();
    insta::assert_snapshot!(told.join("\n"));
    assert!(
        int(&arg("0x100000000")).is_err() && size(&arg("-1")).is_err() && size(&arg("0x7fffffffffffffff")).is_err()
    );
}

#[test]
fn addresses() {
    let address = |text| sockaddr(&arg(text)).unwrap().unwrap();
    let v4 = address(r#"{sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr("192.0.2.1")}"#);
    assert_eq!(v4, Sockaddr::of("192.0.2.1:80".parse().unwrap()));
    assert!(sockaddr(&arg("...")).unwrap().is_none());
    for bad in ["{sa_family=AF_UNIX}", "{sa_family=AF_INET, sin_port=htons(80)}", "5"] {
        // The parser may already refuse it.
        let Ok(script) = parse(&format!("0 f({bad}) = 0"), &Default::default()) else { continue };
        let EventKind::Call(call) = &script.events[0].kind else { panic!() };
        assert!(sockaddr(&call.arguments[0]).is_err(), "{bad}");
    }
}
