//! The secret key itself: as configured, else a file in the data folder that is generated once. It signs
//! access tokens and seals secrets.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rand::Rng;
use secrecy::{ExposeSecret, SecretSlice, SecretString};

use crate::config::ServerConfig;
use crate::error::{Error, Result};

/// Bytes of a generated key, and of any key at least.
pub const LENGTH: usize = 32;

/// The current key and the one before it, while that still opens what is not sealed anew.
pub struct SecretKeys {
    pub current: SecretSlice<u8>,
    pub previous: Option<SecretSlice<u8>>,
}

/// The configured keys, else those in the data folder; the first start generates one there. Errors: `Invalid`
/// when the file cannot be read or holds no key.
pub fn load(server: &ServerConfig) -> Result<SecretKeys> {
    let bytes = |key: &SecretString| SecretSlice::from(key.expose_secret().as_bytes().to_vec());
    let current = match &server.secret_key {
        Some(key) => bytes(key),
        None => match read(&path(&server.data_dir))? {
            Some(key) => key,
            None => generate(&server.data_dir)?,
        },
    };
    let previous = match (&server.previous_secret_key, &server.secret_key) {
        (Some(key), _) => Some(bytes(key)),
        (None, None) => read(&previous_path(&server.data_dir))?,
        (None, Some(_)) => None,
    };
    Ok(SecretKeys { current, previous })
}

/// Where a generated key lies.
pub fn path(data_dir: &Path) -> PathBuf {
    data_dir.join("secret.key")
}

/// Where the generated key before it lies during a rotation.
pub fn previous_path(data_dir: &Path) -> PathBuf {
    data_dir.join("secret.key.previous")
}

/// The key in a file; None when there is no such file. Errors: `Invalid` when it is no key.
pub fn read(path: &Path) -> Result<Option<SecretSlice<u8>>> {
    match std::fs::read(path) {
        Ok(key) if key.len() >= LENGTH => Ok(Some(SecretSlice::from(key))),
        Ok(_) => Err(Error::Invalid(format!(
            "The secret key in {} is too short. Restore it, or remove the file to get a new one (everybody is \
             logged out then, and stored secrets have to be set again).",
            path.display()
        ))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::Invalid(format!(
            "The secret key {} cannot be read: {error}.",
            path.display()
        ))),
    }
}

/// A new key in the data folder. Two processes that start at once end up with the same one.
pub fn generate(data_dir: &Path) -> Result<SecretSlice<u8>> {
    let key = random();
    let path = path(data_dir);
    // Written beside and linked: a crash must not leave half a key, and the first of two wins.
    let draft = data_dir.join(format!("secret.key.{}", crate::id::new()));
    write(&draft, &key)?;
    let linked = std::fs::hard_link(&draft, &path);
    std::fs::remove_file(&draft)?;
    match linked {
        Ok(()) => Ok(SecretSlice::from(key)),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            read(&path)?.ok_or_else(|| Error::internal("the secret key was removed while it was read"))
        }
        Err(error) => Err(error.into()),
    }
}

/// The bytes of a new key.
pub fn random() -> Vec<u8> {
    let mut key = vec![0_u8; LENGTH];
    rand::rng().fill(&mut key[..]);
    key
}

/// Writes a key for its owner's eyes only, onto the disk itself.
pub fn write(path: &Path, key: &[u8]) -> Result<()> {
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(key)?;
    file.sync_all()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_generated_once_for_its_owner_only() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let first = generate(folder.path()).unwrap();
        let second = generate(folder.path()).unwrap();
        assert_eq!(first.expose_secret(), second.expose_secret());
        let mode = std::fs::metadata(path(folder.path()))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
        let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
        assert_eq!(left.len(), 1);
    }

    #[test]
    fn half_a_key_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(path(folder.path()), b"short").unwrap();
        let error = read(&path(folder.path())).unwrap_err().to_string();
        assert!(error.contains("too short"), "{error}");
    }
}
