//! Bytes to text: byte order marks, UTF-8, UTF-16 and Latin-1.

use std::borrow::Cow;

/// The text in `bytes`, and a note where its encoding was assumed; none where they are no text.
pub(super) fn decode(bytes: &[u8]) -> Option<(Cow<'_, str>, Option<String>)> {
    if let Some((encoding, mark)) = encoding_rs::Encoding::for_bom(bytes) {
        let (text, damaged) = encoding.decode_without_bom_handling(&bytes[mark..]);
        return (!damaged).then_some((text, None));
    }
    if bytes.contains(&0) {
        return None;
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => Some((Cow::Borrowed(text), None)),
        Err(_) => {
            let (text, _) = encoding_rs::WINDOWS_1252.decode_without_bom_handling(bytes);
            Some((
                text,
                Some("the file is not UTF-8: read as Latin-1".to_owned()),
            ))
        }
    }
}

/// Some lines of a file that is text, by themselves: UTF-8, or else Latin-1.
pub(super) fn text(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => {
            encoding_rs::WINDOWS_1252
                .decode_without_bom_handling(bytes)
                .0
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_say_what_text_is_and_latin_is_assumed() {
        let decoded = |bytes: &[u8]| decode(bytes).map(|(text, note)| (text.into_owned(), note));
        let plain = Some(("a,ü".to_owned(), None));
        assert_eq!(decoded("a,ü".as_bytes()), plain);
        assert_eq!(decoded("\u{feff}a,ü".as_bytes()), plain);
        assert_eq!(decoded(b"\xff\xfea\0,\0\xfc\0"), plain);
        assert_eq!(decoded(b"\xfe\xff\0a\0,\0\xfc"), plain);
        let (text, note) = decoded(b"a,\xfc").unwrap();
        assert_eq!(text, "a,ü");
        assert!(note.unwrap().contains("Latin-1"));
        assert_eq!(decoded(b"\x7fELF\0"), None);
    }
}
