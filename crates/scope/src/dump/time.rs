//! The time column: `-t` … `-ttttt`, local time, micro- or nanoseconds.

use super::Options;
use super::text::Text;
use std::fmt::Write;

const SECOND: i64 = 1_000_000_000;

/// How the time column is printed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum TimeFormat {
    /// `HH:MM:SS.ffffff` in the time zone.
    #[default]
    Clock,
    /// No time (`-t`).
    None,
    /// Seconds since 1970 (`-tt`).
    Epoch,
    /// Since the line before (`-ttt`).
    SincePrevious,
    /// Date and time in the time zone (`-tttt`).
    Date,
    /// Since the first line (`-ttttt`).
    SinceFirst,
}

impl TimeFormat {
    /// The format that `count` flags `-t` ask for; more than five are like none.
    pub fn from_count(count: u8) -> Option<TimeFormat> {
        use TimeFormat::*;
        [Clock, None, Epoch, SincePrevious, Date, SinceFirst].get(usize::from(count)).copied()
    }
}

/// The time zone that clock times are printed in.
#[derive(Clone, Debug, Default)]
pub enum Zone {
    /// Universal time.
    #[default]
    Utc,
    /// Rules of a place.
    Rules(tz::TimeZone),
}

impl Zone {
    /// This machine's time zone: the environment variable `TZ` where it is set, else the system's. Universal time where
    /// neither can be read, as the C library has it.
    pub fn local() -> Zone {
        let zone = match std::env::var("TZ") {
            Ok(name) if name.is_empty() => return Zone::Utc,
            Ok(name) => tz::TimeZone::from_posix_tz(&name),
            Err(_) => tz::TimeZone::local(),
        };
        zone.map_or(Zone::Utc, Zone::Rules)
    }

    /// What to add to universal time, in seconds.
    fn offset(&self, seconds: i64) -> i64 {
        match self {
            Zone::Utc => 0,
            Zone::Rules(zone) => zone.find_local_time_type(seconds).map_or(0, |t| i64::from(t.ut_offset())),
        }
    }
}

/// The times that other lines' times are printed relative to; 0 counts as none, as in tcpdump. And the last local second
/// with its offset, since many packets share one.
#[derive(Clone, Debug, Default)]
pub(super) struct Clock {
    first: i64,
    previous: i64,
    offset: Option<(i64, i64)>,
}

impl Clock {
    /// Appends the time column, with the space after it.
    pub(super) fn stamp(&mut self, time: i64, options: &Options, out: &mut Text) {
        // Differences are between what is printed.
        let time = if options.nanos { time } else { time - time.rem_euclid(1000) };
        let reference = match options.time {
            TimeFormat::SincePrevious => self.previous,
            _ => self.first,
        };
        let reference = if reference == 0 { time } else { reference };
        self.first = if self.first == 0 { time } else { self.first };
        self.previous = time;
        match options.time {
            TimeFormat::None => return,
            TimeFormat::Clock => clock(out, self.local(time, &options.zone), options.nanos),
            TimeFormat::Date => {
                let time = self.local(time, &options.zone);
                let (year, month, day) = date(time.div_euclid(86_400 * SECOND));
                let _ = write!(out, "{year:04}-{month:02}-{day:02} ");
                clock(out, time, options.nanos);
            }
            TimeFormat::Epoch => {
                let _ = write!(out, "{}", time.div_euclid(SECOND));
                fraction(out, time, options.nanos);
            }
            TimeFormat::SincePrevious | TimeFormat::SinceFirst => {
                out.push(if time < reference { '-' } else { ' ' });
                clock(out, time.saturating_sub(reference).saturating_abs(), options.nanos);
            }
        }
        out.push(' ');
    }

    /// A time in the zone.
    fn local(&mut self, time: i64, zone: &Zone) -> i64 {
        let second = time.div_euclid(SECOND);
        let offset = match self.offset {
            Some((known, offset)) if known == second => offset,
            _ => zone.offset(second),
        };
        self.offset = Some((second, offset));
        time.saturating_add(offset * SECOND)
    }
}

fn clock(out: &mut Text, time: i64, nanos: bool) {
    let second = time.div_euclid(SECOND).rem_euclid(86_400) as u32;
    out.padded::<1>(second / 3600);
    out.push(':');
    out.padded::<1>(second / 60 % 60);
    out.push(':');
    out.padded::<1>(second % 60);
    fraction(out, time, nanos);
}

fn fraction(out: &mut Text, time: i64, nanos: bool) {
    let fraction = time.rem_euclid(SECOND) as u32;
    out.push('.');
    out.padded::<3>(fraction / 1000);
    if nanos {
        let rest = fraction % 1000;
        out.decimal(rest / 100);
        out.padded::<1>(rest % 100);
    }
}

/// Year, month and day of a day counted from 1970-01-01, by the Gregorian calendar.
fn date(days: i64) -> (i64, i64, i64) {
    // Years begin in March here, so that the leap day is their last, and are counted in eras of 400 from 0000-03-01.
    let days = days + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    (year, month, day)
}
