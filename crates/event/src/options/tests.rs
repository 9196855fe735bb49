use super::*;
use crate::{Event, SegmentView};
use limpid_wire::SeqNum;

/// Nothing that a segment says is lost in its view, whether it is boxed or not, and views are equal where options are.
#[test]
fn every_option_is_kept() {
    let timestamps = Some(Timestamps { val: 1, ecr: 2 });
    let block = SackBlock::new(SeqNum(1), SeqNum(2)).unwrap();
    let with_timestamps = TcpOptions { timestamps, ..TcpOptions::default() };
    let several = [
        TcpOptions::default(),
        with_timestamps.clone(),
        TcpOptions { mss: Some(1460), ..TcpOptions::default() },
        TcpOptions { window_scale: Some(0), ..with_timestamps.clone() },
        TcpOptions { sack_permitted: true, ..with_timestamps.clone() },
        TcpOptions { sack: [block].into_iter().collect(), ..with_timestamps },
    ];
    for (n, options) in several.iter().enumerate() {
        let view = OptionsView::from(options);
        assert_eq!(*view.all(), *options);
        assert_eq!((view.timestamps(), view.sack()), (options.timestamps, &options.sack[..]));
        for (m, other) in several.iter().enumerate() {
            assert_eq!(view == OptionsView::from(other), n == m);
        }
    }
}

/// An event is kept many times over: what it takes is what tracing costs.
#[test]
fn events_are_small() {
    assert!(size_of::<SegmentView>() <= 48, "{}", size_of::<SegmentView>());
    assert!(size_of::<Event>() <= 64, "{}", size_of::<Event>());
}
