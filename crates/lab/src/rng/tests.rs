use super::Rng;

#[test]
fn known_numbers() {
    // From the reference implementation, seed 1234567.
    let mut rng = Rng::new(1_234_567);
    assert_eq!(rng.next_u64(), 6_457_827_717_110_365_317);
    assert_eq!(rng.next_u64(), 3_203_168_211_198_807_973);
}

#[test]
fn below_stays_below_and_reaches_every_number() {
    let mut rng = Rng::new(7);
    let mut seen = [0u32; 5];
    for _ in 0..5000 {
        seen[rng.below(5) as usize] += 1;
    }
    assert!(seen.iter().all(|n| (800..1200).contains(n)), "{seen:?}");
    assert_eq!(rng.below(0), 0);
}

#[test]
fn chance_keeps_to_its_probability() {
    let mut rng = Rng::new(7);
    let hits = (0..10_000).filter(|_| rng.chance(0.25)).count();
    assert!((2300..2700).contains(&hits), "{hits}");
    assert!((0..1000).all(|_| !rng.chance(0.0)));
    assert!((0..1000).all(|_| rng.chance(1.0)));
}
