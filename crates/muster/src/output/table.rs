//! Tables with aligned columns, for any script.

use unicode_width::UnicodeWidthStr;

use super::{Screen, Style, sanitized};

/// The alignment of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// For text.
    Left,
    /// For numbers.
    Right,
}

/// Rows of cells under headings.
#[derive(Clone, Debug, Default)]
pub struct Table {
    headings: Vec<(String, Align)>,
    rows: Vec<Vec<Cell>>,
}

/// A cell's text, without control characters, and its colour.
#[derive(Clone, Debug, Default)]
struct Cell {
    text: String,
    style: Option<Style>,
}

impl Cell {
    const fn plain(text: String) -> Self {
        Self { text, style: None }
    }
}

/// The least width of a column whose text continues below; a narrower one would be a column of
/// single words.
const WRAPPED_WIDTH_MIN: usize = 20;

/// The space between two columns.
const GAP: &str = "  ";

impl Table {
    /// A table with these headings, shown in capitals. All columns hold text.
    #[must_use]
    pub fn new<'a>(headings: impl IntoIterator<Item = &'a str>) -> Self {
        let headings =
            headings.into_iter().map(|heading| (heading.to_uppercase(), Align::Left)).collect();
        Self { headings, rows: Vec::new() }
    }

    /// Makes a column (from 0) one of numbers.
    #[must_use]
    pub fn numbers(mut self, column: usize) -> Self {
        if let Some((_, align)) = self.headings.get_mut(column) {
            *align = Align::Right;
        }
        self
    }

    /// Adds a row, without control characters.
    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().map(|cell| Cell::plain(sanitized(&cell))).collect());
    }

    /// Gives a cell (from 0) of the last row a colour.
    pub fn paint(&mut self, column: usize, style: Style) {
        if let Some(cell) = self.rows.last_mut().and_then(|row| row.get_mut(column)) {
            cell.style = Some(style);
        }
    }

    /// Whether it has no rows.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Drops columns until the table fits the terminal. Keeps the first `keep` columns and the last
    /// one, and drops from the right. Returns the headings of the dropped columns.
    pub fn fit(&mut self, screen: &Screen, keep: usize) -> Vec<String> {
        let mut dropped = Vec::new();
        while screen.is_terminal && self.width() > screen.width && self.headings.len() > keep + 1 {
            let at = self.headings.len() - 2;
            dropped.push(self.headings.remove(at).0.to_lowercase());
            for row in &mut self.rows {
                if at < row.len() {
                    row.remove(at);
                }
            }
        }
        dropped.reverse();
        dropped
    }

    /// The lines of the table, without trailing spaces.
    #[must_use]
    pub fn render(&self, screen: &Screen) -> String {
        let mut widths = self.widths();
        let surplus = self.width().saturating_sub(screen.width);
        if let Some(last) = widths.last_mut().filter(|_| screen.is_terminal && surplus > 0) {
            *last = last.saturating_sub(surplus).max(WRAPPED_WIDTH_MIN).min(*last);
        }
        let headings = self.headings.iter().map(|(text, _)| Cell::plain(text.clone()));
        let headings: Vec<Cell> = headings.collect();
        let mut out = screen.paint(Style::Heading, &self.lay(screen, &headings, &widths));
        out.push('\n');
        for row in &self.rows {
            for line in Self::broken(row, &widths) {
                out.push_str(&self.lay(screen, &line, &widths));
                out.push('\n');
            }
        }
        out
    }

    /// The lines of a row. On a terminal that is too narrow, the text of the last column continues
    /// below, broken between words.
    fn broken(row: &[Cell], widths: &[usize]) -> Vec<Vec<Cell>> {
        let Some((last, before)) = row.split_last() else { return vec![Vec::new()] };
        let mut first = before.to_vec();
        let width = widths.last().copied().unwrap_or(0);
        let styled = |text| Cell { text, style: last.style };
        let mut lines = words_within(&last.text, width).into_iter().map(styled);
        first.extend(lines.next());
        let more = lines.map(|line| {
            let mut cells = vec![Cell::default(); before.len()];
            cells.push(line);
            cells
        });
        std::iter::once(first).chain(more).collect()
    }

    fn widths(&self) -> Vec<usize> {
        (0..self.headings.len())
            .map(|column| {
                let cells = self.rows.iter().filter_map(|row| row.get(column));
                let heading = self.headings[column].0.width();
                cells.map(|cell| cell.text.width()).max().unwrap_or(0).max(heading)
            })
            .collect()
    }

    fn width(&self) -> usize {
        let widths = self.widths();
        widths.iter().sum::<usize>() + GAP.len() * widths.len().saturating_sub(1)
    }

    fn lay(&self, screen: &Screen, cells: &[Cell], widths: &[usize]) -> String {
        let mut line = String::new();
        for (column, width) in widths.iter().enumerate() {
            let (text, style) =
                cells.get(column).map_or(("", None), |cell| (cell.text.as_str(), cell.style));
            let space = " ".repeat(width - text.width().min(*width));
            let cell = style.map_or_else(|| text.to_owned(), |style| screen.paint(style, text));
            if column > 0 {
                line.push_str(GAP);
            }
            match self.headings[column].1 {
                Align::Left => line.extend([cell, space]),
                Align::Right => line.extend([space, cell]),
            }
        }
        line.truncate(line.trim_end().len());
        line
    }
}

/// Text in lines of at most this display width, broken between words. A longer word stays whole.
fn words_within(text: &str, width: usize) -> Vec<String> {
    if text.width() <= width {
        return vec![text.to_owned()];
    }
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.width() + 1 + word.width() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// Pads text with spaces to a display width.
#[must_use]
pub fn padded(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(text.width())))
}

/// Cuts text to a display width; `…` stands for the rest.
#[must_use]
pub fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut out = String::new();
    for letter in text.chars() {
        let mut grown = out.clone();
        grown.push(letter);
        if grown.width() + 1 > width {
            break;
        }
        out = grown;
    }
    out + "…"
}

#[cfg(test)]
mod tests {
    use muster_words::Moment;

    use super::*;

    fn table() -> Table {
        let mut table = Table::new(["name", "position", "what", "changed"]).numbers(1);
        for row in [["sanity", "17", "é日本", "now"], ["x", "1,204", "\x1b[31mred", ""]] {
            table.row(row.map(str::to_owned));
        }
        table
    }

    #[test]
    fn aligns_by_display_width_and_keeps_escapes_out() {
        let screen = Screen::plain(Moment::EPOCH);
        let expect = "NAME    POSITION  WHAT      CHANGED\n\
                      sanity        17  é日本     now\n\
                      x          1,204  \u{fffd}[31mred\n";
        assert_eq!(table().render(&screen), expect);
    }

    #[test]
    fn paints_a_cell_without_moving_the_next_one() {
        let mut table = Table::new(["name", "status", "from"]);
        for (name, style) in [("a", Style::Added), ("longer", Style::Removed)] {
            table.row([name, "ready", "file"].map(str::to_owned));
            table.paint(1, style);
        }
        let plain = Screen::plain(Moment::EPOCH);
        let painted = Screen { colour: true, ..plain.clone() };
        let expect = "\x1b[1mNAME    STATUS  FROM\x1b[0m\n\
                      a       \x1b[32mready\x1b[0m   file\n\
                      longer  \x1b[31mready\x1b[0m   file\n";
        assert_eq!(table.render(&painted), expect);
        let bare = "NAME    STATUS  FROM\na       ready   file\nlonger  ready   file\n";
        assert_eq!(table.render(&plain), bare);
    }

    #[test]
    fn drops_columns_on_a_narrow_terminal_alone() {
        for (is_terminal, width, expect) in
            [(true, 28, vec!["what"]), (true, 35, vec![]), (false, 10, vec![])]
        {
            let screen = Screen { is_terminal, width, ..Screen::plain(Moment::EPOCH) };
            assert_eq!(table().fit(&screen, 1), expect, "{width}");
        }
    }

    #[test]
    fn continues_below_between_words() {
        let mut table = Table::new(["position", "what"]).numbers(0);
        table.row(["1,204".to_owned(), "version 2: level 1 → 2, tags + [\"long\"]".to_owned()]);
        let screen = Screen { is_terminal: true, width: 34, ..Screen::plain(Moment::EPOCH) };
        let expect =
            "POSITION  WHAT\n   1,204  version 2: level 1 → 2,\n          tags + [\"long\"]\n";
        assert_eq!(table.render(&screen), expect);
        let plain = Screen { is_terminal: false, ..screen };
        assert_eq!(table.render(&plain).lines().count(), 2);
    }

    #[test]
    fn cuts_what_is_too_long() {
        for (text, expect) in
            [("short", "short"), ("exactly-10", "exactly-10"), ("日本日本日本", "日本日本…")]
        {
            assert_eq!(cut(text, 10), expect);
        }
    }
}
