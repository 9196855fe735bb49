//! Calculations on a packet's bytes, and their comparison.
//!
//! `&` and `|` bind least, then shifts, then `+` and `-`, then `*` and `/`. `%` and `^` are as libpcap's grammar has
//! them: each takes all that stands right of it, and only the one value left of it.

use super::super::FilterError;
use super::super::ast::{Arith, Expr, Primitive, Protocol};
use super::super::lexer::Token;
use super::{Parser, words};
use limpid_wire::bpf::{Alu, Condition, Size};

/// The most signs one behind the other: each makes the calculation deeper by one.
const MAX_SIGNS: usize = 500;

/// How tightly a sign binds what follows it, if it is a minus before a value.
const UNARY: u8 = 5;

/// The token goes on with a calculation or compares its result.
pub(super) fn is_operator(token: &Token) -> bool {
    matches!(token, Token::Sign(sign) if binding(sign).is_some() || comparison(sign).is_some())
}

/// What the sign calculates; how tightly it binds to the left and to the right.
fn binding(sign: &str) -> Option<(Alu, u8, u8)> {
    Some(match sign {
        "|" => (Alu::Or, 1, 1),
        "&" => (Alu::And, 1, 1),
        "<<" => (Alu::Lsh, 2, 2),
        ">>" => (Alu::Rsh, 2, 2),
        "+" => (Alu::Add, 3, 3),
        "-" => (Alu::Sub, 3, 3),
        "*" => (Alu::Mul, 4, 4),
        "/" => (Alu::Div, 4, 4),
        "%" => (Alu::Mod, 6, 0),
        "^" => (Alu::Xor, 6, 0),
        _ => return None,
    })
}

/// The condition, and whether it is its opposite that is asked for.
fn comparison(sign: &str) -> Option<(Condition, bool)> {
    Some(match sign {
        "=" | "==" => (Condition::Equal, false),
        "!=" => (Condition::Equal, true),
        ">" => (Condition::Greater, false),
        "<=" => (Condition::Greater, true),
        ">=" => (Condition::GreaterOrEqual, false),
        "<" => (Condition::GreaterOrEqual, true),
        _ => return None,
    })
}

impl Parser<'_> {
    /// Two calculations and what is asked of them.
    pub(super) fn relation(&mut self) -> Result<Expr, FilterError> {
        let start = self.at;
        let left = self.arith(0)?;
        let Some((condition, negated)) = self.sign().and_then(comparison) else {
            return Err(self.here("a comparison is missing", "compare with =, !=, <, <=, > or >="));
        };
        self.at += 1;
        let right = self.arith(0)?;
        self.qualifiers = None;
        Ok(Expr::Is(Primitive::Relation { left, condition, right, negated }, self.span_from(start)))
    }

    fn arith(&mut self, least: u8) -> Result<Arith, FilterError> {
        self.nested(|parser| {
            let mut left = parser.single()?;
            let mut signs = 0;
            while let Some((alu, to_left, to_right)) = parser.sign().and_then(binding) {
                if to_left <= least {
                    break;
                }
                let place = parser.span();
                signs += 1;
                if signs > MAX_SIGNS {
                    return Err(
                        parser.here(format!("more than {MAX_SIGNS} signs in a calculation"), "say it with fewer")
                    );
                }
                parser.at += 1;
                let right = parser.arith(to_right)?;
                left = calculate(alu, left, right).map_err(|(message, hint)| FilterError::new(place, message, hint))?;
            }
            Ok(left)
        })
    }

    fn single(&mut self) -> Result<Arith, FilterError> {
        match self.peek() {
            Some(Token::Number(number)) => {
                let number = *number;
                self.at += 1;
                Ok(Arith::Constant(number))
            }
            Some(Token::Sign("-")) => {
                self.at += 1;
                Ok(match self.arith(UNARY)? {
                    Arith::Constant(k) => Arith::Constant(k.wrapping_neg()),
                    other => Arith::Negate(Box::new(other)),
                })
            }
            Some(Token::Sign("(")) => {
                self.at += 1;
                let inner = self.arith(0)?;
                if self.sign() != Some(")") {
                    return Err(self.here("the calculation is not closed", "close it with ')'"));
                }
                self.at += 1;
                Ok(inner)
            }
            Some(Token::Word(word)) if word == "len" || word == "length" => {
                self.at += 1;
                Ok(Arith::Length)
            }
            Some(Token::Word(word)) => {
                if let Some(constant) = words::constant(word) {
                    self.at += 1;
                    return Ok(Arith::Constant(constant));
                }
                match Protocol::of_keyword(word) {
                    Some(protocol) if self.peek_second() == Some(&Token::Sign("[")) => self.load(protocol),
                    Some(_) => Err(self.here(
                        format!("'{word}' is no number"),
                        format!("'{word}[0]' is its first byte, '{word}[2:2]' two from the third on"),
                    )),
                    None if word.split('-').count() > 1 && word.bytes().all(|b| b.is_ascii_digit() || b == b'-') => {
                        Err(self.here(format!("'{word}' is read as one name"), "put spaces around '-'"))
                    }
                    None => Err(self.here(format!("'{word}' is no number"), "numbers are decimal, or 0x…")),
                }
            }
            Some(_) => Err(self.here(
                format!("'{}' is no number", self.word_here()),
                "calculate with numbers, 'len' and bytes, as in 'tcp[13]'",
            )),
            None => Err(self.here("a number is missing", "calculate with numbers, 'len' and bytes, as in 'tcp[13]'")),
        }
    }

    /// `protocol[index]`, `protocol[index:size]`.
    fn load(&mut self, protocol: Protocol) -> Result<Arith, FilterError> {
        let first = self.at;
        if matches!(protocol, Protocol::Ah | Protocol::Esp | Protocol::Stp) {
            let hint = "count from the header that carries it, as in 'ip[20]'";
            return Err(self.here(format!("the bytes of {} have no place of their own", protocol.name()), hint));
        }
        self.at += 2;
        let index = self.arith(0)?;
        let mut size = Size::Byte;
        if self.sign() == Some(":") {
            self.at += 1;
            size = match self.peek() {
                Some(Token::Number(1)) => Size::Byte,
                Some(Token::Number(2)) => Size::Half,
                Some(Token::Number(4)) => Size::Word,
                _ => return Err(self.here("a size is 1, 2 or 4 bytes", "write it so: 'tcp[4:4]'")),
            };
            self.at += 1;
        }
        if self.sign() != Some("]") {
            let message = "the '[' is not closed here";
            return Err(match self.peek() {
                Some(_) => self.here(message, "close it with ']'"),
                None => FilterError::new(self.span_from(first), message, "close it with ']'"),
            });
        }
        self.at += 1;
        Ok(Arith::Load { protocol, index: Box::new(index), size })
    }

    fn sign(&self) -> Option<&'static str> {
        match self.peek() {
            Some(Token::Sign(sign)) => Some(sign),
            _ => None,
        }
    }
}

/// The calculation, done now if it can be; or what is wrong with it, and what to do.
fn calculate(alu: Alu, left: Arith, right: Arith) -> Result<Arith, (&'static str, &'static str)> {
    match (alu, &right) {
        (Alu::Div | Alu::Mod, Arith::Constant(0)) => return Err(("divided by zero", "divide by something else")),
        (Alu::Lsh | Alu::Rsh, Arith::Constant(32..)) => {
            return Err(("shifted by more than 31 bits", "numbers have 32 bits"));
        }
        _ => {}
    }
    if let (Arith::Constant(a), Arith::Constant(b)) = (&left, &right)
        && let Some(result) = alu.apply(*a, *b)
    {
        return Ok(Arith::Constant(result));
    }
    Ok(Arith::Calculate(alu, Box::new(left), Box::new(right)))
}
