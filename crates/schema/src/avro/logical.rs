use std::fmt;

use muster_words::json::{Map, Value};

use crate::avro::schema::{Kind, Primitive};

/// A logical type that the specification defines, in a form that it accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum LogicalType {
    Decimal { precision: u32, scale: u32 },
    BigDecimal,
    Uuid,
    Duration,
    Date,
    TimeMillis,
    TimeMicros,
    Timestamp { local: bool, unit: &'static str },
}

impl LogicalType {
    /// The logical type that attributes give to a type; none if there is none or it is unknown.
    ///
    /// # Errors
    /// Why it is ignored, for a person.
    pub(crate) fn of(attributes: &Map<String, Value>, kind: &Kind) -> Result<Option<Self>, String> {
        let Some(name) = attributes.get("logicalType") else { return Ok(None) };
        let Some(name) = name.as_str() else {
            return Err("the logical type isn't a text, so it is ignored".to_owned());
        };
        let Some((logical, fits)) = Self::known(name, attributes, kind)? else { return Ok(None) };
        if fits {
            return Ok(Some(logical));
        }
        Err(format!("the logical type {name} doesn't belong to {}, so it is ignored", kind.word()))
    }

    fn known(
        name: &str,
        attributes: &Map<String, Value>,
        kind: &Kind,
    ) -> Result<Option<(Self, bool)>, String> {
        let is = |primitive| matches!(kind, Kind::Primitive(own) if *own == primitive);
        let fixed = |size| matches!(kind, Kind::Fixed(own) if own.size == size);
        let timestamp = |local, unit| (Self::Timestamp { local, unit }, is(Primitive::Long));
        Ok(Some(match name {
            "decimal" => {
                let fits = is(Primitive::Bytes) || matches!(kind, Kind::Fixed(_));
                (if fits { decimal(attributes, kind)? } else { Self::BigDecimal }, fits)
            }
            "big-decimal" => (Self::BigDecimal, is(Primitive::Bytes)),
            "uuid" => (Self::Uuid, is(Primitive::String) || fixed(16)),
            "duration" => (Self::Duration, fixed(12)),
            "date" => (Self::Date, is(Primitive::Int)),
            "time-millis" => (Self::TimeMillis, is(Primitive::Int)),
            "time-micros" => (Self::TimeMicros, is(Primitive::Long)),
            "timestamp-millis" => timestamp(false, "millis"),
            "timestamp-micros" => timestamp(false, "micros"),
            "timestamp-nanos" => timestamp(false, "nanos"),
            "local-timestamp-millis" => timestamp(true, "millis"),
            "local-timestamp-micros" => timestamp(true, "micros"),
            "local-timestamp-nanos" => timestamp(true, "nanos"),
            _ => return Ok(None),
        }))
    }
}

/// A decimal's precision and scale ("Decimal" in the specification).
fn decimal(attributes: &Map<String, Value>, kind: &Kind) -> Result<LogicalType, String> {
    let number = |name: &str| attributes.get(name).map(|value| whole(value).ok_or(name.to_owned()));
    let ignored =
        |name: String| format!("the decimal's {name} isn't a whole number, so it is ignored");
    let Some(precision) = number("precision").transpose().map_err(ignored)? else {
        return Err("the decimal has no precision, so it is ignored".to_owned());
    };
    let scale = number("scale").transpose().map_err(ignored)?.unwrap_or(0);
    if precision == 0 {
        return Err("the decimal's precision isn't positive, so it is ignored".to_owned());
    }
    if scale > precision {
        return Err(format!(
            "the decimal's scale, {scale}, is larger than its precision, {precision}, so it is ignored"
        ));
    }
    if let Kind::Fixed(fixed) = kind
        && precision > digits_of(fixed.size)
    {
        return Err(format!(
            "{} bytes hold {} digits, and the decimal has a precision of {precision}, so it is ignored",
            fixed.size,
            digits_of(fixed.size)
        ));
    }
    Ok(LogicalType::Decimal { precision, scale })
}

fn whole(value: &Value) -> Option<u32> {
    value.as_u64().and_then(|number| u32::try_from(number).ok())
}

/// How many decimal digits a signed number of so many bytes always holds.
fn digits_of(bytes: u32) -> u32 {
    let digits = f64::from(bytes).mul_add(8.0, -1.0) * std::f64::consts::LOG10_2;
    // The limit of a fixed's size keeps this far below the largest u32.
    digits.max(0.0).floor() as u32
}

impl fmt::Display for LogicalType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Decimal { precision, scale } => write!(f, "decimal({precision}, {scale})"),
            Self::BigDecimal => f.write_str("big-decimal"),
            Self::Uuid => f.write_str("uuid"),
            Self::Duration => f.write_str("duration"),
            Self::Date => f.write_str("date"),
            Self::TimeMillis => f.write_str("time-millis"),
            Self::TimeMicros => f.write_str("time-micros"),
            Self::Timestamp { local, unit } => {
                write!(f, "{}timestamp-{unit}", if *local { "local-" } else { "" })
            }
        }
    }
}
