//! Which connection a segment belongs to (RFC 9293 §3.3.1), which listener a SYN, and which ports are taken.
//!
//! [`FlowTable`] maps the 4-tuple to a phase by a keyed hash: a peer that chooses its ports can't make entries collide,
//! and nothing here ever walks along the sockets. [`BindTable`] knows the listeners and the local ports in use.

mod bind;
mod flow_table;

pub(crate) use bind::{Bind, BindTable, OwnHasher, Reuse};
pub(crate) use flow_table::{FlowKey, FlowTable, HASH_KEYS, Handle};
