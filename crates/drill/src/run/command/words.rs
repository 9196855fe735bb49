//! A text as a shell sees it: words, operators, commands joined by pipes.

use super::{NotSupported, When};
use crate::script::Pos;
use std::iter::Peekable;
use std::str::Chars;

/// Commands joined by pipes, and what stands before them.
#[derive(Debug)]
pub(super) struct Pipeline {
    pub(super) at: Pos,
    pub(super) when: When,
    pub(super) negated: bool,
    /// At least one.
    pub(super) commands: Vec<Simple>,
}

/// A command: its words and where its output goes.
#[derive(Debug)]
pub(super) struct Simple {
    /// At least one.
    pub(super) words: Vec<Word>,
    pub(super) output: Output,
}

/// Where a command's standard output goes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Output {
    /// To the next in the pipe, or it is shown.
    Through,
    /// To `/dev/null`.
    Nowhere,
    /// To a file.
    File(Word),
}

/// A word without its quotes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Word {
    pub(super) at: Pos,
    pub(super) text: String,
    /// It has something for the shell to expand: `$` outside of single quotes.
    pub(super) expands: bool,
}

/// What a text consists of.
#[derive(PartialEq, Eq, Debug)]
enum Token {
    Word(Word),
    /// `;` or a newline.
    End,
    And,
    Or,
    Pipe,
    /// `>`, `>>`, `<`, and whose output: `1>`, `2>`, `&>`.
    Redirect(Stream, char),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stream {
    Output,
    Errors,
    Both,
}

/// Cuts a text that begins at `first` into commands.
pub(super) fn commands(text: &str, first: Pos) -> Result<Vec<Pipeline>, NotSupported> {
    let mut tokens = tokens(text, first)?.into_iter().peekable();
    let mut pipelines = Vec::new();
    let mut when = When::Always;
    loop {
        // Newlines may stand anywhere between commands, also after && and ||.
        while tokens.next_if(|(_, token)| *token == Token::End).is_some() {}
        let Some((at, _)) = tokens.peek() else { break };
        let at = *at;
        let pipeline = pipeline(&mut tokens, at, when)?;
        pipelines.push(pipeline);
        when = match tokens.next() {
            Some((_, Token::And)) => When::AfterSuccess,
            Some((_, Token::Or)) => When::AfterFailure,
            _ => When::Always,
        };
    }
    if when != When::Always {
        return Err(unsupported(first, "nothing stands after the last && or ||"));
    }
    Ok(pipelines)
}

type Tokens = Peekable<std::vec::IntoIter<(Pos, Token)>>;

fn pipeline(tokens: &mut Tokens, at: Pos, when: When) -> Result<Pipeline, NotSupported> {
    let is_not = |token: &(Pos, Token)| matches!(&token.1, Token::Word(word) if word.text == "!");
    let negated = tokens.next_if(is_not).is_some();
    let mut commands = vec![simple(tokens, at)?];
    while let Some((at, _)) = tokens.next_if(|(_, token)| *token == Token::Pipe) {
        while tokens.next_if(|(_, token)| *token == Token::End).is_some() {}
        commands.push(simple(tokens, at)?);
    }
    Ok(Pipeline { at, when, negated, commands })
}

fn simple(tokens: &mut Tokens, at: Pos) -> Result<Simple, NotSupported> {
    let mut words = Vec::new();
    let mut output = Output::Through;
    loop {
        match tokens.peek() {
            Some((_, Token::Word(word))) => {
                words.push(word.clone());
                tokens.next();
            }
            Some(&(at, Token::Redirect(stream, sign))) => {
                tokens.next();
                if let Some(to) = redirect(tokens, at, stream, sign)? {
                    output = to;
                }
            }
            _ => break,
        }
    }
    if words.is_empty() {
        return Err(unsupported(at, "no command stands here"));
    }
    Ok(Simple { words, output })
}

/// Where output goes after a redirection; `None` if it goes where it went.
fn redirect(tokens: &mut Tokens, at: Pos, stream: Stream, sign: char) -> Result<Option<Output>, NotSupported> {
    let Some((_, Token::Word(target))) = tokens.next_if(|(_, token)| matches!(token, Token::Word(_))) else {
        return Err(unsupported(at, "a redirection goes nowhere"));
    };
    let to_null = target.text == "/dev/null";
    match (sign, stream) {
        ('<', _) if to_null => Ok(None),
        ('>', Stream::Errors) if to_null || target.text == "&1" || target.text == "&2" => Ok(None),
        ('>', Stream::Output) if target.text == "&1" => Ok(None),
        // Errors end the script with a message of their own.
        ('>', Stream::Output) if target.text == "&2" => Ok(Some(Output::Nowhere)),
        ('>', Stream::Output | Stream::Both) if to_null => Ok(Some(Output::Nowhere)),
        ('>', Stream::Output) if !target.text.starts_with('&') => Ok(Some(Output::File(target))),
        _ => Err(unsupported(target.at, format!("a redirection to or from '{}'", target.text))),
    }
}

pub(super) fn unsupported(at: Pos, what: impl Into<String>) -> NotSupported {
    NotSupported { at, what: what.into() }
}

/// The characters, with their places.
struct Cursor<'a> {
    chars: Peekable<Chars<'a>>,
    at: Pos,
}

impl Cursor<'_> {
    fn peek(&mut self) -> Option<char> {
        self.chars.peek().copied()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.chars.next()?;
        if c == '\n' {
            self.at = Pos { line: self.at.line + 1, column: 1 };
        } else {
            self.at.column += 1;
        }
        Some(c)
    }

    fn next_if(&mut self, wanted: char) -> bool {
        let found = self.peek() == Some(wanted);
        if found {
            self.next();
        }
        found
    }
}

fn tokens(text: &str, first: Pos) -> Result<Vec<(Pos, Token)>, NotSupported> {
    let mut cursor = Cursor { chars: text.chars().peekable(), at: first };
    let mut tokens = Vec::new();
    while let Some(c) = cursor.peek() {
        let at = cursor.at;
        let token = match c {
            '\n' | ';' => {
                cursor.next();
                Token::End
            }
            c if c.is_whitespace() => {
                cursor.next();
                continue;
            }
            '#' => {
                while cursor.peek().is_some_and(|c| c != '\n') {
                    cursor.next();
                }
                continue;
            }
            '&' | '|' | '>' | '<' | '(' | ')' => operator(&mut cursor, at, c)?,
            _ => match word(&mut cursor)? {
                // A digit right before > says which stream.
                Some(word) if is_stream(&word) && cursor.peek() == Some('>') => {
                    cursor.next();
                    cursor.next_if('>');
                    Token::Redirect(if word.text == "2" { Stream::Errors } else { Stream::Output }, '>')
                }
                Some(word) => Token::Word(word),
                None => continue,
            },
        };
        if let Token::Redirect(..) = token {
            tokens.push((at, token));
            // `>&1`, `2>&1`: & belongs to the target.
            let at = cursor.at;
            if cursor.next_if('&') {
                let mut target = word(&mut cursor)?.ok_or_else(|| unsupported(at, "a redirection to '&'"))?;
                target.text.insert(0, '&');
                tokens.push((at, Token::Word(target)));
            }
        } else {
            tokens.push((at, token));
        }
    }
    Ok(tokens)
}

fn is_stream(word: &Word) -> bool {
    word.text == "1" || word.text == "2"
}

fn operator(cursor: &mut Cursor<'_>, at: Pos, c: char) -> Result<Token, NotSupported> {
    cursor.next();
    match (c, cursor.peek()) {
        ('&', Some('&')) => {
            cursor.next();
            Ok(Token::And)
        }
        ('|', Some('|')) => {
            cursor.next();
            Ok(Token::Or)
        }
        ('&', Some('>')) => {
            cursor.next();
            Ok(Token::Redirect(Stream::Both, '>'))
        }
        ('|', _) => Ok(Token::Pipe),
        ('>', next) => {
            // Appending to a file of /proc is writing to it.
            if next == Some('>') {
                cursor.next();
            }
            Ok(Token::Redirect(Stream::Output, '>'))
        }
        ('<', Some('<' | '(')) => Err(unsupported(at, "a here-document or a process as a file")),
        ('<', _) => Ok(Token::Redirect(Stream::Output, '<')),
        ('&', _) => Err(unsupported(at, "a command in the background (&)")),
        _ => Err(unsupported(at, "a subshell (parentheses)")),
    }
}

/// A word; `None` if there was only a line's continuation.
fn word(cursor: &mut Cursor<'_>) -> Result<Option<Word>, NotSupported> {
    let mut word = Word { at: cursor.at, text: String::new(), expands: false };
    let mut any = false;
    while let Some(c) = cursor.peek() {
        let at = cursor.at;
        match c {
            '\\' => {
                cursor.next();
                match cursor.next() {
                    Some('\n') => continue,
                    Some(c) => word.text.push(c),
                    None => return Err(unsupported(at, "a backslash with nothing behind it")),
                }
            }
            '\'' => {
                cursor.next();
                quoted(cursor, at, &mut word.text)?;
            }
            '"' => {
                cursor.next();
                word.expands |= double_quoted(cursor, at, &mut word.text)?;
            }
            '`' => return Err(unsupported(at, "a command in a command")),
            c if c.is_whitespace() || ";&|<>()".contains(c) => break,
            c => {
                cursor.next();
                word.text.push(c);
                word.expands |= c == '$';
            }
        }
        any = true;
    }
    Ok(any.then_some(word))
}

fn quoted(cursor: &mut Cursor<'_>, at: Pos, text: &mut String) -> Result<(), NotSupported> {
    loop {
        match cursor.next() {
            Some('\'') => return Ok(()),
            Some(c) => text.push(c),
            None => return Err(unsupported(at, "a quote that does not end")),
        }
    }
}

/// Answers whether there is something to expand.
fn double_quoted(cursor: &mut Cursor<'_>, at: Pos, text: &mut String) -> Result<bool, NotSupported> {
    let mut expands = false;
    loop {
        match cursor.next() {
            Some('"') => return Ok(expands),
            Some('\\') => match cursor.next() {
                Some('\n') => {}
                Some(c @ ('$' | '"' | '\\' | '`')) => text.push(c),
                Some(c) => text.extend(['\\', c]),
                None => return Err(unsupported(at, "a quote that does not end")),
            },
            Some(c) => {
                expands |= c == '$' || c == '`';
                text.push(c);
            }
            None => return Err(unsupported(at, "a quote that does not end")),
        }
    }
}
