use super::*;
use alloc::format;

/// Half a window, whatever happens.
#[derive(Debug)]
struct Fixed(u32);

impl Controller for Fixed {
    fn on_ack(&mut self, _sample: &AckSample) {}
    fn on_loss(&mut self, _sample: &LossSample) {}
    fn on_rto(&mut self, _sample: &LossSample, _again: bool) {}
    fn on_undo(&mut self) {}

    fn window(&self) -> u32 {
        self.0
    }

    fn name(&self) -> &'static str {
        "fixed"
    }
}

#[derive(Debug)]
struct Factory(u32);

impl ControllerFactory for Factory {
    fn name(&self) -> &'static str {
        "fixed"
    }

    fn make(&self, start: &Start) -> Box<dyn Controller> {
        Box::new(Fixed(self.0 + start.window))
    }
}

#[test]
fn ones_own_is_found_by_name() {
    let mut config = Config::default();
    assert_eq!(config.congestion_named("fixed"), None);
    config.register_controller(Arc::new(Factory(1)));
    config.register_controller(Arc::new(Factory(100)));
    let names: Vec<_> = config.congestion_names().collect();
    assert_eq!(names, ["reno", "bbr", "cubic", "fixed"], "the second took the place of the first");
    config.congestion = config.congestion_named("fixed").unwrap();
    let control = CongestionControl::new(&config, &Start::new(10));
    assert_eq!((control.name(), control.window()), ("fixed", 110));
    assert_eq!(format!("{:?}", config.controllers), "[Factory(100)]");
}

#[test]
fn ours_keep_their_names_and_one_that_nobody_knows_is_cubic() {
    let config = Config::default();
    for algorithm in Algorithm::ALL {
        let config = Config { congestion: config.congestion_named(algorithm.name()).unwrap(), ..config.clone() };
        assert_eq!(CongestionControl::new(&config, &Start::new(10)).name(), algorithm.name());
    }
    let config = Config { congestion: Algorithm::Custom("none"), ..config };
    assert_eq!(CongestionControl::new(&config, &Start::new(10)).name(), "cubic");
}

#[test]
fn another_goes_on_where_one_stopped() {
    let start = Start { window: 40, ssthresh: 30, ..Start::new(10) };
    for (congestion, ssthresh) in [(Algorithm::Reno, 30), (Algorithm::Cubic, 30), (Algorithm::Bbr, u32::MAX)] {
        let control = CongestionControl::new(&Config { congestion, ..Config::default() }, &start);
        assert_eq!((control.window(), control.ssthresh()), (40, ssthresh), "{congestion:?}");
    }
}

#[test]
fn registries_are_equal_if_their_factories_are_the_same() {
    let factory: Arc<dyn ControllerFactory> = Arc::new(Factory(1));
    let (mut a, mut b) = (Config::default(), Config::default());
    a.register_controller(factory.clone());
    assert_ne!(a, b);
    b.register_controller(factory);
    assert_eq!(a, b);
}

#[test]
fn a_window_of_nothing_counts_as_one_segment() {
    let control = CongestionControl::Custom(Box::new(Fixed(0)));
    assert_eq!(control.window(), 1);
    assert_eq!(crate::recovery::Recovery::new().window(&control), 1);
}
