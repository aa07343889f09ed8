//! How the server is doing: for load balancers (public, a word each), for owners and admins, for collectors.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, get, web};
use secrecy::ExposeSecret;
use serde::Serialize;
use subtle::ConstantTimeEq;

use super::App;
use super::auth::{Admin, bearer};
use super::error::{ApiResult, ErrorBody};
use crate::service::metrics::resident_bytes;
use crate::service::readiness::{self, ReadinessItem};
use crate::service::vitals::{LastError, Vital};

/// `{"status":"ok"}`
#[derive(Serialize, utoipa::ToSchema)]
pub struct Health {
    pub status: &'static str,
}

/// How everything is doing.
#[derive(Serialize, utoipa::ToSchema)]
pub struct SystemStatus {
    pub version: &'static str,
    pub uptime_seconds: u64,
    pub store: StoreStatus,
    pub storage: PartStatus,
    pub mail: MailStatus,
    pub model: ModelStatus,
    pub bus: BusStatus,
    pub agents: AgentsStatus,
    pub queues: Vec<Queue>,
    pub caches: Vec<CacheStatus>,
    pub memory: Memory,
}

/// The server's own records.
#[derive(Serialize, utoipa::ToSchema)]
pub struct StoreStatus {
    /// `sqlite` or `postgresql`.
    pub kind: &'static str,
    pub pool: Pool,
    pub ok: bool,
    pub last_error: Option<LastError>,
}

/// Connections to the store.
#[derive(Serialize, utoipa::ToSchema)]
pub struct Pool {
    pub size: u32,
    pub in_use: u32,
}

/// A part that is there or not.
#[derive(Serialize, utoipa::ToSchema)]
pub struct PartStatus {
    pub kind: &'static str,
    pub ok: bool,
    pub last_error: Option<LastError>,
}

/// The queue of letters.
#[derive(Serialize, utoipa::ToSchema)]
pub struct MailStatus {
    /// `smtp` or `outbox`.
    pub kind: &'static str,
    /// Where it goes: host and port, or the folder.
    pub place: String,
    /// False while letters wait because of an error, or some were given up during the last day.
    pub ok: bool,
    pub queued: u64,
    pub failed: u64,
    pub last_error: Option<String>,
}

/// Who writes queries.
#[derive(Serialize, utoipa::ToSchema)]
pub struct ModelStatus {
    /// `offline` or `llm`.
    pub kind: &'static str,
    pub model: Option<String>,
    pub base_url: Option<String>,
    /// Whether it answered when it was last asked; null when it was not asked yet.
    pub ok: Option<bool>,
    pub last_error: Option<LastError>,
}

/// What tells the servers of one store of each other's deeds.
#[derive(Serialize, utoipa::ToSchema)]
pub struct BusStatus {
    /// `alone` or `postgresql`.
    pub kind: &'static str,
    /// Whether other servers hear at once what this one says.
    pub ok: bool,
}

/// Agents at this server, of all organisations.
#[derive(Serialize, utoipa::ToSchema)]
pub struct AgentsStatus {
    pub online: usize,
    /// Connections that have an agent.
    pub connections: usize,
}

/// Things waiting.
#[derive(Serialize, utoipa::ToSchema)]
pub struct Queue {
    pub name: &'static str,
    pub depth: u64,
}

/// A cache and how well it does.
#[derive(Serialize, utoipa::ToSchema)]
pub struct CacheStatus {
    pub name: &'static str,
    pub entries: u64,
    /// Null where they are not counted.
    pub bytes: Option<u64>,
    /// Null where they are not counted.
    pub hits: Option<u64>,
    pub misses: Option<u64>,
}

/// Memory of the server's process.
#[derive(Serialize, utoipa::ToSchema)]
pub struct Memory {
    /// Null where the system does not say.
    pub rss_bytes: Option<u64>,
}

/// Which settings are unfit for production.
#[derive(Serialize, utoipa::ToSchema)]
pub struct Readiness {
    /// Whether none of the items is an error.
    pub ready: bool,
    pub items: Vec<ReadinessItem>,
}

/// The process is alive.
#[utoipa::path(operation_id = "health", tag = "health", responses((status = 200, body = Health)))]
#[get("/health")]
pub async fn public_health() -> web::Json<Health> {
    web::Json(Health { status: "ok" })
}

/// Store and file storage answer, so requests can be served; 503 when they do not.
#[utoipa::path(operation_id = "ready", tag = "health", responses(
    (status = 200, body = Health), (status = 503, body = ErrorBody)))]
#[get("/ready")]
pub async fn public_ready(app: web::Data<App>) -> HttpResponse {
    readiness(app).await
}

/// See [`public_ready`]; also for load balancers that ask by HEAD.
pub(super) async fn readiness(app: web::Data<App>) -> HttpResponse {
    let not_ready = |why: String| HttpResponse::ServiceUnavailable().json(ErrorBody::new("not_ready", why));
    // Nobody has said who they are: the reason stands in /status and in the log.
    let unready = |what: &str| {
        not_ready(format!(
            "The {what} does not answer; the server's log and /status say why."
        ))
    };
    if app.questions.is_stopping() {
        return not_ready("The server is stopping.".into());
    }
    if app.vitals.attempt("store", app.db.ping()).await.is_err() {
        return unready("store");
    }
    // A look at a folder costs nothing; a service elsewhere is asked once a minute by the server itself.
    if app.storage.kind() == "local" {
        if app.vitals.attempt("storage", app.storage.check()).await.is_err() {
            return unready("file storage");
        }
    } else if app.vitals.of("storage").ok == Some(false) {
        return unready("file storage");
    }
    HttpResponse::Ok().json(Health { status: "ready" })
}

/// How everything is doing, each part with the last error it had.
#[utoipa::path(operation_id = "get_server_status", tag = "health", security(("token" = [])), responses(
    (status = 200, body = SystemStatus), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody)))]
#[get("/status")]
pub async fn status(app: web::Data<App>, user: Admin) -> web::Json<SystemStatus> {
    let store = app.vitals.attempt("store", app.db.ping()).await.is_ok();
    let storage = app.vitals.attempt("storage", app.storage.check()).await.is_ok();
    let (size, in_use) = app.db.connections();
    let Vital { ok, last_error } = app.vitals.of("model");
    let model = app.models.of(&user.0.organization_id);
    let llm = model.llm.as_ref();
    let bus = app.events.bus();
    web::Json(SystemStatus {
        version: env!("CARGO_PKG_VERSION"),
        uptime_seconds: app.started.elapsed().as_secs(),
        store: StoreStatus {
            kind: app.db.kind(),
            pool: Pool { size, in_use },
            ok: store,
            last_error: app.vitals.of("store").last_error,
        },
        storage: PartStatus {
            kind: app.storage.kind(),
            ok: storage,
            last_error: app.vitals.of("storage").last_error,
        },
        mail: app.mail().await,
        model: ModelStatus {
            kind: model.translator.name(),
            model: llm.map(|llm| llm.model.clone()),
            base_url: llm.map(|llm| llm.base_url.clone()),
            ok,
            last_error,
        },
        bus: BusStatus {
            kind: if bus.is_shared() { "postgresql" } else { "alone" },
            ok: bus.is_connected(),
        },
        agents: AgentsStatus {
            online: app.hub.count(),
            connections: app.hub.admitted().len(),
        },
        queues: app.queues().await,
        caches: app.cache_status().await,
        memory: Memory {
            rss_bytes: resident_bytes(),
        },
    })
}

/// Which settings are unfit for production, and what to do; `clean-custard check` prints the same list.
#[utoipa::path(operation_id = "get_production_readiness", tag = "health", security(("token" = [])), responses(
    (status = 200, body = Readiness), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody)))]
#[get("/production-readiness")]
pub async fn production_readiness(app: web::Data<App>, _user: Admin) -> web::Json<Readiness> {
    let items = readiness::judge(&app.config);
    web::Json(Readiness {
        ready: readiness::is_ready(&items),
        items,
    })
}

/// Numbers for Prometheus. Opened by the token of `[server] metrics_token`, or by an admin's.
#[utoipa::path(operation_id = "get_metrics", tag = "health", security(("token" = [])), responses(
    (status = 200, content_type = "text/plain", body = String), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody)))]
#[get("/metrics")]
pub async fn get_metrics(app: web::Data<App>, request: HttpRequest) -> ApiResult<HttpResponse> {
    let by_token = match (bearer(&request), &app.config.server.metrics_token) {
        (Some(given), Some(token)) => bool::from(given.as_bytes().ct_eq(token.expose_secret().as_bytes())),
        _ => false,
    };
    if !by_token {
        super::auth::admin(request).await?;
    }
    app.read_gauges().await;
    Ok(HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8"))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .body(app.metrics.render()))
}

impl App {
    async fn mail(&self) -> MailStatus {
        match self.post.status().await {
            Ok(post) => MailStatus {
                kind: post.kind,
                place: post.place,
                ok: post.ok,
                queued: post.queued,
                failed: post.failed,
                last_error: post.last_error,
            },
            // The store; it says so itself.
            Err(error) => MailStatus {
                kind: self.post.kind(),
                place: self.post.place(),
                ok: false,
                queued: 0,
                failed: 0,
                last_error: Some(error.to_string()),
            },
        }
    }

    async fn queues(&self) -> Vec<Queue> {
        vec![
            Queue {
                name: "mail",
                depth: self.mail().await.queued,
            },
            Queue {
                name: "queries_running",
                depth: self.questions.running() as u64,
            },
            Queue {
                name: "imports",
                depth: self.files.importing() as u64,
            },
        ]
    }

    async fn cache_status(&self) -> Vec<CacheStatus> {
        let mut all: Vec<CacheStatus> = self
            .caches
            .stats()
            .await
            .into_iter()
            .map(|stats| CacheStatus {
                name: stats.name,
                entries: stats.entries,
                bytes: Some(stats.bytes),
                hits: Some(stats.hits),
                misses: Some(stats.misses),
            })
            .collect();
        // Kept as long as their connections are, so nothing is ever looked for in vain.
        all.push(CacheStatus {
            name: "schemas",
            entries: self.hub.catalogs() as u64,
            bytes: None,
            hits: None,
            misses: None,
        });
        if let Some(numbers) = self.storage.cache() {
            all.push(CacheStatus {
                name: "file_copies",
                entries: numbers.entries,
                bytes: Some(numbers.bytes),
                hits: Some(numbers.hits),
                misses: Some(numbers.misses),
            });
        }
        all
    }

    /// States, as they are right now.
    async fn read_gauges(&self) {
        let metrics = &self.metrics;
        metrics.set(
            "custard_build_info",
            &[("version", env!("CARGO_PKG_VERSION"))],
            1.0,
        );
        metrics.set(
            "custard_uptime_seconds",
            &[],
            self.started.elapsed().as_secs_f64(),
        );
        metrics.set("custard_agents", &[], self.hub.count() as f64);
        metrics.set("custard_queries_running", &[], self.questions.running() as f64);
        let (size, in_use) = self.db.connections();
        metrics.set(
            "custard_store_connections",
            &[("state", "in_use")],
            f64::from(in_use),
        );
        metrics.set("custard_store_connections", &[("state", "most")], f64::from(size));
        for queue in self.queues().await {
            metrics.set(
                "custard_queue_depth",
                &[("queue", queue.name)],
                queue.depth as f64,
            );
        }
        for cache in self.cache_status().await {
            let labels = [("cache", cache.name)];
            metrics.set("custard_cache_entries", &labels, cache.entries as f64);
            for (name, value) in [
                ("custard_cache_bytes", cache.bytes),
                ("custard_cache_hits", cache.hits),
                ("custard_cache_misses", cache.misses),
            ] {
                if let Some(value) = value {
                    metrics.set(name, &labels, value as f64);
                }
            }
        }
        if let Some(bytes) = resident_bytes() {
            metrics.set("custard_memory_bytes", &[], bytes as f64);
        }
        let connected = self.events.bus().is_connected();
        metrics.set("custard_bus_connected", &[], f64::from(u8::from(connected)));
    }
}
