//! Statements and expressions, run.

use super::Fault;
use super::arithmetic::{MAX_SIZE, TOO_LONG, binary, bounded, unary};
use super::builtins::call;
use super::format::braces;
use super::syntax::{Comparison, Expr, Kind, Statement};
use super::value::Value;
use std::cmp::Ordering;
use std::collections::BTreeMap;

/// Bytes that a program may print.
const MAX_PRINTED: usize = 1 << 20;

/// Values that a program may compute, large ones counted by their size.
const MAX_STEPS: usize = 10_000_000;

/// Why a program ended early.
pub(super) struct Stop {
    pub(super) fault: Fault,
    pub(super) is_assertion: bool,
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Stop {
        Stop { fault, is_assertion: false }
    }
}

type Result<T> = std::result::Result<T, Fault>;

/// A program on its way.
#[derive(Default)]
pub(super) struct Run {
    names: BTreeMap<String, Value>,
    steps: usize,
    pub(super) printed: String,
}

impl Run {
    /// Adds variables, or changes them.
    pub(super) fn add<'a>(&mut self, variables: impl Iterator<Item = (&'a String, &'a Value)>) {
        self.names.extend(variables.map(|(name, value)| (name.clone(), value.clone())));
    }

    /// Runs statements that stand in `text`.
    pub(super) fn statements(&mut self, statements: &[Statement], text: &str) -> std::result::Result<(), Stop> {
        statements.iter().try_for_each(|statement| self.statement(statement, text))
    }

    fn statement(&mut self, statement: &Statement, text: &str) -> std::result::Result<(), Stop> {
        match statement {
            Statement::Assert(test, message) => {
                if !self.value(test)?.is_true() {
                    let what = self.failure(test, message.as_ref(), text)?;
                    return Err(Stop { fault: Fault { at: test.span.0, what }, is_assertion: true });
                }
            }
            Statement::Print(at, values, ends_line) => {
                let values = self.values(values)?;
                self.print(*at, &values, " ", if *ends_line { "\n" } else { " " })?;
            }
            Statement::Assign(targets, value) => {
                let value = self.value(value)?;
                self.names.extend(targets.iter().map(|name| (name.clone(), value.clone())));
            }
            Statement::Augment(name, value) => {
                let value = self.value(value)?;
                self.names.insert(name.clone(), value);
            }
            Statement::Expr(value) => drop(self.value(value)?),
            Statement::If(branches, otherwise) => {
                for (test, body) in branches {
                    if self.value(test)?.is_true() {
                        return self.statements(body, text);
                    }
                }
                self.statements(otherwise, text)?;
            }
            Statement::Pass => {}
        }
        Ok(())
    }

    /// What to say of an assertion that does not hold: its text, the variables in it, its message.
    fn failure(&mut self, test: &Expr, message: Option<&Expr>, text: &str) -> Result<String> {
        let mut names = Vec::new();
        test.names(&mut |_, name| {
            if !names.contains(&name) {
                names.push(name)
            }
        });
        let source = text[test.span.0..test.span.1].split_whitespace().collect::<Vec<_>>().join(" ");
        let mut what = format!("assertion failed: {source}");
        for (n, name) in names.iter().enumerate() {
            let value = self.names.get(*name).map_or_else(|| "not known".to_owned(), Value::repr);
            what += &format!("{}{name} is {value}", if n == 0 { ", where " } else { ", " });
        }
        if let Some(message) = message {
            what += &format!(": {}", self.value(message)?);
        }
        Ok(what)
    }

    fn values(&mut self, expressions: &[Expr]) -> Result<Vec<Value>> {
        expressions.iter().map(|expression| self.value(expression)).collect()
    }

    fn named_values(&mut self, named: &[(String, Expr)]) -> Result<Vec<(String, Value)>> {
        named.iter().map(|(name, expression)| Ok((name.clone(), self.value(expression)?))).collect()
    }

    /// An expression's value, if it is not too large and there is time left.
    fn value(&mut self, expr: &Expr) -> Result<Value> {
        let value = self.computed(expr)?;
        let size = value.size();
        self.steps += size;
        if size > MAX_SIZE {
            return Err(Fault::new(expr.span.0, TOO_LONG));
        }
        if self.steps > MAX_STEPS {
            return Err(Fault::new(expr.span.0, "the snippets compute more than 10000000 values"));
        }
        Ok(value)
    }

    fn computed(&mut self, expr: &Expr) -> Result<Value> {
        let fault = |what| Fault { at: expr.span.0, what };
        match &expr.kind {
            Kind::Value(value) => Ok(value.clone()),
            Kind::Name(name) => match self.names.get(name) {
                Some(value) => Ok(value.clone()),
                None => Err(fault(format!("the name {name} is not known"))),
            },
            Kind::Tuple(items) => Ok(Value::Tuple(self.values(items)?)),
            Kind::List(items) => Ok(Value::List(self.values(items)?)),
            Kind::Unary(operator, value) => unary(*operator, &self.value(value)?).map_err(fault),
            Kind::Binary(operator, left, right) => {
                let left = self.value(left)?;
                binary(*operator, &left, &self.value(right)?).map_err(fault)
            }
            Kind::Compare(first, rest) => self.comparison(first, rest),
            Kind::And(left, right) => {
                let left = self.value(left)?;
                if left.is_true() { self.value(right) } else { Ok(left) }
            }
            Kind::Or(left, right) => {
                let left = self.value(left)?;
                if left.is_true() { Ok(left) } else { self.value(right) }
            }
            Kind::Choice(test, value, otherwise) => {
                if self.value(test)?.is_true() {
                    self.value(value)
                } else {
                    self.value(otherwise)
                }
            }
            Kind::Call(name, arguments, named) if name == "print" => {
                let values = self.values(arguments)?;
                self.print_named(expr.span.0, &values, named)
            }
            Kind::Call(name, arguments, named) => {
                if !named.is_empty() {
                    return Err(fault(format!("{name} takes no arguments by name")));
                }
                call(name, &self.values(arguments)?).map_err(fault)
            }
            Kind::Format(text, arguments, named) => {
                let Value::Text(text) = self.value(text)? else {
                    return Err(fault("only a text has format".to_owned()));
                };
                let values = self.values(arguments)?;
                braces(&text, &values, &self.named_values(named)?).and_then(bounded).map_err(fault)
            }
            Kind::Index(value, index) => {
                let value = self.value(value)?;
                item(&value, &self.value(index)?).map_err(fault)
            }
        }
    }

    /// `a < b < c`: each value is computed once, and only as far as it matters.
    fn comparison(&mut self, first: &Expr, rest: &[(Comparison, Expr)]) -> Result<Value> {
        let mut left = self.value(first)?;
        for (comparison, expr) in rest {
            let right = self.value(expr)?;
            let holds = holds(*comparison, &left, &right).map_err(|what| Fault { at: first.span.0, what })?;
            if !holds {
                return Ok(Value::Bool(false));
            }
            left = right;
        }
        Ok(Value::Bool(true))
    }

    fn print_named(&mut self, at: usize, values: &[Value], named: &[(String, Expr)]) -> Result<Value> {
        let (mut separator, mut end) = (" ".to_owned(), "\n".to_owned());
        for (name, value) in self.named_values(named)? {
            match (name.as_str(), value) {
                ("sep", Value::Text(text)) => separator = text,
                ("end", Value::Text(text)) => end = text,
                ("flush", _) => {}
                _ => return Err(Fault::new(at, format!("print takes no {name} of this kind"))),
            }
        }
        self.print(at, values, &separator, &end)?;
        Ok(Value::None)
    }

    fn print(&mut self, at: usize, values: &[Value], separator: &str, end: &str) -> Result<()> {
        let texts: Vec<String> = values.iter().map(Value::to_string).collect();
        let line = texts.join(separator) + end;
        if self.printed.len() + line.len() > MAX_PRINTED {
            return Err(Fault::new(at, "more than 1048576 bytes are printed"));
        }
        self.printed.push_str(&line);
        Ok(())
    }
}

fn holds(comparison: Comparison, left: &Value, right: &Value) -> std::result::Result<bool, String> {
    let order = || match left.compare(right) {
        Some(order) => Ok(order),
        None => Err(format!("{} and {} have no order", left.type_name(), right.type_name())),
    };
    Ok(match comparison {
        Comparison::Equal => left.equals(right),
        Comparison::NotEqual => !left.equals(right),
        Comparison::Less => order()? == Some(Ordering::Less),
        Comparison::LessOrEqual => matches!(order()?, Some(Ordering::Less | Ordering::Equal)),
        Comparison::Greater => order()? == Some(Ordering::Greater),
        Comparison::GreaterOrEqual => matches!(order()?, Some(Ordering::Greater | Ordering::Equal)),
        Comparison::In => contains(right, left)?,
        Comparison::NotIn => !contains(right, left)?,
        Comparison::Is => is_same(left, right)?,
        Comparison::IsNot => !is_same(left, right)?,
    })
}

fn contains(whole: &Value, part: &Value) -> std::result::Result<bool, String> {
    match (whole, part) {
        (Value::Text(whole), Value::Text(part)) => Ok(whole.contains(part.as_str())),
        _ => match whole.items() {
            Some(items) => Ok(items.iter().any(|item| item.equals(part))),
            None => Err(format!("nothing of type {} is in {}", part.type_name(), whole.type_name())),
        },
    }
}

/// `is` is told only for what there is one of.
fn is_same(left: &Value, right: &Value) -> std::result::Result<bool, String> {
    let is_single = |value: &Value| matches!(value, Value::None | Value::Bool(_));
    if is_single(left) || is_single(right) {
        return Ok(left == right);
    }
    Err("is works with None, True and False only".to_owned())
}

fn item(value: &Value, index: &Value) -> std::result::Result<Value, String> {
    let Some(n) = index.as_int() else { return Err(format!("{} is no index", index.type_name())) };
    let place = |len: usize| usize::try_from(if n < 0 { n + len as i128 } else { n }).ok().filter(|at| *at < len);
    let out_of_range = || format!("there is no item {n}");
    if let Value::Text(text) = value {
        let c = place(text.chars().count()).and_then(|at| text.chars().nth(at));
        return c.map(|c| Value::Text(c.into())).ok_or_else(out_of_range);
    }
    let Some(items) = value.items() else { return Err(format!("{} has no items", value.type_name())) };
    place(items.len()).and_then(|at| items.get(at).cloned()).ok_or_else(out_of_range)
}
