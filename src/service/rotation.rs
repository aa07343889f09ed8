//! A new secret key: made, and everything sealed with the old one sealed anew. Killed in the middle, the next
//! run goes on: the old key stays beside the new one until the last value is done.

use secrecy::ExposeSecret;

use crate::config::Config;
use crate::db::{Db, sealed};
use crate::error::{Error, Result};
use crate::seal::{Sealer, key};

/// What a rotation did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rotated {
    /// Values sealed anew.
    pub sealed: usize,
    /// Whether the key is the generated one in the data folder.
    pub generated: bool,
}

/// Rotates the generated key; with a configured one seals anew what the previous one sealed. Errors: `Invalid`
/// when a configured key has no previous one, or a value opens with neither.
pub async fn rotate(config: &Config) -> Result<Rotated> {
    let data_dir = config.server.data_dir.canonicalize().map_err(|error| {
        Error::Invalid(format!(
            "The data folder {} cannot be read: {error}.",
            config.server.data_dir.display()
        ))
    })?;
    let generated = config.server.secret_key.is_none();
    let previous = key::previous_path(&data_dir);
    if generated {
        if !previous.exists() {
            make_new(&data_dir)?;
        }
    } else if config.server.previous_secret_key.is_none() {
        return Err(Error::Invalid(
            "The secret key is configured, so it is changed there: set the new one as server.secret_key and the old one \
             as server.previous_secret_key on every server, restart them, and run this again."
                .into(),
        ));
    }
    let mut server = config.server.clone();
    server.data_dir.clone_from(&data_dir);
    let keys = key::load(&server)?;
    let sealer = Sealer::with_previous(&keys.current, keys.previous.as_slice());
    let (file, url, pool) = (
        data_dir.join("custard.db"),
        config.database.url.clone(),
        config.database.pool_size,
    );
    let db = tokio::task::spawn_blocking(move || Db::attach(&file, url.as_ref(), pool))
        .await
        .map_err(Error::internal)??;
    let sealed = db.write(move |conn| sealed::seal_anew(conn, &sealer)).await?;
    if generated {
        std::fs::remove_file(&previous)?;
    }
    Ok(Rotated { sealed, generated })
}

/// A new key in the place of the old one, which stays beside it. Either file is whole at every moment, and
/// while both are there both are known.
fn make_new(data_dir: &std::path::Path) -> Result<()> {
    let (path, previous) = (key::path(data_dir), key::previous_path(data_dir));
    let old = key::read(&path)?.ok_or_else(|| {
        Error::Invalid(format!(
            "There is no secret key in {}; name the server's data folder with --data-dir or --config.",
            data_dir.display()
        ))
    })?;
    let draft = data_dir.join("secret.key.draft");
    key::write(&draft, old.expose_secret())?;
    std::fs::rename(&draft, &previous)?;
    key::write(&draft, &key::random())?;
    std::fs::rename(&draft, &path)?;
    std::fs::File::open(data_dir)?.sync_all()?;
    Ok(())
}
