//! What an application calls (RFC 9293 §3.9.1): opening ([`open`]), data and closing ([`stream`]), asking ([`query`]).

mod bind;
mod open;
mod query;
mod stream;
