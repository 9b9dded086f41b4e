//! What a store's errors become: an exit code, a sentence, and nothing that opens a door.

use std::any::Any;
use std::ffi::OsString;
use std::sync::OnceLock;

use object_store::Error as StoreError;

use super::location::Kind;
use crate::error::{Code, Error};

/// Crates whose logs show requests with all their headers and queries.
pub const HTTP_CRATES: [&str; 8] =
    ["object_store", "reqwest", "hyper", "hyper_util", "hyper_rustls", "rustls", "h2", "tower"];

/// What is asked for the identity of a machine, where the environment has no credentials: parts of its URLs.
const IDENTITIES: [&str; 4] = ["/latest/api/token", "/latest/meta-data", "/metadata/identity", "/msi/token"];
/// What variables with credentials begin with.
const VARIABLES: [&str; 2] = ["AZURE_", "AWS_"];
/// What their names contain.
const SECRETS: [&str; 5] = ["KEY", "SECRET", "TOKEN", "SAS", "PASSWORD"];
/// What names of variables contain that hold the address of a store or a proxy.
const ADDRESSES: [&str; 2] = ["ENDPOINT", "PROXY"];
/// Values that are shorter open nothing, and stand in other words.
const SHORTEST_SECRET: usize = 6;
/// Letters of a store's own words that are told.
const LONGEST: usize = 300;
/// What follows a URL's scheme.
const MARK: &str = "://";
/// What stands in the place of what is hidden.
const HIDDEN: &str = "***";

/// What went wrong between this program and a store, as `doing` tells what was being done.
pub(super) fn trouble(doing: &str, kind: Kind, place: &str, error: &StoreError) -> Error {
    let answer = chain(error);
    let status = match error {
        StoreError::NotFound { .. } => Some(404),
        StoreError::PermissionDenied { .. } | StoreError::Unauthenticated { .. } => Some(403),
        // Listings tell no more than words.
        _ => status(&answer),
    };
    let named = code(&answer).map(|code| format!(" ({code})")).unwrap_or_default();
    match status {
        Some(404) => Error::absent(format!("could not {doing}: there is no such container or path{named}"))
            .at(place)
            .hint("check the URL and the account; a path that is not there yet may come later"),
        Some(401 | 403) => Error::new(Code::Storage, format!("could not {doing}: access was denied{named}"))
            .at(place)
            .hint(access(kind)),
        _ if IDENTITIES.iter().any(|part| answer.contains(part)) => {
            let what = format!(
                "could not {doing}: the environment has no credentials, and no identity of this machine answers"
            );
            Error::new(Code::Storage, what).at(place).hint(access(kind))
        }
        _ => Error::new(Code::Storage, format!("could not {doing}: {}", said(&answer)))
            .at(place)
            .hint("check the network and the account, and run it again; what was brought here already is kept"),
    }
}

/// A panic of the library that speaks to stores.
pub(super) fn panicked(place: &str, panic: &(dyn Any + Send)) -> Error {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    let what = format!("could not make a request to the store: {}", said(text.unwrap_or("no reason is known")));
    Error::new(Code::Storage, what)
        .at(place)
        .hint("check that the endpoint and the proxy are URLs, such as https://host:9000 in AWS_ENDPOINT_URL")
}

/// A container of Azure whose account nobody names.
pub(super) fn without_account(url: &str) -> Error {
    Error::new(Code::Storage, "the URL names a container, and nothing names the account that it is in")
        .at(url)
        .hint("set AZURE_STORAGE_ACCOUNT_NAME, or write abfss://container@account.dfs.core.windows.net/path")
}

/// The status of a store's answer, as the library words it.
fn status(answer: &str) -> Option<u16> {
    let digits = answer.split_once("status code: ")?.1;
    digits.get(..3)?.parse().ok()
}

/// Where credentials come from.
pub(super) fn access(kind: Kind) -> &'static str {
    match kind {
        Kind::Azure => {
            "check AZURE_STORAGE_ACCOUNT_NAME and one of AZURE_STORAGE_ACCOUNT_KEY, AZURE_STORAGE_SAS_TOKEN or an identity, and its role on \
             the container"
        }
        Kind::S3 => {
            "check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_REGION, or the machine's role, and its rights on the bucket"
        }
    }
}

/// An error with all that caused it, each told once.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    text
}

/// A store's words on one line, without credentials, and not too many.
pub(super) fn said(text: &str) -> String {
    let one_line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let scrubbed = without_queries(&redacted(&one_line));
    match scrubbed.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}...", &scrubbed[..end]),
        None => scrubbed,
    }
}

/// A text without credentials: those of the environment, and those that its URLs carry in front of the host or behind the path.
pub fn redacted(text: &str) -> String {
    static KNOWN: OnceLock<Vec<String>> = OnceLock::new();
    redacted_of(text, KNOWN.get_or_init(|| secrets_of(std::env::vars_os())))
}

/// An error without credentials.
pub fn redacted_error(error: &Error) -> Error {
    let (place, hint) = (error.place.as_deref().map(redacted), error.hint.as_deref().map(redacted));
    Error { what: redacted(&error.what), place, hint, ..error.clone() }
}

fn redacted_of(text: &str, secrets: &[String]) -> String {
    let mut clean = text.to_owned();
    for secret in secrets {
        clean = clean.replace(secret.as_str(), HIDDEN);
    }
    if clean.contains(MARK) { with_clean_urls(&clean) } else { clean }
}

/// Credentials that variables hold, the longest first: a part of one may be another.
fn secrets_of(variables: impl Iterator<Item = (OsString, OsString)>) -> Vec<String> {
    let mut secrets = Vec::new();
    for (name, value) in variables {
        let (name, value) = (name.to_string_lossy().into_owned(), value.to_string_lossy().into_owned());
        if let Some(user) = user_part(&name, &value) {
            let password = user.split_once(':').map_or(user, |(_, password)| password);
            secrets.extend([user.to_owned(), password.to_owned(), percent_decoded(password)]);
        }
        if is_secret(&name) {
            secrets.push(value);
        }
    }
    secrets.retain(|secret| secret.len() >= SHORTEST_SECRET);
    secrets.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
    secrets.dedup();
    secrets
}

/// The user and password of a URL that a variable holds. One that is not encoded may hold any sign, and an endpoint may lack a scheme.
fn user_part<'a>(name: &str, value: &'a str) -> Option<&'a str> {
    let is_url = ADDRESSES.iter().any(|part| name.to_ascii_uppercase().contains(part));
    let (scheme, rest) = value.split_once(MARK).or_else(|| is_url.then_some(("", value)))?;
    let (user, _) = rest.rsplit_once('@')?;
    (user.contains(':') || !names_containers(scheme)).then_some(user)
}

/// A text with its escapes of URLs undone.
fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, escaped)) = rest.split_once('%') {
        bytes.extend_from_slice(before.as_bytes());
        let byte = escaped.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(byte.unwrap_or(b'%'));
        rest = if byte.is_some() { &escaped[2..] } else { escaped };
    }
    bytes.extend_from_slice(rest.as_bytes());
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Whether URLs of a scheme have a container in the place of a user, as those of Azure's file systems do.
fn names_containers(scheme: &str) -> bool {
    ["abfs", "abfss", "wasb", "wasbs"].iter().any(|known| scheme.to_ascii_lowercase().ends_with(known))
}

fn is_secret(name: &str) -> bool {
    VARIABLES.iter().any(|begin| name.starts_with(begin))
        && SECRETS.iter().any(|part| name.contains(part))
        && !name.ends_with("_FILE")
}

/// A text whose URLs have neither a user part nor a query.
fn with_clean_urls(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(mark) = rest.find(MARK) {
        let (before, url) = rest.split_at(mark + MARK.len());
        let end = url.find(ends_url).unwrap_or(url.len());
        let scheme = &before[..mark];
        let scheme = scheme.rsplit(|letter: char| !letter.is_ascii_alphanumeric()).next().unwrap_or_default();
        kept.push_str(before);
        kept.push_str(&without_queries(&without_user(&url[..end], scheme)));
        rest = &url[end..];
    }
    kept.push_str(rest);
    kept
}

/// What follows a URL's scheme, without the user part in front of the host.
fn without_user(url: &str, scheme: &str) -> String {
    let end = url.find(['/', '?', '#']).unwrap_or(url.len());
    // A password that is not encoded may hold what ends a host.
    let colon =
        url.find(':').is_some_and(|colon| colon < end && !url[colon + 1..end].bytes().all(|b| b.is_ascii_digit()));
    let at = if colon { url.rfind('@') } else { url[..end].rfind('@') };
    match at {
        Some(at) if colon || !names_containers(scheme) => format!("{HIDDEN}{}", &url[at..]),
        _ => url.to_owned(),
    }
}

fn ends_url(letter: char) -> bool {
    letter.is_whitespace() || "\"'<>)`".contains(letter)
}

/// A text without the queries of its URLs, where tokens stand.
fn without_queries(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find('?') {
        let query = &rest[start + 1..];
        let end = query.find(ends_url).unwrap_or(query.len());
        kept.push_str(&rest[..start]);
        kept.push('?');
        kept.push_str(if query[..end].contains('=') { HIDDEN } else { &query[..end] });
        rest = &query[end..];
    }
    kept.push_str(rest);
    kept
}

/// What the store calls the error, in the XML of its answer.
fn code(answer: &str) -> Option<&str> {
    let code = answer.split_once("<Code>")?.1.split_once("</Code>")?.0;
    (!code.is_empty() && code.chars().all(char::is_alphanumeric)).then_some(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_of_urls_are_hidden() {
        let text =
            "error sending request for url (https://a.blob.core.windows.net/c?restype=container&sig=hush%2B) why?";
        assert_eq!(
            redacted_of(text, &[]),
            "error sending request for url (https://a.blob.core.windows.net/c?***) why?"
        );
        assert_eq!(without_queries("two ?a=hush ?b=hush"), "two ?*** ?***");
        assert_eq!(redacted_of("did you mean `?a=b`?", &[]), "did you mean `?a=b`?");
    }

    #[test]
    fn user_parts_of_urls_are_hidden_and_containers_stay() {
        for (text, expected) in [
            ("at http://user:pass@127.0.0.1:9000/b: refused", "at http://***@127.0.0.1:9000/b: refused"),
            ("HTTPS://token@host", "HTTPS://***@host"),
            ("(socks5h://u:p@proxy:1080)", "(socks5h://***@proxy:1080)"),
            ("http://u:p/w?x@host/b", "http://***@host/b"),
            ("http://u:p@ss@host/b", "http://***@host/b"),
            ("http://:pw@host", "http://***@host"),
            ("abfss://box@acme.dfs.core.windows.net/a", "abfss://box@acme.dfs.core.windows.net/a"),
            ("abfss://box:pw@acme.dfs.core.windows.net/a", "abfss://***@acme.dfs.core.windows.net/a"),
            ("https://host:443/a@v1/b", "https://host:443/a@v1/b"),
            ("https://host/a@v1", "https://host/a@v1"),
            ("s3://bucket/path and ://", "s3://bucket/path and ://"),
            ("http://a:b@c http://d:e@f", "http://***@c http://***@f"),
        ] {
            assert_eq!(redacted_of(text, &[]), expected, "{text}");
        }
    }

    #[test]
    fn credentials_in_urls_of_variables_are_known() {
        let variable = |name: &str, value: &str| (OsString::from(name), OsString::from(value));
        let secrets = secrets_of(
            [
                variable("AWS_ENDPOINT_URL", "http://minio-user:hush%2Fhush@host:9000"),
                variable("https_proxy", "http://short:pw@proxy"),
                variable("AZURE_STORAGE_ACCOUNT_KEY", "aHVzaC1odXNo"),
                variable("AWS_ENDPOINT", "someone:hidden-word@host:9000"),
                variable("HISTORY", "abfss://container@acme.dfs.core.windows.net/a"),
                variable("HOME", "/home/someone@work"),
            ]
            .into_iter(),
        );
        for known in ["minio-user:hush%2Fhush", "hidden-word", "hush%2Fhush", "hush/hush", "aHVzaC1odXNo"] {
            assert!(secrets.iter().any(|secret| secret == known), "{known}");
        }
        assert!(!secrets.iter().any(|secret| ["pw", "container", "/home/someone"].contains(&secret.as_str())));
        assert_eq!(redacted_of("the password hush/hush is wrong", &secrets), "the password *** is wrong");
    }

    #[test]
    fn secrets_that_are_known_are_hidden_wherever_they_stand() {
        let variable = |name: &str, value: &str| (OsString::from(name), OsString::from(value));
        let secrets = secrets_of(
            [variable("AWS_SECRET_ACCESS_KEY", "aHVzaC1odXNo"), variable("AWS_SESSION_TOKEN", "it")].into_iter(),
        );
        assert_eq!(redacted_of("Invalid key aHVzaC1odXNo, it said", &secrets), "Invalid key ***, it said");
    }

    #[test]
    fn variables_with_secrets_are_known() {
        for name in ["AZURE_STORAGE_ACCOUNT_KEY", "AZURE_STORAGE_SAS_TOKEN", "AZURE_CLIENT_SECRET", "AWS_SESSION_TOKEN"]
        {
            assert!(is_secret(name), "{name}");
        }
        for name in ["AZURE_STORAGE_ACCOUNT_NAME", "AZURE_FEDERATED_TOKEN_FILE", "AWS_REGION", "HOME"] {
            assert!(!is_secret(name), "{name}");
        }
    }

    #[test]
    fn an_answer_has_a_status() {
        assert_eq!(status("GET http://x - Server returned non-2xx status code: 403 Forbidden: <Error>"), Some(403));
        assert_eq!(status("error sending request"), None);
    }

    #[test]
    fn a_store_names_its_error() {
        assert_eq!(code("403: <Error><Code>AuthenticationFailed</Code></Error>"), Some("AuthenticationFailed"));
        assert_eq!(code("<Code>a b</Code>"), None);
    }

    #[test]
    fn a_long_answer_is_cut() {
        assert!(said(&"many words ".repeat(100)).len() < LONGEST + 10);
    }
}
