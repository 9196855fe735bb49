//! tcpdump's filter language (pcap-filter(7)): `tcp port 80 and host 192.0.2.1`.
//!
//! An [`Expression`] is what a text means; on packets of one link type it becomes a [`Filter`], a program of classic BPF.
//! That program is run on the packets of files and is what the kernel gets for live captures, so that there is one
//! truth. A [`FilterSet`] compiles for each link type that turns up. `docs/filters.md` describes the language.
//!
//! # Bounds
//! A text has at most a mebibyte, parentheses nest at most 100 deep, and a program has at most 4096 instructions, as in
//! Linux. Compiled programs have no loops.

mod ask;
mod ast;
mod blocks;
mod error;
mod lexer;
mod link;
mod lower;
mod names;
mod parser;
mod set;

#[cfg(test)]
mod tests;

pub use error::{FilterError, FilterErrorKind};
pub use names::NameTables;
pub use set::{Fallback, FilterSet};

use crate::capture::LinkType;
use limpid_wire::bpf::{Program, ProgramError};

/// What a filter's text means, on packets of any link type.
#[derive(Clone, Debug)]
pub struct Expression {
    text: String,
    /// `None`: every packet.
    meaning: Option<ast::Expr>,
}

/// True if a filter may choose some packets of a connection and refuse others: it asks for a direction, for bytes or for
/// lengths. One that asks for hosts, networks, ports and protocols alone chooses all or none.
pub fn may_part_connections(text: &str) -> bool {
    let asks = ["src", "dst", "less", "greater", "len", "inbound", "outbound", "broadcast", "multicast", "gateway"];
    let mut words = text.split(|c: char| !c.is_ascii_alphanumeric());
    text.contains('[') || words.any(|word| asks.contains(&word))
}

impl Expression {
    /// Parses a text; names are those of this machine's files. A text without a word means every packet.
    ///
    /// # Errors
    /// If it can't be understood.
    pub fn parse(text: &str) -> Result<Expression, FilterError> {
        Expression::parse_with(text, NameTables::of_this_machine())
    }

    /// The same with other names.
    ///
    /// # Errors
    /// If it can't be understood.
    pub fn parse_with(text: &str, names: &NameTables) -> Result<Expression, FilterError> {
        Ok(Expression { text: text.to_owned(), meaning: parser::parse(text, names)? })
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The program for packets of a link type.
    ///
    /// # Errors
    /// If it asks for what such packets don't have, or becomes too long.
    pub fn compile(&self, link_type: LinkType) -> Result<Filter, FilterError> {
        let program = blocks::assemble(&self.condition(link_type)?).map_err(|error| self.no_program(error))?;
        Ok(Filter { program, link_type })
    }

    /// Whether it chooses a packet, found out without the program that [`Expression::compile`] makes: its tests are asked one
    /// by one, in the order of the text. Slow: it is there to check the program.
    ///
    /// # Errors
    /// As for [`Expression::compile`], but for length.
    #[doc(hidden)] // For fuzzing; the command has no use for it.
    pub fn ask(&self, link_type: LinkType, data: &[u8], original_len: u32) -> Result<bool, FilterError> {
        Ok(ask::ask(&self.condition(link_type)?, data, original_len).unwrap_or(false))
    }

    /// What is asked of packets of a link type.
    fn condition(&self, link_type: LinkType) -> Result<lower::Condition, FilterError> {
        let Some(meaning) = &self.meaning else { return Ok(lower::Condition::Always) };
        let mut link = link::Link::of(link_type).ok_or_else(|| self.unknown_link_type(link_type))?;
        lower::lower(meaning, &mut link).map_err(|error| error.about(&self.text))
    }

    fn unknown_link_type(&self, LinkType(number): LinkType) -> FilterError {
        let message = format!("packets of link type {number} can't be filtered");
        FilterError::new(0..self.text.len(), message, "read them without a filter")
            .of_kind(FilterErrorKind::LinkType)
            .about(&self.text)
    }

    fn no_program(&self, error: ProgramError) -> FilterError {
        let message = match error {
            ProgramError::TooLong(_) => "the expression takes more than 4096 instructions".to_owned(),
            other => other.to_string(),
        };
        let hint = "ask for networks instead of many hosts, or filter in several steps";
        FilterError::new(0..self.text.len(), message, hint).about(&self.text)
    }
}

/// A filter for packets of one link type.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Filter {
    program: Program,
    link_type: LinkType,
}

impl Filter {
    /// Compiles a text for packets of one link type.
    ///
    /// # Errors
    /// If it can't be understood, or asks for what such packets don't have.
    pub fn compile(text: &str, link_type: LinkType) -> Result<Filter, FilterError> {
        Expression::parse(text)?.compile(link_type)
    }

    /// A filter by a program from elsewhere.
    pub fn from_program(program: Program, link_type: LinkType) -> Filter {
        Filter { program, link_type }
    }

    /// Whether it chooses the packet, of which `data` was captured and `original_len` bytes were on the link.
    pub fn matches(&self, data: &[u8], original_len: u32) -> bool {
        self.program.run(data, original_len) != 0
    }

    /// The program.
    pub fn program(&self) -> &Program {
        &self.program
    }

    /// What its packets begin with.
    pub fn link_type(&self) -> LinkType {
        self.link_type
    }
}
