//! One run of one cell in virtual time.

use crate::cell::{Cell, MTU};
use crate::smoltcp_host::SmoltcpHost;
use crate::theory;
use limpid_event::{Counter, Instant};
use limpid_lab::host::Options;
use limpid_lab::link::End;
use limpid_lab::world::{HostId, HostPlan, Limits};
use limpid_lab::{LabError, World};
use limpid_scope::trace::{Trace, View};
use limpid_stack::{Medium, StackConfig};
use limpid_tcp::Algorithm;
use limpid_wire::{Cidr, Endpoint, IpAddr};
use std::cell::{Cell as Shared, RefCell};
use std::rc::Rc;
use std::time::Duration;

/// Whose TCP is at both ends.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) enum Contender {
    /// Ours, with the controller of this name.
    Limpid(&'static str),
    /// smoltcp, with its CUBIC.
    Smoltcp,
}

impl Contender {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Contender::Limpid(algorithm) => algorithm,
            Contender::Smoltcp => "smoltcp",
        }
    }

    pub(crate) fn algorithm(self) -> &'static str {
        match self {
            Contender::Limpid(algorithm) => algorithm,
            Contender::Smoltcp => "cubic",
        }
    }

    /// smoltcp, and ours with every controller that it has.
    pub(crate) fn all() -> Vec<Contender> {
        let ours = Algorithm::ALL.into_iter().map(|algorithm| Contender::Limpid(algorithm.name()));
        let mut all: Vec<Contender> = ours.chain([Contender::Smoltcp]).collect();
        // The default first.
        all.sort_by_key(|contender| *contender != Contender::Limpid("cubic"));
        all
    }
}

/// How long a cell is played.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Span {
    /// What is not measured: the beginning.
    pub(crate) warm_up: Duration,
    /// What is.
    pub(crate) measured: Duration,
}

impl Span {
    /// Long enough for 100 round trips and, where losses limit the flow, for some 200 of them; at least 10 s, and at most
    /// so many packets, but never less than 30 round trips.
    ///
    /// BBR, which losses hardly limit, meets them sooner, but answers them in cycles of two to three seconds, and probes for the
    /// round trip every five: it has at least 20 s, four times as many losses, and at most four times as many packets.
    pub(crate) fn of(cell: &Cell, contender: Contender, packets: u32) -> Span {
        const LOSSES: f64 = 200.0;
        const CYCLES: f64 = 20.0;
        let models = contender.algorithm() == "bbr";
        let follows = if models { contender } else { Contender::Limpid("cubic") };
        let rtt = cell.rtt().as_secs_f64();
        let rate = theory::expected(cell, follows) / (crate::cell::MSS as f64 * 8.0);
        let (least, times) = if models { (CYCLES, 4.0) } else { (10.0, 1.0) };
        let for_losses = if cell.loss.events() > 0.0 { times * LOSSES / cell.loss.events() / rate } else { 0.0 };
        let wanted = for_losses.max(100.0 * rtt).max(least);
        let affordable = times * f64::from(packets) / rate;
        let measured = wanted.min(affordable.max(30.0 * rtt)).min(600.0);
        // Slow start; and where nothing is lost at random CUBIC's way from a slow start that ended early to the full window,
        // or back to it after the overshoot: RFC 9438's K (§4.2) for all that link and queue hold, and half as much again.
        let window = cell.bdp_packets() + cell.queue_packets() as f64;
        let k = if models || theory::is_loss_limited(cell, follows) { 0.0 } else { (window * 0.3 / 0.4).cbrt() };
        let warm_up = (measured / 3.0).min(30.0).max(15.0 * rtt).max(1.5 * k).max(2.0);
        Span { warm_up: Duration::from_secs_f64(warm_up), measured: Duration::from_secs_f64(measured) }
    }
}

/// What came of a run.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Outcome {
    /// Of each flow, bits a second.
    pub(crate) goodputs: Vec<f64>,
    /// Of all flows with each seed, if this is the mean of several.
    pub(crate) by_seed: Vec<f64>,
    /// Packets that the sender put on the link.
    pub(crate) packets: u64,
    /// What the link lost by chance, and at its queue.
    pub(crate) lost: u64,
    pub(crate) queue_full: u64,
    /// Figures that only ours tells: segments sent again, timeouts.
    pub(crate) again: Option<u64>,
    pub(crate) timeouts: Option<u64>,
    /// How long it took to compute.
    pub(crate) took: Duration,
}

impl Outcome {
    /// Of all flows together.
    pub(crate) fn goodput(&self) -> f64 {
        self.goodputs.iter().sum()
    }

    /// The mean of runs with several seeds; of the timeouts the most. What the theory tells of is a mean, and one seed's losses may lie where
    /// they hurt most. `None` of no runs.
    pub(crate) fn mean(of_seeds: &[Outcome]) -> Option<Outcome> {
        let first = of_seeds.first()?;
        let n = of_seeds.len();
        let mean = |figure: fn(&Outcome) -> u64| of_seeds.iter().map(figure).sum::<u64>() / n as u64;
        let flow = |flow: usize| of_seeds.iter().filter_map(|one| one.goodputs.get(flow)).sum::<f64>() / n as f64;
        Some(Outcome {
            goodputs: (0..first.goodputs.len()).map(flow).collect(),
            by_seed: of_seeds.iter().map(Outcome::goodput).collect(),
            packets: mean(|one| one.packets),
            lost: mean(|one| one.lost),
            queue_full: mean(|one| one.queue_full),
            again: first.again.map(|_| mean(|one| one.again.unwrap_or(0))),
            timeouts: of_seeds.iter().filter_map(|one| one.timeouts).max(),
            took: of_seeds.iter().map(|one| one.took).sum(),
        })
    }

    /// How evenly the flows share: 1 is perfectly, 1/n is one taking all (Jain's index).
    pub(crate) fn fairness(&self) -> f64 {
        let squares: f64 = self.goodputs.iter().map(|g| g * g).sum();
        if squares > 0.0 { self.goodput().powi(2) / (self.goodputs.len() as f64 * squares) } else { 0.0 }
    }
}

/// A run, and how it went inside if that was recorded.
pub(crate) struct Played {
    pub(crate) outcome: Outcome,
    pub(crate) trace: Option<Trace>,
    /// The counters of our sender and our receiver, those that are not zero.
    pub(crate) counters: [Vec<(&'static str, u64)>; 2],
}

/// What is played.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) cell: Cell,
    pub(crate) contender: Contender,
    pub(crate) span: Span,
    pub(crate) seed: u64,
    /// The controllers of the flows, if they differ.
    pub(crate) mixed: Option<[&'static str; 2]>,
    pub(crate) record: bool,
    /// Our hosts have network cards with offloads.
    pub(crate) offloads: bool,
}

const PORT: u16 = 5001;
/// What is written, over and over: its length is no multiple of anything else here.
const PATTERN: usize = 65_521;

/// Plays a cell.
///
/// # Errors
/// If the world fails, or a byte arrives that was not sent so.
pub(crate) fn play(plan: &Plan) -> Result<Played, LabError> {
    let started = std::time::Instant::now();
    let Plan { cell, span, .. } = plan;
    let mut world = World::new(plan.seed, 0);
    world.limits(Limits { events: u64::MAX, time: Duration::MAX });
    if plan.record {
        world.recorder().keep_events_only();
    } else {
        world.without_record();
        world.without_checksums();
    }
    if plan.offloads {
        world.with_offloads();
    }
    let (client, server) = (add_host(&mut world, "client", plan)?, add_host(&mut world, "server", plan)?);
    let link = world.connect(client, server, Medium::Ip, cell.forth());
    world.link(link).from(End::B).conditions = cell.back();
    let received: Rc<RefCell<Vec<Rc<Shared<u64>>>>> = Rc::default();
    let broken = Rc::new(Shared::new(false));
    serve(&mut world, server, plan, received.clone(), broken.clone());
    for flow in 0..cell.flows {
        send(&mut world, client, plan, flow);
    }
    world.run_until(Instant::ZERO + span.warm_up)?;
    let before: Vec<u64> = received.borrow().iter().map(|bytes| bytes.get()).collect();
    world.run_until(Instant::ZERO + span.warm_up + span.measured)?;
    assert!(!broken.get(), "{} of {cell}: bytes arrived that were not sent", plan.contender.name());
    let after = received.borrow();
    let goodputs = (0..cell.flows).map(|flow| {
        // A flow that has not even begun got nothing through.
        let after = after.get(flow).map_or(0, |bytes| bytes.get());
        (after - before.get(flow).copied().unwrap_or(0)) as f64 * 8.0 / span.measured.as_secs_f64()
    });
    let goodputs = goodputs.collect();
    let tally = world.link(link).from(End::A).tally();
    let count = |counter| world.our_host(client).map(|mut host| host.stack().counters().value(counter));
    let outcome = Outcome {
        goodputs,
        by_seed: Vec::new(),
        packets: tally.sent,
        lost: tally.lost,
        queue_full: tally.queue_full,
        again: count(Counter::TcpRetransSegs),
        timeouts: count(Counter::TcpExtTCPTimeouts),
        took: started.elapsed(),
    };
    let counters = [client, server].map(|host| {
        world.our_host(host).map_or_else(Vec::new, |mut host| {
            let counters = host.stack().counters().iter().filter(|(_, value)| *value > 0);
            counters.map(|(counter, value)| (counter.name(), value)).collect()
        })
    });
    let trace = plan.record.then(|| world.trace());
    Ok(Played { outcome, trace, counters })
}

fn add_host(world: &mut World, name: &str, plan: &Plan) -> Result<HostId, LabError> {
    let last = if name == "client" { 1 } else { 2 };
    let address = Cidr { addr: IpAddr::v4([10, 0, 0, last]), prefix: 24 };
    match plan.contender {
        Contender::Limpid(_) => {
            let config = our_config(&plan.cell);
            world.add_host(HostPlan { name, addresses: &[address], mtu: MTU, medium: Medium::Ip, config })
        }
        Contender::Smoltcp => {
            // Twice what the link and its queue hold.
            let buffer = 2 * plan.cell.full_bytes();
            let index = world.recorder().add_host(name, vec![address.addr], View::Observed);
            let host = SmoltcpHost::new(address, MTU, buffer, plan.seed);
            Ok(world.adopt(Rc::new(RefCell::new(host)), index))
        }
    }
}

/// A default stack, whose buffers may grow as large as the cell needs.
fn our_config(cell: &Cell) -> StackConfig {
    let mut config = StackConfig::default();
    let mut tcp = (*config.tcp).clone();
    let most = 8 * cell.full_bytes();
    tcp.recv_buffer_max = tcp.recv_buffer_max.max(most);
    tcp.send_buffer_max = tcp.send_buffer_max.max(most);
    config.tcp = tcp.into();
    config
}

fn serve(
    world: &mut World,
    host: HostId,
    plan: &Plan,
    received: Rc<RefCell<Vec<Rc<Shared<u64>>>>>,
    broken: Rc<Shared<bool>>,
) {
    let at = Endpoint::new(IpAddr::v4([10, 0, 0, 2]), PORT);
    let flows = plan.cell.flows;
    world.spawn_daemon(host, "server", move |app| async move {
        let Ok(listener) = app.listen(at, flows) else { return };
        while let Ok((socket, _)) = listener.accept().await {
            let count = Rc::new(Shared::new(0u64));
            received.borrow_mut().push(count.clone());
            let broken = broken.clone();
            // The task ends with its world.
            drop(app.spawn("reader", async move {
                let pattern = pattern();
                let mut buf = vec![0; PATTERN];
                while let Ok(n @ 1..) = socket.read(&mut buf).await {
                    let from = (count.get() % PATTERN as u64) as usize;
                    if buf[..n] != pattern[from..from + n] {
                        broken.set(true);
                    }
                    count.set(count.get() + n as u64);
                }
            }));
        }
    });
}

fn send(world: &mut World, host: HostId, plan: &Plan, flow: usize) {
    let at = Endpoint::new(IpAddr::v4([10, 0, 0, 2]), PORT);
    let name = plan.mixed.map_or(plan.contender.algorithm(), |pair| pair[flow % 2]);
    let options = Options { congestion: Algorithm::named(name), ..Options::default() };
    // One after the other, so that they do not move in step.
    let wait = plan.cell.rtt() * flow as u32 / 3;
    world.spawn_daemon(host, "client", move |app| async move {
        app.sleep(wait).await;
        let Ok(socket) = app.connect_from(None, at, options).await else { return };
        let pattern = pattern();
        let mut sent = 0u64;
        loop {
            let from = (sent % PATTERN as u64) as usize;
            match socket.write(&pattern[from..from + PATTERN]).await {
                Ok(n) => sent += n as u64,
                Err(_) => return,
            }
        }
    });
}

/// The pattern, twice, so that any part of it is a slice.
fn pattern() -> Vec<u8> {
    (0..2 * PATTERN).map(|i| ((i % PATTERN * 31) >> 3) as u8).collect()
}
