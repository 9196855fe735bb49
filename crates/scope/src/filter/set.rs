//! One expression for a capture whose packets have several link types.

use super::{Expression, Filter, FilterError, FilterErrorKind};
use crate::capture::LinkType;
use limpid_wire::bpf::Program;
use std::fmt;

/// Compiles what we refuse by name: the text and the link type to a program, or the reason why not.
pub type Fallback = Box<dyn Fn(&str, LinkType) -> Result<Program, String> + Send>;

/// The link types that an expression may be about which only the fallback understands: Ethernet, Linux's `any`, bare IP, 802.11
/// with and without what its receiver adds.
const TRIED: [LinkType; 5] = [LinkType::ETHERNET, LinkType::LINUX_SLL2, LinkType::RAW, LinkType(105), LinkType(127)];
/// The most link types whose programs are kept.
const MAX_LINK_TYPES: usize = 64;

/// A filter that is compiled for each link type when its first packet comes.
pub struct FilterSet {
    text: String,
    /// `None`: every packet. An error where only the fallback understands the text.
    meaning: Option<Result<Expression, FilterError>>,
    fallback: Option<Fallback>,
    compiled: Vec<(LinkType, Filter)>,
    /// The one used last: most captures have one link type.
    last: usize,
}

impl FilterSet {
    /// Every packet.
    pub fn all() -> FilterSet {
        FilterSet { text: String::new(), meaning: None, fallback: None, compiled: Vec::new(), last: 0 }
    }

    /// Understands the text.
    ///
    /// # Errors
    /// If it can't be understood.
    pub fn parse(text: &str) -> Result<FilterSet, FilterError> {
        let expression = Expression::parse(text)?;
        let meaning = expression.meaning.is_some().then_some(Ok(expression));
        Ok(FilterSet { text: text.to_owned(), meaning, ..FilterSet::all() })
    }

    /// Understands the text; words that are [`FilterErrorKind::Unsupported`] are left to `fallback`.
    ///
    /// # Errors
    /// If it can't be understood, or is unsupported and the fallback does not help on any of the usual link types.
    pub fn parse_or(text: &str, fallback: Fallback) -> Result<FilterSet, FilterError> {
        match FilterSet::parse(text) {
            Err(error) if error.kind() == FilterErrorKind::Unsupported => {
                let meaning = Some(Err(error));
                let mut set =
                    FilterSet { text: text.to_owned(), meaning, fallback: Some(fallback), ..FilterSet::all() };
                // Said now, not at the first packet.
                let understood = TRIED.into_iter().any(|link_type| set.filter(link_type).is_ok());
                if !understood {
                    set.filter(LinkType::ETHERNET)?;
                }
                Ok(set)
            }
            other => other,
        }
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// It chooses every packet.
    pub fn is_all(&self) -> bool {
        self.meaning.is_none()
    }

    /// Whether it chooses a packet of this link type.
    ///
    /// # Errors
    /// If it asks for what packets of this link type don't have.
    pub fn matches(&mut self, link_type: LinkType, data: &[u8], original_len: u32) -> Result<bool, FilterError> {
        if self.meaning.is_none() {
            return Ok(true);
        }
        Ok(self.filter(link_type)?.matches(data, original_len))
    }

    /// The filter for a link type.
    ///
    /// # Errors
    /// If it asks for what packets of this link type don't have.
    pub fn filter(&mut self, link_type: LinkType) -> Result<&Filter, FilterError> {
        if self.compiled.get(self.last).is_none_or(|(known, _)| *known != link_type) {
            self.last = match self.compiled.iter().position(|(known, _)| *known == link_type) {
                Some(at) => at,
                None => {
                    let filter = self.compile(link_type)?;
                    if self.compiled.len() >= MAX_LINK_TYPES {
                        self.compiled.remove(0);
                    }
                    self.compiled.push((link_type, filter));
                    self.compiled.len() - 1
                }
            };
        }
        Ok(&self.compiled[self.last].1)
    }

    fn compile(&self, link_type: LinkType) -> Result<Filter, FilterError> {
        match (&self.meaning, &self.fallback) {
            (None, _) => Expression { text: String::new(), meaning: None }.compile(link_type),
            (Some(Ok(expression)), _) => expression.compile(link_type),
            (Some(Err(error)), None) => Err(error.clone()),
            (Some(Err(error)), Some(fallback)) => match fallback(&self.text, link_type) {
                Ok(program) => Ok(Filter::from_program(program, link_type)),
                Err(reason) => Err(error.clone().with_hint(&reason)),
            },
        }
    }
}

impl fmt::Debug for FilterSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let FilterSet { text, meaning: _, fallback, compiled, last: _ } = self;
        f.debug_struct("FilterSet")
            .field("text", text)
            .field("fallback", &fallback.is_some())
            .field("compiled", compiled)
            .finish()
    }
}
