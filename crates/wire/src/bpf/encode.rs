//! Instructions as the kernel and libpcap have them (`linux/bpf_common.h`).

use super::{Alu, Condition, Instruction, Operand, Program, ProgramError, Size};
use alloc::vec::Vec;

const LD: u16 = 0;
const LDX: u16 = 1;
const ST: u16 = 2;
const STX: u16 = 3;
const ALU: u16 = 4;
const JMP: u16 = 5;
const RET: u16 = 6;
const MISC: u16 = 7;

const IMM: u16 = 0x00;
const ABS: u16 = 0x20;
const IND: u16 = 0x40;
const MEM: u16 = 0x60;
const LEN: u16 = 0x80;
const MSH: u16 = 0xa0;
const BYTE: u16 = 0x10;
/// The operand is X.
const SOURCE_X: u16 = 0x08;
const NEG: u16 = 0x80;
const RET_A: u16 = 0x10;
const TXA: u16 = 0x80;

const ALUS: [(Alu, u16); 10] = [
    (Alu::Add, 0x00),
    (Alu::Sub, 0x10),
    (Alu::Mul, 0x20),
    (Alu::Div, 0x30),
    (Alu::Or, 0x40),
    (Alu::And, 0x50),
    (Alu::Lsh, 0x60),
    (Alu::Rsh, 0x70),
    (Alu::Mod, 0x90),
    (Alu::Xor, 0xa0),
];
const CONDITIONS: [(Condition, u16); 4] = [
    (Condition::Equal, 0x10),
    (Condition::Greater, 0x20),
    (Condition::GreaterOrEqual, 0x30),
    (Condition::AnyBit, 0x40),
];
const SIZES: [(Size, u16); 3] = [(Size::Word, 0x00), (Size::Half, 0x08), (Size::Byte, BYTE)];

/// An instruction as it is handed over: `struct sock_filter`, `struct bpf_insn`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Encoded {
    /// What to do.
    pub code: u16,
    /// Instructions to skip if the condition holds.
    pub jt: u8,
    /// Instructions to skip if it does not.
    pub jf: u8,
    /// The constant.
    pub k: u32,
}

impl Program {
    /// The instructions as the kernel takes them.
    pub fn encoded(&self) -> impl ExactSizeIterator<Item = Encoded> + '_ {
        self.instructions.iter().map(|instruction| encode(*instruction))
    }

    /// A program out of encoded instructions.
    ///
    /// # Errors
    /// If one does not exist, or they are no program.
    pub fn decode(encoded: &[Encoded]) -> Result<Program, ProgramError> {
        if encoded.len() > super::MAX_INSTRUCTIONS {
            return Err(ProgramError::TooLong(encoded.len()));
        }
        let decode = |(at, one): (usize, &Encoded)| decode(*one).ok_or(ProgramError::Unknown(at, one.code));
        Program::new(encoded.iter().enumerate().map(decode).collect::<Result<Vec<_>, _>>()?)
    }
}

fn encode(instruction: Instruction) -> Encoded {
    let plain = |code, k| Encoded { code, jt: 0, jf: 0, k };
    let with = |code, operand| match operand {
        Operand::K(k) => (code, k),
        Operand::X => (code | SOURCE_X, 0),
    };
    match instruction {
        Instruction::Load(size, k) => plain(LD | ABS | code_of(&SIZES, size), k),
        Instruction::LoadIndexed(size, k) => plain(LD | IND | code_of(&SIZES, size), k),
        Instruction::LoadLength => plain(LD | LEN, 0),
        Instruction::LoadImmediate(k) => plain(LD | IMM, k),
        Instruction::LoadMemory(k) => plain(LD | MEM, k),
        Instruction::LoadXImmediate(k) => plain(LDX | IMM, k),
        Instruction::LoadXLength => plain(LDX | LEN, 0),
        Instruction::LoadXMemory(k) => plain(LDX | MEM, k),
        Instruction::LoadXHeaderLength(k) => plain(LDX | MSH | BYTE, k),
        Instruction::Store(k) => plain(ST, k),
        Instruction::StoreX(k) => plain(STX, k),
        Instruction::Calculate(alu, operand) => {
            let (code, k) = with(ALU | code_of(&ALUS, alu), operand);
            plain(code, k)
        }
        Instruction::Negate => plain(ALU | NEG, 0),
        Instruction::AToX => plain(MISC, 0),
        Instruction::XToA => plain(MISC | TXA, 0),
        Instruction::Jump(k) => plain(JMP, k),
        Instruction::Branch { condition, operand, then, otherwise } => {
            let (code, k) = with(JMP | code_of(&CONDITIONS, condition), operand);
            Encoded { code, jt: then, jf: otherwise, k }
        }
        Instruction::Return(k) => plain(RET, k),
        Instruction::ReturnA => plain(RET | RET_A, 0),
    }
}

fn decode(encoded: Encoded) -> Option<Instruction> {
    let Encoded { code, jt, jf, k } = encoded;
    let operand = if code & SOURCE_X != 0 { Operand::X } else { Operand::K(k) };
    Some(match code & 7 {
        LD => match code & !0x1f {
            ABS => Instruction::Load(value_of(&SIZES, code & 0x18)?, k),
            IND => Instruction::LoadIndexed(value_of(&SIZES, code & 0x18)?, k),
            LEN if code == LD | LEN => Instruction::LoadLength,
            IMM if code == LD | IMM => Instruction::LoadImmediate(k),
            MEM if code == LD | MEM => Instruction::LoadMemory(k),
            _ => return None,
        },
        LDX => match code & !7 {
            IMM => Instruction::LoadXImmediate(k),
            LEN => Instruction::LoadXLength,
            MEM => Instruction::LoadXMemory(k),
            msh if msh == MSH | BYTE => Instruction::LoadXHeaderLength(k),
            _ => return None,
        },
        ST if code == ST => Instruction::Store(k),
        STX if code == STX => Instruction::StoreX(k),
        ALU if code == ALU | NEG => Instruction::Negate,
        ALU => Instruction::Calculate(value_of(&ALUS, code & !0xf)?, operand),
        JMP if code == JMP => Instruction::Jump(k),
        JMP => {
            let condition = value_of(&CONDITIONS, code & !0xf)?;
            Instruction::Branch { condition, operand, then: jt, otherwise: jf }
        }
        RET if code == RET => Instruction::Return(k),
        RET if code == RET | RET_A => Instruction::ReturnA,
        MISC if code == MISC => Instruction::AToX,
        MISC if code == MISC | TXA => Instruction::XToA,
        _ => return None,
    })
}

fn code_of<T: Copy + PartialEq>(table: &[(T, u16)], value: T) -> u16 {
    table.iter().find(|(v, _)| *v == value).map_or(0, |(_, code)| *code)
}

fn value_of<T: Copy>(table: &[(T, u16)], code: u16) -> Option<T> {
    table.iter().find(|(_, c)| *c == code).map(|(value, _)| *value)
}
