//! What lies elsewhere, whichever service keeps it: put, get, list, remove.

use std::path::Path;

use super::cloudinary::Cloudinary;
use super::s3::S3;
use crate::config::StoragePlace;
use crate::error::{Error, Result};

/// A service that keeps things under keys.
pub enum Remote {
    S3(S3),
    Cloudinary(Cloudinary),
}

/// Something kept under a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    pub key: String,
    pub bytes: u64,
}

impl Remote {
    /// None: things lie in the data folder. Errors: `Invalid` for settings that can never work.
    pub fn open(place: &StoragePlace) -> Result<Option<Remote>> {
        Ok(match place {
            StoragePlace::Local => None,
            StoragePlace::S3(place) => Some(Remote::S3(S3::new(place)?)),
            StoragePlace::Cloudinary(place) => Some(Remote::Cloudinary(Cloudinary::new(place)?)),
        })
    }

    pub fn kind(&self) -> &'static str {
        match self {
            Remote::S3(_) => "s3",
            Remote::Cloudinary(_) => "cloudinary",
        }
    }

    /// Keeps the contents of a local file under a key; what was there before is replaced.
    pub async fn put(&self, key: &str, path: &Path) -> Result<()> {
        match self {
            Remote::S3(s3) => s3.put(key, path).await,
            Remote::Cloudinary(cloudinary) => cloudinary.put(key, path).await,
        }
    }

    /// Writes what is kept under a key into a new local file, and gives its size. Errors: `NotFound`.
    pub async fn get(&self, key: &str, path: &Path) -> Result<u64> {
        match self {
            Remote::S3(s3) => s3.get(key, path).await,
            Remote::Cloudinary(cloudinary) => cloudinary.get(key, path).await,
        }
    }

    /// Everything whose key begins so.
    pub async fn list(&self, prefix: &str) -> Result<Vec<Object>> {
        match self {
            Remote::S3(s3) => s3.list(prefix).await,
            Remote::Cloudinary(cloudinary) => cloudinary.list(prefix).await,
        }
    }

    /// Removes what is kept under a key. It is no error when there is nothing.
    pub async fn delete(&self, key: &str) -> Result<()> {
        match self {
            Remote::S3(s3) => s3.delete(key).await,
            Remote::Cloudinary(cloudinary) => cloudinary.delete(key).await,
        }
    }

    /// Removes everything whose key begins so.
    pub async fn delete_all(&self, prefix: &str) -> Result<()> {
        for object in self.list(prefix).await? {
            self.delete(&object.key).await?;
        }
        Ok(())
    }

    /// Writes, reads and removes a small thing. Errors: a sentence that says which of them failed.
    pub async fn check(&self) -> Result<()> {
        let folder = tempfile::tempdir()?;
        let (from, to) = (folder.path().join("from"), folder.path().join("to"));
        let words = format!("clean-custard check {}", crate::id::new());
        std::fs::write(&from, &words)?;
        let key = format!("check/{}", crate::id::new());
        let failed = |what: &str, error: Error| {
            Error::Invalid(format!(
                "The file storage ({}) cannot be {what}: {error}",
                self.kind()
            ))
        };
        self.put(&key, &from)
            .await
            .map_err(|error| failed("written to", error))?;
        let read = self.get(&key, &to).await;
        let removed = self.delete(&key).await;
        read.map_err(|error| failed("read from", error))?;
        if std::fs::read(&to)? != words.as_bytes() {
            return Err(failed(
                "trusted",
                Error::Invalid("it gave back something else than was written".into()),
            ));
        }
        removed.map_err(|error| failed("cleared", error))
    }
}
