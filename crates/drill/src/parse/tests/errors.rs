use super::*;

#[test]
fn errors_say_where_and_what() {
    let texts = [
        // Shape.
        "",
        "  // nothing\n",
        "`only a command`",
        "--",
        "--mss=",
        "--mss=\"a",
        "--define=A",
        "--define=5=6",
        "--define=A=\"b\"c\n0 `x`",
        "0 `x`\n--mss=5",
        "0 `x`\n`end`\n+0 `y`",
        "0 `x`\n`end` `y`",
        "0 `x`\nclose(3) = 0",
        "/* no end",
        "0 `x`\n  /* no end",
        "0 `no end",
        "0 f(\"no end) = 0",
        "0 %{ no end }",
        "#include",
        // Times.
        "0.1 `late`",
        "+1 `late`",
        "* > . 1:1(0)",
        "-1 `x`",
        "0",
        "0 `x`\n1.5.5 `x`",
        "0 `x`\n1s `x`",
        "0 `x`\n99999999999999999999 `x`",
        "0 `x`\n1~0.5 > . 1:1(0)",
        "0 `x`\n+1~2 > . 1:1(0)",
        "0 `x`\n0.2 `y`\n0.1 `z`",
        "0 `x`\n0.2~0.3 > . 1:1(0)\n  0.1 `z`",
        "0 `x`\n* < . 1:1(0) win 1",
        "0 `x`\n+1~+2 close(3) = 0",
        "0 `x`\n* `y`",
        "0 `x`\n+0.2...0.1 close(3) = 0",
        "0 `x`\n+0... close(3) = 0",
        "0 `x`\n+0...1 > . 1:1(0)",
        "0 ?",
        "0 5",
        // Calls.
        "0 close",
        "0 close(3",
        "0 close(3 4)",
        "0 close(3,)",
        "0 close(3)",
        "0 close(3) =",
        "0 close(3) = 0 EINVAL (no end",
        "0 5close(3) = 0",
        "0 f([1, 2) = 0",
        "0 f({a=}) = 0",
        "0 f({a(1, 2)=3}) = 0",
        "0 f({a()=3}) = 0",
        "0 f(a|) = 0",
        "0 f(-) = 0",
        "0 f(9223372036854775808) = 0",
        "0 f(0x10000000000000000) = 0",
        "0 f(\"ab\\q\") = 0",
        "0 f(\"é\\xg\") = 0",
        "0 f(\"\\777\") = 0",
        // Packets.
        "0 <",
        "0 < S 0:0(0)",
        "0 < S 0:0(0) win 5 <...>",
        "0 < [ect01] S 0:0(0) win 5",
        "0 < [ect01] icmp unreachable",
        "0 > S\n  0:1(0)",
        "0 > S 0:0(0)\n   <mss 99999>",
        "0 > /* é */ S 0:0(0) <mss 1460 nop>",
        "0 > Ä 0:0(0)",
        "0 > s 0:0(0)",
        "0 > S 0:0(0) ack",
        "0 > S 0:0(0) <mss 1460",
        "0 > S 0:0(0) extra",
        "0 < icmp",
        "0 < icmp unreachable mtu x",
        "0 < icmp unreachable [1:5(3)]",
        "0 < icmp unreachable [udp 5]",
        "0 < icmp echo_request id 65536",
        "0 < icmp unreachable [1:5(4)",
    ];
    let errors: Vec<String> = texts.iter().map(|text| format!("{text}\n    {}", error(text))).collect();
    insta::assert_snapshot!(errors.join("\n"));
}

#[test]
fn definitions_that_are_none() {
    let with = |name: &str, value: &str| {
        let definitions = Definitions::from([(name.to_owned(), value.to_owned())]);
        parse("0 f(A) = 0", &definitions).map_err(|error| error.to_string())
    };
    assert!(with("A", "x-1.5:2").is_err(), "the value is read as the language says");
    for (name, value) in [("A", "\"open"), ("A", "`open"), ("A", ""), ("A", "b c"), ("5", "b"), ("a b", "c"), ("", "x")]
    {
        assert!(with(name, value).unwrap_err().starts_with("1:1: expected a definition"), "{name}={value}");
    }
}

#[test]
fn errors_behind_definitions_are_where_the_script_has_them() {
    let definitions = Definitions::from([("LONG".to_owned(), "\"a long text\"".to_owned())]);
    let error = |text| parse(text, &definitions).unwrap_err().to_string();
    assert_eq!(error("0 f(LONG, ?) = 0"), "1:11: expected a value, found '?'");
    assert_eq!(error("0 f(LONG LONG 5) = 0"), "1:15: expected ',' or ')', found '5'");
    assert_eq!(error("0 > S LONG"), "1:7: expected a number up to 4294967295, found '\"'");
}
