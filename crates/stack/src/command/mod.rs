//! What an application calls (RFC 9293 §3.9.1): opening ([`open`]), data and closing ([`stream`]), asking ([`query`]),
//! IP headers ([`ip`]), what is watched ([`notice`]), what there is ([`list`]).

mod bind;
mod ip;
mod list;
mod notice;
mod open;
mod query;
mod stream;

pub use list::Listed;
