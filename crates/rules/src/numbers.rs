//! Numbers of different types, compared by their value (CEL, "Numeric Values"), and arithmetic.

use std::cmp::Ordering;

use serde_json::Number;

use super::{EvaluationFault, value::Cel};

/// A number of a document: an `int` or a `uint` if it is a whole number that fits, otherwise a
/// `double`.
pub(super) fn of_json<'a>(number: &Number) -> Cel<'a> {
    let digits = number.as_str();
    if let Ok(whole) = digits.parse::<i64>() {
        return Cel::Int(whole);
    }
    if let Ok(whole) = digits.parse::<u64>() {
        return Cel::Uint(whole);
    }
    // Every JSON number can be parsed; one that is too large becomes infinite.
    Cel::Double(digits.parse().unwrap_or(f64::NAN))
}

/// Compares two numbers by value; `None` if one of them isn't a number.
pub(super) fn compare(left: &Cel<'_>, right: &Cel<'_>) -> Option<Option<Ordering>> {
    Some(match (left, right) {
        (Cel::Int(a), Cel::Int(b)) => Some(a.cmp(b)),
        (Cel::Uint(a), Cel::Uint(b)) => Some(a.cmp(b)),
        (Cel::Double(a), Cel::Double(b)) => a.partial_cmp(b),
        (Cel::Int(a), Cel::Uint(b)) => Some(i128::from(*a).cmp(&i128::from(*b))),
        (Cel::Uint(a), Cel::Int(b)) => Some(i128::from(*a).cmp(&i128::from(*b))),
        (Cel::Int(a), Cel::Double(b)) => whole_with_double(i128::from(*a), *b),
        (Cel::Uint(a), Cel::Double(b)) => whole_with_double(i128::from(*a), *b),
        (Cel::Double(a), Cel::Int(b)) => {
            whole_with_double(i128::from(*b), *a).map(Ordering::reverse)
        }
        (Cel::Double(a), Cel::Uint(b)) => {
            whole_with_double(i128::from(*b), *a).map(Ordering::reverse)
        }
        _ => return None,
    })
}

/// Compares exactly, without rounding the whole number to a double.
#[expect(clippy::cast_possible_truncation, reason = "the value was found to lie in range")]
fn whole_with_double(whole: i128, double: f64) -> Option<Ordering> {
    if double.is_nan() {
        return None;
    }
    if double >= 1e30 {
        return Some(Ordering::Less);
    }
    if double <= -1e30 {
        return Some(Ordering::Greater);
    }
    let truncated = double.trunc() as i128;
    Some(whole.cmp(&truncated).then_with(|| {
        let rest = double - double.trunc();
        0.0_f64.partial_cmp(&rest).unwrap_or(Ordering::Equal)
    }))
}

/// The arithmetic operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

impl Arithmetic {
    pub(super) fn sign(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::Remainder => "%",
        }
    }
}

/// Calculates; `None` if the operator isn't defined for these types.
///
/// CEL has no arithmetic between whole numbers and doubles. Here the result is a double, because
/// whether a document's number is whole is often accidental: a rule that works for 75 must also
/// work for 75.5.
pub(super) fn calculate<'a>(
    operator: Arithmetic,
    left: &Cel<'a>,
    right: &Cel<'a>,
) -> Option<Result<Cel<'a>, EvaluationFault>> {
    let overflow = EvaluationFault::Overflow { operation: operator.sign() };
    let by_zero = matches!(operator, Arithmetic::Divide | Arithmetic::Remainder);
    Some(match (left, right) {
        (_, Cel::Int(0) | Cel::Uint(0)) if by_zero && left.is_whole() => {
            Err(EvaluationFault::DivisionByZero)
        }
        (Cel::Int(a), Cel::Int(b)) => signed(operator, *a, *b).map(Cel::Int).ok_or(overflow),
        (Cel::Uint(a), Cel::Uint(b)) => unsigned(operator, *a, *b).map(Cel::Uint).ok_or(overflow),
        (Cel::Double(_), _) | (_, Cel::Double(_)) => {
            return doubles(operator, to_double(left)?, to_double(right)?)
                .map(|result| Ok(Cel::Double(result)));
        }
        _ => return None,
    })
}

fn signed(operator: Arithmetic, a: i64, b: i64) -> Option<i64> {
    match operator {
        Arithmetic::Add => a.checked_add(b),
        Arithmetic::Subtract => a.checked_sub(b),
        Arithmetic::Multiply => a.checked_mul(b),
        Arithmetic::Divide => a.checked_div(b),
        Arithmetic::Remainder => a.checked_rem(b),
    }
}

fn unsigned(operator: Arithmetic, a: u64, b: u64) -> Option<u64> {
    match operator {
        Arithmetic::Add => a.checked_add(b),
        Arithmetic::Subtract => a.checked_sub(b),
        Arithmetic::Multiply => a.checked_mul(b),
        Arithmetic::Divide => a.checked_div(b),
        Arithmetic::Remainder => a.checked_rem(b),
    }
}

/// CEL has no remainder for doubles.
fn doubles(operator: Arithmetic, a: f64, b: f64) -> Option<f64> {
    Some(match operator {
        Arithmetic::Add => a + b,
        Arithmetic::Subtract => a - b,
        Arithmetic::Multiply => a * b,
        Arithmetic::Divide => a / b,
        Arithmetic::Remainder => return None,
    })
}

#[expect(clippy::cast_precision_loss, reason = "that is what a double is")]
pub(super) fn to_double(value: &Cel<'_>) -> Option<f64> {
    Some(match value {
        Cel::Int(whole) => *whole as f64,
        Cel::Uint(whole) => *whole as f64,
        Cel::Double(double) => *double,
        _ => return None,
    })
}

/// A double as text, without an empty fraction and without hundreds of zeros.
pub(super) fn double_text(double: f64) -> String {
    if double != 0.0 && (double.abs() >= 1e21 || double.abs() < 1e-7) {
        format!("{double:e}")
    } else {
        double.to_string()
    }
}
