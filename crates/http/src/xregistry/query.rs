use super::place::percent_decoded;

/// The parameters of a query in their order, decoded.
///
/// A name without `=` has no value; most flags treat it like an empty value.
#[derive(Clone, Debug, Default)]
pub(crate) struct Query(Vec<(String, Option<String>)>);

impl Query {
    /// Parses the text after the question mark. Text that isn't UTF-8 when decoded stays as it is.
    pub fn parse(text: Option<&str>) -> Self {
        let text = text.unwrap_or_default();
        let parameters = text.split('&').filter(|parameter| !parameter.is_empty());
        Self(
            parameters
                .map(|parameter| match parameter.split_once('=') {
                    Some((name, value)) => (decoded(name), Some(decoded(value))),
                    None => (decoded(parameter), None),
                })
                .collect(),
        )
    }

    /// Whether the parameter is present.
    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(other, _)| other == name)
    }

    /// All parameters in their order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_deref()))
    }

    /// Every value of a parameter; empty if it has none.
    pub fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0
            .iter()
            .filter(move |(other, _)| other == name)
            .map(|(_, value)| value.as_deref().unwrap_or_default())
    }

    /// The first value of a parameter.
    pub fn value<'a>(&'a self, name: &'a str) -> Option<&'a str> {
        self.values(name).next()
    }
}

fn decoded(text: &str) -> String {
    let spaced = text.replace('+', " ");
    percent_decoded(&spaced).unwrap_or(spaced)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_parameters_in_order() {
        let query = Query::parse(Some("a&b=1&b=2%2C3&c=x+y&&d=%zz"));
        assert!(query.has("a") && !query.has("e"));
        assert_eq!(query.values("b").collect::<Vec<_>>(), ["1", "2,3"]);
        for (name, expect) in [("a", Some("")), ("c", Some("x y")), ("d", Some("%zz")), ("e", None)]
        {
            assert_eq!(query.value(name), expect, "{name}");
        }
    }
}
