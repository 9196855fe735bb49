//! Deep reordering without loss (RFC 8985 §6): one segment in ten is held for up to a round trip. That costs less than a tenth of
//! the goodput and no timeout, whatever the seed.

use limpid_lab::experiment::{Settings, find};

#[test]
fn deep_reordering_costs_little_and_no_timeout() {
    let experiment = find("rack-reordering").expect("it is there");
    for seed in 0..6 {
        for ipv6 in [false, true] {
            let settings = Settings { seed, ipv6, ..Settings::default() };
            for run in (experiment.run)(&settings).expect("it runs") {
                assert!(run.as_intended(), "seed {seed}, ipv6 {ipv6}: {}: {:?}", run.title, run.differences);
            }
        }
    }
}

#[test]
fn a_lost_tail_is_probed_on_every_seed() {
    let experiment = find("tail-loss").expect("it is there");
    for seed in 0..20 {
        for ipv6 in [false, true] {
            let settings = Settings { seed, ipv6, ..Settings::default() };
            for run in (experiment.run)(&settings).expect("it runs") {
                assert!(run.as_intended(), "seed {seed}, ipv6 {ipv6}: {}: {:?}", run.title, run.differences);
            }
        }
    }
}
