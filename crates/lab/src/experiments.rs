//! The experiments, a file each.

use crate::experiment::{Experiment, Picture, Run, Settings};

mod abort;
mod backlog_full;
mod bbr;
mod bufferbloat;
mod close_orders;
mod connect_timeout;
mod cubic_vs_reno;
mod ecn;
mod fast_open;
mod flows;
mod half_close;
mod handshake;
mod keepalive_dead_peer;
mod lost_segment;
mod pmtu_black_hole;
mod rack_reordering;
mod refused;
mod simultaneous_close;
mod simultaneous_open;
mod syn_flood;
mod tail_loss;
mod time_wait;
mod two_flows;
mod unreachable;
mod window_autotuning;
mod zero_window;

/// Every experiment, in the order in which a newcomer may want to see them.
pub const ALL: &[&Experiment] = &[
    &handshake::EXPERIMENT,
    &close_orders::EXPERIMENT,
    &half_close::EXPERIMENT,
    &connect_timeout::EXPERIMENT,
    &refused::EXPERIMENT,
    &unreachable::EXPERIMENT,
    &simultaneous_open::EXPERIMENT,
    &simultaneous_close::EXPERIMENT,
    &abort::EXPERIMENT,
    &time_wait::EXPERIMENT,
    &zero_window::EXPERIMENT,
    &window_autotuning::EXPERIMENT,
    &lost_segment::EXPERIMENT,
    &tail_loss::EXPERIMENT,
    &pmtu_black_hole::EXPERIMENT,
    &rack_reordering::EXPERIMENT,
    &backlog_full::EXPERIMENT,
    &fast_open::EXPERIMENT,
    &syn_flood::EXPERIMENT,
    &keepalive_dead_peer::EXPERIMENT,
    &ecn::EXPERIMENT,
    &two_flows::EXPERIMENT,
    &cubic_vs_reno::EXPERIMENT,
    &bufferbloat::EXPERIMENT,
    &bbr::EXPERIMENT,
];
