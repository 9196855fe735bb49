use super::*;
use limpid::Event;

struct Nobody;

impl Observer for Nobody {
    fn observe(&mut self, _at: Instant, _flow: FlowId, _event: &Event) {}
}

fn state(to: TcpState) -> Event {
    Event::State { from: TcpState::Established, to }
}

fn opened() -> Event {
    let end = "10.0.0.1:1".parse().unwrap();
    Event::Opened { local: end, remote: end, opening: limpid_event::Opening::Active }
}

#[test]
fn waits_for_the_last_to_close() {
    let watch = Watch::default();
    let mut observer = watch.observer(Nobody);
    watch.wait_until_closed(Duration::from_secs(60));

    let mut tell = |flow, event| observer.observe(Instant::ZERO, FlowId(flow), &event);
    tell(1, opened());
    tell(2, opened());
    tell(1, state(TcpState::FinWait2));
    tell(2, state(TcpState::TimeWait));
    let begin = std::time::Instant::now();
    watch.wait_until_closed(Duration::from_millis(20));
    assert!(begin.elapsed() >= Duration::from_millis(20), "the first is still closing");

    let waiting = watch.clone();
    let waiter = std::thread::spawn(move || waiting.wait_until_closed(Duration::from_secs(60)));
    tell(1, Event::Ended { error: None });
    waiter.join().unwrap();
    assert!(begin.elapsed() < Duration::from_secs(30));
}
