//! grep's patterns: characters, `.`, classes, `*`, `\+`, `\?`, anchors, `\|`. No groups and no back-references.

use super::NotSupported;
use super::words::unsupported;
use crate::script::Pos;

/// What grep looks for in a line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pattern {
    text: String,
    alternatives: Vec<Alternative>,
    ignore_case: bool,
    whole_word: bool,
}

#[derive(Clone, PartialEq, Eq, Debug, Default)]
struct Alternative {
    from_start: bool,
    to_end: bool,
    atoms: Vec<(Atom, Times)>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Atom {
    Any,
    One(char),
    Class { ranges: Vec<(char, char)>, negated: bool },
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Times {
    Once,
    /// `?`
    AtMostOnce,
    /// `*`
    Any,
    /// `+`
    AtLeastOnce,
}

/// How a pattern is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Syntax {
    /// `-E`.
    pub(super) extended: bool,
    /// `-F`.
    pub(super) fixed: bool,
    /// `-i`.
    pub(super) ignore_case: bool,
    /// `-w`.
    pub(super) whole_word: bool,
}

impl Pattern {
    /// Reads a pattern that stands at `at`.
    pub(super) fn parse(text: &str, syntax: Syntax, at: Pos) -> Result<Pattern, NotSupported> {
        let alternatives = if syntax.fixed {
            vec![Alternative {
                atoms: text.chars().map(|c| (Atom::One(c), Times::Once)).collect(),
                ..Default::default()
            }]
        } else {
            Reader { chars: text.chars().collect(), next: 0, extended: syntax.extended, at }.alternatives()?
        };
        Ok(Pattern {
            text: text.to_owned(),
            alternatives,
            ignore_case: syntax.ignore_case,
            whole_word: syntax.whole_word,
        })
    }

    /// As it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// True if the line has it.
    pub fn matches(&self, line: &str) -> bool {
        let line: Vec<char> = line.chars().collect();
        self.alternatives.iter().any(|alternative| {
            let starts = if alternative.from_start { 0..=0 } else { 0..=line.len() };
            starts.into_iter().any(|start| {
                alternative
                    .ends(&line, start, self.ignore_case)
                    .any(|end| !self.whole_word || is_word(&line, start, end))
            })
        })
    }
}

/// `line[start..end]` is no part of a longer word.
fn is_word(line: &[char], start: usize, end: usize) -> bool {
    let is_letter =
        |at: Option<usize>| at.and_then(|at| line.get(at)).is_some_and(|c| c.is_alphanumeric() || *c == '_');
    !is_letter(start.checked_sub(1)) && !is_letter(Some(end))
}

impl Alternative {
    /// Where matches that begin at `start` may end. All ways are followed at once, so that no pattern takes long.
    fn ends(&self, line: &[char], start: usize, ignore_case: bool) -> impl Iterator<Item = usize> {
        let mut here = vec![false; line.len() + 1];
        here[start] = true;
        for (atom, times) in &self.atoms {
            let mut next = vec![false; line.len() + 1];
            for at in 0..=line.len() {
                let before = here[at];
                let repeats = matches!(times, Times::Any | Times::AtLeastOnce) && next[at];
                if matches!(times, Times::AtMostOnce | Times::Any) && before {
                    next[at] = true;
                }
                if (before || repeats) && line.get(at).is_some_and(|c| atom.is(*c, ignore_case)) {
                    next[at + 1] = true;
                }
            }
            here = next;
        }
        let to_end = self.to_end.then_some(line.len());
        here.into_iter()
            .enumerate()
            .filter_map(move |(at, is)| (is && to_end.is_none_or(|end| end == at)).then_some(at))
    }
}

impl Atom {
    fn is(&self, c: char, ignore_case: bool) -> bool {
        let same = |a: char| a == c || ignore_case && a.to_lowercase().eq(c.to_lowercase());
        match self {
            Atom::Any => true,
            Atom::One(one) => same(*one),
            Atom::Class { ranges, negated } => {
                let within = |c: char| ranges.iter().any(|(from, to)| (*from..=*to).contains(&c));
                let other = if c.is_ascii_lowercase() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() };
                (within(c) || ignore_case && within(other)) != *negated
            }
        }
    }
}

struct Reader {
    chars: Vec<char>,
    next: usize,
    extended: bool,
    at: Pos,
}

impl Reader {
    fn alternatives(mut self) -> Result<Vec<Alternative>, NotSupported> {
        let mut all = vec![Alternative::default()];
        while let Some(c) = self.take() {
            let last = all.last_mut().expect("there is always one");
            // A sign, and whether a backslash stands before it.
            let (c, escaped) = match c {
                '\\' => (self.take().ok_or_else(|| self.error("ends in a backslash"))?, true),
                c => (c, false),
            };
            // What is a sign plain in one syntax is a sign escaped in the other.
            let is_sign = self.extended != escaped;
            match c {
                '|' if is_sign => all.push(Alternative::default()),
                '(' | ')' | '{' | '}' if is_sign => return Err(self.error("has a group or a count")),
                '^' if !escaped && last.atoms.is_empty() => last.from_start = true,
                '$' if !escaped && self.at_end() => last.to_end = true,
                '.' if !escaped => self.atom(last, Atom::Any),
                '[' if !escaped => {
                    let class = self.class()?;
                    self.atom(last, class);
                }
                's' if escaped => self.atom(last, Atom::Class { ranges: SPACE.into(), negated: false }),
                'S' if escaped => self.atom(last, Atom::Class { ranges: SPACE.into(), negated: true }),
                'w' if escaped => self.atom(last, Atom::Class { ranges: LETTER.into(), negated: false }),
                'W' if escaped => self.atom(last, Atom::Class { ranges: LETTER.into(), negated: true }),
                c if escaped && (c.is_alphanumeric() || matches!(c, '<' | '>')) => {
                    return Err(self.error("has a sequence that is not known here"));
                }
                c => self.atom(last, Atom::One(c)),
            }
        }
        Ok(all)
    }

    fn take(&mut self) -> Option<char> {
        let c = self.chars.get(self.next).copied()?;
        self.next += 1;
        Some(c)
    }

    /// The end of the pattern or of an alternative.
    fn at_end(&self) -> bool {
        match &self.chars[self.next..] {
            [] => true,
            ['|', ..] => self.extended,
            ['\\', '|', ..] => !self.extended,
            _ => false,
        }
    }

    /// Adds an atom with what stands behind it.
    fn atom(&mut self, to: &mut Alternative, atom: Atom) {
        let (times, taken) = match (&self.chars[self.next..], self.extended) {
            (['*', ..], _) => (Times::Any, 1),
            (['+', ..], true) => (Times::AtLeastOnce, 1),
            (['?', ..], true) => (Times::AtMostOnce, 1),
            (['\\', '+', ..], false) => (Times::AtLeastOnce, 2),
            (['\\', '?', ..], false) => (Times::AtMostOnce, 2),
            _ => (Times::Once, 0),
        };
        self.next += taken;
        to.atoms.push((atom, times));
    }

    fn class(&mut self) -> Result<Atom, NotSupported> {
        let negated = self.chars.get(self.next) == Some(&'^');
        self.next += usize::from(negated);
        let mut ranges = Vec::new();
        loop {
            let c = self.take().ok_or_else(|| self.error("has a [ without its ]"))?;
            match c {
                ']' if !ranges.is_empty() => return Ok(Atom::Class { ranges, negated }),
                '[' if self.chars.get(self.next) == Some(&':') => ranges.extend_from_slice(self.named_class()?),
                from => match self.chars[self.next..] {
                    ['-', to, ..] if to != ']' => {
                        self.next += 2;
                        ranges.push((from, to));
                    }
                    _ => ranges.push((from, from)),
                },
            }
        }
    }

    /// `[:digit:]`, after its `[`.
    fn named_class(&mut self) -> Result<&'static [(char, char)], NotSupported> {
        let rest: String = self.chars[self.next..].iter().collect();
        for (name, ranges) in CLASSES {
            if rest.starts_with(name) {
                self.next += name.len();
                return Ok(ranges);
            }
        }
        Err(self.error("has a class that is not known here"))
    }

    fn error(&self, what: &str) -> NotSupported {
        unsupported(self.at, format!("grep's pattern '{}' {what}", self.chars.iter().collect::<String>()))
    }
}

const SPACE: &[(char, char)] = &[(' ', ' '), ('\t', '\r')];
const LETTER: &[(char, char)] = &[('a', 'z'), ('A', 'Z'), ('0', '9'), ('_', '_')];
const CLASSES: &[(&str, &[(char, char)])] = &[
    (":space:]", SPACE),
    (":blank:]", &[(' ', ' '), ('\t', '\t')]),
    (":digit:]", &[('0', '9')]),
    (":xdigit:]", &[('0', '9'), ('a', 'f'), ('A', 'F')]),
    (":alpha:]", &[('a', 'z'), ('A', 'Z')]),
    (":alnum:]", &[('a', 'z'), ('A', 'Z'), ('0', '9')]),
    (":upper:]", &[('A', 'Z')]),
    (":lower:]", &[('a', 'z')]),
];
