//! The program that the kernel runs: the filter, as the socket sees packets.
//!
//! A filter is written for packets as they are handed out: with the cooked header that is put before them here, with the
//! VLAN tag that the kernel keeps beside them. What can't be asked in the kernel so is asked here.

use limpid_wire::bpf::{Alu, Condition, Instruction, MAX_INSTRUCTIONS, Operand, Program, Size};
use limpid_wire::ethernet::EtherType;

/// Where the kernel keeps what is not in the packet (`SKF_AD_OFF` and its kin of `linux/filter.h`).
const AD: u32 = (-0x1000_i32).cast_unsigned();
const AD_PROTOCOL: u32 = AD;
const AD_PKTTYPE: u32 = AD + 4;
const AD_IFINDEX: u32 = AD + 8;
const AD_HATYPE: u32 = AD + 28;
const AD_VLAN_TAG_PRESENT: u32 = AD + 48;

/// The type of packets that this machine sends.
const PACKET_OUTGOING: u32 = 4;
/// All of a packet.
const WHOLE: u32 = 262_144;

/// The length of a cooked header, version 2.
pub(super) const SLL2_HEADER: u32 = 20;

/// Which of a loopback interface's packets are refused: they come once as sent and once as received.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Loopback {
    /// The socket is not on one.
    Elsewhere,
    /// The socket is on one.
    Here,
    /// The socket is on all interfaces; the loopback one has this number.
    Among(u32),
}

/// How packets are captured.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Setting {
    /// The kernel takes the link layer's header away, and a cooked one takes its place.
    pub(super) cooked: bool,
    pub(super) loopback: Loopback,
    /// Bytes that are wanted of each packet.
    pub(super) snaplen: u32,
}

/// What is asked again here.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Check {
    /// Nothing: the kernel has asked it all.
    Nothing,
    /// Of packets with a VLAN tag.
    Tagged,
    /// Of all.
    Everything,
}

/// The program for the socket, and what is left to be asked.
pub(super) fn for_socket(filter: Option<&Program>, setting: Setting) -> (Program, Check) {
    let inside = filter.map(|filter| translate(filter, setting));
    let mut instructions = loopback(setting.loopback);
    let check = match (filter, inside) {
        (None, _) => {
            instructions.push(Instruction::Return(keep(setting)));
            Check::Nothing
        }
        (Some(filter), Some(Some(inside))) if instructions.len() + 3 + inside.len() <= MAX_INSTRUCTIONS => {
            let tags = !setting.cooked && asks_for_tags(filter);
            if tags {
                instructions.push(Instruction::Load(Size::Byte, AD_VLAN_TAG_PRESENT));
                instructions.extend(refuse_or_go_on(1, WHOLE));
            }
            instructions.extend(inside);
            if tags { Check::Tagged } else { Check::Nothing }
        }
        (Some(_), _) => {
            instructions.push(Instruction::Return(WHOLE));
            Check::Everything
        }
    };
    let program = Program::new(instructions).unwrap_or_else(|_| accept_all());
    (program, check)
}

fn accept_all() -> Program {
    Program::new(vec![Instruction::Return(WHOLE)]).expect("it returns")
}

/// Bytes of a packet that the kernel has to keep.
fn keep(setting: Setting) -> u32 {
    let header = if setting.cooked { SLL2_HEADER } else { 0 };
    // Less than one byte would refuse the packet.
    setting.snaplen.saturating_sub(header).max(1)
}

/// What loopback has sent is refused.
fn loopback(rule: Loopback) -> Vec<Instruction> {
    let mut instructions = Vec::new();
    match rule {
        Loopback::Elsewhere => return instructions,
        Loopback::Here => {}
        Loopback::Among(index) => {
            instructions.push(Instruction::Load(Size::Word, AD_IFINDEX));
            // Not that one: past the three instructions below.
            instructions.push(equal(index, 0, 3));
        }
    }
    instructions.push(Instruction::Load(Size::Byte, AD_PKTTYPE));
    instructions.extend(refuse_or_go_on(PACKET_OUTGOING, 0));
    instructions
}

/// Returns `answer` if A is `k`.
fn refuse_or_go_on(k: u32, answer: u32) -> [Instruction; 2] {
    [equal(k, 0, 1), Instruction::Return(answer)]
}

fn equal(k: u32, then: u8, otherwise: u8) -> Instruction {
    Instruction::Branch { condition: Condition::Equal, operand: Operand::K(k), then, otherwise }
}

/// The filter tells apart what has VLAN tags, which the kernel keeps beside the packet.
fn asks_for_tags(filter: &Program) -> bool {
    let is_tag = |k: &u32| EtherType::FILTER_TAGS.iter().any(|tag| u32::from(tag.0) == *k);
    filter
        .instructions()
        .iter()
        .any(|instruction| matches!(instruction, Instruction::Branch { operand: Operand::K(k), .. } if is_tag(k)))
}

/// The filter as the socket sees packets; `None` if it asks for something that is not there.
fn translate(filter: &Program, setting: Setting) -> Option<Vec<Instruction>> {
    filter.instructions().iter().map(|instruction| translated(*instruction, setting)).collect()
}

fn translated(instruction: Instruction, setting: Setting) -> Option<Instruction> {
    let cooked = setting.cooked;
    let shifted = |k: u32| {
        // Negative places are the kernel's own.
        let k = if cooked { k.checked_sub(SLL2_HEADER)? } else { k };
        i32::try_from(k).ok().map(i32::cast_unsigned)
    };
    Some(match instruction {
        Instruction::Load(size, k) if cooked && k < SLL2_HEADER => match (size, k) {
            (Size::Half, 0) => Instruction::Load(size, AD_PROTOCOL),
            (Size::Word, 4) => Instruction::Load(size, AD_IFINDEX),
            (Size::Half, 8) => Instruction::Load(size, AD_HATYPE),
            (Size::Byte, 10) => Instruction::Load(size, AD_PKTTYPE),
            _ => return None,
        },
        Instruction::Load(size, k) => Instruction::Load(size, shifted(k)?),
        Instruction::LoadIndexed(size, k) => Instruction::LoadIndexed(size, shifted(k)?),
        Instruction::LoadXHeaderLength(k) => Instruction::LoadXHeaderLength(shifted(k)?),
        // The kernel counts without our header.
        Instruction::LoadLength | Instruction::LoadXLength if cooked => return None,
        // By 32 bits or more, the kernel shifts by what is left of 32.
        Instruction::Calculate(Alu::Lsh | Alu::Rsh, Operand::X) => return None,
        Instruction::Calculate(Alu::Lsh | Alu::Rsh, Operand::K(32..)) => return None,
        Instruction::Return(0) => Instruction::Return(0),
        Instruction::Return(k) => Instruction::Return(k.min(keep(setting))),
        Instruction::ReturnA => return None,
        other => other,
    })
}
