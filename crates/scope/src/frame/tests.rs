use super::*;

#[test]
fn ip_is_found_in_every_kind_of_frame() {
    let four = [0x45, 0, 0, 20, 1, 2, 3];
    let six = [0x60, 0, 0, 0, 9];
    let ethernet = |parts: &[&[u8]]| [&[2; 12][..], &parts.concat()].concat();
    let ppp4: &[u8] = &[0, 0x21];
    let session: &[u8] = &[0x88, 0x64, 0x11, 0, 0, 5, 0, 9];
    let label: &[u8] = &[0, 6, 0x40, 64];
    let bottom: &[u8] = &[0, 6, 0x41, 64];
    let frames: Vec<(LinkType, Vec<u8>)> = vec![
        (LinkType::RAW, four.to_vec()),
        (LinkType::RAW_BSD, four.to_vec()),
        (LinkType::ETHERNET, ethernet(&[&[8, 0], &four])),
        (LinkType::ETHERNET, ethernet(&[&[0x81, 0, 0, 7, 8, 0], &four])),
        (LinkType::ETHERNET, ethernet(&[&[0x88, 0xa8, 0, 7, 0x81, 0, 0, 8, 8, 0], &four])),
        (LinkType::ETHERNET, ethernet(&[session, ppp4, &four])),
        (LinkType::ETHERNET, ethernet(&[&[0x81, 0, 0, 7], session, &[0x21], &four])),
        (LinkType::ETHERNET, ethernet(&[&[0x88, 0x47], label, bottom, &four])),
        (LinkType::LINUX_SLL, [&[0; 14][..], &[8, 0], &four].concat()),
        (LinkType::LINUX_SLL, [&[0; 14][..], &[0x81, 0, 0, 7, 8, 0], &four].concat()),
        (LinkType::LINUX_SLL2, [&[8, 0][..], &[0; 18], &four].concat()),
        (LinkType::NULL, [&[2, 0, 0, 0][..], &four].concat()),
        (LinkType::NULL, [&[0, 0, 0, 2][..], &four].concat()),
        (LinkType::LOOP, [&[0, 0, 0, 2][..], &four].concat()),
        (LinkType::PPP, [&[0xff, 3][..], ppp4, &four].concat()),
        (LinkType::PPP, [ppp4, &four].concat()),
        (LinkType::PPP, [&[0, 3, 0x21][..], &four].concat()),
        (LinkType::PPP, [&[2, 0x81][..], bottom, &four].concat()),
        (LinkType::PPP_HDLC, [&[0xff, 3][..], ppp4, &four].concat()),
        (LinkType::PPP_HDLC, [&[0x0f, 0, 8, 0][..], &four].concat()),
        (LinkType::C_HDLC, [&[0x8f, 0, 8, 0][..], &four].concat()),
        (LinkType::PPP_ETHER, [&session[2..], ppp4, &four].concat()),
    ];
    for (link_type, frame) in frames {
        assert_eq!(ip_packet(link_type, &frame), Some(&four[..]), "{link_type:?} {frame:?}");
        for end in 0..frame.len() - four.len() + 1 {
            assert_eq!(ip_packet(link_type, &frame[..end]), None, "{link_type:?} {:?}", &frame[..end]);
        }
    }
    assert_eq!(ip_packet(LinkType::ETHERNET, &ethernet(&[&[0x86, 0xdd], &six])), Some(&six[..]));
    assert_eq!(ip_packet(LinkType::NULL, &[&[30, 0, 0, 0][..], &six].concat()), Some(&six[..]));
}

#[test]
fn what_is_not_ip_is_not_taken_for_it() {
    let four = [0x45, 0, 0, 20];
    let arp = [&[2; 12][..], &[8, 6], &four].concat();
    assert_eq!(ip_packet(LinkType::ETHERNET, &arp), None);
    assert_eq!(ip_packet(LinkType::RAW, &[0x55, 0, 0]), None);
    assert_eq!(ip_packet(LinkType(147), &four), None);
    let endless = [&[2; 12][..], &[0x81, 0, 0, 7].repeat(40), &[8, 0], &four].concat();
    assert_eq!(ip_packet(LinkType::ETHERNET, &endless), None);
}
