//! A connection's life, in virtual time.

mod lifecycle;
