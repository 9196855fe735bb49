//! What a snippet says.

use super::value::Value;

/// A statement.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Statement {
    /// `assert test, message`.
    Assert(Expr, Option<Expr>),
    /// `print a, b`, in Python 2's form, and where; `true` if the line ends.
    Print(usize, Vec<Expr>, bool),
    /// `a = b = value`.
    Assign(Vec<String>, Expr),
    /// `name op= value`, as `name = name op value`.
    Augment(String, Expr),
    /// An expression of which nothing is kept.
    Expr(Expr),
    /// Tests with what follows from them, and what if none holds.
    If(Vec<(Expr, Vec<Statement>)>, Vec<Statement>),
    /// `pass`.
    Pass,
}

/// An expression.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Expr {
    /// The bytes of the snippet's text.
    pub(super) span: (usize, usize),
    /// How deep expressions are nested in it.
    pub(super) depth: u16,
    pub(super) kind: Kind,
}

#[derive(Clone, PartialEq, Debug)]
pub(super) enum Kind {
    Value(Value),
    Name(String),
    Tuple(Vec<Expr>),
    List(Vec<Expr>),
    Unary(Unary, Box<Expr>),
    Binary(Binary, Box<Expr>, Box<Expr>),
    /// The first, and what each is compared with.
    Compare(Box<Expr>, Vec<(Comparison, Expr)>),
    And(Box<Expr>, Box<Expr>),
    Or(Box<Expr>, Box<Expr>),
    /// Test, value if it holds, value if not.
    Choice(Box<Expr>, Box<Expr>, Box<Expr>),
    /// Function, arguments, arguments by name.
    Call(String, Vec<Expr>, Vec<(String, Expr)>),
    /// `text.format(…)`.
    Format(Box<Expr>, Vec<Expr>, Vec<(String, Expr)>),
    Index(Box<Expr>, Box<Expr>),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Unary {
    Plus,
    Minus,
    Invert,
    Not,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Binary {
    Add,
    Subtract,
    Multiply,
    Divide,
    FloorDivide,
    Modulo,
    Power,
    And,
    Or,
    Xor,
    ShiftLeft,
    ShiftRight,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    In,
    NotIn,
    Is,
    IsNot,
}

impl Statement {
    /// Adds the names it assigns, and calls `read` with those it reads that are not assigned before.
    pub(super) fn names<'a>(&'a self, assigned: &mut Vec<&'a str>, read: &mut dyn FnMut(usize, &'a str)) {
        let mut expressions: Vec<&'a Expr> = Vec::new();
        let mut targets: Vec<&'a str> = Vec::new();
        match self {
            Statement::Assert(test, message) => {
                expressions.extend([Some(test), message.as_ref()].into_iter().flatten())
            }
            Statement::Print(_, values, _) => expressions.extend(values),
            Statement::Assign(names, value) => {
                expressions.push(value);
                targets.extend(names.iter().map(String::as_str));
            }
            Statement::Augment(name, value) => {
                expressions.push(value);
                targets.push(name);
            }
            Statement::Expr(value) => expressions.push(value),
            Statement::If(branches, otherwise) => {
                for (test, body) in branches {
                    test.names(&mut |at, name| {
                        if !assigned.contains(&name) {
                            read(at, name)
                        }
                    });
                    body.iter().for_each(|statement| statement.names(assigned, read));
                }
                otherwise.iter().for_each(|statement| statement.names(assigned, read));
            }
            Statement::Pass => {}
        }
        for expression in expressions {
            expression.names(&mut |at, name| {
                if !assigned.contains(&name) {
                    read(at, name)
                }
            });
        }
        assigned.extend(targets);
    }
}

impl Expr {
    /// Calls `read` with each name in it, in order.
    pub(super) fn names<'a>(&'a self, read: &mut dyn FnMut(usize, &'a str)) {
        if let Kind::Name(name) = &self.kind {
            read(self.span.0, name);
        }
        self.parts().into_iter().for_each(|part| part.names(read));
    }

    /// How deep the deepest expression in it is.
    pub(super) fn deepest_part(&self) -> u16 {
        self.parts().into_iter().map(|part| part.depth).max().unwrap_or(0)
    }

    /// The expressions it is made of.
    fn parts(&self) -> Vec<&Expr> {
        match &self.kind {
            Kind::Value(_) | Kind::Name(_) => vec![],
            Kind::Tuple(items) | Kind::List(items) => items.iter().collect(),
            Kind::Unary(_, value) => vec![value],
            Kind::Binary(_, a, b) | Kind::And(a, b) | Kind::Or(a, b) | Kind::Index(a, b) => vec![a, b],
            Kind::Compare(first, rest) => std::iter::once(&**first).chain(rest.iter().map(|(_, e)| e)).collect(),
            Kind::Choice(test, a, b) => vec![a, test, b],
            Kind::Call(_, values, named) => values.iter().chain(named.iter().map(|(_, e)| e)).collect(),
            Kind::Format(text, values, named) => {
                std::iter::once(&**text).chain(values).chain(named.iter().map(|(_, e)| e)).collect()
            }
        }
    }
}
