//! ICMP, both versions: echo ([`echo`]), errors that we send ([`refuse`]) and errors that we hear ([`error`]).
//!
//! RFC 792, RFC 4443, RFC 1122 §3.2.2, RFC 1812 §4.3.2.8 (the limit on errors sent), RFC 5927 (what to believe of errors
//! about TCP), RFC 5461 (what they do to a connection), RFC 1191 and RFC 8201 (path MTU).

mod echo;
pub(crate) mod error;
pub(crate) mod limit;
mod refuse;
