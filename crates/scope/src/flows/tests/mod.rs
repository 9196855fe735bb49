//! Tests of the survey: packets made by hand, and captures.

mod again;
mod article;
mod bounds;
mod closing;
mod stalls;
mod wire;

use wire::Wire;
