use std::{fmt, time::Duration};

use serde::{Serialize, Serializer};
use thiserror::Error;
use time::{OffsetDateTime, UtcOffset, format_description::well_known::Rfc3339};

/// A moment in UTC, in microseconds since 1970-01-01T00:00:00Z, between the years 0000 and 9999.
///
/// Its text form is RFC 3339 with `Z` and no fractional digits or six.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(i64);

/// The text or number isn't a moment between the years 0000 and 9999.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a moment has the form of RFC 3339, such as 2026-11-21T08:30:00Z")]
pub struct MomentError;

/// 0000-01-01T00:00:00Z and 9999-12-31T23:59:59.999999Z in microseconds.
const RANGE: std::ops::RangeInclusive<i64> = -62_167_219_200_000_000..=253_402_300_799_999_999;

impl Moment {
    /// 1970-01-01T00:00:00Z.
    pub const EPOCH: Self = Self(0);

    /// The moment this many microseconds after 1970-01-01T00:00:00Z.
    ///
    /// # Errors
    /// It is outside the years 0000 to 9999.
    pub fn from_microseconds(microseconds: i64) -> Result<Self, MomentError> {
        if RANGE.contains(&microseconds) { Ok(Self(microseconds)) } else { Err(MomentError) }
    }

    /// The moment this long after 1970-01-01T00:00:00Z, or the last possible one.
    #[must_use]
    pub fn after_epoch(time: Duration) -> Self {
        let microseconds = i64::try_from(time.as_micros()).unwrap_or(i64::MAX);
        Self(microseconds.min(*RANGE.end()))
    }

    /// Microseconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub const fn microseconds(self) -> i64 {
        self.0
    }

    /// The next microsecond; the last possible moment stays the same.
    #[must_use]
    pub fn next(self) -> Self {
        Self((self.0 + 1).min(*RANGE.end()))
    }

    /// Parses RFC 3339 with any offset; digits below the microsecond are cut off.
    ///
    /// # Errors
    /// The text isn't RFC 3339, or is outside the years 0000 to 9999 in UTC.
    pub fn parse(text: &str) -> Result<Self, MomentError> {
        let time = OffsetDateTime::parse(text, &Rfc3339).map_err(|_| MomentError)?;
        let microseconds = time.unix_timestamp_nanos().div_euclid(1_000);
        Self::from_microseconds(i64::try_from(microseconds).map_err(|_| MomentError)?)
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.0) * 1_000)
            .map_err(|_| fmt::Error)?
            .to_offset(UtcOffset::UTC);
        let (date, clock) = (time.date(), time.time());
        write!(f, "{:04}-{:02}-{:02}", date.year(), u8::from(date.month()), date.day())?;
        write!(f, "T{:02}:{:02}:{:02}", clock.hour(), clock.minute(), clock.second())?;
        match clock.microsecond() {
            0 => write!(f, "Z"),
            microsecond => write!(f, ".{microsecond:06}Z"),
        }
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_and_writes_rfc_3339_in_utc() {
        for (text, expect) in [
            ("2026-11-21T08:30:00Z", "2026-11-21T08:30:00Z"),
            ("2026-11-21T10:30:00+02:00", "2026-11-21T08:30:00Z"),
            ("2026-11-21T08:30:00.5Z", "2026-11-21T08:30:00.500000Z"),
            ("2026-11-21T08:30:00.123456789Z", "2026-11-21T08:30:00.123456Z"),
            ("0000-01-01T00:00:00Z", "0000-01-01T00:00:00Z"),
        ] {
            assert_eq!(Moment::parse(text).map(|m| m.to_string()).as_deref(), Ok(expect));
        }
    }

    #[test]
    fn refuses_other_forms() {
        for text in ["", "yesterday", "2026-11-21", "2026-13-01T00:00:00Z", "10000-01-01T00:00:00Z"]
        {
            assert_eq!(Moment::parse(text), Err(MomentError), "{text}");
        }
    }

    proptest! {
        #[test]
        fn comes_back_as_it_was_written(microseconds in RANGE) {
            let moment = Moment(microseconds);
            prop_assert_eq!(Moment::parse(&moment.to_string()), Ok(moment));
        }
    }
}
