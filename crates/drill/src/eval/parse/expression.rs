//! Expressions, by how tightly operators bind.

use super::super::builtins::BUILTINS;
use super::super::lex::TokenKind;
use super::super::syntax::{Binary, Comparison, Expr, Kind, Unary};
use super::super::value::Value;
use super::{Parser, Result};

/// Words of the language: none is a name.
const WORDS: [&str; 35] = [
    "False", "None", "True", "and", "as", "assert", "async", "await", "break", "class", "continue", "def", "del",
    "elif", "else", "except", "finally", "for", "from", "global", "if", "import", "in", "is", "lambda", "nonlocal",
    "not", "or", "pass", "raise", "return", "try", "while", "with", "yield",
];

/// Arguments, and arguments by name.
type Arguments = (Vec<Expr>, Vec<(String, Expr)>);

impl Parser {
    /// `a if test else b`, or what is below it.
    pub(super) fn expression(&mut self) -> Result<Expr> {
        self.deeper()?;
        let value = self.or()?;
        let value = if self.take_word("if") {
            let test = self.or()?;
            if !self.take_word("else") {
                return self.unsupported("expected else");
            }
            let otherwise = self.expression()?;
            let span = (value.span.0, otherwise.span.1);
            self.node(span, Kind::Choice(Box::new(test), Box::new(value), Box::new(otherwise)))?
        } else {
            value
        };
        self.depth -= 1;
        Ok(value)
    }

    fn or(&mut self) -> Result<Expr> {
        let mut left = self.and()?;
        while self.take_word("or") {
            let right = self.and()?;
            left = self.node((left.span.0, right.span.1), Kind::Or(Box::new(left), Box::new(right)))?;
        }
        Ok(left)
    }

    fn and(&mut self) -> Result<Expr> {
        let mut left = self.not()?;
        while self.take_word("and") {
            let right = self.not()?;
            left = self.node((left.span.0, right.span.1), Kind::And(Box::new(left), Box::new(right)))?;
        }
        Ok(left)
    }

    fn not(&mut self) -> Result<Expr> {
        let start = self.start();
        if !self.take_word("not") {
            return self.comparison();
        }
        self.deeper()?;
        let value = self.not()?;
        self.depth -= 1;
        self.node((start, value.span.1), Kind::Unary(Unary::Not, Box::new(value)))
    }

    fn comparison(&mut self) -> Result<Expr> {
        let first = self.binary(0)?;
        let mut rest = Vec::new();
        while let Some(comparison) = self.take_comparison()? {
            rest.push((comparison, self.binary(0)?));
        }
        match rest.last() {
            None => Ok(first),
            Some((_, last)) => self.node((first.span.0, last.span.1), Kind::Compare(Box::new(first), rest)),
        }
    }

    fn take_comparison(&mut self) -> Result<Option<Comparison>> {
        let comparison = match self.peek() {
            TokenKind::Mark("==") => Comparison::Equal,
            TokenKind::Mark("!=") => Comparison::NotEqual,
            TokenKind::Mark("<") => Comparison::Less,
            TokenKind::Mark("<=") => Comparison::LessOrEqual,
            TokenKind::Mark(">") => Comparison::Greater,
            TokenKind::Mark(">=") => Comparison::GreaterOrEqual,
            TokenKind::Name(word) if word == "in" => Comparison::In,
            TokenKind::Name(word) if word == "is" => {
                self.advance();
                return Ok(Some(if self.take_word("not") { Comparison::IsNot } else { Comparison::Is }));
            }
            TokenKind::Name(word) if word == "not" => {
                self.advance();
                if !self.is_word("in") {
                    return self.unsupported("expected in");
                }
                Comparison::NotIn
            }
            _ => return Ok(None),
        };
        self.advance();
        Ok(Some(comparison))
    }

    /// Operators that bind at least as tightly as `tightness`.
    fn binary(&mut self, tightness: u8) -> Result<Expr> {
        let mut left = self.unary()?;
        loop {
            let TokenKind::Mark(mark) = self.peek() else { return Ok(left) };
            let Some((operator, binds)) = binary(mark).filter(|(_, binds)| *binds >= tightness) else {
                return Ok(left);
            };
            self.advance();
            let right = self.binary(binds + 1)?;
            left = self.node((left.span.0, right.span.1), Kind::Binary(operator, Box::new(left), Box::new(right)))?;
        }
    }

    /// A sign binds less tightly than the power behind its operand.
    fn unary(&mut self) -> Result<Expr> {
        let start = self.start();
        let operator = match self.peek() {
            TokenKind::Mark("+") => Unary::Plus,
            TokenKind::Mark("-") => Unary::Minus,
            TokenKind::Mark("~") => Unary::Invert,
            _ => return self.power(),
        };
        self.advance();
        self.deeper()?;
        let value = self.unary()?;
        self.depth -= 1;
        self.node((start, value.span.1), Kind::Unary(operator, Box::new(value)))
    }

    fn power(&mut self) -> Result<Expr> {
        let base = self.primary()?;
        if !self.take("**") {
            return Ok(base);
        }
        self.deeper()?;
        let exponent = self.unary()?;
        self.depth -= 1;
        let span = (base.span.0, exponent.span.1);
        self.node(span, Kind::Binary(Binary::Power, Box::new(base), Box::new(exponent)))
    }

    /// An atom with its indices and methods.
    fn primary(&mut self) -> Result<Expr> {
        let mut value = self.atom()?;
        loop {
            let start = value.span.0;
            let kind = if self.take("[") {
                let index = self.expression()?;
                self.expect("]")?;
                Kind::Index(Box::new(value), Box::new(index))
            } else if self.take(".") {
                if !self.take_word("format") {
                    return self.unsupported("only the method format is supported");
                }
                let (arguments, named) = self.arguments()?;
                Kind::Format(Box::new(value), arguments, named)
            } else {
                return Ok(value);
            };
            value = self.node((start, self.end()), kind)?;
        }
    }

    fn atom(&mut self) -> Result<Expr> {
        let start = self.start();
        let kind = match self.peek().clone() {
            TokenKind::Int(n) => self.literal(Value::Int(n)),
            TokenKind::Float(n) => self.literal(Value::Float(n)),
            TokenKind::Text(_) => self.strings(),
            TokenKind::Mark("(") => self.parenthesized()?,
            TokenKind::Mark("[") => {
                self.advance();
                Kind::List(self.items("]")?)
            }
            TokenKind::Mark("{") => return self.unsupported("dictionaries and sets are not supported"),
            TokenKind::Name(name) => self.named(name)?,
            _ => return self.unsupported("expected a value"),
        };
        self.node((start, self.end()), kind)
    }

    fn literal(&mut self, value: Value) -> Kind {
        self.advance();
        Kind::Value(value)
    }

    fn strings(&mut self) -> Kind {
        let mut all = String::new();
        while let TokenKind::Text(text) = self.peek() {
            all.push_str(text);
            self.advance();
        }
        Kind::Value(Value::Text(all))
    }

    /// An expression in parentheses, or a tuple.
    fn parenthesized(&mut self) -> Result<Kind> {
        self.advance();
        if self.take(")") {
            return Ok(Kind::Tuple(vec![]));
        }
        let inside = self.expressions()?;
        self.expect(")")?;
        Ok(inside.kind)
    }

    fn named(&mut self, name: String) -> Result<Kind> {
        match name.as_str() {
            "True" => return Ok(self.literal(Value::Bool(true))),
            "False" => return Ok(self.literal(Value::Bool(false))),
            "None" => return Ok(self.literal(Value::None)),
            _ if WORDS.contains(&name.as_str()) => {
                return self.unsupported(&format!("{name} is not supported here"));
            }
            _ => {}
        }
        if *self.peek_second() != TokenKind::Mark("(") {
            self.advance();
            return Ok(Kind::Name(name));
        }
        if !BUILTINS.contains(&name.as_str()) {
            return self.unsupported(&format!("the function {name} is not supported"));
        }
        self.advance();
        let (arguments, named) = self.arguments()?;
        Ok(Kind::Call(name, arguments, named))
    }

    /// `(a, b, name=c)`.
    fn arguments(&mut self) -> Result<Arguments> {
        self.expect("(")?;
        let (mut arguments, mut named) = (Vec::new(), Vec::new());
        while !self.take(")") {
            match (self.peek().clone(), self.peek_second()) {
                (TokenKind::Name(name), TokenKind::Mark("=")) => {
                    self.advance();
                    self.advance();
                    named.push((name, self.expression()?));
                }
                _ if named.is_empty() => arguments.push(self.expression()?),
                _ => return self.unsupported("expected name=value"),
            }
            if !self.take(",") && !self.is_mark(")") {
                return self.unsupported("expected ',' or ')'");
            }
        }
        Ok((arguments, named))
    }

    /// Expressions with commas between them up to `close`, which is taken.
    fn items(&mut self, close: &str) -> Result<Vec<Expr>> {
        let mut items = Vec::new();
        while !self.take(close) {
            items.push(self.expression()?);
            if !self.take(",") && !self.is_mark(close) {
                return self.unsupported(&format!("expected ',' or '{close}'"));
            }
        }
        Ok(items)
    }
}

/// What a mark between two values does, and how tightly it binds.
pub(super) fn binary(mark: &str) -> Option<(Binary, u8)> {
    Some(match mark {
        "|" => (Binary::Or, 1),
        "^" => (Binary::Xor, 2),
        "&" => (Binary::And, 3),
        "<<" => (Binary::ShiftLeft, 4),
        ">>" => (Binary::ShiftRight, 4),
        "+" => (Binary::Add, 5),
        "-" => (Binary::Subtract, 5),
        "*" => (Binary::Multiply, 6),
        "/" => (Binary::Divide, 6),
        "//" => (Binary::FloorDivide, 6),
        "%" => (Binary::Modulo, 6),
        "**" => (Binary::Power, 7),
        _ => return None,
    })
}
