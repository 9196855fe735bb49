//! Classic BPF read a second time, from the numbers themselves (Linux' `Documentation/networking/filter.rst`, "The BPF
//! engine and instruction set"): what the interpreter is held against, here and in `fuzz/fuzz_targets/bpf.rs`.

/// An instruction: `code`, `jt`, `jf`, `k`.
pub(super) type Numbers = (u16, u8, u8, u32);

/// What a program that was found good answers for a packet.
pub(super) fn run(program: &[Numbers], packet: &[u8], original_len: u32) -> u32 {
    let (mut a, mut x, mut m, mut pc) = (0_u32, 0_u32, [0_u32; 16], 0_usize);
    // So many bytes from a place on, the most significant first. What is not there refuses the packet.
    let bytes = |at: u64, count: u64| -> Option<u32> {
        if at + count > packet.len() as u64 {
            return None;
        }
        Some((at..at + count).fold(0, |value, at| value << 8 | u32::from(packet[at as usize])))
    };
    macro_rules! or_refuse {
        ($value:expr) => {
            match $value {
                Some(value) => value,
                None => return 0,
            }
        };
    }
    loop {
        let (code, jt, jf, k) = program[pc];
        pc += 1;
        match code {
            0x20 => a = or_refuse!(bytes(k.into(), 4)),
            0x28 => a = or_refuse!(bytes(k.into(), 2)),
            0x30 => a = or_refuse!(bytes(k.into(), 1)),
            0x40 => a = or_refuse!(bytes(u64::from(x) + u64::from(k), 4)),
            0x48 => a = or_refuse!(bytes(u64::from(x) + u64::from(k), 2)),
            0x50 => a = or_refuse!(bytes(u64::from(x) + u64::from(k), 1)),
            0x80 => a = original_len,
            0x00 => a = k,
            0x60 => a = m[k as usize],
            0x01 => x = k,
            0x81 => x = original_len,
            0x61 => x = m[k as usize],
            0xb1 => x = (or_refuse!(bytes(k.into(), 1)) & 0xf) * 4,
            0x02 => m[k as usize] = a,
            0x03 => m[k as usize] = x,
            0x84 => a = 0_u32.wrapping_sub(a),
            0x07 => x = a,
            0x87 => a = x,
            0x05 => pc += k as usize,
            0x06 => return k,
            0x16 => return a,
            _ => {
                let right = if code & 8 != 0 { x } else { k };
                match (code & 7, code & 0xf0) {
                    (4, 0x00) => a = a.wrapping_add(right),
                    (4, 0x10) => a = a.wrapping_sub(right),
                    (4, 0x20) => a = a.wrapping_mul(right),
                    (4, 0x30 | 0x90) if right == 0 => return 0,
                    (4, 0x30) => a /= right,
                    (4, 0x90) => a %= right,
                    (4, 0x40) => a |= right,
                    (4, 0x50) => a &= right,
                    (4, 0xa0) => a ^= right,
                    (4, 0x60) => a = if right < 32 { a << right } else { 0 },
                    (4, 0x70) => a = if right < 32 { a >> right } else { 0 },
                    (5, 0x10) => pc += usize::from(if a == right { jt } else { jf }),
                    (5, 0x20) => pc += usize::from(if a > right { jt } else { jf }),
                    (5, 0x30) => pc += usize::from(if a >= right { jt } else { jf }),
                    (5, 0x40) => pc += usize::from(if a & right != 0 { jt } else { jf }),
                    _ => panic!("no instruction: {code:#x}"),
                }
            }
        }
    }
}
