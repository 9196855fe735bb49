//! Commands that print, and grep.

use super::super::pattern::Syntax;
use super::super::words::{Word, unsupported};
use super::super::{Filter, Nstat, Pattern, Source};
use super::Answer;

/// What `echo` prints.
pub(super) fn echo(arguments: &[Word]) -> Answer<String> {
    let (words, end) = match arguments {
        [first, rest @ ..] if first.text == "-n" => (rest, ""),
        [first, ..] if first.text == "-e" => return Err(unsupported(first.at, "echo -e")),
        words => (words, "\n"),
    };
    let words: Vec<&str> = words.iter().map(|word| word.text.as_str()).collect();
    Ok(words.join(" ") + end)
}

pub(super) fn cat(name: &Word, arguments: &[Word]) -> Answer<Source> {
    match arguments {
        [file] => file_of_proc(file).map(Source::File),
        _ => Err(unsupported(name.at, "cat has one file here")),
    }
}

/// A file that may be read.
pub(super) fn file_of_proc(file: &Word) -> Answer<String> {
    let path =
        file.text.strip_prefix("/proc/self/net/").map_or_else(|| file.text.clone(), |f| format!("/proc/net/{f}"));
    let plain = !path.contains("/..") && (path.starts_with("/proc/sys/") || path.starts_with("/proc/net/"));
    if plain { Ok(path) } else { Err(unsupported(file.at, format!("the file '{}' is read", file.text))) }
}

pub(super) fn nstat(arguments: &[Word]) -> Answer<Nstat> {
    let mut nstat = Nstat::default();
    for word in arguments {
        let Some(flags) = word.text.strip_prefix('-') else {
            nstat.names.push(word.text.clone());
            continue;
        };
        let flags = match flags {
            "-ignore" => "a",
            "-zeros" => "z",
            "-nooutput" => "n",
            "-noupdate" => "s",
            "-reset" => "r",
            flags => flags,
        };
        for flag in flags.chars() {
            match flag {
                'a' => nstat.absolute = true,
                'z' => nstat.zeros = true,
                'n' => nstat.quiet = true,
                's' => nstat.keep = true,
                'r' => nstat.reset = true,
                _ => return Err(unsupported(word.at, format!("nstat {}", word.text))),
            }
        }
    }
    Ok(nstat)
}

/// What grep looks for, and the file where, if one is named.
pub(super) fn grep<'a>(name: &str, at: &Word, arguments: &'a [Word]) -> Answer<(Filter, Option<&'a Word>)> {
    if !matches!(name, "grep" | "egrep" | "fgrep") {
        return Err(unsupported(at.at, format!("no such command at a pipe's end here: '{name}'")));
    }
    let mut syntax = Syntax { extended: name == "egrep", fixed: name == "fgrep", ..Syntax::default() };
    let mut filter = Filter { patterns: Vec::new(), inverted: false, quiet: false, count: false };
    let mut patterns = Vec::new();
    let mut files = Vec::new();
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        let flags = match word.text.as_str() {
            "--" => {
                files.extend(words.by_ref());
                break;
            }
            text => match text.strip_prefix('-').filter(|flags| !flags.is_empty()) {
                Some(flags) => flags,
                None => {
                    files.push(word);
                    continue;
                }
            },
        };
        for flag in flags.chars() {
            match flag {
                'q' => filter.quiet = true,
                'v' => filter.inverted = true,
                'c' => filter.count = true,
                'E' => syntax.extended = true,
                'F' => syntax.fixed = true,
                'i' => syntax.ignore_case = true,
                'w' => syntax.whole_word = true,
                's' | 'h' => {}
                'e' if flags.ends_with('e') => {
                    patterns.push(words.next().ok_or_else(|| unsupported(word.at, "grep -e without a pattern"))?);
                }
                _ => return Err(unsupported(word.at, format!("grep {}", word.text))),
            }
        }
    }
    let mut files = files.into_iter();
    if patterns.is_empty() {
        patterns.push(files.next().ok_or_else(|| unsupported(at.at, "grep without a pattern"))?);
    }
    let file = files.next();
    if let Some(more) = files.next() {
        return Err(unsupported(more.at, "grep looks at one file here"));
    }
    for pattern in patterns {
        filter.patterns.push(Pattern::parse(&pattern.text, syntax, pattern.at)?);
    }
    Ok((filter, file))
}
