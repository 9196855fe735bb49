use super::*;

fn ack(delivered: u32, in_flight: u32, ssthresh: u32, safe: bool) -> PrrAck {
    PrrAck { delivered, in_flight, ssthresh, safe }
}

#[test]
fn above_the_threshold_sending_is_proportional() {
    // RFC 9937 §6.2: 20 segments come down to 14, of each ten that arrive seven go.
    let mut prr = Prr::begin(20);
    let (mut in_flight, mut sent) = (20, 0);
    for _ in 0..20 {
        in_flight -= 1;
        prr.on_ack(&ack(1, in_flight, 14, true));
        let now = prr.window() - in_flight;
        assert!(now <= 1, "never a burst");
        prr.on_sent(now);
        in_flight += now;
        sent += now;
    }
    assert_eq!((sent, in_flight), (14, 14));
}

#[test]
fn below_the_threshold_a_good_ack_lets_one_more_go() {
    let mut prr = Prr::begin(20);
    prr.on_sent(1);
    prr.on_ack(&ack(2, 4, 10, true));
    assert_eq!(prr.window(), 4 + 3, "PRR-SSRB");
    let mut prr = Prr::begin(20);
    prr.on_sent(1);
    prr.on_ack(&ack(2, 4, 10, false));
    assert_eq!(prr.window(), 4 + 2, "PRR-CRB: losses go on");
}

#[test]
fn it_never_goes_beyond_the_threshold() {
    let mut prr = Prr::begin(20);
    prr.on_sent(1);
    prr.on_ack(&ack(9, 4, 10, true));
    assert_eq!(prr.window(), 10);
}

#[test]
fn what_was_not_sent_before_may_be_now() {
    // prr_delivered − prr_out: the application was late.
    let mut prr = Prr::begin(20);
    prr.on_ack(&ack(3, 12, 10, false));
    prr.on_sent(1);
    prr.on_ack(&ack(1, 5, 10, false));
    assert_eq!(prr.window(), 5 + 3);
}

#[test]
fn the_first_goes_at_once() {
    let mut prr = Prr::begin(10);
    prr.on_ack(&ack(1, 9, 5, false));
    assert_eq!(prr.window(), 10);
    prr.on_sent(1);
    prr.on_ack(&ack(1, 9, 5, false));
    assert_eq!(prr.window(), 9, "then its share is used up");
    // Even where nothing is to leave: as much is in flight as is to be.
    let mut prr = Prr::begin(10);
    prr.on_ack(&ack(1, 5, 5, false));
    assert_eq!(prr.window(), 6);
}

#[test]
fn an_ack_without_news_changes_nothing() {
    let mut prr = Prr::begin(10);
    prr.on_ack(&ack(0, 3, 5, true));
    assert_eq!(prr.window(), 10);
}

#[test]
fn numbers_stay_within_bounds() {
    let mut prr = Prr::begin(0);
    for _ in 0..3 {
        prr.on_ack(&ack(u32::MAX, u32::MAX, u32::MAX, true));
        prr.on_sent(u32::MAX);
        prr.on_ack(&ack(u32::MAX, 0, u32::MAX, true));
        prr.on_ack(&ack(u32::MAX, u32::MAX, 0, true));
    }
    assert_eq!(prr.window(), u32::MAX);
}
