//! Numbers compared by their digits, at a cost that is bounded by the length of their texts:
//! an exponent is never written out.

use std::cmp::Ordering;

/// A number as its text says it: `±0.d₁d₂d₃… × 10^exponent`, without zeros at either end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Decimal<'a> {
    is_negative: bool,
    /// The digits, perhaps with the point between them; empty for zero.
    digits: &'a str,
    /// An exponent with more digits than this holds counts as the largest.
    exponent: i128,
}

impl<'a> Decimal<'a> {
    /// Reads the text of a JSON number.
    pub(crate) fn parse(text: &'a str) -> Self {
        let is_negative = text.starts_with('-');
        let text = text.strip_prefix(['-', '+']).unwrap_or(text);
        let (mantissa, power) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let is_digit = |letter: char| letter != '0' && letter != '.';
        let (Some(first), Some(last)) = (mantissa.find(is_digit), mantissa.rfind(is_digit)) else {
            return Self { is_negative: false, digits: "", exponent: 0 };
        };
        let point = mantissa.find('.').unwrap_or(mantissa.len());
        let place = |at: usize| i128::try_from(at).unwrap_or(i128::MAX);
        let before =
            if first < point { place(point - first) } else { place(point) - place(first) + 1 };
        let exponent = power_of(power).saturating_add(before);
        Self { is_negative, digits: &mantissa[first..=last], exponent }
    }

    fn digits(&self) -> impl Iterator<Item = u8> + 'a {
        self.digits.bytes().filter(|digit| *digit != b'.').map(|digit| digit - b'0')
    }

    fn is_zero(&self) -> bool {
        self.digits.is_empty()
    }

    /// Whether it has no fraction.
    pub(crate) fn is_whole(&self) -> bool {
        let count = i128::try_from(self.digits().count()).unwrap_or(i128::MAX);
        self.is_zero() || self.exponent >= count
    }

    /// Writes bytes that are the same for equal numbers, however they are written.
    pub(crate) fn write_form(&self, out: &mut Vec<u8>) {
        out.push(if self.is_negative { b'-' } else { b'+' });
        out.extend(self.digits().map(|digit| digit + b'0'));
        out.push(b'e');
        out.extend_from_slice(&self.exponent.to_le_bytes());
    }

    /// Compares exactly.
    pub(crate) fn compare(&self, other: &Self) -> Ordering {
        let sign = |number: &Self| match (number.is_zero(), number.is_negative) {
            (true, _) => 0,
            (false, true) => -1,
            (false, false) => 1,
        };
        let magnitude = || {
            let exponents = self.exponent.cmp(&other.exponent);
            exponents.then_with(|| self.digits().cmp(other.digits()))
        };
        sign(self).cmp(&sign(other)).then_with(|| match sign(self) {
            0 => Ordering::Equal,
            1 => magnitude(),
            _ => magnitude().reverse(),
        })
    }
}

/// Compares two texts of JSON numbers by their digits, exactly, at a cost that is bounded by their
/// lengths.
#[must_use]
pub fn compare_numbers(left: &str, right: &str) -> Ordering {
    Decimal::parse(left).compare(&Decimal::parse(right))
}

/// The digits of a number's text, and as many zeros as its exponent may ask for.
pub(crate) fn size_of(text: &str) -> u128 {
    let (mantissa, power) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let digits = mantissa.bytes().filter(u8::is_ascii_digit).count();
    power_of(power).unsigned_abs().saturating_add(digits as u128)
}

/// The value of an exponent's text; far away, all are alike.
fn power_of(text: &str) -> i128 {
    let (is_negative, text) = match text.strip_prefix('-') {
        Some(text) => (true, text),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let largest = i128::MAX / 4;
    let power = text.bytes().fold(0_i128, |power, digit| {
        power.saturating_mul(10).saturating_add(i128::from(digit.wrapping_sub(b'0'))).min(largest)
    });
    if is_negative { -power } else { power }
}

/// The most digits of a divisor, without zeros at its ends: what fits into 124 bits, so that ten
/// times a remainder fits into 128.
pub(crate) const DIVISOR_DIGITS_MAX: usize = 37;

/// A number that others must be multiples of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Divisor {
    /// Its digits as a whole number, without zeros at the end.
    whole: u128,
    /// The power of ten that this is multiplied with.
    power: i128,
}

impl Divisor {
    /// Reads the text of a JSON number; none if it has too many digits, or is zero.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let number = Decimal::parse(text);
        let count = number.digits().count();
        if count == 0 || count > DIVISOR_DIGITS_MAX {
            return None;
        }
        let whole = number.digits().fold(0_u128, |whole, digit| whole * 10 + u128::from(digit));
        Some(Self { whole, power: number.exponent.saturating_sub_unsigned(count as u128) })
    }

    /// The steps of a division, a tenth of a microsecond each.
    pub(crate) fn steps(&self, number: &Decimal<'_>) -> u64 {
        let digits = number.digits.len() as u64;
        let shift = number.exponent.saturating_sub(self.power).unsigned_abs();
        let bits = u64::from(u128::BITS - shift.leading_zeros());
        // A product of long factors is built bit by bit.
        let bit = if self.is_short() { 1 } else { 150 };
        1 + digits / 4 + bits * bit
    }

    /// Whether the product of two remainders fits.
    fn is_short(&self) -> bool {
        self.whole <= u128::from(u64::MAX)
    }

    /// Whether it divides a number without a remainder.
    pub(crate) fn divides(&self, number: &Decimal<'_>) -> bool {
        if number.is_zero() {
            return true;
        }
        let count = number.digits().count() as u128;
        let shift = number.exponent.saturating_sub_unsigned(count).saturating_sub(self.power);
        // The number doesn't end with a zero, so it isn't a multiple of ten times anything.
        let Ok(shift) = u128::try_from(shift) else { return false };
        let step = |rest: u128, digit: u8| (rest * 10 + u128::from(digit)) % self.whole;
        let rest = number.digits().fold(0, step);
        self.times(rest, self.power_of_ten(shift)) == 0
    }

    fn power_of_ten(&self, mut exponent: u128) -> u128 {
        let (mut power, mut square) = (1 % self.whole, 10 % self.whole);
        while exponent > 0 {
            if exponent & 1 == 1 {
                power = self.times(power, square);
            }
            square = self.times(square, square);
            exponent >>= 1;
        }
        power
    }

    /// The remainder of a product. Both factors have less than 125 bits, so twice one fits.
    fn times(&self, mut left: u128, mut right: u128) -> u128 {
        if self.is_short() {
            return left * right % self.whole;
        }
        let mut product = 0;
        while right > 0 {
            if right & 1 == 1 {
                product = (product + left) % self.whole;
            }
            left = (left * 2) % self.whole;
            right >>= 1;
        }
        product
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compares_numbers_by_their_digits() {
        let ordered = [
            "-1e99999999999999999999999999999999999999999999999999",
            "-1e400000000",
            "-9007199254740993.5",
            "-9007199254740993",
            "-1.5",
            "-1",
            "-0.05",
            "-1e-400000000",
            "0",
            "1e-400000000",
            "0.049",
            "0.05",
            "0.5",
            "0.50000000000000000000000000001",
            "1",
            "1.00000000000000000001",
            "9.99",
            "10",
            "9007199254740992.9",
            "9007199254740993",
            "9007199254740993.1",
            "1e400000000",
            "1e99999999999999999999999999999999999999999999999999",
        ];
        for (at, left) in ordered.iter().enumerate() {
            for (other, right) in ordered.iter().enumerate() {
                let found = Decimal::parse(left).compare(&Decimal::parse(right));
                assert_eq!(found, at.cmp(&other), "{left} {right}");
            }
        }
        for (left, right) in [
            ("0", "-0.0e7"),
            ("100", "1e2"),
            ("100.00", "1E+2"),
            ("0.012", "12e-3"),
            ("9007199254740993.0", "9007199254740993"),
        ] {
            assert_eq!(Decimal::parse(left).compare(&Decimal::parse(right)), Ordering::Equal);
        }
    }

    #[test]
    fn divides_numbers_by_their_digits() {
        for (divisor, number, expect) in [
            ("1", "1.00000000000000000001", false),
            ("1", "1.0", true),
            ("1", "1e400000000", true),
            ("3", "1e400000000", false),
            ("7", "7e400000000", true),
            ("1e400000000", "1", false),
            ("1e400000000", "3e400000001", true),
            ("0.01", "0.07", true),
            ("0.01", "4.35", true),
            ("0.01", "4.355", false),
            ("0.0001", "0.0075", true),
            ("0.123456789", "1e308", false),
            ("1e-8", "12391239123", true),
            ("2.5", "10", true),
            ("10", "5", false),
            ("20", "100", true),
            ("3", "9007199254740993", true),
            ("3", "-9007199254740993", true),
            ("3", "9007199254740994", false),
            ("3", "0", true),
            ("3", "0.000", true),
            (
                "9999999999999999999999999999999999999",
                "9999999999999999999999999999999999999",
                true,
            ),
            (
                "9999999999999999999999999999999999999",
                "99999999999999999999999999999999999990",
                true,
            ),
            (
                "9999999999999999999999999999999999999",
                "9999999999999999999999999999999999998",
                false,
            ),
        ] {
            let found =
                Divisor::parse(divisor).map(|divisor| divisor.divides(&Decimal::parse(number)));
            assert_eq!(found, Some(expect), "{number} of {divisor}");
        }
        assert_eq!(Divisor::parse("0.0"), None);
        assert_eq!(Divisor::parse(&"1".repeat(38)), None);
    }
}
