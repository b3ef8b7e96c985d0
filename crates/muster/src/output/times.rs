//! Times for people and for programs.

use std::time::{SystemTime, UNIX_EPOCH};

use muster_words::Moment;
use time::{Month, OffsetDateTime, UtcOffset};

use super::Screen;

/// The current time of this computer.
#[must_use]
pub fn now() -> Moment {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Moment::after_epoch(since)
}

/// How long ago something was, on a terminal; elsewhere the time in UTC. Text that isn't a time is
/// returned as it is.
#[must_use]
pub fn since(screen: &Screen, text: &str) -> String {
    match Moment::parse(text) {
        Ok(moment) if screen.is_terminal => ago(screen.now, moment),
        Ok(moment) => moment.to_string(),
        Err(_) => text.to_owned(),
    }
}

/// The time of something: local on a terminal, UTC elsewhere.
#[must_use]
pub fn at(screen: &Screen, text: &str) -> String {
    match Moment::parse(text) {
        Ok(moment) if screen.is_terminal => local(screen.now, moment, screen.offset),
        Ok(moment) => moment.to_string(),
        Err(_) => text.to_owned(),
    }
}

/// The beginning of a day, such as `2027-01-31`: local on a terminal, UTC elsewhere, as times are
/// shown.
#[must_use]
pub fn beginning_of_day(screen: &Screen, text: &str) -> Option<Moment> {
    let is_day = text.len() == 10 && text.bytes().all(|byte| byte == b'-' || byte.is_ascii_digit());
    let (hours, minutes, _) = match screen.is_terminal {
        true => screen.offset.as_hms(),
        false => (0, 0, 0),
    };
    let sign = if screen.is_terminal && screen.offset.is_negative() { '-' } else { '+' };
    let zone = format!("{sign}{:02}:{:02}", hours.abs(), minutes.abs());
    Moment::parse(&format!("{text}T00:00:00{zone}")).ok().filter(|_| is_day)
}

/// An age as text: `3 s ago`, `2 minutes ago`.
#[must_use]
pub fn aged(seconds: u64) -> String {
    if seconds < 90 {
        return format!("{seconds} s ago");
    }
    let age = i64::try_from(seconds).unwrap_or(i64::MAX).saturating_mul(1_000_000);
    Moment::from_microseconds(age)
        .map_or_else(|_| "long ago".to_owned(), |now| ago(now, Moment::EPOCH))
}

/// `just now`, `2 minutes ago`, `3 days ago`. A time in the future counts as now.
fn ago(now: Moment, then: Moment) -> String {
    let seconds = (now.microseconds() - then.microseconds()) / 1_000_000;
    if seconds < 30 {
        return "just now".to_owned();
    }
    let (count, unit) = match seconds {
        ..90 => (1, "minute"),
        90..3_570 => ((seconds + 30) / 60, "minute"),
        3_570..84_600 => ((seconds + 1_800) / 3_600, "hour"),
        84_600..2_548_800 => ((seconds + 43_200) / 86_400, "day"),
        2_548_800..31_536_000 => ((seconds / 2_629_800).max(1), "month"),
        31_536_000.. => (seconds / 31_536_000, "year"),
    };
    format!("{count} {unit}{} ago", if count == 1 { "" } else { "s" })
}

/// `today 10:12:03`, `20 November 17:03:11`; with the year if it isn't the current one.
fn local(now: Moment, then: Moment, offset: UtcOffset) -> String {
    let (Some(now), Some(local)) = (in_zone(now, offset), in_zone(then, offset)) else {
        return then.to_string();
    };
    let (hour, minute, second) = local.time().as_hms();
    let clock = format!("{hour:02}:{minute:02}:{second:02}");
    if local.date() == now.date() {
        format!("today {clock}")
    } else if local.year() == now.year() {
        format!("{} {} {clock}", local.day(), month(local.month()))
    } else {
        format!("{} {} {} {clock}", local.day(), month(local.month()), local.year())
    }
}

fn in_zone(moment: Moment, offset: UtcOffset) -> Option<OffsetDateTime> {
    let nanoseconds = i128::from(moment.microseconds()) * 1_000;
    let time = OffsetDateTime::from_unix_timestamp_nanos(nanoseconds).ok()?;
    Some(time.to_offset(offset))
}

/// The offset of local time from UTC; zero if it isn't known. Must be called before the first
/// thread starts, because the system call isn't safe later.
#[must_use]
pub fn local_offset() -> UtcOffset {
    UtcOffset::current_local_offset().unwrap_or(UtcOffset::UTC)
}

const fn month(month: Month) -> &'static str {
    match month {
        Month::January => "January",
        Month::February => "February",
        Month::March => "March",
        Month::April => "April",
        Month::May => "May",
        Month::June => "June",
        Month::July => "July",
        Month::August => "August",
        Month::September => "September",
        Month::October => "October",
        Month::November => "November",
        Month::December => "December",
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

    use super::*;

    #[test]
    fn a_day_begins_where_the_reader_is() {
        let mut screen = Screen::plain(Moment::EPOCH);
        for (is_terminal, offset, text, expect) in [
            (false, 0, "2027-01-31", Some("2027-01-31T00:00:00Z")),
            (false, 2, "2027-01-31", Some("2027-01-31T00:00:00Z")),
            (true, 2, "2027-01-31", Some("2027-01-30T22:00:00Z")),
            (true, -3, "2027-01-31", Some("2027-01-31T03:00:00Z")),
            (true, 0, "2027-02-31", None),
            (true, 0, "2027-1-31", None),
            (true, 0, "soon", None),
        ] {
            screen.is_terminal = is_terminal;
            screen.offset = UtcOffset::from_hms(offset, 0, 0).unwrap();
            let found = beginning_of_day(&screen, text).map(|moment| moment.to_string());
            let expect = expect.map(|text| Moment::parse(text).unwrap().to_string());
            assert_eq!(found, expect, "{text} {offset}");
        }
    }

    #[test]
    fn says_an_age_in_seconds_while_they_say_something() {
        for (seconds, expect) in [
            (0, "0 s ago"),
            (89, "89 s ago"),
            (90, "2 minutes ago"),
            (7_200, "2 hours ago"),
            (u64::MAX, "long ago"),
        ] {
            assert_eq!(aged(seconds), expect);
        }
    }

    #[test]
    fn says_how_long_ago_something_was() {
        let now = Moment::parse("2026-11-21T10:00:00Z").unwrap();
        for (text, expect) in [
            ("2026-11-21T10:00:05Z", "just now"),
            ("2026-11-21T09:59:40Z", "just now"),
            ("2026-11-21T09:59:00Z", "1 minute ago"),
            ("2026-11-21T09:58:00Z", "2 minutes ago"),
            ("2026-11-21T09:00:00Z", "1 hour ago"),
            ("2026-11-20T20:31:00Z", "13 hours ago"),
            ("2026-11-20T10:00:00Z", "1 day ago"),
            ("2026-11-01T10:00:00Z", "20 days ago"),
            ("2026-10-15T10:00:00Z", "1 month ago"),
            ("2026-01-21T10:00:00Z", "9 months ago"),
            ("2024-01-21T10:00:00Z", "2 years ago"),
        ] {
            assert_eq!(ago(now, Moment::parse(text).unwrap()), expect, "{text}");
        }
    }

    #[test]
    fn gives_people_local_times_with_as_much_date_as_they_need() {
        let now = Moment::parse("2026-11-21T10:00:00Z").unwrap();
        for (text, expect) in [
            ("2026-11-21T08:12:03Z", "today 10:12:03"),
            ("2026-11-20T15:03:11Z", "20 November 17:03:11"),
            ("2025-12-31T22:30:00Z", "1 January 00:30:00"),
            ("2025-06-01T00:00:00Z", "1 June 2025 02:00:00"),
        ] {
            let offset = UtcOffset::from_hms(2, 0, 0).unwrap();
            assert_eq!(local(now, Moment::parse(text).unwrap(), offset), expect, "{text}");
        }
    }

    #[test]
    fn gives_programs_the_time_in_utc() {
        let screen = Screen::plain(Moment::EPOCH);
        for (text, expect) in [
            ("2026-11-21T10:00:05+02:00", "2026-11-21T08:00:05Z"),
            ("2026-11-21T10:00:05.25Z", "2026-11-21T10:00:05.250000Z"),
            ("soon", "soon"),
        ] {
            assert_eq!(since(&screen, text), expect);
            assert_eq!(at(&screen, text), expect);
        }
    }
}
