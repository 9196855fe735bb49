use super::*;

fn int(sample: &Sample, name: &str) -> i128 {
    match sample[name] {
        Value::Int(value) => value,
        ref other => panic!("{name}: {other:?}"),
    }
}

#[test]
fn every_field_is_read_where_linux_puts_it() {
    // Each byte is its own offset.
    let bytes: Vec<u8> = (0..=255).collect();
    let mut sample = Sample::new();
    tcp_info(&bytes, &mut sample);
    assert_eq!(int(&sample, "tcpi_state"), 0);
    assert_eq!(int(&sample, "tcpi_snd_wscale"), 6);
    assert_eq!(int(&sample, "tcpi_rcv_wscale"), 0);
    assert_eq!(int(&sample, "tcpi_delivery_rate_app_limited"), 1);
    assert_eq!(int(&sample, "tcpi_fastopen_client_fail"), 3);
    assert_eq!(int(&sample, "tcpi_rtt"), 0x4746_4544);
    assert_eq!(int(&sample, "tcpi_bytes_acked"), 0x7f7e_7d7c_7b7a_7978);
    // What lies beyond the bytes is not there.
    assert!(sample.contains_key("tcpi_received_ce") && !sample.contains_key("tcpi_received_ce_bytes"));
    assert_eq!(int(&sample, "TCP_CA_Loss"), 4);
}

#[test]
fn fields_do_not_overlap_and_leave_no_gap() {
    let mut next = 8;
    for (name, at, size) in TCP_INFO.iter().filter(|(_, at, _)| *at >= 8) {
        assert_eq!((*at, at % size), (next, 0), "{name}");
        next = at + size;
    }
}

#[test]
fn congestion_controls_are_told_by_length() {
    let mut sample = Sample::new();
    cc_info(&[], &mut sample);
    assert!(sample.is_empty());
    cc_info(&[1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0, 5, 0, 0, 0], &mut sample);
    assert_eq!((int(&sample, "bbr_bw"), int(&sample, "bbr_cwnd_gain")), (0x2_0000_0001, 5));
}

#[test]
fn meminfo_is_nine_numbers() {
    let mut sample = Sample::new();
    meminfo(&[7; MEMINFO_LEN], &mut sample);
    assert_eq!((sample.len(), int(&sample, "SK_MEMINFO_DROPS")), (9, 0x0707_0707));
}
