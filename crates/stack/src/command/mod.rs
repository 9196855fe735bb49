//! What an application calls (RFC 9293 §3.9.1): opening ([`open`]), data and closing ([`stream`]), asking ([`query`]),
//! IP headers ([`ip`]).

mod bind;
mod ip;
mod open;
mod query;
mod stream;
