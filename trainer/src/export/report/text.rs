//! Text and numbers as they stand on the page.

/// Text of what is no number.
const NOTHING: &str = "–";

/// Text as it may stand in HTML, in an attribute too.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            _ => escaped.push(character),
        }
    }
    escaped
}

/// A number with a true minus sign; a dash for infinities and NaN.
pub(super) fn number(value: f64, decimals: usize) -> String {
    if !value.is_finite() {
        return NOTHING.into();
    }
    let text = format!("{value:.decimals$}");
    let zero = text.bytes().all(|byte| matches!(byte, b'-' | b'0' | b'.'));
    let digits = text.trim_start_matches('-');
    if text.starts_with('-') && !zero {
        format!("−{digits}")
    } else {
        digits.to_string()
    }
}

/// [`number`], or a dash for none.
pub(super) fn optional(value: Option<f64>, decimals: usize) -> String {
    value.map_or_else(|| NOTHING.into(), |value| number(value, decimals))
}

/// A part of one in percent.
pub(super) fn percent(part: f64) -> String {
    format!("{} %", number(100.0 * part, 1))
}

/// A count with narrow spaces between groups of three digits.
pub(super) fn count(value: usize) -> String {
    let digits = value.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

/// "1 reading", "2 readings".
pub(super) fn plural(number: usize, thing: &str) -> String {
    format!(
        "{} {thing}{}",
        count(number),
        if number == 1 { "" } else { "s" }
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_set_as_in_print() {
        assert_eq!(number(-1.25, 1), "−1.2");
        assert_eq!(number(-0.001, 2), "0.00");
        assert_eq!(number(f64::NAN, 2), "–");
        assert_eq!(optional(None, 2), "–");
        assert_eq!(count(1_234_567), "1\u{202f}234\u{202f}567");
        assert_eq!(count(123), "123");
        assert_eq!(
            (plural(1, "reading"), plural(0, "reading")),
            ("1 reading".into(), "0 readings".into())
        );
    }

    #[test]
    fn text_cannot_leave_its_place() {
        assert_eq!(
            escape("<a b=\"c\">&'"),
            "&lt;a b=&quot;c&quot;&gt;&amp;&#39;"
        );
    }
}
