//! Calculations as code. Values that have to wait lie in scratch memory.

use super::super::ast::{Arith, Protocol};
use super::super::link::{ETHERTYPE_IP, ETHERTYPE_IP6, Link};
use super::{Condition, IP6_HEADER, IP6_NEXT_HEADER, Test, first_fragment};
use limpid_wire::bpf::{self, Alu, Instruction, MEMORY, Operand, Size};

const TOO_MANY: &str = "the calculation needs too much scratch memory";

/// Code, and what must hold so that it means something.
struct Code<'a> {
    link: &'a Link,
    instructions: Vec<Instruction>,
    checks: Vec<Condition>,
}

/// Whether the relation holds; what it asks of is there only if the protocols are.
pub(super) fn relation(
    link: &Link,
    left: &Arith,
    condition: bpf::Condition,
    right: &Arith,
    negated: bool,
) -> Result<Condition, &'static str> {
    let (left, condition, right, negated) = turned(left, condition, right, negated);
    if let (Arith::Constant(a), Arith::Constant(b)) = (left, right) {
        return Ok(Condition::constant(condition.holds(*a, *b) != negated));
    }
    let mut code = Code { link, instructions: Vec::new(), checks: Vec::new() };
    let operand = match right {
        Arith::Constant(k) => {
            code.value(left, 0)?;
            Operand::K(*k)
        }
        _ => {
            code.both(left, right, 0)?;
            Operand::X
        }
    };
    let Code { instructions, checks, .. } = code;
    let (test, negated) = simplest(Test { code: instructions, condition, operand }, negated);
    let test = Condition::Test(test);
    let test = if negated { test.negated() } else { test };
    Ok(Condition::all(checks.into_iter().chain([test])))
}

/// The same with a constant on the right, if there is one.
fn turned<'a>(
    left: &'a Arith,
    condition: bpf::Condition,
    right: &'a Arith,
    negated: bool,
) -> (&'a Arith, bpf::Condition, &'a Arith, bool) {
    use bpf::Condition::{AnyBit, Equal, Greater, GreaterOrEqual};
    if !matches!(left, Arith::Constant(_)) {
        return (left, condition, right, negated);
    }
    match condition {
        Equal | AnyBit => (right, condition, left, negated),
        // a > b: not b >= a.
        Greater => (right, GreaterOrEqual, left, !negated),
        GreaterOrEqual => (right, Greater, left, !negated),
    }
}

/// `a & k = 0` is one instruction.
fn simplest(mut test: Test, negated: bool) -> (Test, bool) {
    if let (bpf::Condition::Equal, Operand::K(0), [.., Instruction::Calculate(Alu::And, mask @ Operand::K(_))]) =
        (test.condition, test.operand, test.code.as_slice())
    {
        (test.condition, test.operand) = (bpf::Condition::AnyBit, *mask);
        test.code.pop();
        return (test, !negated);
    }
    (test, negated)
}

impl Code<'_> {
    fn push(&mut self, instruction: Instruction) {
        self.instructions.push(instruction);
    }

    /// Leaves the left value in A and the right one in X; `free` is the first free word of scratch memory.
    fn both(&mut self, left: &Arith, right: &Arith, free: usize) -> Result<(), &'static str> {
        if free >= MEMORY {
            return Err(TOO_MANY);
        }
        self.value(right, free)?;
        self.push(Instruction::Store(free as u32));
        self.value(left, free + 1)?;
        self.push(Instruction::LoadXMemory(free as u32));
        Ok(())
    }

    /// Leaves the value in A.
    fn value(&mut self, arith: &Arith, free: usize) -> Result<(), &'static str> {
        match arith {
            Arith::Constant(k) => self.push(Instruction::LoadImmediate(*k)),
            Arith::Length => self.push(Instruction::LoadLength),
            Arith::Negate(inner) => {
                self.value(inner, free)?;
                self.push(Instruction::Negate);
            }
            Arith::Calculate(alu, left, right) => {
                if let Arith::Constant(k) = **right {
                    self.value(left, free)?;
                    self.push(Instruction::Calculate(*alu, Operand::K(k)));
                } else {
                    self.both(left, right, free)?;
                    self.push(Instruction::Calculate(*alu, Operand::X));
                }
            }
            Arith::Load { protocol, index, size } => self.load(*protocol, index, *size, free)?,
        }
        Ok(())
    }

    fn load(&mut self, protocol: Protocol, index: &Arith, size: Size, free: usize) -> Result<(), &'static str> {
        let payload = self.link.payload;
        let fixed = match protocol {
            Protocol::Link => Some(0),
            Protocol::Ip | Protocol::Ip6 | Protocol::Arp | Protocol::Rarp => {
                self.checks.push(super::protocol(self.link, protocol));
                Some(payload)
            }
            Protocol::Icmp6 => {
                let number = Protocol::Icmp6.number().unwrap_or_default();
                self.checks.push(self.link.carries(ETHERTYPE_IP6));
                self.checks.push(Condition::equal(Size::Byte, payload + IP6_NEXT_HEADER, number));
                Some(payload + IP6_HEADER)
            }
            transport => {
                // Only in IPv4, as in libpcap.
                let number = transport.number().unwrap_or_default();
                self.checks.push(self.link.carries(ETHERTYPE_IP));
                self.checks.push(Condition::equal(Size::Byte, payload + super::IP_PROTOCOL, number));
                self.checks.push(first_fragment(self.link));
                None
            }
        };
        match (fixed, index) {
            (Some(start), Arith::Constant(k)) => self.push(Instruction::Load(size, start.wrapping_add(*k))),
            (Some(start), _) => {
                self.value(index, free)?;
                self.push(Instruction::AToX);
                self.push(Instruction::LoadIndexed(size, start));
            }
            (None, Arith::Constant(k)) => {
                self.push(Instruction::LoadXHeaderLength(payload));
                self.push(Instruction::LoadIndexed(size, payload.wrapping_add(*k)));
            }
            (None, _) => {
                self.value(index, free)?;
                self.push(Instruction::LoadXHeaderLength(payload));
                self.push(Instruction::Calculate(Alu::Add, Operand::X));
                self.push(Instruction::AToX);
                self.push(Instruction::LoadIndexed(size, payload));
            }
        }
        Ok(())
    }
}
