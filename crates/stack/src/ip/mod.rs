//! IP, both versions: what comes in ([`input`]; RFC 791, RFC 8200, RFC 1122 §3), what goes out ([`output`]), and
//! fragments ([`reassembly`]). What a socket can say of it: [`config`].

pub(crate) mod config;
pub(crate) mod input;
pub(crate) mod output;
pub(crate) mod reassembly;
