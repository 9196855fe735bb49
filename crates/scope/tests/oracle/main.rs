//! Our text against the real tcpdump's, packet by packet, over generated and hostile packets.

mod campaign;
mod captured;
mod files;
mod filter;
mod hostile;
mod ip;
mod others;
mod packets;
mod run;
mod tcp;
