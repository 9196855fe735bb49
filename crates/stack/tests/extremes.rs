//! Settings at their extremes: nothing that a caller can set makes the stack panic, loop, or send what does not fit.

mod common;

use common::{A, B, Impairments, Rng, World, end};
use limpid_event::{Error, Silent};
use limpid_stack::{Config, InterfaceConfig, ListenConfig, Medium, Route, Secrets, Shutdown, Stack, StackConfig};
use limpid_tcp::{AccEcnOptions, Controllers, EcnPolicy, HyStart, KeepAlive, MtuProbing, SynSchedule};
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

fn pick<T: Copy>(rng: &mut Rng, from: &[T]) -> T {
    from[rng.below(from.len() as u64) as usize]
}

fn duration(rng: &mut Rng) -> Duration {
    let extremes = [Duration::ZERO, Duration::from_nanos(1), Duration::from_secs(1), Duration::MAX];
    pick(rng, &extremes)
}

fn perhaps<T>(rng: &mut Rng, make: impl FnOnce(&mut Rng) -> T) -> Option<T> {
    rng.chance(500).then(|| make(rng))
}

fn size(rng: &mut Rng) -> usize {
    pick(rng, &[0, 1, 100, 5_000, 131_072, u32::MAX as usize, usize::MAX])
}

fn settings(rng: &mut Rng) -> Config {
    let number = |rng: &mut Rng| pick(rng, &[0, 1, 3, u8::MAX]);
    Config {
        syn_retries: number(rng),
        syn_schedule: match rng.chance(500) {
            true => SynSchedule::Exponential,
            false => SynSchedule::LinearThenExponential { linear: number(rng) },
        },
        syn_ack_retries: number(rng),
        connect_deadline: perhaps(rng, duration),
        retries1: number(rng),
        retries2: number(rng),
        mtu_probing: pick(rng, &[MtuProbing::Off, MtuProbing::AfterBlackHole, MtuProbing::Always]),
        base_mss: pick(rng, &[0, 48, 1024, u16::MAX]),
        mtu_probe_floor: pick(rng, &[0, 48, u16::MAX]),
        probe_interval: duration(rng),
        probe_threshold: pick(rng, &[0, 8, u16::MAX]),
        path_mtu_second_look: rng.chance(500),
        orphan_retries: number(rng),
        timestamps: rng.chance(500),
        sack: rng.chance(500),
        dsack: rng.chance(500),
        window_scaling: rng.chance(500),
        recv_buffer: size(rng),
        recv_buffer_fixed: rng.chance(500),
        recv_buffer_min: size(rng),
        recv_buffer_auto: rng.chance(500),
        recv_buffer_max: size(rng),
        initial_rwnd: pick(rng, &[0, 1, u16::MAX]),
        ack_at_once: rng.chance(500),
        recv_buffer_limit: size(rng),
        ecn: pick(rng, &EcnPolicy::ALL),
        ecn_fallback: rng.chance(500),
        accecn_option: pick(rng, &AccEcnOptions::ALL),
        accecn_beacon: number(rng),
        shrink_window: rng.chance(500),
        delack_max: duration(rng),
        window_clamp: pick(rng, &[0, 1, 5000, u32::MAX]),
        quick_ack: rng.chance(500),
        defer_accept: number(rng),
        recv_lowat: pick(rng, &[0, 1, 1000, u32::MAX]),
        comp_sack_nr: number(rng),
        comp_sack_delay: duration(rng),
        send_buffer: size(rng),
        send_buffer_fixed: rng.chance(500),
        send_buffer_min: size(rng),
        send_buffer_max: size(rng),
        send_buffer_near: size(rng),
        no_delay: rng.chance(500),
        cork: rng.chance(500),
        notsent_lowat: pick(rng, &[0, 1, 1000, u32::MAX]),
        slow_start_after_idle: rng.chance(500),
        min_tso_segs: number(rng),
        tso_win_divisor: number(rng),
        tso_rtt_log: number(rng),
        pacing_ss_ratio: pick(rng, &[0, 200, u16::MAX]),
        pacing_ca_ratio: pick(rng, &[0, 120, u16::MAX]),
        retrans_collapse: rng.chance(500),
        frto: rng.chance(500),
        paws_spares_overtaken: rng.chance(500),
        rack: rng.chance(500),
        rack_static_window: rng.chance(500),
        rack_dup_thresh: rng.chance(500),
        tail_loss_probe: rng.chance(500),
        reordering: pick(rng, &[0, 1, 3, u16::MAX]),
        max_reordering: pick(rng, &[0, 3, 300, u16::MAX]),
        rto_min: duration(rng),
        rto_max: duration(rng),
        min_snd_mss: pick(rng, &[0, 48, u16::MAX]),
        recv_err: rng.chance(500),
        thin_linear_timeouts: rng.chance(500),
        congestion: pick(rng, &limpid_tcp::Algorithm::ALL),
        controllers: Controllers::default(),
        hystart: pick(rng, &[HyStart::Off, HyStart::Classic, HyStart::PlusPlus]),
        abe: rng.chance(500),
        pacing: rng.chance(500),
        max_pacing_rate: pick(rng, &[0, 1, 1000, u64::MAX - 1, u64::MAX]),
        initial_cwnd: pick(rng, &[0, 1, 10, 600, u16::MAX]),
        invalid_ratelimit: duration(rng),
        require_timestamps: rng.chance(500),
        max_seg: perhaps(rng, |rng| pick(rng, &[0, 1, 88, 1460, u16::MAX])),
        user_timeout: perhaps(rng, duration),
        user_timeout_option: rng.chance(500),
        user_timeout_min: duration(rng),
        user_timeout_max: duration(rng),
        keepalive_figures: KeepAlive::default(),
        keepalive: perhaps(rng, |rng| KeepAlive { idle: duration(rng), interval: duration(rng), count: number(rng) }),
        linger: perhaps(rng, duration),
        fin_timeout: duration(rng),
        time_wait: duration(rng),
        rfc1337: rng.chance(500),
    }
}

/// An unremarkable conversation, of which anything may go wrong but the program.
fn converse(world: &mut World, remote: &str, settings: [Config; 2]) -> Result<(), Error> {
    let [client_settings, server_settings] = settings.map(Arc::new);
    let config = ListenConfig { tcp: Some(server_settings), ..ListenConfig::new(end(remote), 1) };
    let listener = world.hosts[B].listen(world.now, config)?;
    let client = world.hosts[A].connect(world.now, None, end(remote), Some(client_settings))?;
    world.run(Duration::from_secs(2));
    let (server, _) = world.hosts[B].accept(world.now, listener)?;
    let bytes = [7; 20_000];
    let _ = (world.write(A, client, &bytes), world.write(B, server, &bytes));
    world.run(Duration::from_secs(1));
    let _ = (world.read(A, client), world.read(B, server));
    world.run(Duration::from_secs(600));
    world.hosts[A].info(world.now, client)?;
    world.hosts[A].shutdown(world.now, client, Shutdown::Write)?;
    world.run(Duration::from_secs(1));
    let _ = world.read(B, server);
    world.hosts[B].close(world.now, server)?;
    world.run(Duration::from_secs(100));
    world.hosts[A].close(world.now, client)
}

#[test]
fn no_settings_are_too_much() {
    for seed in 1..=60 {
        let mut rng = Rng::new(seed);
        let stack = StackConfig {
            ephemeral_ports: [0..=0, RangeInclusive::new(9, 3), 1..=1, 0..=u16::MAX, 65_535..=65_535]
                [rng.below(5) as usize]
                .clone(),
            max_time_wait: pick(&mut rng, &[0, 1, usize::MAX]),
            max_orphans: pick(&mut rng, &[0, 1, usize::MAX]),
            max_syn_backlog: pick(&mut rng, &[0, 1, usize::MAX]),
            ..StackConfig::default()
        };
        let mtu = pick(&mut rng, &[88, 89, 100, 576, 1280, 1500, 9000, u16::MAX]);
        let gso_max = pick(&mut rng, &[0, 1, 1000, 65_535, u32::MAX]);
        let ethernet = rng.chance(500);
        let medium = |host| if ethernet { Medium::Ethernet(common::mac(host)) } else { Medium::Ip };
        let mut world = World::with(stack, medium, mtu, gso_max);
        world.keep_carried = false;
        for host in &mut world.hosts {
            host.observer().off = true;
        }
        if rng.chance(300) {
            world.impairments = Impairments { loss: 100, duplication: 50, corruption: 20, reordering: 100 };
        }
        let settings = [settings(&mut rng), settings(&mut rng)];
        let remote = pick(&mut rng, &["10.0.0.2:7", "[2001:db8::2]:7"]);
        println!("seed {seed}: mtu {mtu} gso {gso_max} ethernet {ethernet} {remote} {settings:?}");
        let _ = converse(&mut world, remote, settings);
        let link = if ethernet { 14 } else { 0 };
        // ARP and neighbour discovery are as long as they are.
        assert!(world.largest_packet <= usize::from(mtu).max(100) + link, "{} bytes", world.largest_packet);
    }
}

#[test]
fn an_mtu_that_carries_no_segment_is_refused() {
    let mut stack = Stack::new(StackConfig::default(), Secrets { seed: [1; 32] }, Silent);
    let interface =
        |mtu| InterfaceConfig { name: "link".into(), medium: Medium::Ip, mtu, gso_max: 0, tx_checksum_offload: false };
    assert_eq!(stack.add_interface(interface(87)), Err(Error::InvalidArgument));
    let narrow = stack.add_interface(interface(1279)).unwrap();
    assert_eq!(stack.add_address(narrow, "10.0.0.1/24".parse().unwrap()), Ok(()));
    // IPv6 needs 1280.
    assert_eq!(stack.add_address(narrow, "2001:db8::1/64".parse().unwrap()), Err(Error::InvalidArgument));
    let route = Route { destination: "2001:db8::/64".parse().unwrap(), gateway: None, iface: narrow, metric: 0 };
    assert_eq!(stack.add_route(route), Err(Error::InvalidArgument));
    let wide = stack.add_interface(interface(1280)).unwrap();
    assert_eq!(stack.add_address(wide, "2001:db8::1/64".parse().unwrap()), Ok(()));
}
