//! From text to meaning: `and`, `or`, `not` and parentheses here, the rest in the modules below.
//!
//! The grammar is libpcap's (pcap-filter(7)): `and` and `or` bind alike and to the left, `not` binds closest, and what a
//! primitive says before its value goes on for values that follow (`port 80 or 443`).

mod arith;
mod id;
mod primitive;
mod words;

use super::ast::{Direction, Expr, Protocol};
use super::lexer::{Spanned, Token, lex};
use super::{FilterError, NameTables};
use std::ops::Range;

/// How deep parentheses, `not` and calculations may be nested.
const MAX_DEPTH: usize = 100;
/// How often `and` and `or` may take turns without parentheses.
const MAX_TURNS: usize = 500;

/// What stands before a value, and goes on for the values after it.
#[derive(Clone, Debug, Default)]
struct Qualifiers {
    protocol: Option<Protocol>,
    direction: Option<Direction>,
    kind: Option<Kind>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Host,
    Net,
    Port,
    PortRange,
    Proto,
}

struct Parser<'a> {
    text: &'a str,
    tokens: Vec<Spanned>,
    at: usize,
    /// Where each opening parenthesis is closed.
    closing: Vec<Option<usize>>,
    names: &'a NameTables,
    qualifiers: Option<Qualifiers>,
    depth: usize,
    turns: usize,
}

/// The meaning of an expression; `None` if there is nothing in it, which means every packet.
pub(super) fn parse(text: &str, names: &NameTables) -> Result<Option<Expr>, FilterError> {
    let tokens = lex(text).map_err(|error| error.about(text))?;
    if tokens.is_empty() {
        return Ok(None);
    }
    let mut parser =
        Parser { text, closing: closing(&tokens), tokens, at: 0, names, qualifiers: None, depth: 0, turns: 0 };
    parser.all().map(Some).map_err(|error| error.about(text))
}

/// The index of the token that closes each parenthesis.
fn closing(tokens: &[Spanned]) -> Vec<Option<usize>> {
    let mut closing = vec![None; tokens.len()];
    let mut open = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        match token.token {
            Token::Sign("(") => open.push(at),
            Token::Sign(")") => {
                if let Some(opened) = open.pop() {
                    closing[opened] = Some(at);
                }
            }
            _ => {}
        }
    }
    closing
}

impl Parser<'_> {
    fn all(&mut self) -> Result<Expr, FilterError> {
        let expr = self.expression()?;
        match self.peek() {
            None => Ok(expr),
            Some(Token::Sign(")")) => Err(self.here("')' closes nothing", "take it away, or open it with '('")),
            Some(_) => {
                let message = format!("'{}' does not follow from what stands before it", self.word_here());
                Err(self.here(message, "join primitives with 'and' or 'or'"))
            }
        }
    }

    /// Operands with `and` and `or` between them.
    fn expression(&mut self) -> Result<Expr, FilterError> {
        let mut expr = self.operand()?;
        let mut last = None;
        loop {
            let and = match self.peek() {
                Some(Token::Sign("&&")) => true,
                Some(Token::Sign("||")) => false,
                Some(Token::Word(word)) if word == "and" => true,
                Some(Token::Word(word)) if word == "or" => false,
                _ => return Ok(expr),
            };
            if last.replace(and).is_some_and(|last| last != and) {
                self.turns += 1;
                if self.turns > MAX_TURNS {
                    return Err(self.here("'and' and 'or' take turns too often", "group with parentheses"));
                }
            }
            self.at += 1;
            let right = self.operand()?;
            expr = join(and, expr, right);
        }
    }

    fn operand(&mut self) -> Result<Expr, FilterError> {
        self.nested(|parser| match parser.peek() {
            Some(Token::Sign("!")) => parser.negated(),
            Some(Token::Word(word)) if word == "not" => parser.negated(),
            Some(_) if parser.is_value() => {
                let Some(qualifiers) = parser.qualifiers.clone() else { return Err(parser.bare_value()) };
                parser.value(&qualifiers)
            }
            Some(Token::Sign("(")) if !parser.is_calculation_in_parentheses() => parser.group(),
            _ => parser.primitive(),
        })
    }

    fn negated(&mut self) -> Result<Expr, FilterError> {
        self.at += 1;
        Ok(Expr::Not(Box::new(self.operand()?)))
    }

    /// `( … )` around expressions; what was said before goes on inside only.
    fn group(&mut self) -> Result<Expr, FilterError> {
        let goes_on = self.qualifiers.clone().filter(|_| self.is_group_of_values());
        let expr = self.parenthesized()?;
        self.qualifiers = goes_on;
        Ok(expr)
    }

    /// The parentheses here begin with a value.
    fn is_group_of_values(&self) -> bool {
        let opens = |token: &Token| match token {
            Token::Sign(sign) => matches!(*sign, "(" | "!"),
            Token::Word(word) => word == "not",
            _ => false,
        };
        let inside = (self.at..self.tokens.len()).find(|at| !opens(&self.tokens[*at].token));
        inside.is_some_and(|at| self.is_value_at(at))
    }

    fn parenthesized(&mut self) -> Result<Expr, FilterError> {
        if self.closing[self.at].is_none() {
            return Err(self.here("'(' is never closed", "close it with ')'"));
        }
        self.at += 1;
        let expr = self.expression()?;
        match self.peek() {
            Some(Token::Sign(")")) => self.at += 1,
            _ => {
                let message = format!("'{}' does not follow from what stands before it", self.word_here());
                return Err(self.here(message, "join primitives with 'and' or 'or'"));
            }
        }
        Ok(expr)
    }

    /// What follows the parentheses here tells what is in them.
    fn is_calculation_in_parentheses(&self) -> bool {
        let after = self.closing[self.at].and_then(|closed| self.tokens.get(closed + 1));
        after.is_some_and(|token| arith::is_operator(&token.token))
    }

    /// A value stands here: an address, a name, or a number that nothing is calculated with.
    fn is_value(&self) -> bool {
        self.is_value_at(self.at)
    }

    fn is_value_at(&self, at: usize) -> bool {
        match self.tokens.get(at).map(|token| &token.token) {
            Some(Token::Ip4(..) | Token::Ip6(_) | Token::Mac(_) | Token::Name(_)) => true,
            Some(Token::Word(word)) => !words::is_keyword(word),
            Some(Token::Number(_)) => !self.tokens.get(at + 1).is_some_and(|next| arith::is_operator(&next.token)),
            _ => false,
        }
    }

    /// A value without a word before it that says what it is.
    fn bare_value(&self) -> FilterError {
        let word = self.word_here();
        let hint = match self.peek() {
            Some(Token::Ip4(..) | Token::Ip6(_)) => format!("write 'host {word}' or 'net {word}'"),
            Some(Token::Mac(_)) => format!("write 'ether host {word}'"),
            Some(Token::Number(_)) => format!("write 'port {word}', or what else it is"),
            _ => match words::closest(word) {
                Some(keyword) => format!("did you mean '{keyword}'?"),
                None => format!("write 'host {word}' or 'port {word}'"),
            },
        };
        self.here(format!("'{word}' alone says nothing"), hint)
    }

    fn nested<T>(&mut self, parse: impl FnOnce(&mut Self) -> Result<T, FilterError>) -> Result<T, FilterError> {
        if self.depth >= MAX_DEPTH {
            return Err(self.here(format!("nested more than {MAX_DEPTH} deep"), "say it with fewer parentheses"));
        }
        self.depth += 1;
        let parsed = parse(self);
        self.depth -= 1;
        parsed
    }

    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at).map(|token| &token.token)
    }

    fn peek_second(&self) -> Option<&Token> {
        self.tokens.get(self.at + 1).map(|token| &token.token)
    }

    /// The keyword here, if it is one.
    fn keyword(&self) -> Option<&str> {
        match self.peek() {
            Some(Token::Word(word)) if words::is_keyword(word) => Some(word),
            _ => None,
        }
    }

    /// Goes on if this keyword stands here.
    fn accept(&mut self, keyword: &str) -> bool {
        let is_here = self.keyword() == Some(keyword);
        self.at += usize::from(is_here);
        is_here
    }

    /// Where the token here is; at the end an empty place.
    fn span(&self) -> Range<usize> {
        let end = self.text.len();
        self.tokens.get(self.at).map_or(end..end, |token| token.span.clone())
    }

    /// From the token `start` to the one before this.
    fn span_from(&self, start: usize) -> Range<usize> {
        let begin = self.tokens.get(start).map_or(self.text.len(), |token| token.span.start);
        let end = self.tokens.get(self.at.saturating_sub(1)).map_or(self.text.len(), |token| token.span.end);
        begin..end.max(begin)
    }

    fn word_here(&self) -> &str {
        self.text.get(self.span()).unwrap_or_default()
    }

    fn here(&self, message: impl Into<String>, hint: impl Into<String>) -> FilterError {
        FilterError::new(self.span(), message, hint)
    }
}

fn join(and: bool, left: Expr, right: Expr) -> Expr {
    match (and, left) {
        (true, Expr::And(mut parts)) => {
            parts.push(right);
            Expr::And(parts)
        }
        (false, Expr::Or(mut parts)) => {
            parts.push(right);
            Expr::Or(parts)
        }
        (true, left) => Expr::And(vec![left, right]),
        (false, left) => Expr::Or(vec![left, right]),
    }
}
