//! Where the cells of a text file are: delimiter, lines before the table, header and units.

use super::cells::{Numerals, TimeFormat, is_missing};

/// How the cells of a line are divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Delimiter {
    /// One character between two cells.
    Byte(u8),
    /// Any run of blanks.
    Blanks,
}

/// The delimiters, those first that stand in numbers and text least.
const CANDIDATES: [Delimiter; 5] = [
    Delimiter::Byte(b';'),
    Delimiter::Byte(b'\t'),
    Delimiter::Byte(b'|'),
    Delimiter::Byte(b','),
    Delimiter::Blanks,
];
/// Lines that are looked at.
const LOOKED_AT: usize = 200;
/// The part of the lines that a delimiter divides alike.
const ALIKE: f64 = 0.8;

/// Whether a line is neither blank nor a comment.
pub(super) fn has_cells(line: &str) -> bool {
    let line = line.trim_start();
    !line.is_empty() && !line.starts_with('#')
}

impl Delimiter {
    /// The delimiter that divides the lines of `text` alike; commas where none does.
    pub(super) fn of(text: &str) -> Self {
        let lines: Vec<&str> = text
            .lines()
            .filter(|line| has_cells(line))
            .take(LOOKED_AT)
            .collect();
        let divides = |delimiter: &&Self| {
            let counts: Vec<usize> = lines.iter().map(|line| delimiter.count(line)).collect();
            let most = mode(&counts);
            let alike = counts.iter().filter(|&&count| count == most).count();
            most > 1 && alike as f64 >= ALIKE * counts.len() as f64
        };
        let found = CANDIDATES.iter().find(divides).copied();
        // Lines of several lengths are told apart later; here it is enough that most are divided at all.
        let some = |delimiter: &&Self| {
            let divided = lines.iter().filter(|line| delimiter.count(line) > 1);
            2 * divided.count() > lines.len()
        };
        found
            .or_else(|| CANDIDATES.iter().find(some).copied())
            .unwrap_or(Self::Byte(b','))
    }

    /// Cells of `line`.
    fn count(self, line: &str) -> usize {
        match self {
            Self::Byte(byte) => {
                let mut quoted = false;
                let delimiters = line.bytes().filter(|&c| {
                    quoted ^= c == b'"';
                    !quoted && c == byte
                });
                1 + delimiters.count()
            }
            Self::Blanks => {
                // A name may have blanks in it: they divide only where they set a number apart.
                let mut cells = line.split_whitespace();
                if cells.any(|cell| cell.parse::<f64>().is_ok()) {
                    line.split_whitespace().count()
                } else {
                    1
                }
            }
        }
    }

    /// Cells of the longest line of `text`; quotes need not end in it.
    pub(super) fn widest(self, text: &str) -> u64 {
        let cells = text.lines().map(|line| match self {
            Self::Byte(_) => self.count(line),
            Self::Blanks => line.split_whitespace().count(),
        });
        cells.max().unwrap_or(0) as u64
    }
}

/// The most frequent of `counts`, the largest of several; 0 of none.
fn mode(counts: &[usize]) -> usize {
    let mut sorted = counts.to_vec();
    sorted.sort_unstable();
    let groups = sorted.chunk_by(usize::eq);
    groups
        .max_by_key(|group| group.len())
        .map_or(0, |group| group[0])
}

/// The first records of a file, and what they are.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Layout {
    /// Cells of a row.
    pub(super) width: usize,
    /// Columns behind the last one that every line has empty.
    pub(super) empty: usize,
    /// Records before the table.
    pub(super) preamble: usize,
    /// Names of the columns.
    pub(super) header: Option<Vec<String>>,
    /// Units of the columns.
    pub(super) units: Option<Vec<String>>,
    /// How numbers are written.
    pub(super) numerals: Numerals,
    /// The assumptions, one line each.
    pub(super) notes: Vec<String>,
}

impl Layout {
    /// The layout that the first records of a file, at least one, show.
    pub(super) fn of(records: &[Vec<String>]) -> Self {
        let counts: Vec<usize> = records.iter().map(Vec::len).collect();
        let cells = mode(&counts);
        let preamble = counts.iter().take_while(|&&count| count != cells).count();
        let table = records.get(preamble..).unwrap_or_default();
        let whole = || table.iter().filter(|record| record.len() == cells);
        let blank = (0..cells)
            .rev()
            .take_while(|&column| whole().all(|record| record[column].is_empty()));
        let empty = blank.count().min(cells.saturating_sub(1));
        let width = cells - empty;
        let rows: Vec<&[String]> = whole().map(|record| &record[..width]).collect();
        let (numerals, note) =
            Numerals::of(rows.iter().flat_map(|row| row.iter()).map(String::as_str));
        let mut notes: Vec<String> = note.into_iter().collect();
        match preamble {
            0 => {}
            1 => notes.push("1 line before the table is left out".into()),
            more => notes.push(format!("{more} lines before the table are left out")),
        }
        let header = is_header(&rows, numerals).then(|| rows[0].to_vec());
        let body = rows
            .get(usize::from(header.is_some())..)
            .unwrap_or_default();
        let units = header.is_some() && is_units(body, numerals);
        Self {
            width,
            empty,
            preamble,
            units: units.then(|| body[0].to_vec()),
            header,
            numerals,
            notes,
        }
    }

    /// Whether a record is the header once more.
    pub(super) fn is_header<S: AsRef<str>>(&self, record: &[S]) -> bool {
        self.header.as_ref().is_some_and(|header| {
            record.len() >= header.len()
                && header
                    .iter()
                    .zip(record)
                    .all(|(name, cell)| name == cell.as_ref())
        })
    }
}

/// Whether a cell is text, neither a number nor a time nor missing.
fn is_text(cell: &str, numerals: Numerals) -> bool {
    !is_missing(cell) && numerals.number(cell).is_none() && TimeFormat::of(&[cell]).is_none()
}

/// Whether the first of `rows` names the columns: no cell of it is a number or a time, and it holds text where others
/// hold none, or text that does not come again.
fn is_header(rows: &[&[String]], numerals: Numerals) -> bool {
    let Some((first, rest)) = rows.split_first() else {
        return false;
    };
    let value = |cell: &String| !is_missing(cell) && !is_text(cell, numerals);
    if first.iter().any(value) || first.iter().all(|cell| is_missing(cell)) {
        return false;
    }
    let differs = |column: usize| {
        let below = || rest.iter().map(|row| &row[column]);
        let named = is_text(&first[column], numerals);
        named && (below().any(value) || below().all(|cell| *cell != first[column]))
    };
    (0..first.len()).any(differs)
}

/// Whether the first of `rows`, below a header, gives units: text or nothing where the rows below hold values.
fn is_units(rows: &[&[String]], numerals: Numerals) -> bool {
    let Some((first, rest)) = rows.split_first() else {
        return false;
    };
    let value = |cell: &String| !is_missing(cell) && !is_text(cell, numerals);
    let none_is_a_value = !first.iter().any(value);
    let unit = |column: usize| {
        let named = !first[column].is_empty() && is_text(&first[column], numerals);
        named && rest.iter().any(|row| value(&row[column]))
    };
    none_is_a_value && (0..first.len()).any(unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delimiters_divide_lines_alike() {
        for (text, delimiter) in [
            ("1,2\n3,4", Delimiter::Byte(b',')),
            ("1,5;2\n3,5;4", Delimiter::Byte(b';')),
            ("a\tb,c\n1\t2", Delimiter::Byte(b'\t')),
            ("a|b\n1|2", Delimiter::Byte(b'|')),
            ("  1  2\n 3 4 ", Delimiter::Blanks),
            ("Flow rate\n1\n2", Delimiter::Byte(b',')),
            (
                "2026-03-01 06:00,1\n2026-03-01 06:01,2",
                Delimiter::Byte(b','),
            ),
            ("\"a; b\",1\n\"c\",2", Delimiter::Byte(b',')),
            ("# x;y\n1,2", Delimiter::Byte(b',')),
            ("", Delimiter::Byte(b',')),
        ] {
            assert_eq!(Delimiter::of(text), delimiter, "{text:?}");
        }
    }

    fn layout(lines: &[&str]) -> Layout {
        let records: Vec<Vec<String>> = lines
            .iter()
            .map(|line| line.split(';').map(str::to_owned).collect())
            .collect();
        Layout::of(&records)
    }

    #[test]
    fn headers_units_and_lines_before_are_told_from_rows() {
        let plain = layout(&["1;2", "3;4"]);
        assert_eq!((plain.width, plain.preamble, &plain.header), (2, 0, &None));
        let headed = layout(&[
            "logger 2",
            "time;flow;;",
            ";l/s;;",
            "2026-03-01;0,5;;",
            "2026-03-02;1,5;;",
        ]);
        assert_eq!((headed.width, headed.empty, headed.preamble), (2, 2, 1));
        assert_eq!(headed.header.unwrap(), ["time", "flow"]);
        assert_eq!(headed.units.unwrap(), ["", "l/s"]);
        assert!(headed.numerals.decimal_comma);
        assert_eq!(headed.notes, ["1 line before the table is left out"]);
        // Labels without a header, and with one.
        assert_eq!(layout(&["ok", "fault", "ok"]).header, None);
        assert_eq!(
            layout(&["class", "ok", "fault", "ok"]).header.unwrap(),
            ["class"]
        );
        // A row of states is no units.
        let states = layout(&["state;flow", "on;1", "off;2"]);
        assert!(states.header.is_some() && states.units.is_none());
        // Nothing is named by what is missing.
        assert_eq!(layout(&["NA;NA", "1;2"]).header, None);
    }
}
