//! What is too large is an error, and no text panics or takes long.

use super::*;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

#[test]
fn what_is_too_large_is_an_error() {
    for text in [
        "x = 170141183460469231731687303715884105727 + 1",
        "x = -170141183460469231731687303715884105727 - 2",
        "x = 2 ** 127",
        "x = 2 ** (2 ** 100)",
        "x = 1 << 127",
        "x = 1 << 10 ** 20",
        "x = 10 ** 30 * 10 ** 30",
        "x = -(-170141183460469231731687303715884105727 - 1)",
        "x = abs(-170141183460469231731687303715884105727 - 1)",
        "x = (-170141183460469231731687303715884105727 - 1) // -1",
        "x = 1e308 * 10",
        "x = 10.0 ** 400",
        "x = int(1e300)",
        "x = 'a' * 100000",
        "x = [0] * 10 ** 30",
        "x = 'a' * 65000 + 'b' * 1000",
        "x = '%2000d' % 5",
        "x = '%500d' % 5 * 200",
        "x = ('%s' * 100) % (('a' * 1000,) * 60 + ('a' * 1000,) * 40)",
        "x = ('{0}' * 100).format('a' * 1000)",
        "x = [0] * 60000; y = [x] * 60000",
        "x = [0] * 30000; y = (x, x, x)",
        "1 / 0",
        "1 // 0",
        "1 % 0",
        "1.0 / 0",
        "1.0 // 0.0",
        "1 % 0.0",
        "0 ** -1",
        "1 << -1",
        "x = ()[0]",
        "x = min([])",
        "x = 'abc'[10 ** 30]",
        "x = 'abc'[-170141183460469231731687303715884105728]",
    ] {
        if program(&[text]).is_ok() {
            assert!(!fault(text).is_assertion, "{text}");
        }
    }
    assert_eq!(value("(-170141183460469231731687303715884105727 - 1) % -1"), "0");
    assert_eq!(
        value("(0 << 1000, 1 >> 1000, -1 >> 1000, 0 ** 0, 1 ** 10 ** 30, (-1) ** 10 ** 30)"),
        "(0, 0, -1, 1, 1, 1)"
    );
}

#[test]
fn programs_end_soon() {
    let clones = "y = (x, 1)\n".repeat(1000);
    assert!(fault(&format!("x = [0] * 30000\n{clones}")).what.contains("more than 10000000 values"));
    let prints = "print(x)\n".repeat(1000);
    assert!(fault(&format!("x = 'a' * 50000\n{prints}")).what.contains("bytes are printed"));
    let doubling = format!("x = [0]\n{}", "x += x\n".repeat(60));
    assert!(fault(&doubling).what.contains("more than 65536 parts"));
}

#[test]
fn nothing_may_be_nested_deeply() {
    const N: usize = 50_000;
    for part in
        ["(", "[", "-", "~", "not ", "1 if 1 else ", "abs(", "x[", "1 ** ", "1 < (", "'%s' % (", "''.format(", "2 ** -"]
    {
        assert!(
            unsupported(&format!("x = {}1", part.repeat(N))).contains("levels") || part.ends_with(['(', '[']),
            "{part}"
        );
    }
    for part in [" + 1", " or 1", " and 1", "[0]", " .format()", " % 1"] {
        assert!(unsupported(&format!("x = 1{}", part.repeat(N))).contains("levels"), "{part}");
    }
    let blocks: String = (0..500).map(|depth| format!("{}if 1:\n", " ".repeat(depth))).collect();
    assert!(unsupported(&format!("{blocks}{}pass", " ".repeat(500))).contains("levels"));
    assert_eq!(value(&format!("{}5{}", "(".repeat(90), ")".repeat(90))), "5");
}

#[test]
fn long_texts_take_no_time() {
    const N: usize = 20_000;
    for part in [
        "x;",
        "1\n",
        "#\n",
        "\\\n",
        "\n",
        " ",
        "'a'",
        "(),",
        "a,",
        "if 1:\n  pass\n",
        "=",
        "x=",
        "\t\n ",
        "1 < ",
        "'''",
        "elif 1: x\n",
    ] {
        for start in ["", "x = ", "x = (", "assert ", "if 1: x\n"] {
            if let Ok(program) = program(&[&(start.to_owned() + &part.repeat(N))]) {
                let _ = program.run(&[]);
            }
        }
    }
}

proptest! {
    #[test]
    fn any_text(text in "(?s).{0,60}") {
        if let Ok(program) = program(&[&text]) {
            let _ = program.run(&[]);
        }
    }

    #[test]
    fn the_right_pieces_in_any_order(
        pieces in vec(select(&[
            "a", "b", "1", "0", "-1", "2.5", "1e300", "170141183460469231731687303715884105727", "'x'", "'%d %s %5.2f'", "'{} {0:5}'", "+", "-", "*",
            "/", "//", "%", "**", "<<", ">>", "&", "|", "^", "~", "==", "<", ">=", "in", "not", "is", "and", "or", "if", "else", ":", ",", "(", ")",
            "[", "]", "abs(", "int(", "max(", "round(", "hex(", "len(", "sum(", "str(", ".format(", "print(", "print", "assert", "=", "+=", ";",
            "\n", "\n ", "\n  ", "True", "None", "#", "\\", "é",
        ][..]), 0..14),
    ) {
        let text = pieces.join(" ");
        for text in [text.clone(), format!("a = {text}"), format!("print({text})"), format!("if {text}:\n  {text}")] {
            if let Ok(program) = program(&[&text]) {
                let variables = sample(&[("a", 7), ("b", -3)]);
                if let Err(error) = program.run(&[variables]) {
                    prop_assert!(!error.what.is_empty());
                }
            }
        }
    }

    #[test]
    fn integers_follow_the_law_of_division(a: i64, b: i64) {
        if b != 0 {
            let text = format!("a = {a}; b = {b}\nassert a == (a // b) * b + a % b and (a % b == 0 or (a % b < 0) == (b < 0))");
            prop_assert_eq!(program(&[&text]).unwrap().run(&[]), Ok(String::new()));
        }
    }
}
