//! A filter's text, and a packet: never a panic, a program ends, and it chooses what its tests, asked one by one, choose.
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
    for link_type in [0, 1, 9, 101, 108, 113, 228, 229, 276, 147].map(LinkType) {
        if let Ok(filter) = expression.compile(link_type) {
            let asked = expression.ask(link_type, packet, original_len).expect("it compiles");
            assert_eq!(filter.matches(packet, original_len), asked, "{text} on {packet:x?}");
        }
    }
});
