//! Cells: a number as people of many countries write it, a time, or text.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime};

/// How numbers are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Numerals {
    /// Whether a comma, not a point, stands before decimals; the other one then marks thousands.
    pub(super) decimal_comma: bool,
}

/// Whether a cell is one of the usual ways to leave it out.
pub(super) fn is_missing(cell: &str) -> bool {
    const MARKS: [&str; 11] = [
        "", "na", "n/a", "#n/a", "nan", "null", "none", "nil", "?", "-", "--",
    ];
    MARKS.iter().any(|mark| mark.eq_ignore_ascii_case(cell))
}

/// Digits in groups of three behind `mark`, such as 12,075 or 1,234,567.
fn is_grouped(digits: &str, mark: char) -> bool {
    let mut groups = digits.split(mark);
    let first = groups.next().unwrap_or_default();
    let all_digits = |group: &str| group.bytes().all(|byte| byte.is_ascii_digit());
    let mut any = false;
    let rest = groups.all(|group| {
        any = true;
        group.len() == 3 && all_digits(group)
    });
    any && rest && (1..=3).contains(&first.len()) && all_digits(first)
}

impl Numerals {
    /// How the numbers among `cells` are written, and a note where both would do.
    pub(super) fn of<'a>(cells: impl Iterator<Item = &'a str>) -> (Self, Option<String>) {
        let (mut comma, mut point, mut either) = (false, false, None);
        for cell in cells {
            let digits = cell.trim_start_matches(['+', '-']).trim_end_matches('%');
            let is_number = |text: &str| text.parse::<f64>().is_ok();
            match (digits.find(','), digits.find('.')) {
                // 1.234,5 and 1,234.5
                (Some(at), Some(of)) if at > of => {
                    comma |= is_grouped(&digits[..at], '.') && is_number(&digits[at + 1..]);
                }
                (Some(_), Some(of)) => {
                    point |= is_grouped(&digits[..of], ',') && is_number(&digits[of + 1..]);
                }
                (Some(_), None) if is_grouped(digits, ',') => {
                    either = either.or(Some(cell.to_owned()));
                }
                (Some(_), None) => comma |= is_number(&digits.replacen(',', ".", 1)),
                (None, Some(_)) => point |= is_number(digits),
                (None, None) => {}
            }
        }
        let decimal_comma = comma && !point;
        let note = either.filter(|_| !decimal_comma && !point).map(|cell| {
            format!(
                "{cell} is read with a mark of thousands, as {}",
                cell.replace(',', "")
            )
        });
        (Self { decimal_comma }, note)
    }

    /// The number in `cell`; none where it holds none.
    pub(super) fn number(self, cell: &str) -> Option<f64> {
        if let Ok(number) = cell.parse::<f64>()
            && !(self.decimal_comma && is_grouped(cell.trim_start_matches(['+', '-']), '.'))
        {
            return Some(number);
        }
        let cell = cell.strip_suffix('%').map_or(cell, str::trim_end);
        // Marks of thousands that are nowhere decimals.
        let plain: String = cell
            .chars()
            .filter(|c| !matches!(c, '\'' | '\u{2019}' | '\u{a0}' | '\u{202f}'))
            .collect();
        let (thousands, decimal) = if self.decimal_comma {
            ('.', ',')
        } else {
            (',', '.')
        };
        let (sign, digits) = match plain.strip_prefix('-') {
            Some(digits) => (-1.0, digits),
            None => (1.0, plain.strip_prefix('+').unwrap_or(&plain)),
        };
        let whole = digits.split(decimal).next().unwrap_or_default();
        if whole.contains(thousands) && !is_grouped(whole, thousands) {
            return None;
        }
        let digits = digits.replace(thousands, "").replacen(decimal, ".", 1);
        let starts = digits.starts_with(|c: char| c.is_ascii_digit() || c == '.');
        let number: Option<f64> = digits.parse().ok();
        number.filter(|_| starts).map(|number| sign * number)
    }
}

/// A way to write a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TimeFormat {
    /// RFC 3339, with its zone.
    Zoned,
    /// Date and time.
    Stamp(&'static str),
    /// A date.
    Date(&'static str),
    /// A time of the day.
    Clock(&'static str),
}

/// The formats that are tried, in this order: of 01/03/2026 the first number is the day where both could be.
const FORMATS: [TimeFormat; 32] = {
    use TimeFormat::{Clock, Date, Stamp, Zoned};
    [
        Zoned,
        Stamp("%Y-%m-%d %H:%M:%S%.f"),
        Stamp("%Y-%m-%dT%H:%M:%S%.f"),
        Stamp("%Y-%m-%d %H:%M"),
        Stamp("%Y-%m-%dT%H:%M"),
        Stamp("%Y/%m/%d %H:%M:%S%.f"),
        Stamp("%Y/%m/%d %H:%M"),
        Stamp("%Y%m%dT%H%M%S"),
        Stamp("%d.%m.%Y %H:%M:%S%.f"),
        Stamp("%d.%m.%Y %H:%M"),
        Stamp("%d/%m/%Y %H:%M:%S%.f"),
        Stamp("%d/%m/%Y %H:%M"),
        Stamp("%d-%m-%Y %H:%M:%S%.f"),
        Stamp("%d-%m-%Y %H:%M"),
        Stamp("%m/%d/%Y %H:%M:%S%.f"),
        Stamp("%m/%d/%Y %H:%M"),
        Stamp("%m/%d/%Y %I:%M:%S %p"),
        Stamp("%m/%d/%Y %I:%M %p"),
        Stamp("%d/%m/%Y %I:%M:%S %p"),
        Stamp("%d-%b-%Y %H:%M:%S%.f"),
        Stamp("%d %b %Y %H:%M:%S%.f"),
        Date("%Y-%m-%d"),
        Date("%Y/%m/%d"),
        Date("%d.%m.%Y"),
        Date("%d/%m/%Y"),
        Date("%d-%m-%Y"),
        Date("%m/%d/%Y"),
        Date("%d-%b-%Y"),
        Clock("%H:%M:%S%.f"),
        Clock("%H:%M"),
        Clock("%H.%M.%S"),
        Clock("%I:%M:%S %p"),
    ]
};

impl TimeFormat {
    /// The format in which all of `cells`, at least one, are times, and a note where the other order of day and month
    /// would do as well.
    pub(super) fn of(cells: &[&str]) -> Option<(Self, Option<String>)> {
        let fits = |format: &&Self| cells.iter().all(|cell| format.seconds(cell).is_some());
        let mut fitting = FORMATS.iter().filter(fits);
        let first = *fitting.next().filter(|_| !cells.is_empty())?;
        let other = fitting.any(|format| format.text().starts_with("%m/%d"));
        let note = (first.text().starts_with("%d/%m") && other)
            .then(|| format!("{} is read with its day first", cells[0]));
        Some((first, note))
    }

    fn text(self) -> &'static str {
        match self {
            Self::Zoned => "",
            Self::Stamp(text) | Self::Date(text) | Self::Clock(text) => text,
        }
    }

    /// Seconds since 1970, or since midnight.
    pub(super) fn seconds(self, cell: &str) -> Option<f64> {
        let of_stamp = |stamp: NaiveDateTime| {
            let stamp = stamp.and_utc();
            stamp.timestamp() as f64 + f64::from(stamp.timestamp_subsec_nanos()) * 1e-9
        };
        match self {
            Self::Zoned => DateTime::parse_from_rfc3339(cell)
                .ok()
                .map(|stamp| of_stamp(stamp.naive_utc())),
            Self::Stamp(format) => NaiveDateTime::parse_from_str(cell, format)
                .ok()
                .map(of_stamp),
            Self::Date(format) => {
                let date = NaiveDate::parse_from_str(cell, format).ok()?;
                Some(of_stamp(date.and_time(NaiveTime::MIN)))
            }
            Self::Clock(format) => {
                let time = NaiveTime::parse_from_str(cell, format).ok()?;
                Some((time - NaiveTime::MIN).as_seconds_f64())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POINT: Numerals = Numerals {
        decimal_comma: false,
    };
    const COMMA: Numerals = Numerals {
        decimal_comma: true,
    };

    #[test]
    fn numbers_of_many_countries() {
        for (cell, number) in [
            ("1", 1.0),
            ("-2.5e3", -2500.0),
            ("12,075", 12075.0),
            ("1,234,567.5", 1_234_567.5),
            ("1'234.5", 1234.5),
            ("97.5%", 97.5),
            ("97.5 %", 97.5),
            ("+.5", 0.5),
        ] {
            assert_eq!(POINT.number(cell), Some(number), "{cell}");
        }
        for (cell, number) in [
            ("40,9252", 40.9252),
            ("-0,5", -0.5),
            ("1.234,5", 1234.5),
            ("1.234", 1234.0),
            ("1e3", 1000.0),
            ("2,5e-3", 0.0025),
        ] {
            assert_eq!(COMMA.number(cell), Some(number), "{cell}");
        }
        for cell in ["abc", "1,2,3", "12,07", "1-2", "", "0x10", "1 2", "--1"] {
            assert_eq!(POINT.number(cell), None, "{cell}");
        }
    }

    #[test]
    fn the_comma_is_what_the_file_shows_it_to_be() {
        let of = |cells: &[&'static str]| Numerals::of(cells.iter().copied());
        assert_eq!(of(&["40,9252", "0,6"]), (COMMA, None));
        assert_eq!(of(&["12,075", "97.5%"]), (POINT, None));
        assert_eq!(of(&["1.234,5"]), (COMMA, None));
        let (numerals, note) = of(&["12,075", "11,711"]);
        assert_eq!(numerals, POINT);
        assert_eq!(
            note.unwrap(),
            "12,075 is read with a mark of thousands, as 12075"
        );
        assert_eq!(of(&["1.5", "2026-03-01", "a,b"]), (POINT, None));
    }

    #[test]
    fn times_are_found_by_their_format() {
        let seconds = |cells: &[&str]| {
            let (format, note) = TimeFormat::of(cells).unwrap();
            (format.seconds(cells[0]).unwrap(), note)
        };
        let march = 1_772_323_200.0; // 2026-03-01
        let noon = march + 43_200.0;
        for cell in [
            "2026-03-01 12:00:00",
            "2026-03-01T12:00:00Z",
            "2026-03-01T13:00:00.000+01:00",
            "01.03.2026 12:00",
            "2026/03/01 12:00:00.000",
        ] {
            assert_eq!(seconds(&[cell]), (noon, None), "{cell}");
        }
        assert_eq!(seconds(&["06.00.00"]), (21_600.0, None));
        assert_eq!(seconds(&["03/01/2026 12:00 PM"]), (noon, None));
        let (time, note) = seconds(&["01/03/2026"]);
        assert_eq!(
            (time, note.unwrap().as_str()),
            (march, "01/03/2026 is read with its day first")
        );
        assert_eq!(seconds(&["03/01/2026", "03/31/2026"]), (march, None));
        assert_eq!(TimeFormat::of(&["pump", "2026-03-01"]), None);
        assert_eq!(TimeFormat::of(&[]), None);
    }
}
