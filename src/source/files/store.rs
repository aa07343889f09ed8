//! The only "file system" a query over files can see: the Parquet files of its own tables, read-only, under
//! names that say nothing. There is no way from a path or URL in a query to anything else.

use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::object_store::ObjectStoreRegistry;
use datafusion::object_store::local::LocalFileSystem;
use datafusion::object_store::path::Path;
use datafusion::object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    ObjectStoreExt, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result as StoreResult,
};
use futures::StreamExt;
use futures::stream::BoxStream;
use url::Url;

use crate::storage::{Pin, Storage};

/// Scheme of the tables' URLs.
const SCHEME: &str = "custard";

/// The URL of table number `index`.
pub fn url(index: usize) -> String {
    format!("{SCHEME}://tables/{index}.parquet")
}

/// The files of one source.
pub struct Tables {
    files: Vec<PathBuf>,
    disk: LocalFileSystem,
    /// Where files are fetched from that are not here.
    storage: Option<Storage>,
    /// Keeps what was fetched here, for as long as somebody may read it.
    fetched: Mutex<HashMap<usize, Pin>>,
}

impl Tables {
    pub fn new(files: Vec<PathBuf>) -> Tables {
        Tables {
            files,
            disk: LocalFileSystem::new(),
            storage: None,
            fetched: Mutex::default(),
        }
    }

    /// The same files, fetched from this storage when they are first read.
    pub fn stored_in(&self, storage: Storage) -> Tables {
        Tables {
            storage: Some(storage),
            ..Tables::new(self.files.clone())
        }
    }

    /// Where the table of this name lies.
    async fn place(&self, location: &Path) -> StoreResult<Path> {
        let unknown = || Error::NotFound {
            path: location.to_string(),
            source: "there is no such table".into(),
        };
        let name = location.as_ref();
        let index: usize = name
            .strip_suffix(".parquet")
            .and_then(|index| index.parse().ok())
            .ok_or_else(unknown)?;
        let file = self.files.get(index).ok_or_else(unknown)?;
        if let Some(storage) = &self.storage
            && !self.is_fetched(index)
        {
            let pin = storage.fetch(file).await.map_err(|error| Error::Generic {
                store: "files",
                source: Box::new(error),
            })?;
            self.fetched().insert(index, pin);
        }
        Ok(Path::from_absolute_path(file)?)
    }

    fn is_fetched(&self, index: usize) -> bool {
        self.fetched().contains_key(&index)
    }

    fn fetched(&self) -> MutexGuard<'_, HashMap<usize, Pin>> {
        self.fetched.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn refused(&self) -> Error {
        Error::NotSupported {
            source: "tables are read-only".into(),
        }
    }
}

impl fmt::Debug for Tables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tables({})", self.files.len())
    }
}

impl fmt::Display for Tables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("tables")
    }
}

#[async_trait]
impl ObjectStore for Tables {
    async fn put_opts(&self, _: &Path, _: PutPayload, _: PutOptions) -> StoreResult<PutResult> {
        Err(self.refused())
    }

    async fn put_multipart_opts(
        &self,
        _: &Path,
        _: PutMultipartOptions,
    ) -> StoreResult<Box<dyn MultipartUpload>> {
        Err(self.refused())
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> StoreResult<GetResult> {
        let mut result = self.disk.get_opts(&self.place(location).await?, options).await?;
        result.meta.location = location.clone();
        Ok(result)
    }

    fn delete_stream(
        &self,
        _: BoxStream<'static, StoreResult<Path>>,
    ) -> BoxStream<'static, StoreResult<Path>> {
        futures::stream::iter([Err(self.refused())]).boxed()
    }

    fn list(&self, _: Option<&Path>) -> BoxStream<'static, StoreResult<ObjectMeta>> {
        futures::stream::iter([Err(self.refused())]).boxed()
    }

    async fn list_with_delimiter(&self, _: Option<&Path>) -> StoreResult<ListResult> {
        Err(self.refused())
    }

    async fn copy_opts(&self, _: &Path, _: &Path, _: CopyOptions) -> StoreResult<()> {
        Err(self.refused())
    }
}

/// Knows one store only.
#[derive(Debug)]
pub struct OnlyTables(pub Arc<Tables>);

impl ObjectStoreRegistry for OnlyTables {
    fn register_store(&self, _: &Url, _: Arc<dyn ObjectStore>) -> Option<Arc<dyn ObjectStore>> {
        None
    }

    fn get_store(&self, url: &Url) -> Result<Arc<dyn ObjectStore>> {
        if url.scheme() == SCHEME && url.host_str() == Some("tables") {
            return Ok(self.0.clone());
        }
        Err(DataFusionError::Plan(
            "Queries can read the chosen tables only.".to_owned(),
        ))
    }
}

/// Checks that a table's file is there.
pub async fn exists(store: &Tables, index: usize) -> bool {
    store.head(&Path::from(format!("{index}.parquet"))).await.is_ok()
}
