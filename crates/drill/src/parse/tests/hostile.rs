//! No text panics, takes long, or is refused at a place that it does not have.

use super::*;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

const SAMPLE: &str = r#"--mss=1460 // é
--define=A="b c"
`init`
0 socket(..., SOCK_STREAM|A, [1], {a(5)={..., 1.5}}, "te\x00xt" "é") = -1 EINVAL (Invalid argument) (note)
+.1...0.2 read(3, ..., 1) = 1
+0 < [ect0,tos 0x1] 5 > 6 S.5 0:0(0) ack 1 win 5 urg 1 <mss 1460,sack 1:2,TS val 1 ecr 2,FO ab,ECN e0b 1>
*  > . 1:1(0) /* é
*/ <...>
+1~+2 > icmp unreachable frag_needed mtu 5 [1:2(1)]
+0 > udp (1000)
0.5 %{ assert a == {}, '%d' % 5 }%
+0 `cmd \
 more`
`cleanup`
"#;

/// Reads a text; an error must be at a place that the text has, or just behind it.
fn check(text: &str) {
    let Err(ParseError { at, what }) = parse(text, &Definitions::new()) else { return };
    let lines: Vec<&str> = text.split('\n').collect();
    let line = lines.get(at.line as usize - 1).unwrap_or_else(|| panic!("{at:?} {what}\n{text}"));
    assert!(at.column >= 1 && at.column as usize <= line.chars().count() + 1, "{at:?} {what}\n{text}");
    assert!(!what.is_empty());
}

#[test]
fn the_sample_is_a_script() {
    let script = script(SAMPLE);
    assert_eq!(unplaced(&super::script(&script.to_string())), unplaced(&script));
}

#[test]
fn truncated_anywhere() {
    for (at, _) in SAMPLE.char_indices() {
        check(&SAMPLE[..at]);
        check(&SAMPLE[at..]);
    }
}

#[test]
fn brackets_may_not_be_nested_deeply() {
    for open in ["[", "{", "{a=", "f(", "a=", "[{b(1)="] {
        let nested = |depth| format!("0 f({}", open.repeat(depth));
        assert!(error(&nested(100_000)).contains("nested at most 64 deep"), "{open}");
    }
    let deepest = format!("0 f({}1{}) = 0", "[".repeat(63), "]".repeat(63));
    assert_eq!(script(&deepest).events.len(), 1);
    assert!(error(&deepest.replace('1', "[1]")).starts_with("1:69: expected brackets nested at most 64 deep"));
}

#[test]
fn long_texts_take_no_time() {
    const N: usize = 20_000;
    let repeated = |start: &str, part: &str| check(&(start.to_owned() + &part.repeat(N)));
    for part in [
        "\n",
        "//\n",
        "/**/",
        "/* ",
        "`",
        "\"",
        "%{",
        "}%",
        "(",
        ")",
        "<",
        ">",
        "+0 ",
        "* ",
        "a",
        "a ",
        "a=",
        "a|",
        "5",
        "5 ",
        ".",
        "...",
        "-",
        "--a ",
        "--a=b\n",
        "--define=a=b\n",
        "é",
        "\\",
        "> ",
        "< [",
        "> [ect0]",
        ":",
        ",",
        "> .\n",
        "udp ",
    ] {
        repeated("", part);
        repeated("0 ", part);
        repeated("0 f(", part);
        repeated("0 f(\"", part);
        repeated("0 > ", part);
        repeated("0 > udp ", part);
        repeated("0 > S 0:0(0) <", part);
    }
    for event in [
        "+0 > . 1:1(0) ack 1\n",
        "+0 f(1)=0",
        "+0 f(a|b|c, \"d\" \"e\") = -1 E (x) (y)\n",
        "+0 `a`",
        "+0 %{a}%",
        "+0 > udp (1)\n\n",
        "+0 > mpls",
        "+0 < icmp a b mtu 1 [1:1(0)]",
        "+0 > [ect0] . 1:1(0)",
        "+0 > S 0:0(0)!\n",
        "+0 > (ttl 5) 5 > 6 S 0:0(0) <unknown>\n",
    ] {
        repeated("0 `x`", event);
        repeated("0 `é`", event);
    }
    check(&("0 f(".to_owned() + &"1,".repeat(N) + "1) = 0"));
    check(&("0 f(".to_owned() + &"é".repeat(N) + "1) = 0"));
    check(&("0 f(\"".to_owned() + &"\\n".repeat(N) + "\") = 0"));
}

#[test]
fn definitions_can_not_blow_up_a_script() {
    let definitions = Definitions::from([("A".to_owned(), format!("\"{}\"", "x".repeat(1 << 20)))]);
    let error = parse(&format!("0 f({}) = 0", "A ".repeat(1000)), &definitions).unwrap_err();
    assert_eq!(error.to_string(), "1:131: definitions make the script too long");
}

proptest! {
    #[test]
    fn any_text(text in "(?s).{0,80}") {
        check(&text);
    }

    #[test]
    fn the_right_pieces_in_any_order(
        pieces in vec(select(&[
            "0", "+0", "+.1", "*", "~", "...", "<", ">", "S", ".", "1:1(0)", "ack", "win", "5", "<mss 1>", "`", "`a`", "%{", "}%", "\"", "\"a\"",
            "(", ")", "[", "]", "{", "}", "=", "|", ",", "a", "-1", "0x", "1.5", "--a", "--define=a=b", "//", "/*", "*/", "icmp", "udp", "mtu",
            "flags", "é", "\\", "\n", "htons", "1e5", "!", "/", "gre:", "ect0",
        ][..]), 0..30),
        separator in select(&["", " ", "\n"][..]),
    ) {
        check(&pieces.join(separator));
        check(&format!("0 `x`\n+0 {}", pieces.join(separator)));
    }

    #[test]
    fn a_script_with_changes(changes in vec((any::<Index>(), 0..4u8, "\\PC|[-<>()\\[\\]{}\"'`%/*=,.0-9\n ]"), 1..6)) {
        let mut characters: Vec<char> = SAMPLE.chars().collect();
        for (place, change, with) in changes {
            let at = place.index(characters.len());
            match change {
                0 => characters.truncate(at.max(1)),
                1 => drop(characters.remove(at)),
                2 => characters.splice(at..at, with.chars()).for_each(drop),
                _ => characters.splice(at..=at, with.chars()).for_each(drop),
            }
            if characters.is_empty() {
                break;
            }
        }
        check(&characters.iter().collect::<String>());
    }
}
