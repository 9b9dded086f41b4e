//! People's ids become pseudonyms where they enter: a keyed hash, the same for the same person and key.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::error::{Error, Result};
use crate::rulebook::hex;

/// Fewer letters could be guessed.
const SHORTEST_KEY: usize = 16;
/// Hexadecimal digits of a pseudonym, and of a fingerprint.
const PSEUDONYM_DIGITS: usize = 32;
const FINGERPRINT_DIGITS: usize = 16;
/// What a key's fingerprint is the hash of. No person's id looks like it.
const FINGERPRINT_TEXT: &[u8] = b"partnerscore: fingerprint of a person key";

/// The key that people's ids are hashed with. It is never printed.
#[derive(Clone)]
pub struct PersonKey {
    keyed: Hmac<Sha256>,
}

impl PersonKey {
    /// A key of at least 16 characters, without the space around it.
    ///
    /// # Errors
    /// Usage where it is shorter.
    pub fn new(key: &str) -> Result<PersonKey> {
        let key = key.trim();
        if key.chars().count() < SHORTEST_KEY {
            let error = Error::usage(format!("the person key has fewer than {SHORTEST_KEY} characters"));
            return Err(error.hint("take a long random text, and keep it: another key makes other people of them"));
        }
        PersonKey::from_bytes(key.as_bytes())
    }

    fn from_bytes(key: &[u8]) -> Result<PersonKey> {
        // Keys of any length are taken, as RFC 2104 has it.
        let keyed = Hmac::new_from_slice(key).map_err(|error| Error::internal(error.to_string()))?;
        Ok(PersonKey { keyed })
    }

    /// HMAC-SHA256, in hexadecimal digits.
    fn hmac(&self, text: &[u8]) -> String {
        hex(&self.keyed.clone().chain_update(text).finalize().into_bytes())
    }

    /// What stands for a person in history.
    pub fn pseudonym(&self, person: &str) -> String {
        self.hmac(person.trim().as_bytes()).chars().take(PSEUDONYM_DIGITS).collect()
    }

    /// Tells two keys apart without giving either away.
    pub fn fingerprint(&self) -> String {
        self.hmac(FINGERPRINT_TEXT).chars().take(FINGERPRINT_DIGITS).collect()
    }
}

impl fmt::Debug for PersonKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PersonKey(kept secret)")
    }
}

#[cfg(test)]
mod tests {
    use super::PersonKey;

    /// The vectors of RFC 4231 for HMAC-SHA-256: key, data, hash. The fifth is of a shortened hash.
    #[test]
    fn hashes_as_rfc_4231_does() {
        let longer = b"This is a test using a larger than block-size key and a larger than block-size data. The key needs to be hashed before being used by the HMAC algorithm.";
        let counted: Vec<u8> = (1..=25).collect();
        let vectors: [(&[u8], &[u8], &str); 7] = [
            (&[0x0b; 20], b"Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
            (
                b"Jefe",
                b"what do ya want for nothing?",
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
            ),
            (&[0xaa; 20], &[0xdd; 50], "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"),
            (&counted, &[0xcd; 50], "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"),
            (&[0x0c; 20], b"Test With Truncation", "a3b6167473100ee06e0c796c2955552b"),
            (
                &[0xaa; 131],
                b"Test Using Larger Than Block-Size Key - Hash Key First",
                "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
            ),
            (&[0xaa; 131], longer, "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"),
        ];
        for (key, data, hash) in vectors {
            assert!(PersonKey::from_bytes(key).expect("a key").hmac(data).starts_with(hash), "{hash}");
        }
    }
}
