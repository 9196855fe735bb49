use super::*;

fn params() -> OpenParams {
    OpenParams { mss: 1460, ..OpenParams::default() }
}

#[test]
fn the_default_windows_are_those_of_the_article() {
    let config = Config { recv_buffer_max: 6_291_456, ..Config::default() };
    let client = InitialWindow::select(&config, true, 1460);
    assert_eq!((client.window, client.syn_field(), client.scale.shift()), (64_240, 64_240, 7));
    let server = InitialWindow::select(&config, true, 1448);
    assert_eq!((server.window, server.syn_field(), server.scale.shift()), (65_160, 65_160, 7));
}

#[test]
fn without_scaling_no_window_exceeds_sixteen_bits() {
    let config = Config { recv_buffer: 1 << 20, ..Config::default() };
    let window = InitialWindow::select(&config, false, 1460);
    assert_eq!((window.syn_field(), window.later_field(), window.scale), (65_535, 65_535, WindowScale::NONE));
}

#[test]
fn a_large_buffer_takes_a_larger_scale_and_a_syn_states_what_fits() {
    let config = Config { recv_buffer: 64 << 20, recv_buffer_max: 64 << 20, ..Config::default() };
    let window = InitialWindow::select(&config, true, 1460);
    assert_eq!((window.syn_field(), window.scale.shift()), (65_535, 11));
    let huge = Config { recv_buffer: usize::MAX, recv_buffer_max: usize::MAX, ..Config::default() };
    assert_eq!(InitialWindow::select(&huge, true, 1460).scale.shift(), 14);
}

/// As Linux 6.18 with SO_RCVBUF 100,000 (which it doubles), and with its second `tcp_rmem` of 540,000 and third of 15 MiB.
#[test]
fn a_fixed_buffer_decides_the_scale() {
    let config = Config { recv_buffer: 200_000, recv_buffer_fixed: true, ..Config::default() };
    let window = InitialWindow::select(&config, true, 1460);
    assert_eq!((window.window, window.syn_field(), window.scale.shift()), (99_280, 65_535, 1));
    let config = Config { recv_buffer: 540_000, recv_buffer_max: 15_728_640, ..Config::default() };
    let window = InitialWindow::select(&config, true, 1460);
    assert_eq!((window.window, window.syn_field(), window.scale.shift()), (268_640, 65_535, 8));
    let config = Config { window_clamp: 5000, ..Config::default() };
    let window = InitialWindow::select(&config, true, 1460);
    assert_eq!((window.window, window.scale.shift()), (4380, 0));
}

#[test]
fn a_buffer_smaller_than_a_segment_is_offered_as_it_is() {
    let config = Config { recv_buffer: 1000, recv_buffer_max: 1000, recv_buffer_limit: 1000, ..Config::default() };
    let window = InitialWindow::select(&config, true, 1460);
    assert_eq!((window.window, window.scale.shift()), (500, 0));
}

#[test]
fn scaling_is_on_in_both_directions_or_in_none() {
    let with = TcpOptions { window_scale: Some(9), ..TcpOptions::default() };
    let off = Config { window_scaling: false, ..Config::default() };
    let both = Negotiated::from_syn(&Config::default(), &params(), &with);
    assert!(both.scaling && both.snd_scale.shift() == 9);
    for (config, options) in [(&off, &with), (&Config::default(), &TcpOptions::default())] {
        let none = Negotiated::from_syn(config, &params(), options);
        assert!(!none.scaling && none.snd_scale == WindowScale::NONE);
    }
}

#[test]
fn a_shift_above_14_counts_as_14() {
    let options = TcpOptions { window_scale: Some(255), ..TcpOptions::default() };
    let negotiated = Negotiated::from_syn(&Config::default(), &params(), &options);
    assert_eq!(negotiated.snd_scale.shift(), 14);
    assert_eq!(negotiated.snd_scale.max_window().bytes(), 65_535 << 14);
}

#[test]
fn a_tiny_or_missing_mss_is_replaced() {
    let tiny = TcpOptions { mss: Some(1), ..TcpOptions::default() };
    let mss = |options: &TcpOptions| Negotiated::from_syn(&Config::default(), &params(), options).peer_mss;
    assert_eq!(mss(&tiny), MIN_PEER_MSS);
    assert_eq!(mss(&TcpOptions::default()), 536);
}
