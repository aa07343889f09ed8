//! Everything that records name, taken from one storage to another.

use crate::config::{Config, StorageConfig};
use crate::db::{Db, dump};
use crate::error::{Error, Result};
use crate::service::backup::needed;
use crate::storage::moving::{self, Moved, Place};
use crate::storage::server_lock;

/// Copies everything to the storage of `to`; `journal` names the journal of this pair of places. Gives both
/// places' kinds, and what was done. Errors: `Conflict` while a server runs on the data folder.
pub async fn run(
    config: &Config,
    to: &StorageConfig,
    journal: &str,
    tell: impl FnMut(&Moved),
) -> Result<(&'static str, &'static str, Moved)> {
    let data_dir = config.server.data_dir.canonicalize().map_err(|error| {
        Error::Invalid(format!(
            "The data folder {} cannot be read: {error}.",
            config.server.data_dir.display()
        ))
    })?;
    // A file uploaded meanwhile would stay behind.
    let _alone = server_lock(&data_dir)?;
    let (file, url, pool) = (
        data_dir.join("custard.db"),
        config.database.url.clone(),
        config.database.pool_size,
    );
    if url.is_none() && !file.exists() {
        return Err(Error::Invalid(format!(
            "There are no records in {}.",
            data_dir.display()
        )));
    }
    let keys = tokio::task::spawn_blocking(move || {
        let db = Db::attach(&file, url.as_ref(), pool)?;
        db.snapshot(|conn| {
            let mut keys = Vec::new();
            for table in dump::tables(conn)? {
                dump::dump(conn, &table, |row| {
                    keys.extend(needed(&table.name, &row)?.into_iter().map(|(key, _)| key));
                    Ok(())
                })?;
            }
            Ok(keys)
        })
    })
    .await
    .map_err(Error::internal)??;
    let from = Place::open(&data_dir, &config.storage)?;
    let to = Place::open(&data_dir, to)?;
    if from.is_same(&to) {
        return Err(Error::Invalid(
            "The files lie there already: the two storages are the same.".into(),
        ));
    }
    let journal = data_dir.join(format!("storage-move.{journal}.jsonl"));
    let moved = moving::run(&keys, &from, &to, &journal, tell).await?;
    // All of it is there: a later move begins anew.
    std::fs::remove_file(&journal)?;
    Ok((from.kind(), to.kind(), moved))
}
