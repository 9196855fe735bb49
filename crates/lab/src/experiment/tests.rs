use super::*;
use crate::experiments::ALL;

#[test]
fn every_experiment_is_found_by_its_name_and_explains_itself() {
    for experiment in ALL {
        assert_eq!(find(experiment.name).map(|e| e.name), Some(experiment.name));
        assert!((30..=76).contains(&experiment.summary.len()), "{}: {}", experiment.name, experiment.summary.len());
        assert!(experiment.look_for.len() >= 2, "{}", experiment.name);
        let wide = experiment.look_for.iter().find(|line| line.len() > 118);
        assert_eq!(wide, None, "{}", experiment.name);
    }
}

#[test]
fn a_typo_suggests_the_nearest() {
    let name = |typo| nearest(typo).map(|e| e.name);
    assert_eq!(name("handshak"), Some("handshake"));
    assert_eq!(name("conect-timeot"), Some("connect-timeout"));
    assert_eq!(name("timewait"), Some("time-wait"));
    assert_eq!(name("halfclose"), Some("half-close"));
    assert_eq!(name("completely-different"), None);
    assert_eq!(name(""), None);
}

#[test]
fn edit_distances() {
    for (a, b, distance) in
        [("", "", 0), ("", "abc", 3), ("kitten", "sitting", 3), ("flaw", "lawn", 2), ("ab", "ab", 0)]
    {
        assert_eq!(edit_distance(a, b), distance, "{a} {b}");
    }
}
