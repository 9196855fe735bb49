//! Any instructions and a packet: what is a program ends, and encodes to what it was decoded from.
#![no_main]

use libfuzzer_sys::fuzz_target;
use limpid_wire::bpf::{Encoded, Program};

fuzz_target!(|input: (Vec<(u16, u8, u8, u32)>, &[u8], u32)| {
    let (instructions, packet, original_len) = input;
    let encoded: Vec<Encoded> = instructions.iter().map(|&(code, jt, jf, k)| Encoded { code, jt, jf, k }).collect();
    if let Ok(program) = Program::decode(&encoded) {
        program.run(packet, original_len);
        assert!(program.encoded().zip(&encoded).all(|(ours, theirs)| ours.code == theirs.code));
    }
});
