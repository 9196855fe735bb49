use super::*;

fn list(text: &str) -> OptionsText {
    let text: SegmentText = format!("S 0:0(0) <{text}>").parse().unwrap_or_else(|e| panic!("{text}: {e}"));
    text.options
}

#[test]
fn timestamps_are_found_and_replaced_wherever_they_stand() {
    let mut options = list("mss 1460,sackOK,TS val 5 ecr 6,nop,wscale 7");
    assert_eq!(timestamp(&options), Some((5, 6)));
    set_timestamp(&mut options, Some(8), None);
    set_timestamp(&mut options, None, Some(9));
    assert_eq!(options, list("mss 1460,sackOK,TS val 8 ecr 9,nop,wscale 7"));
    assert_eq!(timestamp(&list("mss 1460")), None);
    assert_eq!(timestamp(&OptionsText::Any), None);
    let mut hostile = list("raw 0803");
    set_timestamp(&mut hostile, Some(1), Some(1));
    assert_eq!((timestamp(&hostile), &hostile), (None, &list("raw 0803")));
}

#[test]
fn options_are_cut_where_their_lengths_say() {
    let cut = |text: &str| match list(text) {
        OptionsText::List(list) => Raw::of(&list).map(<[u8]>::len).collect::<Vec<_>>(),
        OptionsText::Any => panic!(),
    };
    assert_eq!(cut("mss 1460,nop,nop,sackOK,nop,wscale 7,eol"), [4, 1, 1, 2, 1, 3, 1]);
    // A length of nothing, or beyond the end, takes all that is left.
    assert_eq!(cut("nop,raw 0500010203"), [1, 5]);
    assert_eq!(cut("nop,raw 05ff0102"), [1, 4]);
}
