//! Text in markup: XML and HTML.

/// `text` as markup has it, in attributes too; what XML can't have is left out, and every white space is one space.
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    escape_onto(&mut out, text);
    out
}

/// The same, behind what `out` has.
pub(super) fn escape_onto(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\t' | '\n' | '\r' => out.push(' '),
            '\0'..='\x1f' | '\u{7f}'..='\u{9f}' | '\u{fffe}' | '\u{ffff}' => {}
            _ => out.push(c),
        }
    }
}
