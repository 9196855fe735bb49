//! What of a connection lies side by side, so that a segment of one among many brings as little memory into the cache as it can.
//!
//! [`Connection`] and [`Snd`] are in the order in which they are written down: what receiving changes, what every segment
//! changes, what acknowledgements change; then what recovery and the controller keep, and last what is seldom looked at. Here
//! it is asserted that it stays so.

use super::Connection;
use super::snd::Snd;
use core::mem::offset_of;

/// A line of the cache, bytes.
const LINE: usize = 64;

/// A segment in order finds all that it touches at an end that only receives in so many lines, the first ones,
const RECEIVING: usize = 13;
/// and an acknowledgement, or what is sent, in so many, but for the controller's and recovery's.
const SENDING: usize = 18;
/// A connection has so many.
const ALL: usize = 23;

const _: () = assert!(offset_of!(Connection, snd) + offset_of!(Snd, queue) <= RECEIVING * LINE);
const _: () = assert!(offset_of!(Connection, snd) + offset_of!(Snd, recovery) <= SENDING * LINE);
const _: () = assert!(size_of::<Connection>() <= ALL * LINE);
