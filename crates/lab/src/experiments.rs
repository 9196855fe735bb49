//! The experiments, a file each.

use crate::LabError;
use crate::experiment::{Ended, Experiment, Picture, Run, Scene, Settings};
use limpid_event::Error;
use std::time::Duration;

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
mod prr;
mod rack_reordering;
mod refused;
mod sack_recovery;
mod simultaneous_close;
mod simultaneous_open;
mod spurious_rto;
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
    &sack_recovery::EXPERIMENT,
    &prr::EXPERIMENT,
    &spurious_rto::EXPERIMENT,
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

/// The client sends this much, and the server checks every byte of it.
fn transfer(scene: Scene, bytes: usize) -> Result<Ended, LabError> {
    let mut scene = scene;
    let to = scene.server_at(7000);
    let server = scene.server(move |app| async move {
        let (socket, _) = app.listen(to, 1)?.accept().await?;
        let all = socket.read_to_end().await?;
        Ok::<_, Error>(all == pattern(bytes))
    });
    let client = scene.client(move |app| async move {
        let socket = app.connect(to).await?;
        socket.write_all(&pattern(bytes)).await?;
        socket.close();
        Ok::<_, Error>(())
    });
    let mut ended = scene.play(Duration::from_secs(1))?;
    ended.check.value("the client", client.take(), ());
    ended.check.value("all bytes arrived in order", server.take(), true);
    Ok(ended)
}

fn pattern(bytes: usize) -> Vec<u8> {
    (0..bytes).map(|i| (i % 251) as u8).collect()
}
