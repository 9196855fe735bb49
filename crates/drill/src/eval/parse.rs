//! Tokens to statements.

mod expression;

use super::Fault;
use super::lex::{Token, TokenKind, tokens};
use super::syntax::{Binary, Expr, Kind, Statement};
use expression::binary;

/// How deep expressions and blocks may be nested.
const MAX_DEPTH: u16 = 100;

type Result<T> = std::result::Result<T, Fault>;

/// The statements of a snippet.
pub(super) fn body(text: &str) -> Result<Vec<Statement>> {
    let mut parser = Parser { tokens: tokens(text)?, next: 0, depth: 0 };
    let mut statements = Vec::new();
    while *parser.peek() != TokenKind::End {
        parser.line(&mut statements)?;
    }
    Ok(statements)
}

struct Parser {
    tokens: Vec<Token>,
    /// The token that is next; never behind the last.
    next: usize,
    /// How many brackets and blocks are open.
    depth: u16,
}

impl Parser {
    /// The statements of a line, or a statement with its block.
    fn line(&mut self, statements: &mut Vec<Statement>) -> Result<()> {
        if self.is_word("if") {
            statements.push(self.if_statement()?);
            return Ok(());
        }
        loop {
            statements.push(self.simple_statement()?);
            let more = self.take(";");
            if self.take_kind(&TokenKind::Newline) {
                return Ok(());
            }
            if !more {
                return self.unsupported("expected the end of the statement");
            }
        }
    }

    fn if_statement(&mut self) -> Result<Statement> {
        let mut branches = Vec::new();
        let mut otherwise = Vec::new();
        self.advance();
        loop {
            let test = self.expression()?;
            branches.push((test, self.block()?));
            if self.take_word("elif") {
                continue;
            }
            if self.take_word("else") {
                otherwise = self.block()?;
            }
            return Ok(Statement::If(branches, otherwise));
        }
    }

    /// `:` and what follows it on the line, or deeper lines.
    fn block(&mut self) -> Result<Vec<Statement>> {
        self.expect(":")?;
        let mut statements = Vec::new();
        if !self.take_kind(&TokenKind::Newline) {
            if self.is_word("if") {
                return self.unsupported("expected a simple statement");
            }
            self.line(&mut statements)?;
            return Ok(statements);
        }
        if !self.take_kind(&TokenKind::Indent) {
            return self.unsupported("expected lines that stand deeper");
        }
        self.deeper()?;
        while !self.take_kind(&TokenKind::Dedent) {
            if *self.peek() == TokenKind::End {
                break;
            }
            self.line(&mut statements)?;
        }
        self.depth -= 1;
        Ok(statements)
    }

    fn simple_statement(&mut self) -> Result<Statement> {
        let TokenKind::Name(word) = self.peek() else { return self.assignment() };
        match word.as_str() {
            "pass" => {
                self.advance();
                Ok(Statement::Pass)
            }
            "assert" => {
                self.advance();
                let test = self.expression()?;
                let message = if self.take(",") { Some(self.expression()?) } else { None };
                Ok(Statement::Assert(test, message))
            }
            "print" if !matches!(self.peek_second(), TokenKind::Mark("(" | "=")) => self.print_statement(),
            _ => self.assignment(),
        }
    }

    /// `print a, b`.
    fn print_statement(&mut self) -> Result<Statement> {
        let start = self.start();
        self.advance();
        let mut values = Vec::new();
        while !matches!(self.peek(), TokenKind::Newline | TokenKind::Mark(";")) {
            values.push(self.expression()?);
            if !self.take(",") {
                return Ok(Statement::Print(start, values, true));
            }
        }
        let ends_line = values.is_empty();
        Ok(Statement::Print(start, values, ends_line))
    }

    /// `a = b = value`, `a += value`, or an expression.
    fn assignment(&mut self) -> Result<Statement> {
        let mut targets = Vec::new();
        loop {
            let start = self.start();
            let value = self.expressions()?;
            if let Some(operator) = self.take_augmented() {
                let name = self.target(value, start)?;
                if !targets.is_empty() {
                    return Err(Fault::new(start, "an assignment in an assignment"));
                }
                let right = self.expressions()?;
                let left = self.node((start, start + name.len()), Kind::Name(name.clone()))?;
                let span = (start, right.span.1);
                let value = self.node(span, Kind::Binary(operator, Box::new(left), Box::new(right)))?;
                return Ok(Statement::Augment(name, value));
            }
            if !self.take("=") {
                return Ok(if targets.is_empty() { Statement::Expr(value) } else { Statement::Assign(targets, value) });
            }
            targets.push(self.target(value, start)?);
        }
    }

    fn target(&self, target: Expr, at: usize) -> Result<String> {
        match target.kind {
            Kind::Name(name) => Ok(name),
            _ => Err(Fault::new(at, "only a name can be assigned to")),
        }
    }

    fn take_augmented(&mut self) -> Option<Binary> {
        let TokenKind::Mark(mark) = self.peek() else { return None };
        let operator = mark.strip_suffix('=').and_then(binary)?.0;
        self.advance();
        Some(operator)
    }

    /// An expression, or several with commas between them: a tuple.
    fn expressions(&mut self) -> Result<Expr> {
        let first = self.expression()?;
        if !self.is_mark(",") {
            return Ok(first);
        }
        let start = first.span.0;
        let mut items = vec![first];
        while self.take(",") {
            let ends = matches!(self.peek(), TokenKind::Newline | TokenKind::Mark("=" | ")" | ";") | TokenKind::End);
            if ends {
                break;
            }
            items.push(self.expression()?);
        }
        self.node((start, self.end()), Kind::Tuple(items))
    }

    /// An expression, if it is not too deep.
    fn node(&self, span: (usize, usize), kind: Kind) -> Result<Expr> {
        let mut expr = Expr { span, depth: 0, kind };
        expr.depth = 1 + expr.deepest_part();
        if expr.depth > MAX_DEPTH {
            return Err(Fault::new(span.0, "an expression of more than 100 levels"));
        }
        Ok(expr)
    }

    fn deeper(&mut self) -> Result<()> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return self.unsupported("more than 100 levels");
        }
        Ok(())
    }

    fn peek(&self) -> &TokenKind {
        &self.tokens[self.next].kind
    }

    fn peek_second(&self) -> &TokenKind {
        &self.tokens[(self.next + 1).min(self.tokens.len() - 1)].kind
    }

    /// Where the next token starts.
    fn start(&self) -> usize {
        self.tokens[self.next].span.0
    }

    /// Where the last token that was taken ends.
    fn end(&self) -> usize {
        self.tokens[self.next.saturating_sub(1)].span.1
    }

    fn advance(&mut self) {
        self.next = (self.next + 1).min(self.tokens.len() - 1);
    }

    fn take_kind(&mut self, kind: &TokenKind) -> bool {
        let is_there = self.peek() == kind;
        if is_there {
            self.advance();
        }
        is_there
    }

    fn is_mark(&self, mark: &str) -> bool {
        matches!(self.peek(), TokenKind::Mark(next) if *next == mark)
    }

    fn take(&mut self, mark: &str) -> bool {
        let is_there = self.is_mark(mark);
        if is_there {
            self.advance();
        }
        is_there
    }

    fn expect(&mut self, mark: &str) -> Result<()> {
        if self.take(mark) { Ok(()) } else { self.unsupported(&format!("expected '{mark}'")) }
    }

    fn is_word(&self, word: &str) -> bool {
        matches!(self.peek(), TokenKind::Name(next) if next == word)
    }

    fn take_word(&mut self, word: &str) -> bool {
        let is_there = self.is_word(word);
        if is_there {
            self.advance();
        }
        is_there
    }

    fn unsupported<T>(&self, what: &str) -> Result<T> {
        Err(Fault::new(self.start(), what))
    }
}
