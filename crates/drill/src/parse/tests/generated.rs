//! Scripts of every construct, printed and read again.

use super::*;
use crate::script::{Command, Event, Icmp, Opt, Snippet};
use limpid_wire::notation::{EcnText, IpInfo, OptionList, OptionsText, SegmentText};
use limpid_wire::{Ecn, SeqNum, TcpFlags};
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;

fn at<T>(value: T) -> (Pos, T) {
    (Pos::default(), value)
}

fn arg(value: Expr) -> Arg {
    Arg { at: Pos::default(), value }
}

fn word() -> impl Strategy<Value = String> {
    "[a-zA-Z_][a-zA-Z0-9_]{0,8}".prop_filter("words with a meaning of their own", |word| {
        !["flags", "mtu", "id", "icmp"].contains(&word.as_str())
    })
}

fn leaf() -> impl Strategy<Value = Expr> {
    prop_oneof![
        Just(Expr::Default),
        any::<(i64, bool)>().prop_map(|(n, is_hex)| Expr::Integer(n, is_hex)),
        (-1e12..1e12).prop_map(Expr::Decimal),
        word().prop_map(Expr::Word),
        vec(any::<u8>(), 0..12).prop_map(Expr::Text),
        vec(any::<u8>(), 0..12).prop_map(Expr::Prefix),
        select(vec!["(label 5, tc 0, ttl 1)", "flags [none], sum 0, off 0, key = 0x1, seq 0"])
            .prop_map(|text| Expr::Other(text.to_owned())),
    ]
}

/// What a result may be: a word before a parenthesis is no function there.
fn result() -> impl Strategy<Value = Expr> {
    let words = vec(word().prop_map(|word| arg(Expr::Word(word))), 2..4).prop_map(Expr::Or);
    prop_oneof![leaf(), words, vec(expression().prop_map(arg), 0..3).prop_map(Expr::List)]
}

fn expression() -> impl Strategy<Value = Expr> {
    leaf().prop_recursive(4, 24, 4, |inner| {
        let arguments = || vec(inner.clone().prop_map(arg), 0..4);
        let part = inner.clone().prop_filter("no Or in an Or", |e| !matches!(e, Expr::Or(_) | Expr::Equals(..)));
        prop_oneof![
            vec(part.prop_map(arg), 2..4).prop_map(Expr::Or),
            (word(), inner.clone()).prop_map(|(name, value)| Expr::Equals(name, Box::new(arg(value)))),
            arguments().prop_map(Expr::List),
            vec(field(inner.clone()), 0..4).prop_map(Expr::Struct),
            (word(), arguments()).prop_map(|(name, arguments)| Expr::Function(name, arguments)),
        ]
    })
}

fn field(value: impl Strategy<Value = Expr>) -> impl Strategy<Value = Field> {
    (of((word(), of(leaf()))), value).prop_filter_map("a name of its own", |(name, value)| match name {
        None if matches!(value, Expr::Equals(..)) => None,
        None => Some(Field { name: None, size: None, value: arg(value) }),
        Some((name, size)) => Some(Field { name: Some(name), size: size.map(arg), value: arg(value) }),
    })
}

fn duration() -> impl Strategy<Value = Duration> {
    (prop_oneof![0..3u64, 0..=1_000_000_000u64], prop_oneof![Just(0), 0..1_000_000_000u32])
        .prop_map(|(seconds, nanos)| Duration::new(seconds.min(999_999_999), nanos))
}

fn exact_time() -> impl Strategy<Value = Time> {
    prop_oneof![duration().prop_map(Time::Absolute), duration().prop_map(Time::Relative)]
}

fn any_time() -> impl Strategy<Value = Time> {
    let range = || (duration(), duration()).prop_map(|(a, b)| (a.min(b), a.max(b)));
    prop_oneof![
        exact_time(),
        Just(Time::Any),
        range().prop_map(|(from, to)| Time::AbsoluteRange(from, to)),
        range().prop_map(|(from, to)| Time::RelativeRange(from, to)),
    ]
}

fn ip(is_outbound: bool) -> impl Strategy<Value = IpInfo> {
    let exact = select(vec![Ecn::NotEct, Ecn::Ect0, Ecn::Ect1, Ecn::Ce]).prop_map(EcnText::Exactly);
    let ecn = of(prop_oneof![3 => exact, 1 => Just(EcnText::AnyEct)]);
    let fields = (ecn, any::<Option<u8>>(), of(0..1u32 << 20), any::<Option<u8>>());
    let info = fields.prop_map(move |(ecn, tos, flow_label, ttl)| IpInfo {
        ecn: ecn.filter(|ecn| is_outbound || *ecn != EcnText::AnyEct),
        tos,
        flow_label,
        ttl,
    });
    prop_oneof![Just(IpInfo::default()), info]
}

fn segment(is_outbound: bool) -> impl Strategy<Value = SegmentText> {
    let ports = any::<Option<(u16, u16)>>();
    let numbers = (any::<u32>(), 0..=1u32 << 20, any::<Option<u32>>(), any::<Option<u16>>(), any::<Option<u16>>());
    let options = of(vec(prop_oneof![0..35u8, any::<u8>()], 0..=40));
    (ip(is_outbound), ports, 0..512u16, numbers, options).prop_map(
        move |(ip, ports, flags, (seq, len, ack, window, urgent), options)| SegmentText {
            ip,
            ports,
            flags: TcpFlags::from_bits_truncate(flags),
            seq: SeqNum(seq),
            len,
            ack: ack.map(SeqNum),
            window: if is_outbound { window } else { window.or(Some(257)) },
            urgent,
            options: match options.map(|bytes| OptionsText::List(OptionList::from_bytes(&bytes).unwrap())) {
                Some(list) => list,
                None if is_outbound => OptionsText::Any,
                None => OptionsText::default(),
            },
        },
    )
}

fn icmp(is_outbound: bool) -> impl Strategy<Value = Icmp> {
    let quoted = prop_oneof![
        (any::<u32>(), 0..=1u32 << 20).prop_map(|(seq, len)| Quoted::Tcp { seq, len }),
        any::<u16>().prop_map(Quoted::Udp),
        any::<u16>().prop_map(Quoted::Raw),
    ];
    (ip(is_outbound), word(), of(word()), any::<Option<u32>>(), any::<Option<u16>>(), of(quoted))
        .prop_map(|(ip, kind, code, mtu, echo_id, quoted)| Icmp { ip, kind, code, mtu, echo_id, quoted })
}

fn packet(direction: Direction) -> impl Strategy<Value = EventKind> {
    let is_outbound = direction == Direction::Outbound;
    let others = [("udp", "udp (1000)"), ("gre", "gre: 5 > 6 udp (1)"), ("tcp", "S 0:0(0)! win 5 <mss 1>")];
    let others = others.map(|(protocol, text)| PacketBody::Other { protocol: protocol.into(), text: text.into() });
    let body = prop_oneof![
        6 => segment(is_outbound).prop_map(PacketBody::Tcp),
        2 => icmp(is_outbound).prop_map(PacketBody::Icmp),
        1 => select(others.to_vec()),
    ];
    body.prop_map(move |body| EventKind::Packet(Packet { direction, body }))
}

fn note() -> impl Strategy<Value = String> {
    "[A-Za-z'=|.-]{1,8}( [A-Za-z0-9]{1,8}){0,3}( \\([a-z]{0,3}\\))?"
}

fn call(time: Time) -> impl Strategy<Value = EventKind> {
    let from = match time {
        Time::Absolute(from) | Time::Relative(from) => from,
        _ => Duration::ZERO,
    };
    let until = of(0..1_000_000u64).prop_map(move |more| more.map(|micros| from + Duration::from_micros(micros)));
    let errno = of((word(), of((note(), of(note())))));
    (until, word(), vec(expression().prop_map(arg), 0..5), result(), errno, of(note())).prop_map(
        |(until, name, arguments, result, errno, note)| {
            let (errno, strerror, note) = match errno {
                None => (None, None, note),
                Some((errno, None)) => (Some(errno), None, None),
                Some((errno, Some((strerror, note)))) => (Some(errno), Some(strerror), note),
            };
            let (at, result) = at(arg(result));
            EventKind::Call(SystemCall { until, name, at, arguments, result, errno, strerror, note })
        },
    )
}

fn command() -> impl Strategy<Value = Command> {
    "[a-z0-9 ./$\"'=|&;\n-]{0,30}(\\\\\n[a-z]*)?".prop_map(|text| Command { at: Pos::default(), text })
}

fn snippet() -> impl Strategy<Value = Snippet> {
    "[ a-z0-9=\n}{'\"+()%#-]{0,30}".prop_filter_map("an end", |text| {
        (!format!("{text}}}%")[..text.len() + 1].contains("}%")).then(|| Snippet { at: Pos::default(), text })
    })
}

fn event(time: Time) -> impl Strategy<Value = Event> {
    let (at, last_line) = (Pos::default(), 1);
    let outbound = packet(Direction::Outbound);
    let kind = if matches!(time, Time::Absolute(_) | Time::Relative(_)) {
        prop_oneof![
            outbound,
            packet(Direction::Inbound),
            call(time),
            command().prop_map(EventKind::Command),
            snippet().prop_map(EventKind::Snippet),
        ]
        .boxed()
    } else {
        outbound.boxed()
    };
    kind.prop_map(move |kind| Event { at, last_line, time, kind })
}

/// A time that may stand behind `last`: one that goes back becomes relative.
fn behind(last: Time, time: Time) -> Time {
    let (Time::Absolute(earlier) | Time::AbsoluteRange(earlier, _)) = last else { return time };
    match time {
        Time::Absolute(at) if at < earlier => Time::Relative(at),
        Time::AbsoluteRange(from, to) if from < earlier => Time::RelativeRange(from, to),
        other => other,
    }
}

fn option() -> impl Strategy<Value = Opt> {
    let value = prop_oneof![
        "[a-zA-Z0-9_.,:~-]{1,12}",
        "[a-z]{1,5}=\"[a-z ]{0,5}\"",
        "[a-z]{1,5}=`[a-z ]{0,5}`",
        "[a-z ]{0,9}",
        "[a-z]{0,3}//[a-z]{0,3}",
    ];
    let name = word().prop_filter("no definition", |name| name != "define");
    (name, of(value)).prop_map(|(name, value)| Opt { at: Pos::default(), name, value })
}

fn any_script() -> impl Strategy<Value = Script> {
    let first = select(vec![Time::Absolute(Duration::ZERO), Time::Relative(Duration::ZERO)]);
    let more = vec(any_time().prop_flat_map(event), 0..6);
    (vec(option(), 0..3), of(command()), first.prop_flat_map(event), more, of(command())).prop_map(
        |(options, init, first, more, cleanup)| {
            let mut events: Vec<Event> = std::iter::once(first).chain(more).collect();
            (1..events.len()).for_each(|n| events[n].time = behind(events[n - 1].time, events[n].time));
            Script { options, init, events, cleanup }
        },
    )
}

proptest! {
    #[test]
    fn what_is_printed_is_read_as_itself(script in any_script()) {
        let text = script.to_string();
        match parse(&text, &Definitions::new()) {
            Ok(again) => {
                prop_assert_eq!(unplaced(&again), unplaced(&script), "{}", text);
                prop_assert_eq!(again.to_string(), text);
            }
            Err(error) => prop_assert!(false, "{error}\n{text}"),
        }
    }
}
