//! From tests to a program.
//!
//! Each test becomes a block that goes on to one of two others. Blocks are made from the end on and equal ones are one,
//! so the same question is never there twice with the same consequences. Then each way through the program is followed
//! once: a test whose answer is known on it is skipped, and so is a load of what A or X holds already.

use super::lower::{Condition, Test};
use limpid_wire::bpf::{self, Instruction, Operand, Program, ProgramError};
use std::collections::HashMap;

/// What an accepted packet is cut to, as in libpcap.
const WHOLE: u32 = 262_144;
/// How many values that something is known not to have are remembered.
const MAX_EXCLUDED: usize = 64;
/// The most blocks worth looking at: what is left of more is too long for a program.
const MAX_BLOCKS: usize = 2 * bpf::MAX_INSTRUCTIONS;
/// How many values are remembered on a way: each block costs a copy of them.
const MAX_VALUES: usize = 64;

/// The block that accepts, and the one that refuses.
const ACCEPT: usize = 0;
const REFUSE: usize = 1;

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
struct Block {
    /// Its code's number.
    code: usize,
    condition: bpf::Condition,
    operand: Operand,
    /// If it holds; blocks lead to smaller numbers only.
    then: usize,
    otherwise: usize,
}

#[derive(Debug, Default)]
struct Blocks {
    codes: Vec<Vec<Instruction>>,
    code_numbers: HashMap<Vec<Instruction>, usize>,
    /// Block n + 2.
    blocks: Vec<Block>,
    block_numbers: HashMap<Block, usize>,
}

/// The program that accepts what meets the condition.
pub(super) fn assemble(condition: &Condition) -> Result<Program, ProgramError> {
    let mut blocks = Blocks::default();
    let entry = blocks.build(condition, ACCEPT, REFUSE);
    if blocks.blocks.len() > MAX_BLOCKS {
        return Err(ProgramError::TooLong(blocks.blocks.len()));
    }
    let shortened = blocks.shorten(entry);
    blocks.emit(entry, &shortened)
}

impl Blocks {
    /// The block where the test of `condition` begins.
    fn build(&mut self, condition: &Condition, then: usize, otherwise: usize) -> usize {
        match condition {
            Condition::Always => then,
            Condition::Never => otherwise,
            Condition::Not(inner) => self.build(inner, otherwise, then),
            Condition::All(parts) => parts.iter().rev().fold(then, |then, part| self.build(part, then, otherwise)),
            Condition::Any(parts) => {
                parts.iter().rev().fold(otherwise, |otherwise, part| self.build(part, then, otherwise))
            }
            Condition::Test(test) => self.block(test, then, otherwise),
        }
    }

    fn block(&mut self, test: &Test, then: usize, otherwise: usize) -> usize {
        if self.blocks.len() > MAX_BLOCKS {
            return REFUSE;
        }
        let code = match self.code_numbers.get(&test.code) {
            Some(number) => *number,
            None => {
                self.codes.push(test.code.clone());
                self.code_numbers.insert(test.code.clone(), self.codes.len() - 1);
                self.codes.len() - 1
            }
        };
        let block = Block { code, condition: test.condition, operand: test.operand, then, otherwise };
        let Blocks { blocks, block_numbers, .. } = self;
        *block_numbers.entry(block).or_insert_with(|| {
            blocks.push(block);
            blocks.len() + 1
        })
    }

    /// Leads every way past what it knows already; answers the blocks that are left, from the end on.
    fn shorten(&self, entry: usize) -> Vec<Shortened> {
        // What is known where a block begins: of all the ways that lead there.
        let mut known: Vec<Option<Knowledge>> = vec![None; self.blocks.len() + 2];
        known[entry] = Some(Knowledge::default());
        let mut left = Vec::new();
        // A block's number is greater than those of the blocks after it.
        for number in (2..self.blocks.len() + 2).rev() {
            let Some(knowledge) = known[number].take() else { continue };
            let block = self.blocks[number - 2];
            let (code, x) = self.missing_code(&block, &knowledge);
            let mut ends = [0; 2];
            for (end, holds) in ends.iter_mut().zip([true, false]) {
                let learned = self.learn(&knowledge, &block, holds, x);
                let target = self.follow(if holds { block.then } else { block.otherwise }, &learned);
                match &mut known[target] {
                    Some(before) => before.meet(&learned),
                    unknown => *unknown = Some(learned),
                }
                *end = target;
            }
            let [then, otherwise] = ends;
            left.push(Shortened { number, code, block: Block { then, otherwise, ..block } });
        }
        left.reverse();
        left
    }

    /// The code that a block needs where so much is known, and which header's length X holds after it.
    fn missing_code(&self, block: &Block, knowledge: &Knowledge) -> (Vec<Instruction>, Option<u32>) {
        let code = self.codes[block.code].as_slice();
        if knowledge.a == Some(block.code) && block.operand != Operand::X {
            return (Vec::new(), knowledge.x);
        }
        let x = code.iter().fold(knowledge.x, |x, instruction| match instruction {
            Instruction::LoadXHeaderLength(at) => Some(*at),
            Instruction::AToX
            | Instruction::LoadXMemory(_)
            | Instruction::LoadXImmediate(_)
            | Instruction::LoadXLength => None,
            _ => x,
        });
        match code.split_first() {
            Some((Instruction::LoadXHeaderLength(at), rest)) if knowledge.x == Some(*at) => (rest.to_vec(), x),
            _ => (code.to_vec(), x),
        }
    }

    /// What is known after a block whose condition holds or does not.
    fn learn(&self, knowledge: &Knowledge, block: &Block, holds: bool, x: Option<u32>) -> Knowledge {
        let mut learned = Knowledge { values: knowledge.values.clone(), a: Some(block.code), x };
        let room = learned.values.len() < MAX_VALUES || learned.values.contains_key(&block.code);
        if let (bpf::Condition::Equal, Operand::K(k)) = (block.condition, block.operand)
            && room
        {
            let value = learned.values.entry(block.code).or_insert_with(|| Value::IsNot(Vec::new()));
            match (holds, value) {
                (true, value) => *value = Value::Is(k),
                (false, Value::IsNot(excluded)) if excluded.len() < MAX_EXCLUDED => excluded.push(k),
                (false, _) => {}
            }
        }
        learned
    }

    /// The first block from `number` on whose answer is not known.
    fn follow(&self, mut number: usize, knowledge: &Knowledge) -> usize {
        while let Some(block) = number.checked_sub(2).map(|at| &self.blocks[at]) {
            let Some(holds) = knowledge.answer(block) else { break };
            number = if holds { block.then } else { block.otherwise };
        }
        number
    }

    /// Writes the program from its end to its beginning, so that what a jump leads to is there already.
    fn emit(&self, entry: usize, left: &[Shortened]) -> Result<Program, ProgramError> {
        let mut reversed: Vec<Instruction> = Vec::new();
        // Where blocks begin, counted from the end.
        let mut places: HashMap<usize, usize> = HashMap::new();
        for (number, answer) in [(REFUSE, 0), (ACCEPT, WHOLE)] {
            if entry == number || left.iter().any(|s| s.block.then == number || s.block.otherwise == number) {
                places.insert(number, reversed.len());
                reversed.push(Instruction::Return(answer));
            }
        }
        for Shortened { number, code, block } in left {
            let place = |number| places.get(&number).copied().unwrap_or_default();
            // The second may need a jump between the branch and the first.
            let then = within_reach(&mut reversed, place(block.then), 1);
            let otherwise = within_reach(&mut reversed, place(block.otherwise), 0);
            let skip = |place: usize| u8::try_from(reversed.len() - place - 1).unwrap_or(u8::MAX);
            let Block { condition, operand, .. } = *block;
            let branch = Instruction::Branch { condition, operand, then: skip(then), otherwise: skip(otherwise) };
            reversed.push(branch);
            reversed.extend(code.iter().rev());
            places.insert(*number, reversed.len() - 1);
        }
        reversed.reverse();
        Program::new(reversed)
    }
}

/// `place`, or that of a jump that leads there if a branch could not. `more` instructions may yet come between.
fn within_reach(reversed: &mut Vec<Instruction>, place: usize, more: usize) -> usize {
    let distance = reversed.len() - place - 1;
    if distance + more <= usize::from(u8::MAX) {
        return place;
    }
    reversed.push(Instruction::Jump(distance as u32));
    reversed.len() - 1
}

/// A block that is left, with the code that it still needs.
#[derive(Debug)]
struct Shortened {
    number: usize,
    code: Vec<Instruction>,
    block: Block,
}

/// What is known at a place of the program.
#[derive(Clone, Debug, Default)]
struct Knowledge {
    /// Of codes: their values.
    values: HashMap<usize, Value>,
    /// The code whose value A holds.
    a: Option<usize>,
    /// The place of the IPv4 header whose length X holds.
    x: Option<u32>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Value {
    Is(u32),
    IsNot(Vec<u32>),
}

impl Knowledge {
    /// Whether the block's condition holds, if that is known.
    fn answer(&self, block: &Block) -> Option<bool> {
        let Operand::K(k) = block.operand else { return None };
        match self.values.get(&block.code)? {
            Value::Is(value) => Some(block.condition.holds(*value, k)),
            Value::IsNot(excluded) => {
                (block.condition == bpf::Condition::Equal && excluded.contains(&k)).then_some(false)
            }
        }
    }

    /// Keeps what is known on another way too.
    fn meet(&mut self, other: &Knowledge) {
        self.values.retain(|code, value| {
            let Some(theirs) = other.values.get(code) else { return false };
            match (&mut *value, theirs) {
                (Value::Is(ours), Value::Is(theirs)) => return ours == theirs,
                (Value::Is(ours), Value::IsNot(theirs)) => {
                    *value = Value::IsNot(theirs.iter().copied().filter(|k| k != ours).collect());
                }
                (Value::IsNot(ours), Value::Is(theirs)) => ours.retain(|k| k != theirs),
                (Value::IsNot(ours), Value::IsNot(theirs)) => ours.retain(|k| theirs.contains(k)),
            }
            true
        });
        self.a = self.a.filter(|a| other.a == Some(*a));
        self.x = self.x.filter(|x| other.x == Some(*x));
    }
}
