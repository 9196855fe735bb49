//! The `telnet>` prompt.

/// What a person may say at the prompt.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Command {
    /// Back to the connection.
    Resume,
    /// Close the connection; that also ends the program, which has only this one.
    Close,
    /// Close the connection and end.
    Quit,
    /// How things stand.
    Status,
    /// What can be said.
    Help,
}

/// The words, with their meanings and explanations.
const WORDS: [(&str, Command, &str); 5] = [
    ("close", Command::Close, "close the connection"),
    ("quit", Command::Quit, "close the connection and leave telnet"),
    ("status", Command::Status, "how the connection stands"),
    ("help", Command::Help, "this list"),
    ("?", Command::Help, "this list"),
];

/// A line at the prompt: any beginning of a word that fits no other stands for it; an empty line goes back.
///
/// # Errors
/// What to tell the person.
pub(crate) fn parse(line: &str) -> Result<Command, &'static str> {
    let Some(word) = line.split_whitespace().next() else { return Ok(Command::Resume) };
    let mut fitting = WORDS.iter().filter(|(w, ..)| w.starts_with(&word.to_ascii_lowercase()));
    match (fitting.next(), fitting.next()) {
        (Some((_, command, _)), None) => Ok(*command),
        (Some(_), Some(_)) => Err("?Ambiguous command"),
        (None, _) => Err("?Invalid command"),
    }
}

/// The list of words.
pub(crate) fn help() -> String {
    let mut text = String::from("Commands may be abbreviated.\n");
    for (word, _, meaning) in WORDS {
        text.push_str(&format!("  {word:<8}{meaning}\n"));
    }
    text.push_str("  (an empty line goes back to the connection)\n");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_their_beginnings() {
        for (line, command) in [
            ("", Command::Resume),
            ("  \t", Command::Resume),
            ("quit", Command::Quit),
            ("q", Command::Quit),
            ("QUIT now", Command::Quit),
            ("c", Command::Close),
            ("st", Command::Status),
            ("?", Command::Help),
            ("h", Command::Help),
        ] {
            assert_eq!(parse(line), Ok(command), "{line:?}");
        }
        assert_eq!(parse("quitx"), Err("?Invalid command"));
        assert_eq!(parse("open"), Err("?Invalid command"));
    }

    #[test]
    fn every_word_is_in_the_help() {
        let help = help();
        assert!(WORDS.iter().all(|(word, _, meaning)| help.contains(word) && help.contains(meaning)));
    }
}
