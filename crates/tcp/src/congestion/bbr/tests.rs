//! BBR over a model of a path: a bottleneck of a rate, a round trip and a queue, in rounds of one ACK a segment.

use super::super::RateSample;
use super::*;
use crate::send::{Losses, WorstLoss};
use alloc::collections::VecDeque;
use alloc::vec::Vec;

mod path;
mod phases;

use path::Path;
