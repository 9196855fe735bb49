//! Thousands of small worlds, each made from its seed: two stacks, a bad link, both directions at once. Every byte must
//! arrive, in order, and nothing may be left over.
//!
//! `LIMPID_WORLDS` sets how many; `LIMPID_WORLD` runs one seed alone, and prints what happens in it.

use limpid_event::{Counter, Error, Instant};
use limpid_lab::host::{App, Socket};
use limpid_lab::link::{Aqm, Conditions};
use limpid_lab::rng::Rng;
use limpid_lab::world::{Aftermath, HostId, HostPlan, Limits};
use limpid_lab::{LabError, World};
use limpid_scope::trace::{Note, Packet};
use limpid_stack::{Medium, Shutdown, StackConfig};
use limpid_tcp::EcnPolicy;
use limpid_wire::{Cidr, Endpoint, IpAddr, MacAddr};
use std::fmt;
use std::time::Duration;

/// Worlds in one test run, unless LIMPID_WORLDS says otherwise.
const WORLDS: u64 = 2000;

/// What a seed decides.
#[derive(Clone, Debug)]
struct Plan {
    seed: u64,
    link: Conditions,
    ipv6: bool,
    ethernet: bool,
    mtu: u16,
    recv_buffer: usize,
    /// What each side thinks of ECN.
    ecn: [EcnPolicy; 2],
    /// How many bytes each side sends.
    bytes: [usize; 2],
    /// Both hosts have network cards with offloads.
    offloads: bool,
    /// Each side closes its sending half as soon as it is through, or only when the other has.
    waits_for_the_other: bool,
}

impl Plan {
    fn draw(seed: u64) -> Plan {
        let mut rng = Rng::new(seed);
        let mut up_to = |most: f64| if rng.chance(0.5) { rng.below(1000) as f64 / 1000.0 * most } else { 0.0 };
        let (loss, reorder, duplicate, corrupt) = (up_to(0.1), up_to(0.2), up_to(0.1), up_to(0.05));
        // Apart, so that the rest of a seed's plan stays what it was.
        let mut of_ecn = Rng::new(seed ^ 0xec);
        let aqm = [None, None, Some(Aqm::Threshold(3)), Some(Aqm::CODEL)][of_ecn.below(4) as usize];
        let mut policy = || EcnPolicy::ALL[of_ecn.below(EcnPolicy::ALL.len() as u64) as usize];
        let ecn = [policy(), policy()];
        let link = Conditions {
            delay: Duration::from_micros(rng.below(60_000)),
            jitter: Duration::from_micros(rng.below(20_000)),
            loss,
            reorder,
            reorder_by: Duration::from_micros(rng.below(50_000)),
            duplicate,
            corrupt,
            rate: rng.chance(0.3).then(|| 200_000 + rng.below(50_000_000)),
            queue: 5 + rng.below(100) as usize,
            // A burst may be longer than a closed connection's patience.
            bursts: None,
            queue_bytes: rng.chance(0.3).then(|| 8_000 + rng.below(100_000)),
            aqm,
        };
        let ipv6 = rng.chance(0.5);
        Plan {
            seed,
            link,
            ipv6,
            ethernet: rng.chance(0.25),
            mtu: if ipv6 { 1280 } else { 576 } + rng.below(920) as u16,
            ecn,
            offloads: Rng::new(seed ^ 0x0ff).chance(0.5),
            recv_buffer: 3000 + rng.below(100_000) as usize,
            bytes: [rng.below(40_000) as usize, if rng.chance(0.7) { rng.below(40_000) as usize } else { 0 }],
            waits_for_the_other: rng.chance(0.3),
        }
    }

    fn address(&self, last: u8) -> Cidr {
        if self.ipv6 {
            let mut octets = [0; 16];
            (octets[0], octets[15]) = (0xfd, last);
            Cidr { addr: IpAddr::v6(octets), prefix: 64 }
        } else {
            Cidr { addr: IpAddr::v4([10, 0, 0, last]), prefix: 24 }
        }
    }

    fn medium(&self, last: u8) -> Medium {
        if self.ethernet { Medium::Ethernet(MacAddr([2, 0, 0, 0, 0, last])) } else { Medium::Ip }
    }

    /// What side 0 or 1 sends.
    fn data(&self, side: usize) -> Vec<u8> {
        let mut data = vec![0; self.bytes[side]];
        Rng::new(self.seed ^ (side as u64 + 1) << 56).fill(&mut data);
        data
    }
}

/// How a world came out wrong.
#[derive(Debug)]
struct Wrong {
    plan: Plan,
    what: String,
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}\n  {:?}\n  again: LIMPID_WORLD={} cargo test -p limpid-lab --test worlds -- --nocapture",
            self.what, self.plan, self.plan.seed
        )
    }
}

/// One side: sends its data in pieces of any size while it reads in pieces of any size, now and then taking a rest.
async fn side(app: App, socket: Socket, plan: Plan, side: usize) -> Result<Vec<u8>, Error> {
    let socket = std::rc::Rc::new(socket);
    let mut rng = Rng::new(plan.seed.rotate_left(7) ^ side as u64);
    let reader = app.spawn("reader", {
        let (app, socket, mut rng) = (app.clone(), socket.clone(), rng.fork());
        async move {
            let mut all = Vec::new();
            loop {
                let mut buf = vec![0; 1 + rng.below(5000) as usize];
                match socket.read(&mut buf).await? {
                    0 => return Ok::<_, Error>(all),
                    n => all.extend_from_slice(&buf[..n]),
                }
                if rng.chance(0.05) {
                    app.sleep(Duration::from_millis(rng.below(400))).await;
                }
            }
        }
    });
    let data = plan.data(side);
    let mut rest = &data[..];
    while !rest.is_empty() {
        let (piece, after) = rest.split_at(rest.len().min(1 + rng.below(9000) as usize));
        socket.write_all(piece).await?;
        rest = after;
        if rng.chance(0.1) {
            app.sleep(Duration::from_millis(rng.below(300))).await;
        }
    }
    // If both sides waited for the other, neither would ever finish.
    if plan.waits_for_the_other && side == 1 {
        let all = reader.await?;
        socket.shutdown(Shutdown::Write)?;
        return Ok(all);
    }
    socket.shutdown(Shutdown::Write)?;
    reader.await
}

/// Connects; where three neighbour solicitations in a row were lost, tries again, as any program would.
async fn connect(app: &App, to: Endpoint) -> Result<Socket, Error> {
    loop {
        match app.connect(to).await {
            Err(Error::HostUnreachable) => app.sleep(Duration::from_secs(1)).await,
            outcome => return outcome,
        }
    }
}

fn build(plan: &Plan, record: bool) -> Result<(World, [HostId; 2]), LabError> {
    let mut world = World::new(plan.seed, 0);
    world.shuffle_tasks();
    if !record {
        world.without_record();
    }
    if plan.offloads {
        world.with_offloads();
    }
    world.limits(Limits { events: 1_000_000, time: Duration::from_secs(3600) });
    let mut config = StackConfig::default();
    let mut tcp = (*config.tcp).clone();
    tcp.recv_buffer = plan.recv_buffer;
    let mut add = |name, last: u8| {
        tcp.ecn = plan.ecn[usize::from(last) - 1];
        config.tcp = tcp.clone().into();
        let addresses = [plan.address(last)];
        let medium = plan.medium(last);
        world.add_host(HostPlan { name, addresses: &addresses, mtu: plan.mtu, medium, config: config.clone() })
    };
    let hosts = [add("client", 1)?, add("server", 2)?];
    world.connect(hosts[0], hosts[1], plan.medium(1), plan.link);
    Ok((world, hosts))
}

/// How a world ended: what must be the same in every run of its seed.
#[derive(PartialEq, Debug)]
struct End {
    at: Instant,
    /// Every counter of both stacks.
    counters: Vec<u64>,
    /// Empty unless it was recorded.
    packets: Vec<Packet>,
    notes: Vec<Note>,
}

/// Runs a world to the very end and says what is wrong with it.
fn check(plan: &Plan, record: bool) -> Result<End, String> {
    let (mut world, hosts) = build(plan, record).map_err(|e| e.to_string())?;
    let at = Endpoint::new(plan.address(2).addr, 7);
    let (p, q) = (plan.clone(), plan.clone());
    let server = world.spawn(hosts[1], "server", move |app| async move {
        let (socket, _) = app.listen(at, 1)?.accept().await?;
        side(app, socket, p, 1).await
    });
    let client = world.spawn(hosts[0], "client", move |app| async move {
        let socket = connect(&app, at).await?;
        side(app, socket, q, 0).await
    });
    let ran = world.run(Aftermath::Everything).map_err(|e| e.to_string());
    if record {
        // Shown by the test harness only if the test fails, or with --nocapture.
        println!("{}", limpid_lab::experiment::story(&world.trace()).words().join("\n"));
    }
    ran?;
    for (who, got, wanted) in [("server", server.take(), plan.data(0)), ("client", client.take(), plan.data(1))] {
        match got {
            Some(Ok(got)) if got == wanted => {}
            Some(Ok(got)) => {
                let at = got.iter().zip(&wanted).position(|(a, b)| a != b).unwrap_or(got.len().min(wanted.len()));
                return Err(format!(
                    "the {who} read {} bytes instead of {}, right up to {at}",
                    got.len(),
                    wanted.len()
                ));
            }
            Some(Err(error)) => return Err(format!("the {who}: {error}")),
            None => return Err(format!("the {who} did not end")),
        }
    }
    let mut counters = Vec::new();
    for id in hosts {
        let mut host = world.our_host(id).ok_or("not our host")?;
        let open = host.stack().open_connections();
        if open > 0 {
            return Err(format!("{open} connections left over at {id:?}"));
        }
        let values = host.stack().counters();
        counters.extend(Counter::ALL.iter().map(|counter| values.value(*counter)));
    }
    let trace = world.trace();
    Ok(End { at: world.clock().now(), counters, packets: trace.packets, notes: trace.notes })
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn every_byte_arrives_over_any_link() {
    if let Some(seed) = number("LIMPID_WORLD") {
        let plan = Plan::draw(seed);
        println!("{plan:?}");
        check(&plan, true).unwrap();
        return;
    }
    let worlds = number("LIMPID_WORLDS").unwrap_or(WORLDS);
    let wrong: Vec<String> = (0..worlds)
        .map(Plan::draw)
        .filter_map(|plan| check(&plan, false).err().map(|what| Wrong { plan, what }.to_string()))
        .collect();
    let shown = wrong.iter().take(5).cloned().collect::<Vec<_>>().join("\n");
    assert!(wrong.is_empty(), "{} of {worlds} worlds:\n{shown}", wrong.len());
}

#[test]
fn the_same_seed_gives_the_same_run() {
    for plan in (0..20).map(Plan::draw) {
        let first = check(&plan, true).unwrap();
        assert!(!first.packets.is_empty() && !first.notes.is_empty());
        assert!(first == check(&plan, true).unwrap(), "seed {}", plan.seed);
    }
}
