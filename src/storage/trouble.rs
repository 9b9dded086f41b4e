//! What a store's errors become: an exit code, a sentence, and nothing that opens a door.

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
/// Values that are shorter open nothing, and stand in other words.
const SHORTEST_SECRET: usize = 6;
/// Letters of a store's own words that are told.
const LONGEST: usize = 300;
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
    let secrets = std::env::vars().filter(|(name, _)| is_secret(name)).map(|(_, value)| value);
    let scrubbed = scrubbed(&one_line, &secrets.collect::<Vec<_>>());
    match scrubbed.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}...", &scrubbed[..end]),
        None => scrubbed,
    }
}

fn is_secret(name: &str) -> bool {
    VARIABLES.iter().any(|begin| name.starts_with(begin))
        && SECRETS.iter().any(|part| name.contains(part))
        && !name.ends_with("_FILE")
}

/// A text without the queries of its URLs, where tokens stand, and without secrets that are known.
fn scrubbed(text: &str, secrets: &[String]) -> String {
    let mut clean = text.to_owned();
    for secret in secrets.iter().filter(|secret| secret.len() >= SHORTEST_SECRET) {
        clean = clean.replace(secret.as_str(), HIDDEN);
    }
    let mut kept = String::with_capacity(clean.len());
    let mut rest = clean.as_str();
    while let Some(start) = rest.find('?') {
        let query = &rest[start + 1..];
        let end = query.find(|c: char| c.is_whitespace() || "\"'<>)`".contains(c)).unwrap_or(query.len());
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
        assert_eq!(scrubbed(text, &[]), "error sending request for url (https://a.blob.core.windows.net/c?***) why?");
        assert_eq!(scrubbed("two ?a=hush ?b=hush", &[]), "two ?*** ?***");
    }

    #[test]
    fn secrets_that_are_known_are_hidden_wherever_they_stand() {
        let secrets = ["aHVzaC1odXNo".to_owned(), "it".to_owned()];
        assert_eq!(scrubbed("Invalid key aHVzaC1odXNo, it said", &secrets), "Invalid key ***, it said");
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
