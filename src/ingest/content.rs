//! Names what a file is where it is no report: a sign-in page, an error of a download link, a document.

use super::text::printable;
use crate::error::Error;

/// The first bytes of files that are no text, what they are, and what helps.
const SIGNATURES: [(&[u8], &str, &str); 16] = [
    (b"%PDF-", "a PDF document", EXPORT),
    (b"PK\x03\x04", "a zip archive or a workbook within a compressed file", UNPACK),
    (b"\xd0\xcf\x11\xe0", "a workbook or document of older Office programs within a compressed file", UNPACK),
    (b"\x1f\x8b", "a gzip file within a compressed file", UNPACK),
    (b"Rar!\x1a\x07", "a RAR archive", UNPACK),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", UNPACK),
    (b"BZh", "a bzip2 file", UNPACK),
    (b"\x28\xb5\x2f\xfd", "a Zstandard file", UNPACK),
    (b"\xfd7zXZ\x00", "an xz file", UNPACK),
    (b"PAR1", "a Parquet file", EXPORT),
    (b"SQLite format 3\0", "a SQLite database", EXPORT),
    (b"\x89PNG\r\n", "a PNG picture", EXPORT),
    (b"\xff\xd8\xff", "a JPEG picture", EXPORT),
    (b"GIF8", "a GIF picture", EXPORT),
    (b"{\\rtf", "a rich-text document", EXPORT),
    (b"MZ\x90", "a program", EXPORT),
];
const EXPORT: &str = "give the CSV that Partner Center exports";
const UNPACK: &str = "unpack it and give the reports";
/// How much of a page is searched for its title.
const SEARCHED: usize = 4096;

/// Refuses a file that begins as no report does.
///
/// # Errors
/// Refused, with what the file is and what to do.
pub(super) fn refuse_other_content(beginning: &[u8]) -> Result<(), Error> {
    let signature = SIGNATURES.iter().find(|(signature, ..)| beginning.starts_with(signature));
    if let Some((_, name, hint)) = signature {
        return Err(Error::refused(format!("the file is {name} and no report")).hint(*hint));
    }
    let beginning = beginning.get(..SEARCHED).unwrap_or(beginning);
    let text = String::from_utf8_lossy(beginning);
    let text = text.trim_start();
    match text.chars().next() {
        Some('<') => Err(refuse_markup(text)),
        Some('{' | '[') if is_json(text) => Err(refuse_json()),
        _ => Ok(()),
    }
}

/// HTML and XML.
fn refuse_markup(text: &str) -> Error {
    let lower = text.to_ascii_lowercase();
    let is_html = lower.contains("<html") || lower.contains("<!doctype html") || lower.contains("<table");
    if lower.contains("urn:schemas-microsoft-com:office:") {
        let error = Error::refused("the file is a spreadsheet saved as XML or HTML and no CSV");
        return error.hint("open it in a spreadsheet program and save it as .xlsx or as CSV in UTF-8");
    }
    if is_html {
        let title = between(text, &lower, "<title>", "</title>");
        let title = title.map_or_else(String::new, |title| format!(", titled `{}`,", printable(title.trim())));
        let error = Error::refused(format!("the file is an HTML page{title} and no report"));
        return error
            .hint("a download without a valid sign-in gives such a page: sign in and download the report anew");
    }
    let Some(code) = between(text, &lower, "<code>", "</code>") else {
        return Error::refused("the file is XML and no report").hint(EXPORT);
    };
    let error = Error::refused(format!("the file is an XML error, `{}`, and no report", printable(code.trim())));
    error.hint("the download link has expired or is not complete: ask for a new link and download the report anew")
}

fn refuse_json() -> Error {
    let error = Error::refused("the file is JSON, such as an answer of the insights API, and no report");
    error.hint("download the report from the `reportAccessSecureLink` of that answer, and give the CSV")
}

/// Whether a text that begins with a bracket goes on as JSON does, and not as a header with brackets.
fn is_json(text: &str) -> bool {
    let next = text.chars().skip(1).find(|c| !c.is_whitespace());
    matches!(next, Some('"' | '{' | '[' | '}' | ']') | None)
}

/// The text between two tags, searched for in small letters.
fn between<'a>(text: &'a str, lower: &str, open: &str, close: &str) -> Option<&'a str> {
    let start = lower.find(open)? + open.len();
    let length = lower.get(start..)?.find(close)?;
    text.get(start..start + length)
}

#[cfg(test)]
mod tests {
    use super::refuse_other_content;

    #[test]
    fn other_content_is_named_with_what_to_do() {
        let cases: [(&[u8], &str, &str); 13] = [
            (b"<!DOCTYPE html>\r\n<html><head><title>Sign in to your account</title>", "HTML page, titled `Sign in to your account`,", "sign in"),
            (b"  \r\n<HTML><body>", "HTML page and no report", "sign in"),
            (b"<table><tr><td>CustomerTenantId</td>", "HTML page", "sign in"),
            (b"<?xml version=\"1.0\"?><Error><Code>AuthenticationFailed</Code>", "XML error, `AuthenticationFailed`", "link has expired"),
            (b"<?xml version=\"1.0\"?><feed/>", "the file is XML", "CSV"),
            (b"<?xml version=\"1.0\"?><?mso-application progid=\"Excel.Sheet\"?><Workbook xmlns=\"urn:schemas-microsoft-com:office:spreadsheet\">", "spreadsheet saved as XML", ".xlsx"),
            (b"<html xmlns:x=\"urn:schemas-microsoft-com:office:excel\">", "spreadsheet saved as XML or HTML", ".xlsx"),
            (b"{\"value\":[],\"totalCount\":0}", "JSON", "reportAccessSecureLink"),
            (b"[\n {\"a\": 1}]", "JSON", "reportAccessSecureLink"),
            (b"%PDF-1.7\n", "a PDF document", "CSV"),
            (b"Rar!\x1a\x07\x00", "a RAR archive", "unpack"),
            (b"PAR1\x15\x04", "a Parquet file", "CSV"),
            (b"\x89PNG\r\n\x1a\n", "a PNG picture", "CSV"),
        ];
        for (bytes, what, hint) in cases {
            let error = refuse_other_content(bytes).expect_err("an error");
            assert!(error.what.contains(what), "{what}: {error}");
            assert!(error.hint.as_ref().is_some_and(|told| told.contains(hint)), "{hint}: {error}");
        }
        for text in
            ["CustomerTenantId,Month\n", "[CustomerTenantId],[Month]\n", "#TYPE System.Object\n", "sep=;\n", "\n"]
        {
            assert!(refuse_other_content(text.as_bytes()).is_ok(), "{text}");
        }
    }
}
