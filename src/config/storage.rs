//! Where uploaded files and results lie: the data folder, S3-compatible storage, or Cloudinary.

use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::settings::Settings;
use super::value::{Size, WebUrl};
use crate::error::{Error, Result};

/// `[storage]`
#[derive(Debug, Clone)]
pub struct StorageConfig {
    pub place: StoragePlace,
    /// Local copies of what lies elsewhere, in bytes at most.
    pub cache_bytes: u64,
    access: Access,
}

/// See [`StorageConfig::place`].
#[derive(Debug, Clone)]
pub enum StoragePlace {
    /// The data folder.
    Local,
    S3(S3Place),
    Cloudinary(CloudinaryPlace),
}

/// A bucket, and where in it.
#[derive(Debug, Clone)]
pub struct S3Place {
    pub bucket: String,
    /// Without slashes at its ends; may be empty.
    pub prefix: String,
    /// None: Amazon's.
    pub endpoint: Option<String>,
    pub region: String,
    /// None: as the machine's role has it.
    pub credentials: Option<(String, SecretString)>,
}

/// A Cloudinary account, and where in it.
#[derive(Debug, Clone)]
pub struct CloudinaryPlace {
    pub cloud: String,
    pub key: String,
    pub secret: SecretString,
    /// Without slashes at its ends; may be empty.
    pub prefix: String,
    /// None: Cloudinary's own.
    pub endpoint: Option<String>,
}

impl Default for StorageConfig {
    fn default() -> StorageConfig {
        StorageConfig {
            place: StoragePlace::Local,
            cache_bytes: 10 << 30,
            access: Access {
                endpoint: None,
                region: "us-east-1".into(),
                key: None,
                secret: None,
            },
        }
    }
}

/// How another place than the data directory is reached; kept beside a local one, too, for a move to it.
#[derive(Debug, Clone)]
struct Access {
    endpoint: Option<String>,
    region: String,
    key: Option<String>,
    secret: Option<SecretString>,
}

impl StorageConfig {
    pub(super) fn read(s: &mut Settings<'_>) -> Result<StorageConfig> {
        let default = StorageConfig::default();
        let url = s.secret("storage", "url", "url_file", &["CLOUDINARY_URL"])?;
        let access = Access {
            endpoint: s.get("storage", "endpoint")?.map(|WebUrl(url)| url),
            region: s
                .get_or_plain("storage", "region", &["AWS_REGION"])?
                .unwrap_or(default.access.region),
            key: s.get_or_plain("storage", "access_key_id", &["AWS_ACCESS_KEY_ID"])?,
            secret: s.secret(
                "storage",
                "secret_access_key",
                "secret_access_key_file",
                &["AWS_SECRET_ACCESS_KEY"],
            )?,
        };
        let cache_bytes = s
            .get("storage", "cache")?
            .map_or(default.cache_bytes, |Size(bytes)| bytes);
        let place = match url {
            None => StoragePlace::Local,
            Some(url) => place(&url, access.clone())?,
        };
        Ok(StorageConfig {
            place,
            cache_bytes,
            access,
        })
    }

    /// The same settings (endpoint, credentials) with another place, as a command names it. Errors:
    /// `Invalid` when it cannot be read.
    pub fn with_url(&self, url: &SecretString) -> Result<StorageConfig> {
        let place = if url.expose_secret() == "local" {
            StoragePlace::Local
        } else {
            place(url, self.access.clone())?
        };
        Ok(StorageConfig {
            place,
            ..self.clone()
        })
    }
}

fn place(url: &SecretString, access: Access) -> Result<StoragePlace> {
    let Access {
        endpoint,
        region,
        key,
        secret,
    } = access;
    // The parser's own message may quote a part of the URL, which may be a secret.
    let wrong = || {
        Error::Invalid(
            "The storage's address (storage.url, CLOUDINARY_URL) has to look like s3://bucket/folder or \
             cloudinary://key:secret@cloud; leave it out to keep files in the data directory."
                .into(),
        )
    };
    let parsed = Url::parse(url.expose_secret()).map_err(|_| wrong())?;
    let host = parsed
        .host_str()
        .filter(|host| !host.is_empty())
        .ok_or_else(wrong)?
        .to_owned();
    let prefix = parsed.path().trim_matches('/').to_owned();
    match parsed.scheme() {
        "s3" => {
            let credentials = match (key, secret) {
                (Some(key), Some(secret)) => Some((key, secret)),
                (None, None) => None,
                _ => {
                    return Err(Error::Invalid(
                        "Only one of storage.access_key_id and storage.secret_access_key is set; S3 needs both, \
                         or neither where the machine's role gives access."
                            .into(),
                    ));
                }
            };
            Ok(StoragePlace::S3(S3Place {
                bucket: host,
                prefix,
                endpoint,
                region,
                credentials,
            }))
        }
        "cloudinary" => {
            let decoded = |text: &str| {
                percent_encoding::percent_decode_str(text)
                    .decode_utf8()
                    .map(|text| text.into_owned())
                    .map_err(|_| wrong())
            };
            let secret = parsed.password().ok_or_else(wrong)?;
            let key = decoded(parsed.username())?;
            if key.is_empty() {
                return Err(wrong());
            }
            Ok(StoragePlace::Cloudinary(CloudinaryPlace {
                cloud: host,
                key,
                secret: decoded(secret)?.into(),
                prefix,
                endpoint,
            }))
        }
        _ => Err(wrong()),
    }
}
