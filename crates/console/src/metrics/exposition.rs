use std::collections::BTreeMap;

/// One number of Prometheus' text format (0.0.4).
#[derive(Clone, Debug, PartialEq)]
pub struct Number {
    /// The metric's name.
    pub name: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its value.
    pub value: f64,
}

impl Number {
    /// The value of a label; empty without it.
    pub fn label(&self, name: &str) -> &str {
        self.labels.get(name).map_or("", String::as_str)
    }
}

/// Reads the numbers of a text. Comments and lines that can't be read are left out.
pub fn read(text: &str) -> Vec<Number> {
    text.lines().filter_map(number).collect()
}

/// What each metric is, from its `# HELP` line.
pub fn meanings(text: &str) -> BTreeMap<&str, &str> {
    let lines = text.lines().filter_map(|line| line.strip_prefix("# HELP "));
    lines.filter_map(|line| line.split_once(' ')).collect()
}

fn number(line: &str) -> Option<Number> {
    if line.starts_with('#') {
        return None;
    }
    let end = line.find(['{', ' '])?;
    let (name, rest) = line.split_at(end);
    let (labels, rest) = match rest.strip_prefix('{') {
        Some(inside) => labels(inside)?,
        None => (BTreeMap::new(), rest),
    };
    let value = rest.split_whitespace().next()?.parse().ok()?;
    Some(Number { name: name.to_owned(), labels, value })
}

/// The labels after an opening brace, and what follows the closing one. In their values `\\`, `\"`
/// and `\n` stand for a backslash, a quote and a line break.
fn labels(mut rest: &str) -> Option<(BTreeMap<String, String>, &str)> {
    let mut labels = BTreeMap::new();
    loop {
        rest = rest.trim_start_matches([',', ' ']);
        if let Some(after) = rest.strip_prefix('}') {
            return Some((labels, after));
        }
        let (name, quoted) = rest.split_once("=\"")?;
        let mut value = String::new();
        let mut letters = quoted.char_indices();
        loop {
            match letters.next()? {
                (at, '"') => {
                    rest = &quoted[at + 1..];
                    break;
                }
                (_, '\\') => value.push(match letters.next()?.1 {
                    'n' => '\n',
                    other => other,
                }),
                (_, letter) => value.push(letter),
            }
        }
        labels.insert(name.to_owned(), value);
    }
}

/// A bucket of a histogram: everything up to a limit, which isn't in the bucket before.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bucket {
    /// The limit.
    pub up_to: f64,
    /// How much is in it.
    pub count: f64,
}

/// The buckets of a histogram, from its numbers `<name>_bucket`, each of which counts those before
/// it as well. Numbers of several labels are added.
pub fn buckets<'a>(numbers: impl Iterator<Item = &'a Number>) -> Vec<Bucket> {
    let mut sums: Vec<Bucket> = Vec::new();
    for number in numbers {
        let Ok(up_to) = number.label("le").parse::<f64>() else { continue };
        match sums.iter_mut().find(|bucket| bucket.up_to == up_to) {
            Some(bucket) => bucket.count += number.value,
            None => sums.push(Bucket { up_to, count: number.value }),
        }
    }
    sums.sort_by(|a, b| a.up_to.total_cmp(&b.up_to));
    let mut before = 0.0;
    for bucket in &mut sums {
        let all = bucket.count;
        bucket.count = all - before;
        before = all;
    }
    sums
}

/// The limit below which this part of everything is: 0.99 for the 99th percentile.
pub fn percentile(buckets: &[Bucket], part: f64) -> Option<f64> {
    let all: f64 = buckets.iter().map(|bucket| bucket.count).sum();
    if all <= 0.0 {
        return None;
    }
    let mut seen = 0.0;
    for bucket in buckets {
        seen += bucket.count;
        if seen >= all * part {
            return Some(bucket.up_to);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_numbers_with_their_labels() {
        let text = "# HELP a What a is.\n# TYPE a counter\na 3\nb{x=\"1\",y=\"a \\\"b\\\" \\\\ \\n,}\"} 2.5 1700000000\nc{} +Inf\nbroken\nd{x=\"1} 2\n";
        let told: Vec<(String, String, f64)> = read(text)
            .into_iter()
            .map(|number| (number.name.clone(), number.label("y").to_owned(), number.value))
            .collect();
        assert_eq!(
            told,
            [
                ("a".to_owned(), String::new(), 3.0),
                ("b".to_owned(), "a \"b\" \\ \n,}".to_owned(), 2.5),
                ("c".to_owned(), String::new(), f64::INFINITY),
            ]
        );
        assert_eq!(meanings(text).get("a"), Some(&"What a is."));
    }

    #[test]
    fn finds_percentiles_of_added_histograms() {
        let text = "h_bucket{le=\"1\",r=\"a\"} 5\nh_bucket{le=\"2\",r=\"a\"} 9\nh_bucket{le=\"+Inf\",r=\"a\"} 10\nh_bucket{le=\"1\",r=\"b\"} 1\nh_bucket{le=\"2\",r=\"b\"} 1\nh_bucket{le=\"+Inf\",r=\"b\"} 1\n";
        let numbers = read(text);
        let buckets = buckets(numbers.iter());
        let counts: Vec<f64> = buckets.iter().map(|bucket| bucket.count).collect();
        assert_eq!(counts, [6.0, 4.0, 1.0]);
        for (part, expect) in [(0.5, Some(1.0)), (0.9, Some(2.0)), (0.99, Some(f64::INFINITY))] {
            assert_eq!(percentile(&buckets, part), expect, "{part}");
        }
        assert_eq!(percentile(&[], 0.5), None);
    }
}
