//! Cloudinary as a place for files: signed raw uploads, delivery only with a signature, removal.
//!
//! Everything is of type `authenticated`: without a signature nobody gets it, whatever they guess. Signatures
//! are SHA-256, which every account takes.

use std::path::Path;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures::StreamExt;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::{Client, Response, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::remote::Object;
use crate::config::CloudinaryPlace;
use crate::error::{Error, Result, SourceFault};

const API: &str = "https://api.cloudinary.com";
const DELIVERY: &str = "https://res.cloudinary.com";

/// Everything lies below this folder of the account, so that nothing else there is touched.
const FOLDER: &str = "clean-custard";

/// Bytes of one piece of an upload; Cloudinary wants at least five million, and at most a hundred at once.
const PIECE: usize = 20 * 1024 * 1024;

/// Things listed at once; the most there is.
const PAGE: &str = "500";

/// Further tries when the service is busy or the network fails.
const RETRIES: u32 = 3;

/// Characters that a path may have as they are.
const PATH: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~')
    .remove(b'/');

/// One account.
pub struct Cloudinary {
    client: Client,
    api: String,
    delivery: String,
    cloud: String,
    key: String,
    secret: SecretString,
    folder: String,
}

#[derive(Deserialize)]
struct Page {
    resources: Vec<Resource>,
    next_cursor: Option<String>,
}

#[derive(Deserialize)]
struct Resource {
    public_id: String,
    bytes: u64,
}

#[derive(Deserialize)]
struct Uploaded {
    bytes: Option<u64>,
}

impl Cloudinary {
    pub fn new(place: &CloudinaryPlace) -> Result<Cloudinary> {
        let client = Client::builder()
            .connect_timeout(Duration::from_secs(10))
            .read_timeout(Duration::from_secs(60))
            .build()
            .map_err(Error::internal)?;
        let folder = if place.prefix.is_empty() {
            FOLDER.to_owned()
        } else {
            format!("{}/{FOLDER}", place.prefix)
        };
        Ok(Cloudinary {
            client,
            api: place.endpoint.clone().unwrap_or_else(|| API.into()),
            delivery: place.endpoint.clone().unwrap_or_else(|| DELIVERY.into()),
            cloud: place.cloud.clone(),
            key: place.key.clone(),
            secret: place.secret.clone(),
            folder,
        })
    }

    /// A thing's name at Cloudinary.
    fn public_id(&self, key: &str) -> String {
        format!("{}/{key}", self.folder)
    }

    /// The parameters with a time, the key and a signature.
    fn signed(&self, parameters: &[(&str, &str)]) -> Vec<(String, String)> {
        let mut all: Vec<(String, String)> = parameters
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        all.push(("timestamp".into(), chrono::Utc::now().timestamp().to_string()));
        all.sort();
        let text: Vec<String> = all
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let mut hash = Sha256::new();
        hash.update(text.join("&"));
        hash.update(self.secret.expose_secret());
        let signature = hash
            .finalize()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>();
        all.push(("api_key".into(), self.key.clone()));
        all.push(("signature".into(), signature));
        all
    }

    /// Where a thing can be read, by whoever knows the secret.
    fn delivery_url(&self, key: &str) -> String {
        let id = self.public_id(key);
        let mut hash = Sha256::new();
        hash.update(&id);
        hash.update(self.secret.expose_secret());
        let signature = URL_SAFE_NO_PAD.encode(hash.finalize());
        format!(
            "{}/{}/raw/authenticated/s--{}--/v1/{}",
            self.delivery,
            self.cloud,
            &signature[..32],
            utf8_percent_encode(&id, PATH)
        )
    }

    pub async fn put(&self, key: &str, path: &Path) -> Result<()> {
        let id = self.public_id(key);
        let mut file = tokio::fs::File::open(path).await?;
        let total = file.metadata().await?.len();
        let upload = crate::id::new();
        let mut begin = 0_u64;
        loop {
            let mut piece = Vec::new();
            (&mut file).take(PIECE as u64).read_to_end(&mut piece).await?;
            let end = begin + piece.len() as u64;
            let range =
                (total > PIECE as u64).then(|| format!("bytes {begin}-{}/{total}", end.saturating_sub(1)));
            let answer = self.send_piece(&id, &upload, range.as_deref(), &piece).await?;
            if end >= total {
                let uploaded: Uploaded = answer.json().await.map_err(|error| unreachable(&error))?;
                if uploaded.bytes.is_some_and(|bytes| bytes != total) {
                    return Err(unreachable(&"it kept another number of bytes than were sent"));
                }
                return Ok(());
            }
            begin = end;
        }
    }

    async fn send_piece(
        &self,
        id: &str,
        upload: &str,
        range: Option<&str>,
        piece: &[u8],
    ) -> Result<Response> {
        let fields = self.signed(&[
            ("invalidate", "true"),
            ("overwrite", "true"),
            ("public_id", id),
            ("type", "authenticated"),
        ]);
        let (kind, body) = form(&fields, piece);
        let body = bytes::Bytes::from(body);
        let url = format!("{}/v1_1/{}/raw/upload", self.api, self.cloud);
        self.attempt(|| {
            let mut request = self
                .client
                .post(&url)
                .header(reqwest::header::CONTENT_TYPE, &kind)
                .body(body.clone());
            if let Some(range) = range {
                request = request
                    .header("X-Unique-Upload-Id", upload)
                    .header(reqwest::header::CONTENT_RANGE, range);
            }
            request
        })
        .await
    }

    pub async fn get(&self, key: &str, path: &Path) -> Result<u64> {
        let url = self.delivery_url(key);
        let mut file = tokio::fs::File::create_new(path).await?;
        let mut written = 0_u64;
        let mut total = None;
        let mut tries = 0;
        loop {
            // What broke off goes on where it broke.
            let answer = self
                .attempt(|| {
                    let request = self.client.get(&url);
                    if written == 0 {
                        request
                    } else {
                        request.header(reqwest::header::RANGE, format!("bytes={written}-"))
                    }
                })
                .await?;
            if written > 0 && answer.status() != StatusCode::PARTIAL_CONTENT {
                return Err(unreachable(&"it does not give parts of files"));
            }
            total = total.or(answer.content_length());
            let mut pieces = answer.bytes_stream();
            let mut broke = None;
            while let Some(piece) = pieces.next().await {
                match piece {
                    Ok(piece) => {
                        written += piece.len() as u64;
                        file.write_all(&piece).await?;
                    }
                    Err(error) => {
                        broke = Some(error.to_string());
                        break;
                    }
                }
            }
            match broke {
                None if total.is_none_or(|total| total == written) => break,
                _ if tries < RETRIES => tries += 1,
                broke => {
                    return Err(unreachable(
                        &broke.unwrap_or_else(|| "it broke off in the middle".into()),
                    ));
                }
            }
        }
        file.flush().await?;
        Ok(written)
    }

    pub async fn list(&self, prefix: &str) -> Result<Vec<Object>> {
        let url = format!("{}/v1_1/{}/resources/raw/authenticated", self.api, self.cloud);
        let full = self.public_id(prefix);
        let skip = self.folder.len() + 1;
        let mut all = Vec::new();
        let mut cursor: Option<String> = None;
        loop {
            let mut query = vec![("prefix", full.as_str()), ("max_results", PAGE)];
            if let Some(cursor) = &cursor {
                query.push(("next_cursor", cursor));
            }
            let answer = self
                .attempt(|| {
                    self.client
                        .get(&url)
                        .basic_auth(&self.key, Some(self.secret.expose_secret()))
                        .query(&query)
                })
                .await?;
            let page: Page = answer.json().await.map_err(|error| unreachable(&error))?;
            all.extend(page.resources.into_iter().filter_map(|resource| {
                Some(Object {
                    key: resource.public_id.get(skip..)?.to_owned(),
                    bytes: resource.bytes,
                })
            }));
            match page.next_cursor {
                Some(next) => cursor = Some(next),
                None => return Ok(all),
            }
        }
    }

    pub async fn delete(&self, key: &str) -> Result<()> {
        let id = self.public_id(key);
        let url = format!("{}/v1_1/{}/raw/destroy", self.api, self.cloud);
        let fields = self.signed(&[
            ("invalidate", "true"),
            ("public_id", &id),
            ("type", "authenticated"),
        ]);
        // Of something that is not there it says "not found", with status 200.
        self.attempt(|| self.client.post(&url).form(&fields)).await?;
        Ok(())
    }

    /// Sends, and again when that may help. Errors: `NotFound`, else a sentence with Cloudinary's own words.
    async fn attempt(&self, request: impl Fn() -> reqwest::RequestBuilder) -> Result<Response> {
        let mut tries = 0;
        loop {
            let outcome = request().send().await;
            let again = match &outcome {
                Ok(answer) => {
                    answer.status().is_server_error() || matches!(answer.status().as_u16(), 420 | 429)
                }
                Err(error) => !error.is_builder(),
            };
            if again && tries < RETRIES {
                tokio::time::sleep(Duration::from_millis(200 << tries)).await;
                tries += 1;
                continue;
            }
            // An error may quote the address, which carries a signature.
            let answer = outcome.map_err(|error| unreachable(&error.without_url()))?;
            let status = answer.status();
            if status.is_success() {
                return Ok(answer);
            }
            if status == StatusCode::NOT_FOUND {
                return Err(Error::NotFound(
                    "The file storage does not have this (any more).".into(),
                ));
            }
            let words = answer
                .headers()
                .get("x-cld-error")
                .and_then(|words| words.to_str().ok())
                .map(str::to_owned);
            let words = match words {
                Some(words) => words,
                None => answer
                    .text()
                    .await
                    .unwrap_or_default()
                    .chars()
                    .take(200)
                    .collect(),
            };
            return Err(unreachable(&format!("status {status}, {words}")));
        }
    }
}

/// A form with a file in it: its content type and body.
fn form(fields: &[(String, String)], file: &[u8]) -> (String, Vec<u8>) {
    let boundary = format!("custard-{}", crate::id::new());
    let mut body = Vec::with_capacity(file.len() + 2_048);
    for (name, value) in fields {
        body.extend_from_slice(
            format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
                .as_bytes(),
        );
    }
    body.extend_from_slice(
        format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"file\"\r\n\
             Content-Type: application/octet-stream\r\n\r\n"
        )
        .as_bytes(),
    );
    body.extend_from_slice(file);
    body.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
    (format!("multipart/form-data; boundary={boundary}"), body)
}

fn unreachable(error: &dyn std::fmt::Display) -> Error {
    Error::source(
        SourceFault::Unreachable,
        format!("The file storage (Cloudinary) did not answer as it should: {error}"),
    )
}
