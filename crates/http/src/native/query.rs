use muster_wire::{ErrorKind, Problem};
use muster_words::Position;

/// The parameters of a query. Unknown ones are refused, because ignoring a misspelt parameter gives
/// a wrong answer that looks right.
pub(super) struct Parameters<'a>(Vec<(&'a str, &'a str)>);

impl<'a> Parameters<'a> {
    /// Parses the text after the question mark.
    ///
    /// # Errors
    /// `bad_flag`.
    pub fn parse(query: Option<&'a str>, known: &[&str], path: &str) -> Result<Self, Problem> {
        let mut found = Vec::new();
        for parameter in query.unwrap_or_default().split('&').filter(|text| !text.is_empty()) {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            if !known.contains(&name) {
                // The route has refused it already, with the nearest name.
                let kind = ErrorKind::BadFlag { flag: name.to_owned() };
                return Err(Problem::new(kind).subject(path));
            }
            found.push((name, value));
        }
        Ok(Self(found))
    }

    /// The first value of a parameter.
    pub fn value(&self, name: &str) -> Option<&'a str> {
        self.0.iter().find(|(other, _)| *other == name).map(|(_, value)| *value)
    }

    /// Whether a flag is set.
    ///
    /// # Errors
    /// `bad_flag`: it has a value other than true or false.
    pub fn flag(&self, name: &str) -> Result<bool, Problem> {
        match self.value(name) {
            None | Some("false") => Ok(false),
            Some("" | "true") => Ok(true),
            Some(_) => Err(ErrorKind::BadFlag { flag: name.to_owned() }.into()),
        }
    }

    /// A parameter as a position.
    ///
    /// # Errors
    /// `bad_position`.
    pub fn position(&self, name: &str) -> Result<Option<Position>, Problem> {
        self.value(name).map(position).transpose()
    }

    /// The parameter `limit`, from 1; larger values are cut to `max`.
    ///
    /// # Errors
    /// `bad_request`.
    pub fn limit(&self, usual: usize, max: usize) -> Result<usize, Problem> {
        let Some(text) = self.value("limit") else { return Ok(usual) };
        match number(text) {
            Some(limit) if limit > 0 => Ok(usize::try_from(limit).map_or(max, |n| n.min(max))),
            _ => Err(Problem::new(ErrorKind::BadRequest {
                error_detail: "limit must be a number above 0".to_owned(),
            })),
        }
    }

    /// A parameter as a count; larger values are cut to `max`, which it is without it.
    ///
    /// # Errors
    /// `bad_request`.
    pub fn count(&self, name: &str, max: usize) -> Result<usize, Problem> {
        let Some(text) = self.value(name) else { return Ok(max) };
        let count = number(text).ok_or_else(|| {
            let error_detail = format!("{name} must be a number");
            Problem::new(ErrorKind::BadRequest { error_detail })
        })?;
        Ok(usize::try_from(count).map_or(max, |count| count.min(max)))
    }
}

/// Parses a position.
///
/// # Errors
/// `bad_position`.
pub(super) fn position(text: &str) -> Result<Position, Problem> {
    number(text).map(Position).ok_or_else(|| bad_position(text, "a position is a number"))
}

/// The error for a position.
pub(super) fn bad_position(text: &str, reason: &str) -> Problem {
    let shown: String = text.chars().take(40).collect();
    Problem::new(ErrorKind::BadPosition { value: shown, error_detail: reason.to_owned() })
}

fn number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_knows_and_refuses_the_rest() {
        let known = &["after", "limit"];
        for (query, expect) in [
            (None, Ok((None, 50))),
            (Some("after=7&limit=3"), Ok((Some(7), 3))),
            (Some("&limit=9999&"), Ok((None, 1000))),
            (Some("after="), Err("bad_position")),
            (Some("after=-1"), Err("bad_position")),
            (Some("after=99999999999999999999"), Err("bad_position")),
            (Some("limit=0"), Err("bad_request")),
            (Some("limit=ten"), Err("bad_request")),
            (Some("aftr=7"), Err("bad_flag")),
        ] {
            let read = Parameters::parse(query, known, "/log").and_then(|parameters| {
                let after = parameters.position("after")?.map(|position| position.0);
                Ok((after, parameters.limit(50, 1000)?))
            });
            assert_eq!(read.map_err(|problem| problem.code().name()), expect, "{query:?}");
        }
    }
}
