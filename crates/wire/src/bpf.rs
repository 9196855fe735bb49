//! Classic BPF (McCanne and Jacobson 1993; Linux' `Documentation/networking/filter.rst`): the small programs that choose
//! packets, in the kernel and here.
//!
//! A [`Program`] is checked when it is made: jumps lead forward and stay inside, the last instruction returns, scratch
//! memory is in range. So every program ends after at most as many steps as it has instructions. [`Program::run`] is a
//! plain interpreter; [`Program::encoded`] gives what `SO_ATTACH_FILTER` takes; `Display` prints what `tcpdump -d` prints.

mod encode;
mod text;

#[cfg(test)]
mod tests;

pub use encode::Encoded;

use alloc::vec::Vec;

/// The most instructions a program may have, as in Linux.
pub const MAX_INSTRUCTIONS: usize = 4096;
/// Words of scratch memory.
pub const MEMORY: usize = 16;

/// How many bytes are loaded, in network byte order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Size {
    /// One byte.
    Byte,
    /// Two bytes.
    Half,
    /// Four bytes.
    Word,
}

impl Size {
    /// In bytes.
    pub fn bytes(self) -> u32 {
        match self {
            Size::Byte => 1,
            Size::Half => 2,
            Size::Word => 4,
        }
    }
}

/// The right side of a calculation or comparison.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Operand {
    /// A constant.
    K(u32),
    /// The index register.
    X,
}

/// A calculation: `A = A op operand`, in 32 bits without a sign, wrapping.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Alu {
    /// `+`
    Add,
    /// `-`
    Sub,
    /// `*`
    Mul,
    /// `/`; by zero the program ends and refuses the packet.
    Div,
    /// `%`; by zero the program ends and refuses the packet.
    Mod,
    /// `&`
    And,
    /// `|`
    Or,
    /// `^`
    Xor,
    /// `<<`; by 32 or more the result is 0.
    Lsh,
    /// `>>`; by 32 or more the result is 0.
    Rsh,
}

impl Alu {
    /// The result; `None` for a division by zero.
    pub fn apply(self, a: u32, b: u32) -> Option<u32> {
        Some(match self {
            Alu::Add => a.wrapping_add(b),
            Alu::Sub => a.wrapping_sub(b),
            Alu::Mul => a.wrapping_mul(b),
            Alu::Div => a.checked_div(b)?,
            Alu::Mod => a.checked_rem(b)?,
            Alu::And => a & b,
            Alu::Or => a | b,
            Alu::Xor => a ^ b,
            Alu::Lsh => a.checked_shl(b).unwrap_or(0),
            Alu::Rsh => a.checked_shr(b).unwrap_or(0),
        })
    }
}

/// A comparison of A with an operand, without a sign.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Condition {
    /// They are equal.
    Equal,
    /// A is greater.
    Greater,
    /// A is greater or equal.
    GreaterOrEqual,
    /// They have a bit in common.
    AnyBit,
}

impl Condition {
    /// Whether it holds.
    pub fn holds(self, a: u32, b: u32) -> bool {
        match self {
            Condition::Equal => a == b,
            Condition::Greater => a > b,
            Condition::GreaterOrEqual => a >= b,
            Condition::AnyBit => a & b != 0,
        }
    }
}

/// One instruction. `A` is the accumulator, `X` the index register, `M` scratch memory.
///
/// A load beyond the packet's end ends the program and refuses the packet.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Instruction {
    /// `A = packet[k]`
    Load(Size, u32),
    /// `A = packet[X + k]`
    LoadIndexed(Size, u32),
    /// `A =` the packet's length on the link
    LoadLength,
    /// `A = k`
    LoadImmediate(u32),
    /// `A = M[k]`
    LoadMemory(u32),
    /// `X = k`
    LoadXImmediate(u32),
    /// `X =` the packet's length on the link
    LoadXLength,
    /// `X = M[k]`
    LoadXMemory(u32),
    /// `X = 4 * (packet[k] & 15)`: the length of an IPv4 header
    LoadXHeaderLength(u32),
    /// `M[k] = A`
    Store(u32),
    /// `M[k] = X`
    StoreX(u32),
    /// `A = A op operand`
    Calculate(Alu, Operand),
    /// `A = -A`
    Negate,
    /// `X = A`
    AToX,
    /// `A = X`
    XToA,
    /// Goes on `k` instructions after the next.
    Jump(u32),
    /// Goes on `then` or `otherwise` instructions after the next.
    Branch {
        /// What is asked of A.
        condition: Condition,
        /// What A is compared with.
        operand: Operand,
        /// Instructions to skip if it holds.
        then: u8,
        /// Instructions to skip if it does not.
        otherwise: u8,
    },
    /// Ends: take so many bytes of the packet, 0 to refuse it.
    Return(u32),
    /// Ends: take `A` bytes of the packet.
    ReturnA,
}

/// Why instructions are no program.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProgramError {
    /// There is none.
    #[error("a program without instructions")]
    Empty,
    /// There are more than [`MAX_INSTRUCTIONS`].
    #[error("{0} instructions, more than {MAX_INSTRUCTIONS}")]
    TooLong(usize),
    /// The last one does not return.
    #[error("the last instruction does not return")]
    NoReturn,
    /// A jump leads out of the program.
    #[error("instruction {0} jumps out of the program")]
    JumpsOut(usize),
    /// No such scratch memory.
    #[error("instruction {0} uses scratch memory that is not there")]
    Memory(usize),
    /// A division by the constant zero.
    #[error("instruction {0} divides by zero")]
    DividesByZero(usize),
    /// An encoded instruction that does not exist.
    #[error("instruction {0} is unknown (code {1:#x})")]
    Unknown(usize, u16),
}

/// A program that has been checked.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Program {
    instructions: Vec<Instruction>,
}

impl Program {
    /// Checks the instructions.
    ///
    /// # Errors
    /// If they could run on for ever, out of the program, or out of scratch memory.
    pub fn new(instructions: Vec<Instruction>) -> Result<Program, ProgramError> {
        if instructions.len() > MAX_INSTRUCTIONS {
            return Err(ProgramError::TooLong(instructions.len()));
        }
        match instructions.last() {
            None => return Err(ProgramError::Empty),
            Some(Instruction::Return(_) | Instruction::ReturnA) => {}
            Some(_) => return Err(ProgramError::NoReturn),
        }
        for (at, instruction) in instructions.iter().enumerate() {
            let inside = |skip: u32| (skip as usize) < instructions.len() - at - 1;
            match *instruction {
                Instruction::Jump(skip) if !inside(skip) => return Err(ProgramError::JumpsOut(at)),
                Instruction::Branch { then, otherwise, .. } if !inside(then.max(otherwise).into()) => {
                    return Err(ProgramError::JumpsOut(at));
                }
                Instruction::LoadMemory(k)
                | Instruction::LoadXMemory(k)
                | Instruction::Store(k)
                | Instruction::StoreX(k)
                    if k as usize >= MEMORY =>
                {
                    return Err(ProgramError::Memory(at));
                }
                Instruction::Calculate(Alu::Div | Alu::Mod, Operand::K(0)) => {
                    return Err(ProgramError::DividesByZero(at));
                }
                _ => {}
            }
        }
        Ok(Program { instructions })
    }

    /// The instructions.
    pub fn instructions(&self) -> &[Instruction] {
        &self.instructions
    }

    /// How many bytes of the packet to take, 0 to refuse it. `packet` may hold less than the `original_len` bytes that
    /// were on the link.
    pub fn run(&self, packet: &[u8], original_len: u32) -> u32 {
        // What a load beyond the end or a division by zero answers.
        self.execute(packet, original_len).unwrap_or(0)
    }

    fn execute(&self, packet: &[u8], original_len: u32) -> Option<u32> {
        let (mut a, mut x, mut memory) = (0_u32, 0_u32, [0_u32; MEMORY]);
        let mut rest = self.instructions.iter();
        while let Some(instruction) = rest.next() {
            match *instruction {
                Instruction::Load(size, k) => a = load(packet, size, k)?,
                Instruction::LoadIndexed(size, k) => a = load(packet, size, x.checked_add(k)?)?,
                Instruction::LoadLength => a = original_len,
                Instruction::LoadImmediate(k) => a = k,
                Instruction::LoadMemory(k) => a = memory[k as usize % MEMORY],
                Instruction::LoadXImmediate(k) => x = k,
                Instruction::LoadXLength => x = original_len,
                Instruction::LoadXMemory(k) => x = memory[k as usize % MEMORY],
                Instruction::LoadXHeaderLength(k) => x = 4 * (load(packet, Size::Byte, k)? & 0xf),
                Instruction::Store(k) => memory[k as usize % MEMORY] = a,
                Instruction::StoreX(k) => memory[k as usize % MEMORY] = x,
                Instruction::Calculate(alu, operand) => a = alu.apply(a, value(operand, x))?,
                Instruction::Negate => a = a.wrapping_neg(),
                Instruction::AToX => x = a,
                Instruction::XToA => a = x,
                Instruction::Jump(skip) => rest = rest.as_slice().get(skip as usize..)?.iter(),
                Instruction::Branch { condition, operand, then, otherwise } => {
                    let skip = if condition.holds(a, value(operand, x)) { then } else { otherwise };
                    rest = rest.as_slice().get(usize::from(skip)..)?.iter();
                }
                Instruction::Return(k) => return Some(k),
                Instruction::ReturnA => return Some(a),
            }
        }
        None
    }
}

fn value(operand: Operand, x: u32) -> u32 {
    match operand {
        Operand::K(k) => k,
        Operand::X => x,
    }
}

fn load(packet: &[u8], size: Size, at: u32) -> Option<u32> {
    let bytes = packet.get(at as usize..)?;
    Some(match size {
        Size::Byte => u32::from(*bytes.first()?),
        Size::Half => u32::from(u16::from_be_bytes(*bytes.first_chunk()?)),
        Size::Word => u32::from_be_bytes(*bytes.first_chunk()?),
    })
}
