//! The time column: `-t` … `-ttttt`, local time, micro- or nanoseconds.

use super::Options;
use super::line::put;

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

/// The times that other lines' times are printed relative to; 0 counts as none, as in tcpdump.
#[derive(Clone, Debug, Default)]
pub(super) struct Clock {
    first: i64,
    previous: i64,
}

/// A string with [`put!`]'s field.
struct Column<'a> {
    out: &'a mut String,
}

impl Clock {
    /// Appends the time column, with the space after it.
    pub(super) fn stamp(&mut self, time: i64, options: &Options, out: &mut String) {
        // Differences are between what is printed.
        let time = if options.nanos { time } else { time - time.rem_euclid(1000) };
        let reference = match options.time {
            TimeFormat::SincePrevious => self.previous,
            _ => self.first,
        };
        let reference = if reference == 0 { time } else { reference };
        self.first = if self.first == 0 { time } else { self.first };
        self.previous = time;
        let mut column = Column { out };
        match options.time {
            TimeFormat::None => return,
            TimeFormat::Clock => column.clock(local(time, options), options.nanos),
            TimeFormat::Date => {
                let time = local(time, options);
                let (year, month, day) = date(time.div_euclid(86_400 * SECOND));
                put!(column, "{year:04}-{month:02}-{day:02} ");
                column.clock(time, options.nanos);
            }
            TimeFormat::Epoch => {
                put!(column, "{}", time.div_euclid(SECOND));
                column.fraction(time, options.nanos);
            }
            TimeFormat::SincePrevious | TimeFormat::SinceFirst => {
                column.out.push(if time < reference { '-' } else { ' ' });
                column.clock(time.saturating_sub(reference).saturating_abs(), options.nanos);
            }
        }
        column.out.push(' ');
    }
}

impl Column<'_> {
    fn clock(&mut self, time: i64, nanos: bool) {
        let seconds = time.div_euclid(SECOND).rem_euclid(86_400);
        put!(self, "{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
        self.fraction(time, nanos);
    }

    fn fraction(&mut self, time: i64, nanos: bool) {
        let fraction = time.rem_euclid(SECOND);
        if nanos {
            put!(self, ".{fraction:09}");
        } else {
            put!(self, ".{:06}", fraction / 1000);
        }
    }
}

fn local(time: i64, options: &Options) -> i64 {
    time.saturating_add(options.zone.offset(time.div_euclid(SECOND)) * SECOND)
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
