//! The functions for rules: CEL's own, without those for times, durations and bytes, and a few for
//! texts.

use super::{
    EvaluationFault,
    evaluate::Evaluation,
    limits::{PATTERN_STEPS, TEXT_BYTES_MAX},
    numbers::{double_text, to_double},
    operators::types,
    patterns::{MADE_LOOKED_MAX, Pattern},
    value::{Cel, List, Text},
};

/// A function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Function {
    Size,
    StartsWith,
    EndsWith,
    Contains,
    Matches,
    Bool,
    Int,
    Uint,
    Double,
    String,
    Type,
    Dyn,
    LowerAscii,
    UpperAscii,
    Trim,
    Split,
    Join,
    JoinWith,
}

/// How a function may be called.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Style {
    /// `f(x)`.
    Global,
    /// `x.f()`.
    Member,
    /// Either.
    Both,
}

/// Name, style, number of arguments (including the one before the dot), function, usage.
const TABLE: &[(&str, Style, usize, Function, &str)] = &[
    ("size", Style::Both, 1, Function::Size, "size(x)"),
    ("startsWith", Style::Member, 2, Function::StartsWith, "text.startsWith(start)"),
    ("endsWith", Style::Member, 2, Function::EndsWith, "text.endsWith(end)"),
    ("contains", Style::Member, 2, Function::Contains, "text.contains(part)"),
    ("matches", Style::Both, 2, Function::Matches, "text.matches(pattern)"),
    ("bool", Style::Global, 1, Function::Bool, "bool(x)"),
    ("int", Style::Global, 1, Function::Int, "int(x)"),
    ("uint", Style::Global, 1, Function::Uint, "uint(x)"),
    ("double", Style::Global, 1, Function::Double, "double(x)"),
    ("string", Style::Global, 1, Function::String, "string(x)"),
    ("type", Style::Global, 1, Function::Type, "type(x)"),
    ("dyn", Style::Global, 1, Function::Dyn, "dyn(x)"),
    ("lowerAscii", Style::Member, 1, Function::LowerAscii, "text.lowerAscii()"),
    ("upperAscii", Style::Member, 1, Function::UpperAscii, "text.upperAscii()"),
    ("trim", Style::Member, 1, Function::Trim, "text.trim()"),
    ("split", Style::Member, 2, Function::Split, "text.split(separator)"),
    ("join", Style::Member, 1, Function::Join, "list.join() or list.join(separator)"),
    ("join", Style::Member, 2, Function::JoinWith, "list.join() or list.join(separator)"),
];

/// The meaning of a call.
pub(super) enum Found {
    Function(Function),
    /// The name exists, but not with this style or these arguments; holds the usage.
    Otherwise(&'static str),
    Nothing,
}

impl Function {
    /// Finds a function by its name and the form of the call.
    pub(super) fn find(name: &str, member: bool, arguments: usize) -> Found {
        let mut usage = None;
        for (known, style, count, function, written) in TABLE {
            if *known != name {
                continue;
            }
            let fits = match style {
                Style::Both => true,
                Style::Global => !member,
                Style::Member => member,
            };
            if fits && *count == arguments {
                return Found::Function(*function);
            }
            usage = Some(*written);
        }
        // Correct uses of macros never reach this place.
        let macros = match name {
            "has" => Some("has(x.field)"),
            "all" | "exists" | "exists_one" | "existsOne" | "filter" => Some("list.all(x, test)"),
            "map" => Some("list.map(x, value)"),
            _ => None,
        };
        usage.or(macros).map_or(Found::Nothing, Found::Otherwise)
    }

    pub(super) fn names() -> impl Iterator<Item = &'static str> {
        let macros = ["has", "all", "exists", "exists_one", "map", "filter"];
        TABLE.iter().map(|(name, ..)| *name).chain(macros)
    }

    fn name(self) -> &'static str {
        TABLE.iter().find(|(.., function, _)| *function == self).map_or("", |(name, ..)| name)
    }

    pub(super) fn call<'a>(
        self,
        arguments: &[Cel<'a>],
        evaluation: &mut Evaluation<'a>,
    ) -> Result<Cel<'a>, EvaluationFault> {
        let answer = match arguments {
            [Cel::Text(text), Cel::Text(other)] => {
                self.of_texts(text.as_str(), other.as_str(), evaluation)?
            }
            [Cel::Text(text)] => self.of_text(text, evaluation)?,
            [Cel::List(list)] => self.of_list(list, "", evaluation)?,
            [Cel::List(list), Cel::Text(separator)] => {
                self.of_list(list, separator.as_str(), evaluation)?
            }
            [value] => self.of_value(value)?,
            _ => None,
        };
        let refused = || types(self.name(), &arguments.iter().collect::<Vec<_>>());
        answer.or_else(|| self.of_any(arguments)).ok_or_else(refused)
    }

    fn of_any<'a>(self, arguments: &[Cel<'a>]) -> Option<Cel<'a>> {
        match (self, arguments) {
            (Self::Type, [value]) => Some(Cel::Type(value.type_name())),
            (Self::Dyn, [value]) => Some(value.clone()),
            _ => None,
        }
    }

    fn of_texts<'a>(
        self,
        text: &str,
        other: &str,
        evaluation: &mut Evaluation<'a>,
    ) -> Result<Option<Cel<'a>>, EvaluationFault> {
        evaluation.read(text.len() + other.len())?;
        Ok(Some(match self {
            Self::StartsWith => Cel::Bool(text.starts_with(other)),
            Self::EndsWith => Cel::Bool(text.ends_with(other)),
            Self::Contains => Cel::Bool(text.contains(other)),
            Self::Matches => {
                evaluation.spend(PATTERN_STEPS as usize)?;
                let pattern = Pattern::compile(other, MADE_LOOKED_MAX).map_err(|reason| {
                    EvaluationFault::Pattern { pattern: other.chars().take(80).collect(), reason }
                })?;
                evaluation.spend(pattern.steps(text.len()))?;
                Cel::Bool(pattern.is_match(text))
            }
            Self::Split => {
                let parts: Vec<_> = if other.is_empty() {
                    evaluation.spend(text.len())?;
                    text.chars().map(|part| Cel::made_text(part.to_string())).collect()
                } else {
                    evaluation.spend(text.len() / other.len())?;
                    text.split(other).map(Cel::made_text).collect()
                };
                Cel::List(List::Made(parts.into()))
            }
            _ => return Ok(None),
        }))
    }

    fn of_text<'a>(
        self,
        given: &Text<'a>,
        evaluation: &mut Evaluation<'a>,
    ) -> Result<Option<Cel<'a>>, EvaluationFault> {
        let text = given.as_str();
        evaluation.read(text.len())?;
        if matches!(self, Self::LowerAscii | Self::UpperAscii | Self::Trim) {
            // These functions build a new text.
            if text.len() > TEXT_BYTES_MAX {
                return Err(EvaluationFault::TextTooLong);
            }
        }
        let unread =
            |wanted| EvaluationFault::NotReadable { text: text.chars().take(80).collect(), wanted };
        Ok(Some(match self {
            Self::Size => Cel::Int(i64::try_from(text.chars().count()).unwrap_or(i64::MAX)),
            Self::LowerAscii => Cel::made_text(text.to_ascii_lowercase()),
            Self::UpperAscii => Cel::made_text(text.to_ascii_uppercase()),
            Self::Trim => Cel::made_text(text.trim()),
            Self::String => Cel::Text(given.clone()),
            Self::Int => Cel::Int(text.parse().map_err(|_| unread("int"))?),
            Self::Uint => Cel::Uint(text.parse().map_err(|_| unread("uint"))?),
            Self::Double => Cel::Double(text.parse().map_err(|_| unread("double"))?),
            Self::Bool => match text {
                "true" | "True" | "TRUE" | "t" | "1" => Cel::Bool(true),
                "false" | "False" | "FALSE" | "f" | "0" => Cel::Bool(false),
                _ => return Err(unread("bool")),
            },
            _ => return Ok(None),
        }))
    }

    fn of_list<'a>(
        self,
        list: &List<'a>,
        separator: &str,
        evaluation: &mut Evaluation<'a>,
    ) -> Result<Option<Cel<'a>>, EvaluationFault> {
        match self {
            Self::Size => Ok(Some(Cel::Int(i64::try_from(list.len()).unwrap_or(i64::MAX)))),
            Self::Join | Self::JoinWith => {
                let mut joined = String::new();
                for (index, part) in list.iter().enumerate() {
                    let Cel::Text(part) = &part else { return Err(types("join", &[&part])) };
                    let part = part.as_str();
                    evaluation.spend(1 + (separator.len() + part.len()) / 16)?;
                    if joined.len() + separator.len() + part.len() > TEXT_BYTES_MAX {
                        return Err(EvaluationFault::TextTooLong);
                    }
                    joined.push_str(if index > 0 { separator } else { "" });
                    joined.push_str(part);
                }
                Ok(Some(Cel::made_text(joined)))
            }
            _ => Ok(None),
        }
    }

    /// Conversions of other values, and between numbers.
    fn of_value<'a>(self, value: &Cel<'a>) -> Result<Option<Cel<'a>>, EvaluationFault> {
        Ok(Some(match (self, value) {
            (Self::Size, Cel::Map(members)) => {
                Cel::Int(i64::try_from(members.len()).unwrap_or(i64::MAX))
            }
            (Self::Bool, Cel::Bool(value)) => Cel::Bool(*value),
            (Self::String, Cel::Bool(value)) => Cel::made_text(value.to_string()),
            (Self::String, Cel::Int(whole)) => Cel::made_text(whole.to_string()),
            (Self::String, Cel::Uint(whole)) => Cel::made_text(whole.to_string()),
            (Self::String, Cel::Double(double)) => Cel::made_text(double_text(*double)),
            (Self::Double, value) => match to_double(value) {
                Some(double) => Cel::Double(double),
                None => return Ok(None),
            },
            (Self::Int, value) => return whole(value, "int"),
            (Self::Uint, value) => return whole(value, "uint"),
            _ => return Ok(None),
        }))
    }
}

/// Converts a number to a whole one; the fraction is cut off.
#[expect(clippy::cast_possible_truncation, reason = "the value was found to lie in range")]
fn whole<'a>(value: &Cel<'a>, wanted: &'static str) -> Result<Option<Cel<'a>>, EvaluationFault> {
    let whole = match value {
        Cel::Int(whole) => i128::from(*whole),
        Cel::Uint(whole) => i128::from(*whole),
        Cel::Double(double) if double.abs() < 1e30 => double.trunc() as i128,
        Cel::Double(_) => return Err(EvaluationFault::Overflow { operation: wanted }),
        _ => return Ok(None),
    };
    let made = if wanted == "int" {
        i64::try_from(whole).map(Cel::Int)
    } else {
        u64::try_from(whole).map(Cel::Uint)
    };
    made.map(Some).map_err(|_| EvaluationFault::Overflow { operation: wanted })
}
