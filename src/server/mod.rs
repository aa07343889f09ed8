//! HTTP and WebSocket, and the embedded web UI: the application's state, its routes, and its run.

pub mod agent_socket;
pub mod api;
pub mod auth;
pub mod client;
pub mod error;
pub mod health;
pub mod limits;
pub mod safety;
pub mod status_socket;
pub mod ui;

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::dev::ServerHandle;
use actix_web::middleware::{Condition, NormalizePath, TrailingSlash, from_fn};
use actix_web::{App as ActixApp, HttpRequest, HttpServer, web};
use chrono::TimeDelta;
use rand::Rng;
use secrecy::{ExposeSecret, SecretSlice};
use tracing_actix_web::TracingLogger;
use utoipa::OpenApi;
use utoipa_actix_web::AppExt;
use utoipa_swagger_ui::SwaggerUi;

use crate::config::Config;
use crate::db::{self, Db};
use crate::error::{Error, Result};
use crate::mail::Mailer;
use crate::service::accounts::Accounts;
use crate::service::agents::Hub;
use crate::service::caches::Caches;
use crate::service::connections::Connections;
use crate::service::files::Files;
use crate::service::guessing::Guessing;
use crate::service::limits::Limits;
use crate::service::mail::Post;
use crate::service::questions::Questions;
use crate::service::results::Results;
use crate::service::status::Events;
use crate::service::translations::Remembered;
use crate::source::Limits as QueryLimits;
use crate::storage::Storage;
use crate::translate::Translator;
use crate::translate::llm::Llm;
use crate::translate::offline::Offline;

/// A JSON body at most, in bytes: questions and queries are short.
const MAX_JSON: usize = 256 * 1024;

/// Between two rounds of housekeeping (expired results, ended sessions).
const HOUSEKEEPING: Duration = Duration::from_secs(10 * 60);

/// Everything handlers need.
pub struct App {
    pub config: Config,
    pub db: Db,
    pub accounts: Accounts,
    pub files: Files,
    pub connections: Connections,
    pub questions: Questions,
    pub results: Results,
    pub events: Events,
    pub hub: Hub,
    pub post: Post,
    pub limits: Limits,
    pub guessing: Guessing,
    pub caches: Caches,
    /// What set-up asks for when the server can be reached from other machines.
    pub setup_code: Option<String>,
    pub started: Instant,
}

/// Ends the sockets that stay open for ever, agents' and browsers', before the rest is stopped.
#[derive(Clone)]
pub struct Drain {
    hub: Hub,
    events: Events,
    time: Duration,
}

impl Drain {
    /// Lets running queries at agents finish, for as long as is configured.
    pub async fn run(self) {
        self.hub.drain(self.time).await;
        self.events.end();
    }
}

/// A server that listens.
pub struct Running {
    /// Where it really listens (port 0 becomes a number).
    pub address: SocketAddr,
    /// Stops it.
    pub handle: ServerHandle,
    /// Ends what `handle` would wait for.
    pub drain: Drain,
    /// None once the owner exists, or when set-up needs no code.
    pub setup_code: Option<String>,
    server: actix_web::dev::Server,
}

#[derive(OpenApi)]
#[openapi(
    info(title = "Clean Custard", description = "Ask questions about databases and files in plain language."),
    modifiers(&Security),
    components(schemas(crate::rows::export::Format)),
    tags(
        (name = "accounts"), (name = "files"), (name = "connections"), (name = "questions"), (name = "results"),
        (name = "status"), (name = "settings"), (name = "health")
    )
)]
struct ApiDocument;

struct Security;

impl utoipa::Modify for Security {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
        let bearer = |format: &str| {
            SecurityScheme::Http(
                HttpBuilder::new()
                    .scheme(HttpAuthScheme::Bearer)
                    .bearer_format(format)
                    .build(),
            )
        };
        let components = document.components.get_or_insert_with(Default::default);
        components.add_security_scheme("token", bearer("JWT"));
        components.add_security_scheme("agent_key", bearer("agent key"));
    }
}

impl App {
    /// Opens store and storage and puts the parts together. Blocks for a moment; errors are sentences for
    /// whoever starts the server.
    pub fn open(mut config: Config) -> Result<App> {
        make_data_dir(&config.server.data_dir)?;
        // Absolute, so that nothing depends on the folder this process happens to be in.
        config.server.data_dir = config.server.data_dir.canonicalize()?;
        let data_dir = &config.server.data_dir;
        let storage = Storage::open(data_dir)?;
        let db = Db::open(
            &data_dir.join("custard.db"),
            config.database.url.as_ref(),
            config.database.pool_size,
        )?;
        let secret = secret_key(&config)?;
        let caches = Caches::new();
        let events = Events::new();
        let hub = Hub::new();
        let accounts = Accounts::new(db.clone(), &secret);
        let files = Files::new(
            db.clone(),
            storage.clone(),
            events.clone(),
            &config.files,
            &config.query,
        );
        let connections = Connections::new(db.clone(), hub.clone(), events.clone());
        let keep = TimeDelta::from_std(config.query.keep_results).map_err(Error::internal)?;
        let results = Results::new(db.clone(), storage.clone(), keep, &caches);
        let translator: Arc<dyn Translator> = match &config.llm {
            Some(llm) => Arc::new(Llm::new(llm.clone())?),
            None => Arc::new(Offline),
        };
        let translator = Arc::new(Remembered::new(translator, &caches));
        let post = Post::new(db.clone(), Mailer::new(&config.mail, data_dir)?);
        let limits = Limits::new(&config.limits);
        let guessing = Guessing::new(db.clone(), config.server.public_url.clone());
        let query_limits = QueryLimits {
            rows: config.query.max_rows,
            bytes: config.query.max_bytes,
            time_ms: u64::try_from(config.query.time.as_millis()).unwrap_or(u64::MAX),
            ..QueryLimits::default()
        };
        let questions = Questions::new(
            db.clone(),
            files.clone(),
            connections.clone(),
            results.clone(),
            events.clone(),
            translator,
            query_limits,
        );
        let setup_code = (!config.server.listen.ip().is_loopback()).then(setup_code);
        let app = App {
            config,
            db,
            accounts,
            files,
            connections,
            questions,
            results,
            events,
            hub,
            post,
            limits,
            guessing,
            caches,
            setup_code,
            started: Instant::now(),
        };
        Ok(app)
    }

    /// Removes what a crash left in the storage.
    async fn sweep(&self) -> Result<()> {
        let files = self.db.read(db::files::generations).await?;
        let results = self.db.read(db::results::ids).await?;
        let storage = Storage::at(&self.config.server.data_dir);
        tokio::task::spawn_blocking(move || storage.sweep(&files, &results))
            .await
            .map_err(Error::internal)?
    }

    /// Whether a browser's request comes from our own pages; requests without an Origin are no browser's.
    pub fn is_own_origin(&self, request: &HttpRequest) -> bool {
        safety::is_own(request, &self.config.server)
    }
}

/// Binds the address and makes the server; [`Running::serve`] runs it. Errors: sentences, e.g. for a port in
/// use.
pub async fn start(config: Config) -> Result<Running> {
    let listen = config.server.listen;
    let listener = TcpListener::bind(listen).map_err(|error| {
        Error::Invalid(match error.kind() {
            std::io::ErrorKind::AddrInUse => format!(
                "The address {listen} is in use already. Stop the other program, or choose another address with --listen."
            ),
            _ => format!("The server cannot listen on {listen}: {error}. Choose another address with --listen."),
        })
    })?;
    let address = listener.local_addr()?;
    let app = tokio::task::spawn_blocking(move || App::open(config))
        .await
        .map_err(Error::internal)??;
    app.sweep().await?;
    let setup_code = if app.accounts.needs_setup().await? {
        app.setup_code.clone()
    } else {
        None
    };
    tokio::spawn(app.connections.clone().keep_up());
    tokio::spawn(app.post.clone().keep_sending());
    tokio::spawn(housekeeping(
        app.results.clone(),
        app.accounts.clone(),
        app.post.clone(),
        app.guessing.clone(),
    ));
    let drain = Drain {
        hub: app.hub.clone(),
        events: app.events.clone(),
        time: app.config.server.drain,
    };
    let app = web::Data::new(app);
    let server = HttpServer::new(move || build(app.clone()))
        .listen(listener)
        .map_err(|error| Error::Invalid(format!("The server cannot listen on {address}: {error}.")))?
        .disable_signals()
        // Small frames and the ends of bodies leave at once, rather than when the last ones were confirmed.
        .tcp_nodelay(true)
        // A client that hangs up has left: its query is cancelled at once, not when the answer is ready.
        .h1_allow_half_closed(false)
        .shutdown_timeout(10)
        .workers(
            std::thread::available_parallelism()
                .map_or(2, std::num::NonZero::get)
                .min(8),
        )
        .run();
    Ok(Running {
        address,
        handle: server.handle(),
        drain,
        setup_code,
        server,
    })
}

impl Running {
    /// Runs until the handle stops it.
    pub async fn serve(self) -> Result<()> {
        Ok(self.server.await?)
    }
}

/// The API document (OpenAPI 3.1).
pub fn openapi() -> utoipa::openapi::OpenApi {
    let (_, document) = ActixApp::new()
        .into_utoipa_app()
        .openapi(ApiDocument::openapi())
        .service(health::public_health)
        .service(health::public_ready)
        .service(utoipa_actix_web::scope::scope("/api/v1").configure(api::routes))
        .split_for_parts();
    document
}

fn build(
    app: web::Data<App>,
) -> ActixApp<
    impl actix_web::dev::ServiceFactory<
        actix_web::dev::ServiceRequest,
        Config = (),
        Response = actix_web::dev::ServiceResponse<impl actix_web::body::MessageBody>,
        Error = actix_web::Error,
        InitError = (),
    >,
> {
    let unreadable = |error: String| error::unreadable(error);
    let has_cors = !app.config.server.cors_origins.is_empty();
    let cors = safety::cors(&app.config.server);
    ActixApp::new()
        .into_utoipa_app()
        .openapi(ApiDocument::openapi())
        .app_data(app)
        .app_data(
            web::JsonConfig::default()
                .limit(MAX_JSON)
                .error_handler(move |error, _| unreadable(error.to_string())),
        )
        .app_data(web::QueryConfig::default().error_handler(move |error, _| unreadable(error.to_string())))
        .app_data(web::PathConfig::default().error_handler(move |error, _| unreadable(error.to_string())))
        .service(health::public_health)
        .service(health::public_ready)
        .service(utoipa_actix_web::scope::scope("/api/v1").configure(api::routes))
        .openapi_service(|document| SwaggerUi::new("/api/docs/{_:.*}").url("/api/openapi.json", document))
        .into_app()
        .service(web::redirect("/api/docs", "/api/docs/"))
        .default_service(web::to(ui::public_file))
        .wrap(from_fn(limits::by_address))
        .wrap(Condition::new(has_cors, cors))
        .wrap(from_fn(safety::headers))
        .wrap(NormalizePath::new(TrailingSlash::MergeOnly))
        .wrap(TracingLogger::default())
}

/// Expires results and sessions, for as long as the server runs.
async fn housekeeping(results: Results, accounts: Accounts, post: Post, guessing: Guessing) {
    let mut rounds = tokio::time::interval(HOUSEKEEPING);
    loop {
        rounds.tick().await;
        for outcome in [
            results.expire().await,
            accounts.prune().await,
            post.prune().await,
            guessing.prune().await,
        ] {
            if let Err(error) = outcome {
                tracing::error!(%error, "housekeeping failed");
            }
        }
    }
}

/// The data folder is for the server's own user only.
fn make_data_dir(folder: &Path) -> Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(|error| {
            Error::Invalid(format!(
                "The data folder {} cannot be made: {error}. Choose another with --data-dir.",
                folder.display()
            ))
        })
}

/// The configured key, else the generated one in the data folder.
fn secret_key(config: &Config) -> Result<SecretSlice<u8>> {
    if let Some(key) = &config.server.secret_key {
        return Ok(SecretSlice::from(key.expose_secret().as_bytes().to_vec()));
    }
    let path = config.server.data_dir.join("secret.key");
    match std::fs::read(&path) {
        Ok(key) if key.len() >= 32 => Ok(SecretSlice::from(key)),
        Ok(_) => Err(Error::Invalid(format!(
            "The secret key in {} is too short. Restore it, or remove the file to get a new one (everybody is logged out then).",
            path.display()
        ))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            use std::io::Write;
            use std::os::unix::fs::OpenOptionsExt;
            let mut key = vec![0u8; 32];
            rand::rng().fill(&mut key[..]);
            // Written beside and renamed: a crash must not leave half a key.
            let draft = path.with_extension("key.new");
            let mut file = std::fs::OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(true)
                .mode(0o600)
                .open(&draft)?;
            file.write_all(&key)?;
            file.sync_all()?;
            std::fs::rename(&draft, &path)?;
            Ok(SecretSlice::from(key))
        }
        Err(error) => Err(Error::Invalid(format!(
            "The secret key {} cannot be read: {error}.",
            path.display()
        ))),
    }
}

/// Eight letters and digits without look-alikes.
fn setup_code() -> String {
    const LETTERS: &[u8] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
    let mut random = rand::rng();
    (0..8)
        .map(|_| char::from(LETTERS[random.random_range(0..LETTERS.len())]))
        .collect()
}
