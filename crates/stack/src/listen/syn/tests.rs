//! What a route says of connections.

use super::*;
use crate::IfaceId;
use limpid_wire::IpAddr;

fn path(metrics: RouteMetrics) -> Path {
    Path { metrics, ..Path::new(IfaceId::LOOPBACK, IpAddr::UNSPECIFIED_V4, 1500) }
}

#[test]
fn settings_are_copied_for_routes_that_change_them_alone() {
    let settings = Arc::new(Config::default());
    let of_the_path = RouteMetrics {
        mtu: Some(1000),
        mtu_locked: true,
        adv_mss: Some(900),
        fast_open_no_cookie: true,
        ..RouteMetrics::default()
    };
    for metrics in [RouteMetrics::default(), of_the_path] {
        assert!(Arc::ptr_eq(&settings, &by_route(settings.clone(), &path(metrics))), "{metrics:?}");
    }
    let window = by_route(settings.clone(), &path(RouteMetrics { initial_cwnd: Some(3), ..of_the_path }));
    assert_eq!((window.initial_cwnd, window.initial_rwnd), (3, settings.initial_rwnd));
    let ecn = by_route(settings.clone(), &path(RouteMetrics { ecn: true, ..RouteMetrics::default() }));
    assert!(ecn.ecn.offer >= EcnLevel::Classic && ecn.ecn.accept >= EcnLevel::Classic);
    let rest = RouteMetrics {
        initial_rwnd: Some(7),
        rto_min: Some(Duration::from_millis(40)),
        ack_at_once: Some(true),
        ..of_the_path
    };
    let rest = by_route(settings, &path(rest));
    assert_eq!((rest.initial_rwnd, rest.rto_min.as_millis(), rest.ack_at_once), (7, 40, true));
}
