//! Secrets at rest: short values encrypted with the server's secret key, so that a copy of the store alone
//! gives none of them away.
//!
//! XChaCha20-Poly1305 with a random nonce. The record that a value belongs to is authenticated with it: a
//! sealed value copied to another row does not open there. The key's id stands in front, so that values of
//! the previous key open during a rotation. It stores nothing itself.

pub mod key;

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use rand::RngCore;
use secrecy::{ExposeSecret, SecretSlice};
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};

/// Every sealed value begins with this; another way of sealing gets another number.
const FORMAT: &str = "s1";

/// Bytes of a nonce.
const NONCE: usize = 24;

/// Seals and opens. Cheap to clone.
#[derive(Clone)]
pub struct Sealer {
    /// The current key first.
    keys: Arc<Vec<Key>>,
}

struct Key {
    id: String,
    cipher: XChaCha20Poly1305,
}

impl Sealer {
    /// Seals with this key.
    pub fn new(secret_key: &SecretSlice<u8>) -> Sealer {
        Sealer::with_previous(secret_key, &[])
    }

    /// Seals with the first, opens what any of them sealed.
    pub fn with_previous(secret_key: &SecretSlice<u8>, previous: &[SecretSlice<u8>]) -> Sealer {
        let keys = std::iter::once(secret_key)
            .chain(previous)
            .map(Key::new)
            .collect();
        Sealer { keys: Arc::new(keys) }
    }

    /// `plain`, to be stored in the record of this id. The same value never looks the same twice. Errors:
    /// `Internal`, for a value of gigabytes only.
    pub fn seal(&self, record_id: &str, plain: &[u8]) -> Result<String> {
        let key = &self.keys[0];
        let mut nonce = [0_u8; NONCE];
        rand::rng().fill_bytes(&mut nonce);
        let payload = Payload {
            msg: plain,
            aad: record_id.as_bytes(),
        };
        let sealed = key
            .cipher
            .encrypt(&XNonce::from(nonce), payload)
            .map_err(|_| Error::internal("a secret could not be sealed"))?;
        let mut bytes = nonce.to_vec();
        bytes.extend_from_slice(&sealed);
        Ok(format!("{FORMAT}.{}.{}", key.id, URL_SAFE_NO_PAD.encode(bytes)))
    }

    /// What was sealed for the record of this id. Errors: `Invalid` with a sentence when the value was sealed
    /// with another key, for another record, or was changed since.
    pub fn open(&self, record_id: &str, sealed: &str) -> Result<Vec<u8>> {
        let (id, data) = parts(sealed).ok_or_else(damaged)?;
        let key = self.keys.iter().find(|key| key.id == id).ok_or_else(|| {
            Error::Invalid(
                "A stored secret was sealed with another secret key than this server has. Give it the key \
                 from before (server.previous_secret_key), or restore the right one."
                    .into(),
            )
        })?;
        let bytes = URL_SAFE_NO_PAD.decode(data).map_err(|_| damaged())?;
        let (nonce, sealed) = bytes.split_first_chunk::<NONCE>().ok_or_else(damaged)?;
        let payload = Payload {
            msg: sealed,
            aad: record_id.as_bytes(),
        };
        key.cipher
            .decrypt(&XNonce::from(*nonce), payload)
            .map_err(|_| damaged())
    }

    /// Whether the value was sealed with the current key.
    pub fn is_current(&self, sealed: &str) -> bool {
        parts(sealed).is_some_and(|(id, _)| id == self.keys[0].id)
    }

    /// Names the current key without giving it away; the same on every server that has it.
    pub fn key_id(&self) -> &str {
        &self.keys[0].id
    }
}

impl Key {
    fn new(secret: &SecretSlice<u8>) -> Key {
        // The secret also signs tokens: each use gets a key of its own, derived one way.
        let derived = |purpose: &str| {
            let mut hash = Sha256::new();
            hash.update(b"clean-custard/");
            hash.update(purpose.as_bytes());
            hash.update([0]);
            hash.update(secret.expose_secret());
            hash.finalize()
        };
        let key: [u8; 32] = derived("seal").into();
        let id: [u8; 32] = derived("seal-key-id").into();
        Key {
            id: URL_SAFE_NO_PAD.encode(&id[..6]),
            cipher: XChaCha20Poly1305::new(&key.into()),
        }
    }
}

/// Key id and data of a sealed value.
fn parts(sealed: &str) -> Option<(&str, &str)> {
    sealed.strip_prefix(FORMAT)?.strip_prefix('.')?.split_once('.')
}

fn damaged() -> Error {
    Error::Invalid(
        "A stored secret cannot be opened: it was damaged, or moved here from another record. Set it again."
            .into(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(letter: u8) -> SecretSlice<u8> {
        SecretSlice::from(vec![letter; 32])
    }

    #[test]
    fn what_is_sealed_opens_and_never_looks_the_same() {
        let sealer = Sealer::new(&secret(b'a'));
        for plain in [b"".as_slice(), b"JBSWY3DPEHPK3PXP", &[0, 255, 10]] {
            let sealed = sealer.seal("user-1", plain).unwrap();
            assert_eq!(sealer.open("user-1", &sealed).unwrap(), plain);
            assert_ne!(sealed, sealer.seal("user-1", plain).unwrap());
            assert!(sealer.is_current(&sealed));
        }
    }

    #[test]
    fn another_key_or_another_record_does_not_open_it() {
        let sealer = Sealer::new(&secret(b'a'));
        let sealed = sealer.seal("user-1", b"the secret").unwrap();
        assert!(sealer.open("user-2", &sealed).is_err());
        let other = Sealer::new(&secret(b'b'));
        let error = other.open("user-1", &sealed).unwrap_err().to_string();
        assert!(error.contains("another secret key"), "{error}");
        assert_ne!(other.key_id(), sealer.key_id());
        // Even when it pretends to be of the other key.
        let forged = sealed.replace(sealer.key_id(), other.key_id());
        assert!(other.open("user-1", &forged).is_err());
    }

    #[test]
    fn every_changed_letter_is_noticed() {
        let sealer = Sealer::new(&secret(b'a'));
        let sealed = sealer.seal("user-1", b"the secret").unwrap();
        for at in 0..sealed.len() {
            let mut changed = sealed.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert!(sealer.open("user-1", &changed).is_err(), "{changed}");
            assert!(sealer.open("user-1", &sealed[..at]).is_err());
        }
    }

    #[test]
    fn a_previous_key_opens_and_the_current_one_seals() {
        let old = Sealer::new(&secret(b'a'));
        let sealed = old.seal("user-1", b"the secret").unwrap();
        let new = Sealer::with_previous(&secret(b'b'), &[secret(b'a')]);
        assert!(!new.is_current(&sealed));
        let again = new.seal("user-1", &new.open("user-1", &sealed).unwrap()).unwrap();
        assert!(new.is_current(&again));
        assert!(old.open("user-1", &again).is_err());
        assert_eq!(
            Sealer::new(&secret(b'b')).open("user-1", &again).unwrap(),
            b"the secret"
        );
    }
}
