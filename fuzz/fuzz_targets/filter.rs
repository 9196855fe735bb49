//! A filter's text, and a packet: never a panic, and a program ends.
#![no_main]

use libfuzzer_sys::fuzz_target;
use limpid_scope::capture::LinkType;
use limpid_scope::filter::{Expression, NameTables};

fuzz_target!(|input: (&str, &[u8], u32)| {
    let (text, packet, original_len) = input;
    let names = NameTables::parse("10.0.0.1 a\n::1 a b\n", "http 80/tcp\ndomain 53/udp\n", "tcp 6\n");
    let expression = match Expression::parse_with(text, &names) {
        Ok(expression) => expression,
        Err(error) => {
            let _ = error.excerpt();
            return;
        }
    };
    for link_type in [0, 1, 9, 101, 108, 113, 228, 229, 276, 147] {
        if let Ok(filter) = expression.compile(LinkType(link_type)) {
            filter.matches(packet, original_len);
        }
    }
});
