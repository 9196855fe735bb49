//! Every experiment as a user sees it.

use super::*;

#[test]
fn every_experiment_works_over_ipv6() {
    for experiment in ALL {
        let runs = (experiment.run)(&Settings { ipv6: true, ..Settings::default() }).expect("it runs");
        for run in runs {
            assert!(run.as_intended(), "{:?} {} {}", run.differences, experiment.name, run.title);
        }
    }
}

#[test]
fn the_list_names_all_and_is_no_wider_than_a_page() {
    let list = list();
    assert!(ALL.iter().all(|e| list.contains(e.name)));
    assert!(list.lines().all(|line| line.chars().count() <= 100));
}
