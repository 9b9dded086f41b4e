//! Texts with the shape of an e-mail address. No history has one, and no message shows one.

use std::borrow::Cow;

/// Replaces an address that would be shown.
const REDACTED: &str = "***";
/// The sign, also in full width and as URLs encode it.
const SIGNS: [&str; 3] = ["@", "\u{ff20}", "%40"];
/// Characters that end the part of an address before the sign.
const BEFORE_ADDRESS: &[char] = &['<', '>', '(', ')', '[', ']', '{', '}', ',', ';', ':', '"', '|', '\'', '`'];

/// Returns whether a text contains an e-mail address: letters before a sign, and after it a domain with a point and a name at its end.
pub fn has_email(text: &str) -> bool {
    may_have_email(text.as_bytes()) && next_email(text, 0).is_some()
}

/// Returns the text with `***` in place of every e-mail address.
pub fn redacted(text: &str) -> Cow<'_, str> {
    if !may_have_email(text.as_bytes()) {
        return Cow::Borrowed(text);
    }
    let (mut shown, mut done) = (String::new(), 0);
    while let Some((from, to)) = next_email(text, done) {
        shown.push_str(&text[done..from]);
        shown.push_str(REDACTED);
        done = to;
    }
    if done == 0 {
        return Cow::Borrowed(text);
    }
    shown.push_str(&text[done..]);
    Cow::Owned(shown)
}

/// Returns whether a byte begins one of the signs. Nearly no value has one, so that values are looked at once.
fn may_have_email(text: &[u8]) -> bool {
    let begins_sign = |byte: &u8| matches!(byte, b'@' | b'%' | 0xef);
    text.iter().fold(false, |found, byte| found | begins_sign(byte))
}

/// Returns where the first address at or after a byte position begins and ends.
fn next_email(text: &str, from: usize) -> Option<(usize, usize)> {
    let mut at = from;
    while let Some((sign, length)) = next_sign(text, at) {
        let begin = local_begin(text, from, sign);
        let end = domain_end(text, sign + length);
        if let (Some(begin), Some(end)) = (begin, end) {
            return Some((begin, end));
        }
        at = sign + length;
    }
    None
}

/// Returns the position and the length of the first sign at or after a byte position.
fn next_sign(text: &str, from: usize) -> Option<(usize, usize)> {
    let rest = text.get(from..)?;
    let found = SIGNS.iter().filter_map(|sign| Some((from + rest.find(sign)?, sign.len())));
    found.min()
}

/// Returns where the part before a sign begins, if it has a letter or digit and is not the container in front of a URL's host, as in
/// `abfss://container@account.dfs.core.windows.net`.
fn local_begin(text: &str, from: usize, sign: usize) -> Option<usize> {
    let before = text.get(from..sign)?;
    let ends = |c: char| c.is_whitespace() || BEFORE_ADDRESS.contains(&c);
    let begin = before.rfind(ends).map_or(0, |place| place + before[place..].chars().next().map_or(0, char::len_utf8));
    let local = &before[begin..];
    let is_container = local.strip_prefix("//").is_some_and(|container| !container.contains('/'));
    (!is_container && local.contains(char::is_alphanumeric)).then_some(from + begin)
}

/// Returns where the domain after a sign ends, if it is one: labels with points between them, the last of letters.
fn domain_end(text: &str, from: usize) -> Option<usize> {
    let after = text.get(from..)?;
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_');
    let length = after.find(|c| !is_part(c)).unwrap_or(after.len());
    let domain = after[..length].trim_end_matches(['.', '-', '_']);
    let (name, last) = domain.rsplit_once('.')?;
    let is_top_level = last.chars().count() > 1 && last.starts_with(char::is_alphabetic);
    (is_top_level && name.contains(char::is_alphanumeric)).then_some(from + domain.len())
}

#[cfg(test)]
mod tests {
    use super::{has_email, redacted};

    #[test]
    fn addresses_are_told_from_other_texts() {
        for address in [
            "petra@example.com",
            "petra.m+x@mail.example.co.uk",
            "<petra@example.com>",
            "mailto:petra@example.com",
            "Petra Musterfrau <petra@example.com>",
            "certificate of petra@example.com, 2026",
            "petra_example.com#EXT#@contoso.onmicrosoft.com",
            "PETRA@EXAMPLE.COM",
            "petra@b\u{fc}cher.example",
            "petra\u{ff20}example.com",
            "petra%40example.com",
            "1@2.org",
            "'petra@example.com'",
            "a@b, petra@example.com",
        ] {
            assert!(has_email(address), "{address}");
            let shown = redacted(address);
            assert!(shown.contains("***") && !shown.to_lowercase().contains("example.com"), "{shown}");
        }
        for text in [
            "abfss://container@account.dfs.core.windows.net/path",
            "",
            "@Loner",
            "Net@Work",
            "Teams @ Contoso.com",
            "a@",
            "@example.com",
            "10@2.50",
            "a@b.",
            "a@b.c",
            "100%40",
            "50 % of users",
            "caf\u{e9} \u{ff21}",
            "a@ b.com",
        ] {
            assert!(!has_email(text), "{text}");
            assert_eq!(redacted(text), text);
        }
    }

    #[test]
    fn every_address_of_a_text_is_replaced_and_nothing_else() {
        let text = "a@x.org; B <b@y.example.org>. and c@z, p@q.de";
        assert_eq!(redacted(text), "***; B <***>. and c@z, ***");
    }
}
