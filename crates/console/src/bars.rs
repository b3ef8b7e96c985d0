use maud::{Markup, html};

/// A bar of a chart.
#[derive(Clone, Debug, PartialEq)]
pub struct Bar {
    /// What it is about.
    pub name: String,
    /// How long it is, in any unit.
    pub length: f64,
    /// What stands beside it.
    pub value: String,
}

/// The length of the longest bar, in the units of its picture.
const LENGTH_MAX: f64 = 100.0;

/// A chart of bars: a table, in which each row has a bar. So it can be read without seeing it, and
/// fits into any width.
pub fn bars(title: &str, name: &str, value: &str, rows: &[Bar]) -> Markup {
    let longest = rows.iter().map(|row| row.length).fold(0.0, f64::max);
    html! {
        table.bars {
            caption { (title) }
            thead { tr { th scope="col" { (name) } th.number scope="col" { (value) } td { span.hidden { "as a bar" } } } }
            tbody { @for row in rows {
                tr {
                    th scope="row" { (row.name) }
                    td.number { (row.value) }
                    td {
                        svg.bar viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true" focusable="false" {
                            rect width=(width(row.length, longest)) height="10" {}
                        }
                    }
                }
            } }
        }
    }
}

/// The width of a bar. What isn't nothing can be seen.
fn width(length: f64, longest: f64) -> String {
    if length <= 0.0 || longest <= 0.0 || !length.is_finite() {
        return "0".to_owned();
    }
    format!("{:.1}", (length / longest * LENGTH_MAX).max(0.5))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_bar_fills_its_place() {
        for (length, longest, expect) in [
            (5.0, 10.0, "50.0"),
            (10.0, 10.0, "100.0"),
            (0.001, 10.0, "0.5"),
            (0.0, 10.0, "0"),
            (0.0, 0.0, "0"),
            (f64::NAN, 1.0, "0"),
            (f64::INFINITY, f64::INFINITY, "0"),
        ] {
            assert_eq!(width(length, longest), expect, "{length} of {longest}");
        }
    }
}
