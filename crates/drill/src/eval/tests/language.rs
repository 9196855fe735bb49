//! Each value was compared with Python 3's.

use super::*;

#[test]
fn integers() {
    for (text, expected) in [
        ("1 + 2 * 3 - 4", "3"),
        ("(1 + 2) * 3", "9"),
        ("7 // 2, -7 // 2, 7 // -2, -7 // -2", "(3, -4, -4, 3)"),
        ("7 % 3, -7 % 3, 7 % -3, -7 % -3", "(1, 2, -2, -1)"),
        ("7 / 2, 8 / 2, -1 / 3", "(3.5, 4.0, -0.3333333333333333)"),
        ("2 ** 10, -2 ** 2, 2 ** -1, 2 ** 3 ** 2, (-1) ** 5", "(1024, -4, 0.5, 512, -1)"),
        ("6 & 3, 6 | 3, 6 ^ 3, ~6, -~6", "(2, 7, 5, -7, 7)"),
        ("1 << 10, 1024 >> 3, -5 >> 1, 5 >> 500", "(1024, 128, -3, 0)"),
        ("0x1f, 0o17, 0b101, 1_000", "(31, 15, 5, 1000)"),
        ("+5, -5, - -5, not 5", "(5, -5, 5, False)"),
        ("1 | 2 ^ 3 & 4 << 1 + 1", "3"),
        ("True + True, True & False, True | 2, ~True", "(2, False, 3, -2)"),
        ("170141183460469231731687303715884105727", "170141183460469231731687303715884105727"),
    ] {
        assert_eq!(value(&format!("({text})")), expected.to_owned(), "{text}");
    }
}

#[test]
fn floats() {
    for (text, expected) in [
        ("1.5 + 1", "2.5"),
        ("1e3, .5, 1e-7, 1.5e16, 1e15, 123456.789", "(1000.0, 0.5, 1e-07, 1.5e+16, 1000000000000000.0, 123456.789)"),
        ("0.0001, 0.00001", "(0.0001, 1e-05)"),
        ("7.5 // 2, -7.5 // 2, 7.5 % 2, -7.5 % 2, 7.5 % -2", "(3.0, -4.0, 1.5, 0.5, -0.5)"),
        ("0.1 + 0.2, 1 / 3.0, 2 ** 0.5", "(0.30000000000000004, 0.3333333333333333, 1.4142135623730951)"),
        ("1 == 1.0, 0.1 == 1, 9007199254740993 == 9007199254740992.0", "(True, False, False)"),
        ("-0.0, 100.0, 1e100", "(-0.0, 100.0, 1e+100)"),
    ] {
        assert_eq!(value(&format!("({text})")), expected.to_owned(), "{text}");
    }
}

#[test]
fn comparisons_and_logic() {
    for (text, expected) in [
        ("1 < 2 < 3, 1 < 3 < 2, 1 < 2 > 0, 3 > 2 >= 2 != 1", "(True, False, True, True)"),
        ("1 == True, 'a' == 1, None == 0, 'a' != 'b'", "(True, False, False, True)"),
        ("'a' < 'b', (1, 2) < (1, 3), [1] <= [1, 2]", "(True, True, True)"),
        ("(1, 2) == [1, 2], (1, 2) == (1.0, 2)", "(False, True)"),
        ("0 or 5, 0 and 5, 3 and 5, '' or [] or None", "(5, 0, 5, None)"),
        ("not 0, not 1 == 2, not not 5", "(True, True, True)"),
        ("1 in (1, 2), 3 not in [1], 'b' in 'abc', 1.0 in (1,)", "(True, True, True, True)"),
        ("None is None, True is not None, True is False", "(True, True, False)"),
        ("1 if 5 > 4 else 2, 1 if 0 else 2 if 0 else 3", "(1, 3)"),
        ("0 and x, 1 or x, 5 if 1 else x, 1 > 2 > x", "(0, 1, 5, False)"),
    ] {
        assert_eq!(value(&format!("({text})")), expected.to_owned(), "{text}");
    }
}

#[test]
fn texts_tuples_and_lists() {
    for (text, expected) in [
        (r#"'a' "b" 'c'"#, "'abc'"),
        (r#"'it\'s', "it's", '"', "\\\n\t\x41""#, r#"("it's", "it's", '"', '\\\n\tA')"#),
        (r#"r'a\n', '''a'b''', 'a\qb'"#, r#"('a\\n', "a'b", 'a\\qb')"#),
        ("'ab' + 'c', 'ab' * 2, 2 * 'x', 'x' * -1", "('abc', 'abab', 'xx', '')"),
        ("(), (1,), [1, 'a'], [], (1, (2, [3]))", "((), (1,), [1, 'a'], [], (1, (2, [3])))"),
        ("(1,) + (2,), [1] + [2], [0] * 3, (1, 2) * 2", "((1, 2), [1, 2], [0, 0, 0], (1, 2, 1, 2))"),
        ("(1, 2, 3)[0], [1, 2][-1], 'abc'[1], 'abc'[-3]", "(1, 2, 'b', 'a')"),
    ] {
        assert_eq!(value(&format!("({text})")), expected.to_owned(), "{text}");
    }
}

#[test]
fn functions() {
    for (text, expected) in [
        ("abs(-5), abs(2.5), abs(-2.5), abs(True)", "(5, 2.5, 2.5, 1)"),
        ("min(3, 1, 2), max([3, 1, 2]), max('a', 'b'), min(1, 0.5)", "(1, 3, 'b', 0.5)"),
        ("len('abc'), len([1, 2]), len(())", "(3, 2, 0)"),
        (
            "int(2.9), int(-2.9), int('17'), int(' -5 '), int('ff', 16), int('0x10', 16), int(True)",
            "(2, -2, 17, -5, 255, 16, 1)",
        ),
        (
            "float(2), float('1.5'), str(5), str(1.0), str('a'), repr('a'), bool(0), bool('x')",
            "(2.0, 1.5, '5', '1.0', 'a', \"'a'\", False, True)",
        ),
        ("hex(255), hex(-255), oct(8), bin(5)", "('0xff', '-0xff', '0o10', '0b101')"),
        (
            "round(2.5), round(3.5), round(-1.6), round(2.675, 2), round(5), round(1234.5, 0)",
            "(2, 4, -2, 2.67, 5, 1234.0)",
        ),
        ("sum([1, 2.5]), sum(()), any([0, 1]), all([0, 1]), all([])", "(3.5, 0, True, False, True)"),
        ("tuple('ab'), list((1, 2)), format(5, '03d'), format('x')", "(('a', 'b'), [1, 2], '005', 'x')"),
    ] {
        assert_eq!(value(&format!("({text})")), expected.to_owned(), "{text}");
    }
}

#[test]
fn percent_formats() {
    for (text, expected) in [
        ("'%d %i %u' % (5, -5, 2.9)", "5 -5 2"),
        ("'%s %s %r' % ('a', (1,), 'a')", "a (1,) 'a'"),
        ("'%x %X %o %#x %#o' % (255, 255, 8, 255, 8)", "ff FF 10 0xff 0o10"),
        ("'%f %.2f %.0f %F' % (1.5, 2.678, 2.5, 1)", "1.500000 2.68 2 1.000000"),
        (
            "'%e %.2E %g %g %g %G' % (12345.678, 0.00012, 1e10, 0.0001, 100000, 1e-10)",
            "1.234568e+04 1.20E-04 1e+10 0.0001 100000 1E-10",
        ),
        (
            "'%5d|%-5d|%05d|%+d|% d|%5s|%-5s|%.2s' % (42, 42, -42, 42, 42, 'ab', 'ab', 'abc')",
            "   42|42   |-0042|+42| 42|   ab|ab   |ab",
        ),
        ("'%08.3f|%#06x|%.3d|%c%c' % (3.14159, 255, 5, 'x', 65)", "0003.142|0x00ff|005|xA"),
        ("'100%% of %s' % 5", "100% of 5"),
        ("'%s' % [1, 'b']", "[1, 'b']"),
        ("'%d' % True + '!'", "1!"),
        ("'a' % ()", "a"),
    ] {
        assert_eq!(printed(&format!("print({text})")), format!("{expected}\n"), "{text}");
    }
}

#[test]
fn brace_formats() {
    for (text, expected) in [
        ("'{} {}'.format(1, 'a')", "1 a"),
        ("'{1} {0} {x} {{}}'.format(1, 2, x=3)", "2 1 3 {}"),
        ("'{:5d}|{:<5}|{:>5}|{:^5}|{:05d}|{:+d}'.format(42, 42, 'a', 'a', -42, 5)", "   42|42   |    a|  a  |-0042|+5"),
        ("'{:x} {:#x} {:X} {:b} {:o}'.format(255, 255, 255, 5, 8)", "ff 0xff FF 101 10"),
        (
            "'{:.2f} {:.3} {:,} {:e} {:g}'.format(2.678, 'abcdef', 1234567, 12345.678, 0.5)",
            "2.68 abc 1,234,567 1.234568e+04 0.5",
        ),
        ("'{:*^7} {:#06x}'.format('a', 255)", "***a*** 0x00ff"),
        ("'{}'.format((1, 2)) + '{}'.format(None) + '{:s}'.format('x')", "(1, 2)Nonex"),
    ] {
        assert_eq!(printed(&format!("print({text})")), format!("{expected}\n"), "{text}");
    }
}

#[test]
fn printing() {
    assert_eq!(printed("print(1, 'a', 2.0)\nprint()\nprint('x', end='')\nprint(1, 2, sep=', ')"), "1 a 2.0\n\nx1, 2\n");
    assert_eq!(printed("print 1, 'a'; print 2,\nprint 3; print\nprint 'x%d' % 5"), "1 a\n2 3\n\nx5\n");
    assert_eq!(printed("print ('a'), 5\nprint((1, 2), True, None)"), "a\n(1, 2) True None\n");
    assert_eq!(printed("x = print(5)\nprint(x)"), "5\nNone\n");
}

#[test]
fn assignments() {
    assert_eq!(printed("a = b = 5; a += 1; b *= 2; print(a, b)"), "6 10\n");
    assert_eq!(printed("a = 7; a -= 1; a //= 2; a <<= 2; a |= 1; a ^= 3; a &= 0xe; a %= 8; print(a)"), "6\n");
    assert_eq!(printed("a = 3; a **= 2; a >>= 1 if False else 0; a /= 2\nprint(a)"), "4.5\n");
}

#[test]
fn blocks() {
    let text = "
x = 5
if x > 7:  # never
    print('a')
elif x > 3:
    # a comment
    if x == 5: print('five'); y = 1
    else:
        pass

    print('b',
          y)
else:
    print('c')
if not x: print('d')
else: print('e')
";
    assert_eq!(printed(text), "five\nb 1\ne\n");
    assert_eq!(printed(" if 1:\n  print(1)\n  print(2)\n"), "1\n2\n");
    assert_eq!(printed("if 0:\n\tprint(1)\nelse:\n\tif 1:\n\t\tprint(2)\n\tprint(3)"), "2\n3\n");
    assert_eq!(printed("\n   print(1)\n   print(2)\n  "), "1\n2\n");
}

#[test]
fn lines() {
    assert_eq!(printed("# nothing\n\n  # more\nprint(1 + \\\n  2) # end\n;".trim_end_matches(';')), "3\n");
    assert_eq!(printed("x = (1 + # one\n\n 2)\nprint(x); print('#')"), "3\n#\n");
    assert_eq!(printed("print(1);"), "1\n");
    assert_eq!(printed("pass\r\nprint(1)\r\n"), "1\n");
    assert_eq!(printed(""), "");
    assert_eq!(printed("  # only a comment"), "");
    assert_eq!(printed("5; 'text'; (1, 2)"), "");
}
