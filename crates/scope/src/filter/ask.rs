//! A filter's tests asked one by one, each as a program of its own: what the program made of all of them must agree with.

use super::lower::{Condition, Test};
use limpid_wire::bpf::{Instruction, Program};

const HOLDS: u32 = 1;
const HOLDS_NOT: u32 = 2;

/// Whether a packet meets the condition; `None` if a byte that is asked for is not there, which refuses it whatever else
/// is asked.
pub(super) fn ask(condition: &Condition, packet: &[u8], original_len: u32) -> Option<bool> {
    match condition {
        Condition::Always => Some(true),
        Condition::Never => Some(false),
        Condition::Not(inner) => ask(inner, packet, original_len).map(|holds| !holds),
        Condition::All(parts) => until(parts, false, packet, original_len),
        Condition::Any(parts) => until(parts, true, packet, original_len),
        Condition::Test(test) => ask_test(test, packet, original_len),
    }
}

/// Asks one after the other until one answers `last`.
fn until(parts: &[Condition], last: bool, packet: &[u8], original_len: u32) -> Option<bool> {
    for part in parts {
        if ask(part, packet, original_len)? == last {
            return Some(last);
        }
    }
    Some(!last)
}

fn ask_test(test: &Test, packet: &[u8], original_len: u32) -> Option<bool> {
    let Test { code, condition, operand } = test;
    let branch = Instruction::Branch { condition: *condition, operand: *operand, then: 0, otherwise: 1 };
    let end = [branch, Instruction::Return(HOLDS), Instruction::Return(HOLDS_NOT)];
    let program = Program::new(code.iter().copied().chain(end).collect()).ok()?;
    match program.run(packet, original_len) {
        0 => None,
        answer => Some(answer == HOLDS),
    }
}
