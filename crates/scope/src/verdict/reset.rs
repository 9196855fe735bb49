//! Who reset the connection, and why (RFC 9293 §3.5.2, §3.10.4.2; RFC 2525 §2.17; RFC 1122 §4.2.2.13).

use super::{Kind, Known, Story};
use crate::analysis::{Connection, Segment, opening};
use limpid_event::{Error, TxReason};
use limpid_wire::TcpFlags;

/// The first reset of a connection that had come about, unless it did no more than end TIME-WAIT.
pub(super) fn explain(story: &mut Story<'_>) {
    let connection = story.connection;
    let Some(reset) = connection.segments.iter().find(|s| s.is(TcpFlags::RST) && !s.copy) else { return };
    let came_about = connection.segments.iter().any(|s| s.number < reset.number && !s.is(TcpFlags::SYN));
    let refused = !came_about && opening::handshake(connection).is_none() && reset.from != connection.opener;
    if refused || super::time_wait::is_ended_by(connection, reset) {
        return;
    }
    let (why, known) = match reset.why.and_then(told) {
        Some(why) => (why.to_owned(), Known::Inside),
        None => guessed(connection, reset),
    };
    let sentence = format!(
        "{} reset the connection ({}){why}.{}",
        story.the_capital(reset.from),
        reset.number,
        heard(story, reset)
    );
    story.say(Kind::Reset, known, &[reset.number], sentence);
}

fn told(why: TxReason) -> Option<&'static str> {
    Some(match why {
        TxReason::ResetAbort => ": its application aborted",
        TxReason::ResetUnread => ": its application closed with data unread",
        TxReason::ResetDataAfterClose => ": data came after its application had closed",
        TxReason::ResetNoConnection => ": it knows no such connection",
        TxReason::ResetBadAck => ": it got an ACK for what it never sent",
        TxReason::ResetTimeout => ": its patience had run out",
        TxReason::ResetRefused => ": its listener refused",
        _ => return None,
    })
}

/// Why, where the sender's engine does not tell.
fn guessed(connection: &Connection, reset: &Segment) -> (String, Known) {
    match connection.reset.filter(|(number, _)| *number == reset.number) {
        Some((_, cause)) => (format!(": {}", cause.explained()), Known::Inferred),
        None => ("; why, the packets don't tell".into(), Known::Observed),
    }
}

/// How the other side learnt of it.
fn heard(story: &Story<'_>, reset: &Segment) -> String {
    let peer = Connection::peer(reset.from);
    if reset.arrival.is_lost() {
        return format!(" It was lost: {} never heard of it.", story.the(peer));
    }
    let Some((_, error)) = story.ended(peer) else { return String::new() };
    let after_fin = reset.tcp.seq_len() == 0 && story.connection.ends[reset.from].fin.is_some();
    let why = match error {
        Error::BrokenPipe if after_fin => ", not ECONNRESET, because the end of the stream had come before",
        _ => "",
    };
    format!(" {} heard of it as {}{why}.", story.the_capital(peer), error.errno())
}
