//! Programs as `tcpdump -d` prints them.

use super::{Alu, Condition, Instruction, Operand, Program, Size};
use alloc::format;
use alloc::string::String;
use core::fmt;

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, instruction) in self.instructions.iter().enumerate() {
            if at > 0 {
                writeln!(f)?;
            }
            let (name, operand) = words(*instruction, at);
            match *instruction {
                Instruction::Branch { then, otherwise, .. } => {
                    let (then, otherwise) = (at + 1 + usize::from(then), at + 1 + usize::from(otherwise));
                    write!(f, "({at:03}) {name:<8} {operand:<16} jt {then}\tjf {otherwise}")?;
                }
                _ => write!(f, "({at:03}) {name:<8} {operand}")?,
            }
        }
        Ok(())
    }
}

fn words(instruction: Instruction, at: usize) -> (&'static str, String) {
    match instruction {
        Instruction::Load(size, k) => (load(size), format!("[{k}]")),
        Instruction::LoadIndexed(size, k) => (load(size), format!("[x + {k}]")),
        Instruction::LoadLength => ("ld", "#pktlen".into()),
        Instruction::LoadImmediate(k) => ("ld", format!("#{k:#x}")),
        Instruction::LoadMemory(k) => ("ld", format!("M[{k}]")),
        Instruction::LoadXImmediate(k) => ("ldx", format!("#{k:#x}")),
        Instruction::LoadXLength => ("ldx", "#pktlen".into()),
        Instruction::LoadXMemory(k) => ("ldx", format!("M[{k}]")),
        Instruction::LoadXHeaderLength(k) => ("ldxb", format!("4*([{k}]&0xf)")),
        Instruction::Store(k) => ("st", format!("M[{k}]")),
        Instruction::StoreX(k) => ("stx", format!("M[{k}]")),
        Instruction::Calculate(alu, operand) => calculation(alu, operand),
        Instruction::Negate => ("neg", String::new()),
        Instruction::AToX => ("tax", String::new()),
        Instruction::XToA => ("txa", String::new()),
        Instruction::Jump(skip) => ("ja", format!("{}", at + 1 + skip as usize)),
        Instruction::Branch { condition, operand, .. } => (comparison(condition), hexadecimal(operand)),
        Instruction::Return(k) => ("ret", format!("#{k}")),
        Instruction::ReturnA => ("ret", String::new()),
    }
}

fn load(size: Size) -> &'static str {
    match size {
        Size::Byte => "ldb",
        Size::Half => "ldh",
        Size::Word => "ld",
    }
}

fn calculation(alu: Alu, operand: Operand) -> (&'static str, String) {
    let name = match alu {
        Alu::Add => "add",
        Alu::Sub => "sub",
        Alu::Mul => "mul",
        Alu::Div => "div",
        Alu::Mod => "mod",
        Alu::And => "and",
        Alu::Or => "or",
        Alu::Xor => "xor",
        Alu::Lsh => "lsh",
        Alu::Rsh => "rsh",
    };
    let operand = match (alu, operand) {
        (Alu::And | Alu::Or | Alu::Xor, _) | (_, Operand::X) => hexadecimal(operand),
        (_, Operand::K(k)) => format!("#{}", k.cast_signed()),
    };
    (name, operand)
}

fn comparison(condition: Condition) -> &'static str {
    match condition {
        Condition::Equal => "jeq",
        Condition::Greater => "jgt",
        Condition::GreaterOrEqual => "jge",
        Condition::AnyBit => "jset",
    }
}

fn hexadecimal(operand: Operand) -> String {
    match operand {
        Operand::K(k) => format!("#{k:#x}"),
        Operand::X => "x".into(),
    }
}
