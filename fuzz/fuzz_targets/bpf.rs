//! Any instructions and a packet: what is a program ends, answers what a second reading of the same numbers answers, and
//! encodes to what it was decoded from.
#![no_main]

#[path = "../../crates/wire/src/bpf/tests/second.rs"]
mod second;

use libfuzzer_sys::fuzz_target;
use limpid_wire::bpf::{Encoded, Program};

fuzz_target!(|input: (Vec<second::Numbers>, &[u8], u32)| {
    let (numbers, packet, original_len) = input;
    let encoded: Vec<Encoded> = numbers.iter().map(|&(code, jt, jf, k)| Encoded { code, jt, jf, k }).collect();
    if let Ok(program) = Program::decode(&encoded) {
        assert_eq!(program.run(packet, original_len), second::run(&numbers, packet, original_len));
        let again: Vec<Encoded> = program.encoded().collect();
        assert_eq!(Program::decode(&again).as_ref(), Ok(&program));
    }
});
