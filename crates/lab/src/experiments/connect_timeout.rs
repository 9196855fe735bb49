//! Nobody answers: SYNs again and again, then ETIMEDOUT (RFC 6298 §5.5–5.7; Linux's `tcp_syn_retries` and
//! `tcp_syn_linear_timeouts`).

use super::{Experiment, Picture, Run, Settings};
use crate::LabError;
use crate::experiment::{Ended, Role, Scene};
use crate::experiment::{Setting, story::Kind};
use crate::host::Options;
use crate::link::plan;
use limpid_event::Error;
use limpid_tcp::SynSchedule;
use std::time::Duration;

pub(super) const EXPERIMENT: Experiment = Experiment {
    name: "connect-timeout",
    summary: "nobody answers: SYN after 1, 2, 4, 8 s again, then ETIMEDOUT",
    look_for: &[
        "It is the same SYN each time: the same sequence number, only the timestamp is fresh.",
        "The intervals double: 1, 2, 4, 8 s. After the last one the client waits 16 s more before it gives up: 31 s in all.",
        "With --linear, Linux's schedule from 6.5 on: four retransmissions a second apart come first, on top of the others.",
        "With --deadline the application's own patience ends it, whatever the schedule.",
    ],
    picture: Picture::Ladder,
    settings: &[Setting::SynRetries, Setting::Linear, Setting::Deadline],
    kernel: &[Role::Client],
    run,
};

/// Retransmissions where nothing else is asked for: the article's.
const RETRIES: u8 = 4;
/// The same where somebody waits for a real kernel: 7 s.
const REAL_RETRIES: u8 = 2;
/// Linux's default for `tcp_syn_linear_timeouts`.
const LINEAR: u8 = 4;

fn run(settings: &Settings) -> Result<Vec<Run>, LabError> {
    let mut scene = Scene::new(settings)?;
    scene.plan_from_client(plan::lose_all());
    let retries = settings.syn_retries.unwrap_or(if scene.is_real() { REAL_RETRIES } else { RETRIES });
    let linear = if settings.linear { LINEAR } else { 0 };
    let schedule = match linear {
        0 => SynSchedule::Exponential,
        linear => SynSchedule::LinearThenExponential { linear },
    };
    let options = Options {
        syn_retries: Some(retries),
        syn_schedule: Some(schedule),
        connect_deadline: settings.deadline,
        ..Options::default()
    };
    let (from, to) = (scene.client_at(56424), scene.server_at(23));
    let client = scene.client(move |app| async move {
        let outcome = app.connect_from(Some(from), to, options).await;
        if let Err(error) = &outcome {
            app.remark(format!("connect: {error} ({})", error.errno()));
        }
        (outcome.map(drop), app.now())
    });
    let real = scene.is_real();
    let mut ended = scene.play(Duration::ZERO)?;
    let (outcome, at) = client.take().unzip();
    ended.check.error("connect", outcome, Error::TimedOut);
    let (sent, gave_up) = schedule_of(retries, linear, settings.deadline);
    let times: Vec<Duration> = ended.trace.packets.iter().map(|p| p.sent_at.since(Default::default())).collect();
    check_times(&mut ended, "the SYNs", &times, &sent, real);
    if let Some(at) = at {
        check_times(&mut ended, "giving up", &[at.since(Default::default())], &[gave_up], real);
    }
    let same = ended.story.0.windows(2).all(|pair| match (&pair[0].kind, &pair[1].kind) {
        (Kind::Tcp { header: a, .. }, Kind::Tcp { header: b, .. }) => a.seq == b.seq,
        _ => false,
    });
    ended.check.that(same, "the SYNs differ in their sequence numbers");
    Ok(vec![ended.run("")])
}

/// When SYNs must be sent, and when connect must give up.
fn schedule_of(retries: u8, linear: u8, deadline: Option<Duration>) -> (Vec<Duration>, Duration) {
    let mut sent = vec![Duration::ZERO];
    let mut at = Duration::ZERO;
    for i in 0..=u32::from(retries) + u32::from(linear) {
        // Linux's upper bound, TCP_RTO_MAX, is two minutes.
        at += Duration::from_secs(1 << i.saturating_sub(linear.into()).min(7)).min(Duration::from_secs(120));
        sent.push(at);
        // More than one SYN may take as long as exponential retries alone would.
        if i > 0 && at >= SynSchedule::patience(retries) {
            break;
        }
    }
    let gave_up = sent.pop().unwrap_or_default();
    match deadline.filter(|deadline| *deadline < gave_up) {
        Some(deadline) => {
            sent.retain(|at| *at < deadline);
            (sent, deadline)
        }
        None => (sent, gave_up),
    }
}

/// In virtual time to the millisecond; a kernel's timers are coarse, and late by up to an eighth.
fn check_times(ended: &mut Ended, what: &str, got: &[Duration], wanted: &[Duration], real: bool) {
    let near = |(got, wanted): (&Duration, &Duration)| {
        let slack = if real { Duration::from_millis(150) + *wanted / 8 } else { Duration::from_millis(1) };
        *got + slack / 10 >= *wanted && *got <= *wanted + slack
    };
    let all = got.len() == wanted.len() && got.iter().zip(wanted).all(near);
    ended.check.that(all, format!("{what}: at {got:.1?} instead of {wanted:?}"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_schedules_as_linux_has_them() {
        let secs = |list: &[u64]| list.iter().copied().map(Duration::from_secs).collect::<Vec<_>>();
        assert_eq!(schedule_of(4, 0, None), (secs(&[0, 1, 3, 7, 15]), Duration::from_secs(31)));
        assert_eq!(schedule_of(4, 4, None), (secs(&[0, 1, 2, 3, 4, 5, 7, 11, 19]), Duration::from_secs(35)));
        assert_eq!(schedule_of(1, 4, None), (secs(&[0, 1, 2]), Duration::from_secs(3)));
        assert_eq!(schedule_of(4, 0, Some(Duration::from_secs(3))), (secs(&[0, 1]), Duration::from_secs(3)));
        assert_eq!(schedule_of(0, 0, Some(Duration::from_secs(9))), (secs(&[0]), Duration::from_secs(1)));
    }
}
