//! HTTP and WebSocket, and the embedded web UI: the application's state, its routes, and its run.

pub mod agent_socket;
pub mod api;
pub mod auth;
pub mod client;
mod document;
pub mod error;
pub mod health;
pub mod limits;
pub mod links;
mod log_span;
mod measure;
pub mod safety;
pub mod status_socket;
pub mod ui;

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::dev::ServerHandle;
use actix_web::middleware::{Condition, NormalizePath, TrailingSlash, from_fn};
use actix_web::{App as ActixApp, HttpRequest, HttpResponse, HttpServer, web};
use chrono::TimeDelta;
use rand::Rng;
use tracing_actix_web::TracingLogger;
use utoipa_actix_web::AppExt;
use utoipa_swagger_ui::{Config as SwaggerConfig, SwaggerUi};

use crate::config::Config;
use crate::db::{self, Db};
use crate::error::{Error, Result};
use crate::mail::Mailer;
use crate::seal::{Sealer, key};
use crate::service::accounts::Accounts;
use crate::service::accounts::oidc::Oidc;
use crate::service::agents::Hub;
use crate::service::audit::Audit;
use crate::service::backup;
use crate::service::bus::Bus;
use crate::service::caches::Caches;
use crate::service::connections::Connections;
use crate::service::evaluations::Evaluations;
use crate::service::files::Files;
use crate::service::guessing::Guessing;
use crate::service::limits::Limits;
use crate::service::mail::Post;
use crate::service::metrics::Metrics;
use crate::service::models::Models;
use crate::service::preferences::PreferenceBook;
use crate::service::questions::{Questions, Sources, Watch};
use crate::service::results::Results;
use crate::service::status::Events;
use crate::service::teaching::Teaching;
use crate::service::traces::Traces;
use crate::service::translations::Remembered;
use crate::service::usage::Usage;
use crate::service::vitals::Vitals;
use crate::source::Limits as QueryLimits;
use crate::storage::{Sharing, Storage};
use crate::translate::offline::Offline;

/// A JSON body at most, in bytes: questions and queries are short.
const MAX_JSON: usize = 256 * 1024;

/// Between two rounds of housekeeping (expired results, ended sessions).
const HOUSEKEEPING: Duration = Duration::from_secs(10 * 60);

/// Between two looks at a file storage that lies elsewhere.
const STORAGE_ROUND: Duration = Duration::from_secs(60);

/// Everything handlers need.
pub struct App {
    pub config: Config,
    pub db: Db,
    pub accounts: Accounts,
    /// None: nobody logs in through a provider.
    pub oidc: Option<Oidc>,
    /// Where owners and admins reach this server.
    pub seen_at: links::SeenAt,
    pub files: Files,
    pub connections: Connections,
    pub questions: Questions,
    pub teaching: Teaching,
    pub results: Results,
    pub events: Events,
    pub hub: Hub,
    pub post: Post,
    pub limits: Limits,
    pub guessing: Guessing,
    pub caches: Caches,
    pub storage: Storage,
    pub metrics: Metrics,
    pub vitals: Vitals,
    pub traces: Traces,
    pub audit: Audit,
    pub preferences: PreferenceBook,
    pub models: Models,
    pub usage: Usage,
    pub evaluations: Evaluations,
    /// For secrets at rest.
    pub sealer: Sealer,
    /// What set-up asks for when the server can be reached from other machines.
    pub setup_code: Option<String>,
    pub started: Instant,
}

/// Ends the sockets that stay open for ever, agents' and browsers', before the rest is stopped.
#[derive(Clone)]
pub struct Drain {
    hub: Hub,
    questions: Questions,
    evaluations: Evaluations,
    events: Events,
    traces: Traces,
    time: Duration,
}

impl Drain {
    /// Lets running queries at agents finish, for as long as is configured.
    pub async fn run(self) {
        tokio::join!(
            self.hub.drain(self.time),
            self.questions.drain(self.time),
            self.evaluations.drain()
        );
        self.events.end();
        let traces = self.traces;
        let _ = tokio::task::spawn_blocking(move || traces.finish()).await;
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

impl App {
    /// Opens store and storage and puts the parts together. Blocks for a moment; errors are sentences for
    /// whoever starts the server.
    pub fn open(mut config: Config) -> Result<App> {
        make_data_dir(&config.server.data_dir)?;
        // Absolute, so that nothing depends on the folder this process happens to be in.
        config.server.data_dir = config.server.data_dir.canonicalize()?;
        let data_dir = &config.server.data_dir;
        if data_dir.join(backup::MARKER).exists() {
            return Err(Error::Invalid(format!(
                "A restore into {} was interrupted. Run `clean-custard restore` again first; it begins anew.",
                data_dir.display()
            )));
        }
        let sharing = match &config.database.url {
            Some(_) => Sharing::Shared,
            None => Sharing::Alone,
        };
        let storage = Storage::open(data_dir, &config.storage, sharing)?;
        let db = Db::open(
            &data_dir.join("custard.db"),
            config.database.url.as_ref(),
            config.database.pool_size,
        )?;
        let caches = Caches::new();
        let keys = key::load(&config.server)?;
        let sealer = Sealer::with_previous(&keys.current, keys.previous.as_slice());
        let bus = match &config.database.url {
            Some(url) => Bus::shared(url)?,
            None => Bus::alone(),
        };
        let preferences = PreferenceBook::new(db.clone(), bus.clone());
        let events = Events::new(bus);
        let (metrics, vitals) = (Metrics::new()?, Vitals::default());
        let traces = Traces::new(config.traces.as_ref())?;
        let hub = Hub::new();
        let accounts = Accounts::new(
            &caches,
            db.clone(),
            &keys.current,
            sealer.clone(),
            events.clone(),
            config.accounts.clone(),
        );
        let oidc = match &config.oidc {
            Some(provider) => Some(Oidc::new(accounts.clone(), provider.clone())?),
            None => None,
        };
        let files = Files::new(
            db.clone(),
            storage.clone(),
            events.clone(),
            &config.files,
            &config.query,
            &caches,
        );
        let connections = Connections::new(db.clone(), hub.clone(), events.clone());
        let teaching = Teaching::new(db.clone(), connections.clone(), files.clone());
        let keep = TimeDelta::from_std(config.query.keep_results).map_err(Error::internal)?;
        let results = Results::new(db.clone(), storage.clone(), keep, &caches, preferences.clone());
        let models = Models::new(
            db.clone(),
            events.bus().clone(),
            sealer.clone(),
            config.llm.clone(),
            config.own_models(),
            Remembered::new(Arc::new(Offline), &caches),
        )?;
        let usage = Usage::new(db.clone(), preferences.clone(), config.spending.clone());
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
            Watch {
                events: events.clone(),
                metrics: metrics.clone(),
                vitals: vitals.clone(),
                traces: traces.clone(),
                preferences: preferences.clone(),
            },
            db.clone(),
            Sources {
                files: files.clone(),
                connections: connections.clone(),
                teaching: teaching.clone(),
            },
            results.clone(),
            (models.clone(), usage.clone()),
            query_limits,
        );
        let evaluations = Evaluations::new(db.clone(), questions.clone(), teaching.clone());
        let audit = Audit::new(db.clone());
        let setup_code = (!config.server.listen.ip().is_loopback()).then(setup_code);
        let app = App {
            config,
            db,
            accounts,
            oidc,
            seen_at: links::SeenAt::default(),
            files,
            connections,
            questions,
            teaching,
            results,
            events,
            hub,
            post,
            limits,
            models,
            usage,
            evaluations,
            guessing,
            caches,
            storage,
            metrics,
            vitals,
            traces,
            audit,
            preferences,
            sealer,
            setup_code,
            started: Instant::now(),
        };
        Ok(app)
    }

    /// Whether a browser's request comes from our own pages; requests without an Origin are no browser's.
    pub fn is_own_origin(&self, request: &HttpRequest) -> bool {
        safety::is_own(request, &self.config.server)
    }

    /// The code that the set-up page asks for, where it asks for one and nobody has an account (yet, or any
    /// more). It is written to the log: whoever reads that may set the server up.
    pub async fn announce_setup(&self) -> Result<Option<String>> {
        let Some(code) = &self.setup_code else {
            return Ok(None);
        };
        if !self.accounts.needs_setup().await? {
            return Ok(None);
        }
        tracing::warn!(
            "This server can be reached from other machines. Its set-up page asks for this code: {code}"
        );
        Ok(Some(code.clone()))
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
    if app.storage.kind() == "local" {
        sweep(&app.db, &app.storage).await?;
    } else {
        // What lies elsewhere may be many things, or out of reach for a moment; nobody waits for it.
        let (db, storage) = (app.db.clone(), app.storage.clone());
        tokio::spawn(async move {
            if let Err(error) = sweep(&db, &storage).await {
                tracing::warn!(%error, "the file storage could not be looked through");
            }
        });
    }
    app.preferences.load().await?;
    app.models.load().await?;
    if !app.events.bus().is_shared() {
        app.evaluations.begin().await?;
    }
    let setup_code = app.announce_setup().await?;
    tokio::spawn(app.connections.clone().keep_up());
    tokio::spawn(app.post.clone().keep_sending());
    tokio::spawn(app.connections.clone().obey());
    tokio::spawn(app.questions.clone().obey());
    tokio::spawn(app.accounts.clone().obey());
    tokio::spawn(app.preferences.clone().keep_up());
    tokio::spawn(app.models.clone().keep_up());
    tokio::spawn(look_after_storage(app.storage.clone(), app.vitals.clone()));
    tokio::spawn(housekeeping(Housekeeping {
        results: app.results.clone(),
        accounts: app.accounts.clone(),
        post: app.post.clone(),
        guessing: app.guessing.clone(),
        audit: app.audit.clone(),
        preferences: app.preferences.clone(),
    }));
    let drain = Drain {
        hub: app.hub.clone(),
        questions: app.questions.clone(),
        evaluations: app.evaluations.clone(),
        events: app.events.clone(),
        traces: app.traces.clone(),
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
    let (_, routes) = ActixApp::new()
        .into_utoipa_app()
        .openapi(document::head())
        .service(health::public_health)
        .service(health::public_ready)
        .service(health::status)
        .service(health::production_readiness)
        .service(health::get_metrics)
        .service(utoipa_actix_web::scope::scope("/api/v1").configure(api::routes))
        .split_for_parts();
    document::whole(routes)
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
        .openapi(document::head())
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
        .service(health::status)
        .service(health::production_readiness)
        .service(health::get_metrics)
        .service(utoipa_actix_web::scope::scope("/api/v1").configure(api::routes))
        .openapi_service(|routes| {
            // Without the bar above, whose picture the content policy does not let be coloured.
            SwaggerUi::new("/api/docs/{_:.*}")
                .config(SwaggerConfig::default().use_base_layout())
                .url("/api/openapi.json", document::whole(routes))
        })
        .into_app()
        // Load balancers ask without wanting a body.
        .route("/health", web::head().to(HttpResponse::Ok))
        .route("/ready", web::head().to(health::readiness))
        .service(web::redirect("/api/docs", "/api/docs/"))
        .default_service(web::to(ui::public_file))
        .wrap(from_fn(limits::by_address))
        .wrap(from_fn(measure::requests))
        .wrap(Condition::new(has_cors, cors))
        .wrap(from_fn(safety::headers))
        .wrap(NormalizePath::new(TrailingSlash::MergeOnly))
        .wrap(TracingLogger::<log_span::RequestSpan>::new())
}

/// What goes out of date.
struct Housekeeping {
    results: Results,
    accounts: Accounts,
    post: Post,
    guessing: Guessing,
    audit: Audit,
    preferences: PreferenceBook,
}

/// Expires results, sessions and letters, for as long as the server runs.
async fn housekeeping(house: Housekeeping) {
    let mut rounds = tokio::time::interval(HOUSEKEEPING);
    loop {
        rounds.tick().await;
        let audited = house
            .audit
            .expire(|organization| house.preferences.audit_kept(organization))
            .await;
        for outcome in [
            house.results.expire().await,
            house.accounts.prune().await,
            house.post.prune().await,
            house.guessing.prune().await,
            audited,
        ] {
            if let Err(error) = outcome {
                tracing::error!(%error, "housekeeping failed");
            }
        }
    }
}

/// Removes what a crash left in the storage. What comes into the store after it was read is younger than what is
/// removed, or this server is alone and has not begun.
async fn sweep(db: &Db, storage: &Storage) -> Result<()> {
    let files = db.read(db::files::generations).await?;
    let results = db.read(db::results::ids).await?;
    storage.sweep(files, results).await
}

/// Asks a storage that lies elsewhere whether it still answers, for as long as the server runs.
async fn look_after_storage(storage: Storage, vitals: Vitals) {
    if storage.kind() == "local" {
        return;
    }
    let mut rounds = tokio::time::interval(STORAGE_ROUND);
    loop {
        rounds.tick().await;
        if let Err(error) = vitals.attempt("storage", storage.check()).await {
            tracing::warn!(%error, "the file storage does not answer");
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

/// Eight letters and digits without look-alikes.
fn setup_code() -> String {
    const LETTERS: &[u8] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
    let mut random = rand::rng();
    (0..8)
        .map(|_| char::from(LETTERS[random.random_range(0..LETTERS.len())]))
        .collect()
}
