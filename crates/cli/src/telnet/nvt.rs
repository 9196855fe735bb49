//! The network virtual terminal: what telnet puts between the bytes of a connection and a person (RFC 854, option
//! negotiation by RFC 855 without loops as RFC 1143 asks; options ECHO, RFC 857, and SUPPRESS-GO-AHEAD, RFC 858).
//!
//! Everything else is refused politely. Sans I/O: bytes in, bytes out.

const IAC: u8 = 255;
const DONT: u8 = 254;
const DO: u8 = 253;
const WONT: u8 = 252;
const WILL: u8 = 251;
const SB: u8 = 250;
const SE: u8 = 240;

const ECHO: u8 = 1;
const SUPPRESS_GO_AHEAD: u8 = 3;

const CR: u8 = b'\r';
const LF: u8 = b'\n';

/// One side of a telnet connection: the client's.
#[derive(Debug, Default)]
pub(crate) struct Nvt {
    /// Options that the peer uses, with our consent.
    peer_echoes: bool,
    peer_suppresses_go_ahead: bool,
    /// We suppress GO AHEAD (we never send any; some ask for the promise).
    we_suppress_go_ahead: bool,
    parser: Parser,
}

/// Where in the peer's byte stream we are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Parser {
    #[default]
    Data,
    /// After CR: a NUL is part of the line's end.
    AfterCr,
    /// After IAC.
    Command,
    /// After IAC and WILL, WONT, DO or DONT.
    Option(u8),
    /// Inside a subnegotiation, which is skipped.
    Sub,
    /// Inside a subnegotiation, after IAC.
    SubCommand,
}

impl Nvt {
    /// True if the peer echoes what is typed: the terminal then sends each character as it is typed.
    pub(crate) fn is_character_at_a_time(&self) -> bool {
        self.peer_echoes && self.peer_suppresses_go_ahead
    }

    /// Bytes came from the peer: what a person should see goes to `show`, what the peer has to be told to `answer`.
    pub(crate) fn receive(&mut self, bytes: &[u8], show: &mut Vec<u8>, answer: &mut Vec<u8>) {
        for &byte in bytes {
            self.parser = match (self.parser, byte) {
                (Parser::Data | Parser::AfterCr, IAC) => Parser::Command,
                (Parser::AfterCr, 0) => Parser::Data,
                (Parser::Data | Parser::AfterCr, _) => {
                    show.push(byte);
                    if byte == CR { Parser::AfterCr } else { Parser::Data }
                }
                (Parser::Command, IAC) => {
                    show.push(IAC);
                    Parser::Data
                }
                (Parser::Command, WILL | WONT | DO | DONT) => Parser::Option(byte),
                (Parser::Command, SB) => Parser::Sub,
                // NOP, GO AHEAD, DATA MARK and the rest ask nothing of a client.
                (Parser::Command, _) => Parser::Data,
                (Parser::Option(verb), option) => {
                    self.negotiate(verb, option, answer);
                    Parser::Data
                }
                (Parser::Sub, IAC) => Parser::SubCommand,
                (Parser::SubCommand, SE) => Parser::Data,
                (Parser::Sub | Parser::SubCommand, _) => Parser::Sub,
            };
        }
    }

    /// What a person typed, as it goes to the peer: lines end with CR LF, a lone CR is CR NUL, and IAC is doubled.
    pub(crate) fn send(&self, typed: &[u8], out: &mut Vec<u8>) {
        for &byte in typed {
            match byte {
                // In character mode the terminal gives the Enter key as CR.
                LF => out.extend([CR, LF]),
                CR => out.extend([CR, 0]),
                IAC => out.extend([IAC, IAC]),
                _ => out.push(byte),
            }
        }
    }

    /// Answers a request only if it changes something, or is refused.
    fn negotiate(&mut self, verb: u8, option: u8, answer: &mut Vec<u8>) {
        let (yes, no) = if matches!(verb, WILL | WONT) { (DO, DONT) } else { (WILL, WONT) };
        let wanted = matches!(verb, WILL | DO);
        let state = match (yes, option) {
            (DO, ECHO) => &mut self.peer_echoes,
            (DO, SUPPRESS_GO_AHEAD) => &mut self.peer_suppresses_go_ahead,
            (WILL, SUPPRESS_GO_AHEAD) => &mut self.we_suppress_go_ahead,
            _ => {
                if wanted {
                    answer.extend([IAC, no, option]);
                }
                return;
            }
        };
        if *state != wanted {
            *state = wanted;
            answer.extend([IAC, if wanted { yes } else { no }, option]);
        }
    }
}

#[cfg(test)]
mod tests;
