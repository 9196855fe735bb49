//! Tests of the survey: packets made by hand, and captures.

mod again;
mod article;
mod closing;
mod wire;

use wire::Wire;
