//! S3-compatible storage, through `object_store`.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt, TryStreamExt};
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::buffered::BufWriter;
use object_store::path::Path as ObjectPath;
use object_store::{ClientOptions, Error as StoreError, ObjectStore, ObjectStoreExt, RetryConfig};
use secrecy::ExposeSecret;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::remote::Object;
use crate::config::S3Place;
use crate::error::{Error, Result, SourceFault};

/// Bytes read from disk at once.
const PIECE: usize = 1024 * 1024;

/// How long it may take to be reached, and how long tries may go on.
const CONNECT: Duration = Duration::from_secs(5);
const RETRY: Duration = Duration::from_secs(20);

/// How long one request may take with everything it carries.
const TRANSFER: Duration = Duration::from_secs(30 * 60);

/// One bucket, or a folder of it.
pub struct S3 {
    store: Arc<AmazonS3>,
    prefix: String,
}

impl S3 {
    pub fn new(place: &S3Place) -> Result<S3> {
        let mut builder = AmazonS3Builder::new()
            .with_retry(RetryConfig {
                max_retries: 4,
                retry_timeout: RETRY,
                ..RetryConfig::default()
            })
            .with_client_options(
                ClientOptions::new()
                    .with_connect_timeout(CONNECT)
                    .with_timeout(TRANSFER),
            )
            .with_bucket_name(&place.bucket)
            .with_region(&place.region);
        if let Some(endpoint) = &place.endpoint {
            builder = builder
                .with_endpoint(endpoint)
                .with_virtual_hosted_style_request(false)
                .with_allow_http(endpoint.starts_with("http://"));
        }
        if let Some((key, secret)) = &place.credentials {
            builder = builder
                .with_access_key_id(key)
                .with_secret_access_key(secret.expose_secret());
        }
        let store = builder
            .build()
            .map_err(|error| Error::Invalid(format!("The S3 storage cannot be used: {error}.")))?;
        Ok(S3 {
            store: Arc::new(store),
            prefix: place.prefix.clone(),
        })
    }

    fn path(&self, key: &str) -> ObjectPath {
        if self.prefix.is_empty() {
            ObjectPath::from(key)
        } else {
            ObjectPath::from(format!("{}/{key}", self.prefix))
        }
    }

    pub async fn put(&self, key: &str, path: &Path) -> Result<()> {
        let mut file = tokio::fs::File::open(path).await?;
        let store: Arc<dyn ObjectStore> = self.store.clone();
        // One request for what is small, parts for what is not.
        let mut writer = BufWriter::new(store, self.path(key));
        let mut piece = vec![0_u8; PIECE];
        let copied: std::io::Result<()> = async {
            loop {
                let read = file.read(&mut piece).await?;
                if read == 0 {
                    return Ok(());
                }
                writer.write_all(&piece[..read]).await?;
            }
        }
        .await;
        if let Err(error) = copied {
            // Parts that nobody will complete cost money. (A writer whose end failed cannot be aborted.)
            let _ = writer.abort().await;
            return Err(unreachable(&error));
        }
        writer.shutdown().await.map_err(|error| unreachable(&error))
    }

    pub async fn get(&self, key: &str, path: &Path) -> Result<u64> {
        let found = self
            .store
            .get(&self.path(key))
            .await
            .map_err(|error| of(&error))?;
        let expected = found.meta.size;
        let mut pieces = found.into_stream();
        let mut file = tokio::fs::File::create_new(path).await?;
        let mut written = 0;
        while let Some(piece) = pieces.next().await {
            let piece = piece.map_err(|error| of(&error))?;
            written += piece.len() as u64;
            file.write_all(&piece).await?;
        }
        file.flush().await?;
        if written != expected {
            return Err(unreachable(&"it broke off in the middle"));
        }
        Ok(written)
    }

    pub async fn list(&self, prefix: &str) -> Result<Vec<Object>> {
        // The store lists folders, so the rest of the prefix is compared here.
        let folder = prefix.rsplit_once('/').map_or("", |(folder, _)| folder);
        let path = self.path(folder);
        let all: Vec<_> = self
            .store
            .list(Some(&path))
            .try_collect()
            .await
            .map_err(|error| of(&error))?;
        let skip = if self.prefix.is_empty() {
            0
        } else {
            self.prefix.len() + 1
        };
        Ok(all
            .into_iter()
            .filter_map(|meta| {
                let key = meta.location.as_ref().get(skip..)?.to_owned();
                key.starts_with(prefix).then_some(Object {
                    key,
                    bytes: meta.size,
                })
            })
            .collect())
    }

    pub async fn delete(&self, key: &str) -> Result<()> {
        match self.store.delete(&self.path(key)).await {
            Ok(()) | Err(StoreError::NotFound { .. }) => Ok(()),
            Err(error) => Err(of(&error)),
        }
    }
}

fn of(error: &StoreError) -> Error {
    match error {
        StoreError::NotFound { .. } => {
            Error::NotFound("The file storage does not have this (any more).".into())
        }
        other => unreachable(other),
    }
}

fn unreachable(error: &dyn std::fmt::Display) -> Error {
    Error::source(
        SourceFault::Unreachable,
        format!("The file storage (S3) did not answer as it should: {error}"),
    )
}
