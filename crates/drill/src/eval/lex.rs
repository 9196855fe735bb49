//! A snippet's text as tokens, with Python's rules for lines and their indentation.

use super::Fault;

/// A token and the bytes it stands at.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Token {
    pub(super) kind: TokenKind,
    pub(super) span: (usize, usize),
}

#[derive(Clone, PartialEq, Debug)]
pub(super) enum TokenKind {
    /// A name or a word of the language.
    Name(String),
    Int(i128),
    Float(f64),
    Text(String),
    /// An operator, a bracket or another mark.
    Mark(&'static str),
    /// The end of a line that is not empty and in no bracket.
    Newline,
    /// The following lines stand deeper.
    Indent,
    /// The following lines stand less deep.
    Dedent,
    End,
}

/// Every mark, longer ones first.
const MARKS: [&str; 46] = [
    "**=", "//=", "<<=", ">>=", "...", "**", "//", "<<", ">>", "<=", ">=", "==", "!=", "->", "+=", "-=", "*=", "/=",
    "%=", "&=", "|=", "^=", ":=", "+", "-", "*", "/", "%", "@", "&", "|", "^", "~", "<", ">", "(", ")", "[", "]", "{",
    "}", ",", ":", ".", "=", ";",
];

type Result<T> = std::result::Result<T, Fault>;

/// The tokens of a text; the last is the end.
pub(super) fn tokens(text: &str) -> Result<Vec<Token>> {
    let mut lexer = Lexer { text, at: 0, tokens: Vec::new(), open: 0, indents: Vec::new() };
    lexer.lines()?;
    Ok(lexer.tokens)
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
    tokens: Vec<Token>,
    /// How many brackets are open.
    open: u32,
    /// How deep the lines around stand, the outermost first.
    indents: Vec<usize>,
}

impl Lexer<'_> {
    fn lines(&mut self) -> Result<()> {
        while self.at < self.text.len() {
            self.line()?;
        }
        if self.open > 0 {
            return Err(Fault::new(self.at, "a bracket has no end"));
        }
        for _ in 1..self.indents.len() {
            self.push(TokenKind::Dedent, self.at);
        }
        self.push(TokenKind::End, self.at);
        Ok(())
    }

    /// A line with all that brackets and backslashes add to it.
    fn line(&mut self) -> Result<()> {
        let start = self.at;
        self.skip_blanks();
        if self.skip_line_end() {
            return Ok(());
        }
        // What stands behind %{ stands at the left, as blanks before it are no part of the program.
        self.indent(if start == 0 { 0 } else { self.at - start })?;
        loop {
            self.skip_blanks();
            if self.at == self.text.len() || self.peek() == Some('\n') {
                if self.open == 0 || self.at == self.text.len() {
                    self.push(TokenKind::Newline, self.at);
                    self.skip_line_end();
                    return Ok(());
                }
                self.at += 1;
                continue;
            }
            self.token()?;
        }
    }

    fn indent(&mut self, depth: usize) -> Result<()> {
        match self.indents.last() {
            None => self.indents.push(depth),
            Some(&current) if depth > current => {
                self.indents.push(depth);
                self.push(TokenKind::Indent, self.at);
            }
            Some(_) => {
                while self.indents.len() > 1 && self.indents.last().is_some_and(|current| depth < *current) {
                    self.indents.pop();
                    self.push(TokenKind::Dedent, self.at);
                }
                if self.indents.last() != Some(&depth) {
                    return Err(Fault::new(self.at, "this line stands as deep as none before it"));
                }
            }
        }
        Ok(())
    }

    fn token(&mut self) -> Result<()> {
        let start = self.at;
        let rest = &self.text[start..];
        let kind = match rest.chars().next() {
            Some('"' | '\'') => self.string(false)?,
            Some(c) if c.is_ascii_digit() => self.number()?,
            Some('.') if rest[1..].starts_with(|c: char| c.is_ascii_digit()) => self.number()?,
            Some(c) if c.is_alphabetic() || c == '_' => self.name()?,
            _ => match MARKS.iter().find(|mark| rest.starts_with(**mark)) {
                Some(mark) => {
                    self.at += mark.len();
                    match *mark {
                        "(" | "[" | "{" => self.open += 1,
                        ")" | "]" | "}" => self.open = self.open.saturating_sub(1),
                        _ => {}
                    }
                    TokenKind::Mark(mark)
                }
                None => return Err(Fault::new(start, "a character that has no meaning here")),
            },
        };
        self.tokens.push(Token { kind, span: (start, self.at) });
        Ok(())
    }

    fn name(&mut self) -> Result<TokenKind> {
        let rest = &self.text[self.at..];
        let len = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        let name = &rest[..len];
        if rest[len..].starts_with(['"', '\'']) {
            if !matches!(name, "r" | "R" | "u" | "U") {
                return Err(Fault::new(self.at, format!("strings that start with {name} are not supported")));
            }
            self.at += len;
            return self.string(name.eq_ignore_ascii_case("r"));
        }
        self.at += len;
        Ok(TokenKind::Name(name.to_owned()))
    }

    fn number(&mut self) -> Result<TokenKind> {
        let rest = &self.text[self.at..];
        let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.');
        let mut len = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
        let radix = match rest.get(..2) {
            Some("0x" | "0X") => 16,
            Some("0o" | "0O") => 8,
            Some("0b" | "0B") => 2,
            _ => 10,
        };
        if radix == 10 && rest[..len].ends_with(['e', 'E']) && rest[len..].starts_with(['+', '-']) {
            let digits = rest[len + 1..].bytes().take_while(u8::is_ascii_digit).count();
            len += 1 + digits;
        }
        let text = rest[..len].replace('_', "");
        let is_float = radix == 10 && text.contains(['.', 'e', 'E']);
        let digits = if radix == 10 { &text } else { &text[2..] };
        let kind = if is_float {
            text.parse().ok().filter(|n: &f64| n.is_finite()).map(TokenKind::Float)
        } else {
            i128::from_str_radix(digits, radix).ok().map(TokenKind::Int)
        };
        match kind {
            Some(kind) => {
                self.at += len;
                Ok(kind)
            }
            None => Err(Fault::new(self.at, format!("{} is no number of at most 128 bits", &rest[..len.min(40)]))),
        }
    }

    /// The string that starts here.
    fn string(&mut self, is_raw: bool) -> Result<TokenKind> {
        const NO_END: &str = "a string has no end";
        let start = self.at;
        let rest = &self.text[start..];
        let quote = [r#"""""#, "'''", "\"", "'"].into_iter().find(|quote| rest.starts_with(*quote)).unwrap_or("\"");
        self.at += quote.len();
        let mut text = String::new();
        loop {
            let rest = &self.text[self.at..];
            if rest.starts_with(quote) {
                self.at += quote.len();
                return Ok(TokenKind::Text(text));
            }
            match rest.chars().next() {
                None => return Err(Fault::new(start, NO_END)),
                Some('\n') if quote.len() == 1 => return Err(Fault::new(start, NO_END)),
                Some('\\') if is_raw => {
                    let taken = rest.chars().take(2).collect::<String>();
                    self.at += taken.len();
                    text.push_str(&taken);
                }
                Some('\\') => self.escape(&mut text)?,
                Some(c) => {
                    self.at += c.len_utf8();
                    text.push(c);
                }
            }
        }
    }

    /// The escape that starts here.
    fn escape(&mut self, text: &mut String) -> Result<()> {
        let start = self.at;
        let Some(c) = self.text[start + 1..].chars().next() else {
            return Err(Fault::new(start, "a string has no end"));
        };
        self.at += 1 + c.len_utf8();
        match c {
            '\n' => {}
            'n' => text.push('\n'),
            't' => text.push('\t'),
            'r' => text.push('\r'),
            'a' => text.push('\x07'),
            'b' => text.push('\x08'),
            'f' => text.push('\x0c'),
            'v' => text.push('\x0b'),
            '0' => text.push('\0'),
            '\\' | '\'' | '"' => text.push(c),
            'x' => match self.text.get(self.at..self.at + 2).and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
                Some(byte) => {
                    self.at += 2;
                    text.push(char::from(byte));
                }
                None => return Err(Fault::new(start, "\\x wants two hexadecimal digits")),
            },
            'u' | 'U' | 'N' | '1'..='7' => return Err(Fault::new(start, format!("the escape \\{c} is not supported"))),
            other => text.extend(['\\', other]),
        }
        Ok(())
    }

    /// Skips blanks, a comment, and line ends behind a backslash.
    fn skip_blanks(&mut self) {
        loop {
            let rest = &self.text[self.at..];
            self.at += rest.len() - rest.trim_start_matches([' ', '\t', '\r', '\x0c']).len();
            let rest = &self.text[self.at..];
            if rest.starts_with("\\\n") {
                self.at += 2;
            } else if rest.starts_with('#') {
                self.at += rest.find('\n').unwrap_or(rest.len());
            } else {
                return;
            }
        }
    }

    /// Skips the end of a line, or notes that there is nothing more.
    fn skip_line_end(&mut self) -> bool {
        let is_line_end = self.peek() == Some('\n');
        self.at += usize::from(is_line_end);
        is_line_end || self.at == self.text.len()
    }

    fn peek(&self) -> Option<char> {
        self.text[self.at..].chars().next()
    }

    fn push(&mut self, kind: TokenKind, at: usize) {
        self.tokens.push(Token { kind, span: (at, at) });
    }
}
