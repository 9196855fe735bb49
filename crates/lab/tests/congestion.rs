//! Congestion control in whole worlds: how much of a link one flow gets, and how several share it, in virtual time.
//!
//! `LIMPID_LONG` plays more cells, and longer.

use limpid_event::Instant;
use limpid_lab::World;
use limpid_lab::host::Options;
use limpid_lab::link::{Conditions, End};
use limpid_lab::world::{HostId, HostPlan, Limits};
use limpid_stack::{Medium, StackConfig};
use limpid_tcp::Algorithm;
use limpid_wire::{Cidr, Endpoint, IpAddr};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

const MTU: u16 = 1500;
/// Payload of a full segment with timestamps, bytes.
const MSS: f64 = 1448.0;

/// A link, and who is on it.
#[derive(Clone, Debug)]
struct Path {
    mbit: u64,
    rtt_ms: u64,
    /// Of the product of bandwidth and round trip.
    queue: f64,
    loss: f64,
    /// The share of packets held, each by up to a round trip.
    reorder: f64,
    flows: Vec<Algorithm>,
    seed: u64,
}

/// What came of it.
struct Shares {
    /// Goodput of each flow, bits a second.
    goodputs: Vec<f64>,
    path: Path,
}

impl Path {
    fn new(mbit: u64, rtt_ms: u64, queue: f64, flows: &[Algorithm]) -> Path {
        Path { mbit, rtt_ms, queue, loss: 0.0, reorder: 0.0, flows: flows.to_vec(), seed: 1 }
    }

    fn losing(self, loss: f64) -> Path {
        Path { loss, ..self }
    }

    fn reordering(self, reorder: f64) -> Path {
        Path { reorder, ..self }
    }

    fn seed(self, seed: u64) -> Path {
        Path { seed, ..self }
    }

    /// Full packets that fill the link for a round trip.
    fn bdp(&self) -> f64 {
        (self.mbit * self.rtt_ms) as f64 * 1e3 / 8.0 / f64::from(MTU)
    }

    /// Plays it for so long, and measures after `warm_up`, seconds.
    fn play(self, warm_up: u64, measured: u64) -> Shares {
        let mut world = World::new(self.seed, 0);
        world.limits(Limits { events: u64::MAX, time: Duration::MAX });
        world.without_record();
        let (client, server) = (self.host(&mut world, 1), self.host(&mut world, 2));
        let queue = ((self.queue * self.bdp()) as usize).max(10);
        let half = Duration::from_micros(self.rtt_ms * 500);
        let back = Conditions { rate: Some(self.mbit * 1_000_000), queue, ..Conditions::delay(half) };
        let link = world.connect(
            client,
            server,
            Medium::Ip,
            Conditions { loss: self.loss, reorder: self.reorder, reorder_by: 2 * half, ..back },
        );
        world.link(link).from(End::B).conditions = back;
        let received: Rc<RefCell<Vec<Rc<Cell<u64>>>>> = Rc::default();
        serve(&mut world, server, self.flows.len(), received.clone());
        for (n, algorithm) in self.flows.iter().enumerate() {
            // One after the other, so that they do not move in step.
            send(&mut world, client, *algorithm, Duration::from_millis(self.rtt_ms) * n as u32 / 3);
        }
        let count = |at: u64, world: &mut World| {
            world.run_until(Instant::ZERO + Duration::from_secs(at)).unwrap();
            received.borrow().iter().map(|bytes| bytes.get()).collect::<Vec<_>>()
        };
        let (before, after) = (count(warm_up, &mut world), count(warm_up + measured, &mut world));
        let before = before.into_iter().chain(std::iter::repeat(0));
        let goodputs = after.iter().zip(before).map(|(a, b)| (a - b) as f64 * 8.0 / measured as f64).collect();
        Shares { goodputs, path: self }
    }

    fn host(&self, world: &mut World, last: u8) -> HostId {
        let mut config = StackConfig::default();
        let mut tcp = (*config.tcp).clone();
        let most = 4 * ((1.0 + self.queue) * self.bdp() + 20.0) as usize * usize::from(MTU);
        (tcp.recv_buffer, tcp.send_buffer) = (most.max(1 << 20), most.max(1 << 20));
        tcp.recv_buffer_max = tcp.recv_buffer_max.max(most);
        config.tcp = tcp.into();
        let address = Cidr { addr: IpAddr::v4([10, 0, 0, last]), prefix: 24 };
        world.add_host(HostPlan { name: "host", addresses: &[address], mtu: MTU, medium: Medium::Ip, config }).unwrap()
    }
}

impl Shares {
    /// Of what the link can carry, all flows together.
    fn utilization(&self) -> f64 {
        let link = self.path.mbit as f64 * 1e6 * MSS / f64::from(MTU) * (1.0 - self.path.loss);
        self.goodputs.iter().sum::<f64>() / link
    }

    /// Jain's index: 1 is perfectly even.
    fn fairness(&self) -> f64 {
        let sum: f64 = self.goodputs.iter().sum();
        let squares: f64 = self.goodputs.iter().map(|g| g * g).sum();
        sum * sum / (self.goodputs.len() as f64 * squares)
    }

    /// The mean window of the first flow, segments.
    fn window(&self) -> f64 {
        self.goodputs[0] / 8.0 / MSS * self.path.rtt_ms as f64 / 1e3
    }

    #[track_caller]
    fn uses(&self, least: f64) {
        let share = self.utilization();
        assert!(share >= least, "{share:.3} of the link, not {least}: {:?}, {:?}", self.path, self.goodputs);
    }

    #[track_caller]
    fn is_fair(&self, least: f64) {
        let index = self.fairness();
        assert!(index >= least, "Jain's index is {index:.3}, not {least}: {:?}, {:?}", self.path, self.goodputs);
    }
}

fn serve(world: &mut World, host: HostId, flows: usize, received: Rc<RefCell<Vec<Rc<Cell<u64>>>>>) {
    let at = Endpoint::new(IpAddr::v4([10, 0, 0, 2]), 5001);
    world.spawn_daemon(host, "server", move |app| async move {
        let listener = app.listen(at, flows).unwrap();
        while let Ok((socket, _)) = listener.accept().await {
            let count = Rc::new(Cell::new(0));
            received.borrow_mut().push(count.clone());
            drop(app.spawn("reader", async move {
                let mut buf = vec![0; 65_536];
                while let Ok(n @ 1..) = socket.read(&mut buf).await {
                    count.set(count.get() + n as u64);
                }
            }));
        }
    });
}

fn send(world: &mut World, host: HostId, algorithm: Algorithm, wait: Duration) {
    let at = Endpoint::new(IpAddr::v4([10, 0, 0, 2]), 5001);
    world.spawn_daemon(host, "client", move |app| async move {
        app.sleep(wait).await;
        let options = Options { congestion: Some(algorithm), ..Options::default() };
        let socket = app.connect_from(None, at, options).await.unwrap();
        let bytes = vec![0; 65_536];
        while socket.write(&bytes).await.is_ok() {}
    });
}

fn long() -> bool {
    std::env::var_os("LIMPID_LONG").is_some()
}

use Algorithm::{Bbr, Cubic, Reno};

/// RFC 9438 §5: where the queue holds half of what is in flight at least, the window's cut leaves the link busy.
#[test]
fn cubic_fills_a_link_that_loses_nothing() {
    let mut paths = vec![(10, 20, 0.5), (10, 100, 0.5), (10, 100, 1.0), (50, 20, 0.5), (20, 100, 4.0)];
    if long() {
        paths.extend([(100, 100, 0.5), (100, 20, 1.0), (100, 300, 0.5)]);
    }
    for (mbit, rtt, queue) in paths {
        Path::new(mbit, rtt, queue, &[Cubic]).play(10, 30).uses(0.9);
    }
}

#[test]
fn bbr_fills_a_link_that_loses_nothing() {
    for (mbit, rtt, queue) in [(10, 20, 0.5), (10, 100, 1.0), (50, 20, 0.5), (20, 100, 4.0)] {
        Path::new(mbit, rtt, queue, &[Bbr]).play(10, 30).uses(0.9);
    }
}

#[test]
fn bbr_keeps_four_fifths_where_one_in_a_hundred_is_lost() {
    let mut paths = vec![(10, 20, 1.0), (10, 100, 1.0), (30, 100, 1.0)];
    if long() {
        paths.extend([(50, 20, 1.0), (50, 100, 1.0), (100, 100, 1.0), (100, 20, 0.5), (10, 300, 1.0)]);
    }
    for (mbit, rtt, queue) in paths {
        for seed in 1..=if long() { 5 } else { 2 } {
            let shares = Path::new(mbit, rtt, queue, &[Bbr]).losing(0.01).seed(seed).play(10, 40);
            shares.uses(0.8);
        }
    }
}

/// What is overtaken counts as lost until it arrives, and where the path reorders losses are known late: neither may be taken for more
/// losses than there are.
#[test]
fn bbr_keeps_four_fifths_where_segments_are_lost_and_overtaken() {
    let mut paths = vec![(30, 0.01), (30, 0.1)];
    if long() {
        paths.extend([(100, 0.01), (100, 0.1)]);
    }
    for (mbit, reorder) in paths {
        for seed in 1..=if long() { 8 } else { 2 } {
            let path = Path::new(mbit, 100, 1.0, &[Bbr]).losing(0.01).reordering(reorder).seed(seed);
            path.play(7, 20).uses(0.8);
        }
    }
}

#[test]
fn two_flows_share_evenly() {
    for flows in [[Cubic, Cubic], [Bbr, Bbr], [Reno, Reno]] {
        let mut paths = vec![(10, 40, 1.0), (20, 100, 1.0)];
        if long() {
            paths.extend([(50, 20, 1.0), (20, 100, 0.5), (20, 100, 2.0)]);
        }
        for (mbit, rtt, queue) in paths {
            let shares = Path::new(mbit, rtt, queue, &flows).play(0, 60);
            shares.is_fair(0.9);
            shares.uses(0.85);
        }
    }
}

/// RFC 9438 §4.3: where windows and round trips are small, CUBIC takes what Reno would.
#[test]
fn cubic_is_fair_to_reno_where_it_must() {
    for (mbit, rtt, queue) in [(10, 20, 1.0), (5, 40, 1.0), (20, 10, 1.0)] {
        Path::new(mbit, rtt, queue, &[Cubic, Reno]).play(0, 60).is_fair(0.9);
    }
}

/// RFC 9438 §5: the mean window follows from the share of segments lost.
#[test]
fn cubic_and_reno_follow_their_response_functions() {
    let mut cells = vec![(20, 0.01), (100, 0.003)];
    if long() {
        cells.extend([(20, 0.001), (100, 0.001), (300, 0.001), (300, 0.003)]);
    }
    for (rtt_ms, loss) in cells {
        let rtt = rtt_ms as f64 / 1e3;
        let reno = 1.5f64.sqrt() / f64::sqrt(loss);
        let cubic = (0.4f64 * 3.7 / 1.2).powf(0.25) * (rtt / loss).powf(0.75);
        for (algorithm, expected) in [(Reno, reno), (Cubic, cubic.max(reno))] {
            let mbit = (4.0 * expected * MSS * 8.0 / rtt / 1e6) as u64 + 1;
            let windows = (1..=2).map(|seed| {
                let path = Path::new(mbit, rtt_ms, 1.0, &[algorithm]).losing(loss).seed(seed);
                path.play(20, if long() { 400 } else { 100 }).window()
            });
            let window = windows.sum::<f64>() / 2.0;
            let off = window / expected - 1.0;
            assert!(off.abs() <= 0.25, "{algorithm:?} at {rtt_ms} ms, {loss}: {window:.1}, not {expected:.1}");
        }
    }
}
