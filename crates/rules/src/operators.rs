//! Binary operators.

use std::cmp::Ordering;

use super::{
    EvaluationFault,
    evaluate::Evaluation,
    limits::TEXT_BYTES_MAX,
    numbers::{self, Arithmetic},
    value::{Cel, List, Members},
};

/// A binary operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    In,
    Arithmetic(Arithmetic),
}

impl Operator {
    fn sign(self) -> &'static str {
        match self {
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessEqual => "<=",
            Self::Greater => ">",
            Self::GreaterEqual => ">=",
            Self::In => "in",
            Self::Arithmetic(operator) => operator.sign(),
        }
    }

    pub(super) fn apply<'a>(
        self,
        left: &Cel<'a>,
        right: &Cel<'a>,
        evaluation: &mut Evaluation<'a>,
    ) -> Result<Cel<'a>, EvaluationFault> {
        let ordered = |test: fn(Ordering) -> bool, evaluation: &mut Evaluation<'a>| {
            let ordering = order(self.sign(), left, right, evaluation)?;
            Ok(Cel::Bool(ordering.is_some_and(test)))
        };
        match self {
            Self::Equal => equal(left, right, evaluation).map(Cel::Bool),
            Self::NotEqual => equal(left, right, evaluation).map(|equal| Cel::Bool(!equal)),
            Self::Less => ordered(Ordering::is_lt, evaluation),
            Self::LessEqual => ordered(Ordering::is_le, evaluation),
            Self::Greater => ordered(Ordering::is_gt, evaluation),
            Self::GreaterEqual => ordered(Ordering::is_ge, evaluation),
            Self::In => contains(right, left, evaluation).map(Cel::Bool),
            Self::Arithmetic(Arithmetic::Add) => add(left, right, evaluation),
            Self::Arithmetic(operator) => numbers::calculate(operator, left, right)
                .unwrap_or_else(|| Err(types(operator.sign(), &[left, right]))),
        }
    }
}

/// The fault of an operator or a function that isn't defined for these operands.
pub(super) fn types(operation: &'static str, values: &[&Cel<'_>]) -> EvaluationFault {
    let names: Vec<&str> = values.iter().map(|value| value.type_name()).collect();
    EvaluationFault::Types { operation, types: names.join(" and ") }
}

fn order<'a>(
    sign: &'static str,
    left: &Cel<'a>,
    right: &Cel<'a>,
    evaluation: &mut Evaluation<'a>,
) -> Result<Option<Ordering>, EvaluationFault> {
    match (left, right) {
        (Cel::Text(a), Cel::Text(b)) => {
            evaluation.read(a.as_str().len().min(b.as_str().len()))?;
            Ok(Some(a.as_str().cmp(b.as_str())))
        }
        (Cel::Bool(a), Cel::Bool(b)) => Ok(Some(a.cmp(b))),
        _ => numbers::compare(left, right).ok_or_else(|| types(sign, &[left, right])),
    }
}

/// Whether two values are equal: numbers by value; values of different types never.
pub(super) fn equal<'a>(
    left: &Cel<'a>,
    right: &Cel<'a>,
    evaluation: &mut Evaluation<'a>,
) -> Result<bool, EvaluationFault> {
    evaluation.spend(1)?;
    Ok(match (left, right) {
        (Cel::Null, Cel::Null) => true,
        (Cel::Bool(a), Cel::Bool(b)) => a == b,
        (Cel::Type(a), Cel::Type(b)) => a == b,
        (Cel::Text(a), Cel::Text(b)) => {
            let (a, b) = (a.as_str(), b.as_str());
            if a.len() != b.len() {
                return Ok(false);
            }
            evaluation.read(a.len())?;
            a == b
        }
        (Cel::List(a), Cel::List(b)) => return equal_lists(a, b, evaluation),
        (Cel::Map(a), Cel::Map(b)) => return equal_maps(a, b, evaluation),
        _ => numbers::compare(left, right).flatten().is_some_and(Ordering::is_eq),
    })
}

fn equal_lists<'a>(
    left: &List<'a>,
    right: &List<'a>,
    evaluation: &mut Evaluation<'a>,
) -> Result<bool, EvaluationFault> {
    if left.len() != right.len() {
        return Ok(false);
    }
    for (a, b) in left.iter().zip(right.iter()) {
        if !equal(&a, &b, evaluation)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn equal_maps<'a>(
    left: &Members<'a>,
    right: &Members<'a>,
    evaluation: &mut Evaluation<'a>,
) -> Result<bool, EvaluationFault> {
    if left.len() != right.len() {
        return Ok(false);
    }
    for (key, a) in left.iter() {
        let Some(b) = look_up(right, &key, evaluation)? else { return Ok(false) };
        if !equal(&a, &b, evaluation)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Looks up a key. A map built by the expression is searched, at one step per member.
pub(super) fn look_up<'a>(
    members: &Members<'a>,
    key: &Cel<'a>,
    evaluation: &mut Evaluation<'a>,
) -> Result<Option<Cel<'a>>, EvaluationFault> {
    if matches!(members, Members::Made(_)) {
        evaluation.spend(members.len())?;
    }
    Ok(members.get(key))
}

fn contains<'a>(
    container: &Cel<'a>,
    value: &Cel<'a>,
    evaluation: &mut Evaluation<'a>,
) -> Result<bool, EvaluationFault> {
    match container {
        Cel::List(list) => {
            for item in list.iter() {
                if equal(&item, value, evaluation)? {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        // No map can have such a key, so the lookup is a mistake and not simply false.
        Cel::Map(_) if matches!(value, Cel::Null | Cel::List(_) | Cel::Map(_) | Cel::Type(_)) => {
            Err(types("in", &[value, container]))
        }
        Cel::Map(members) => Ok(look_up(members, value, evaluation)?.is_some()),
        _ => Err(types("in", &[value, container])),
    }
}

fn add<'a>(
    left: &Cel<'a>,
    right: &Cel<'a>,
    evaluation: &mut Evaluation<'a>,
) -> Result<Cel<'a>, EvaluationFault> {
    match (left, right) {
        (Cel::Text(a), Cel::Text(b)) => {
            let (a, b) = (a.as_str(), b.as_str());
            if a.len() + b.len() > TEXT_BYTES_MAX {
                return Err(EvaluationFault::TextTooLong);
            }
            evaluation.read(a.len() + b.len())?;
            Ok(Cel::made_text([a, b].concat()))
        }
        (Cel::List(a), Cel::List(b)) => {
            evaluation.spend(a.len() + b.len())?;
            Ok(Cel::List(List::Made(a.iter().chain(b.iter()).collect::<Vec<_>>().into())))
        }
        _ => numbers::calculate(Arithmetic::Add, left, right)
            .unwrap_or_else(|| Err(types("+", &[left, right]))),
    }
}
