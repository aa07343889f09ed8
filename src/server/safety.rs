//! What protects people's browsers: which pages may use the API (CORS), which requests count as our own
//! pages', and the headers that tell a browser what a page of ours may do.

use actix_cors::Cors;
use actix_web::HttpRequest;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::middleware::Next;

use crate::config::ServerConfig;

/// Everything from here only; nothing inline, neither scripts nor styles. `data:` images are the QR code of the
/// second factor. `'self'` covers the live socket.
const PAGES: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; \
     connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// Headers of every answer, unless the handler has set its own.
const EVERYWHERE: [(&str, &str); 6] = [
    ("content-security-policy", PAGES),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    // Addresses of ours may hold single-use links; they go nowhere, not even to ourselves.
    ("referrer-policy", "no-referrer"),
    (
        "permissions-policy",
        "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    ),
    ("cross-origin-opener-policy", "same-origin"),
];

/// Adds the headers to every answer.
pub async fn headers<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, actix_web::Error> {
    let is_api = request.path().starts_with("/api/v1/");
    let mut response = next.call(request).await?;
    let headers = response.headers_mut();
    // Answers are for the one who asked; neither a proxy nor the browser's disk keeps them.
    let uncached = is_api.then_some(("cache-control", "no-store"));
    for (name, value) in EVERYWHERE.into_iter().chain(uncached) {
        let name = HeaderName::from_static(name);
        if !headers.contains_key(&name) {
            headers.insert(name, HeaderValue::from_static(value));
        }
    }
    Ok(response)
}

/// Other origins may use the API only if they are configured.
pub fn cors(config: &ServerConfig) -> Cors {
    let cors = Cors::default()
        .allowed_methods([
            Method::GET,
            Method::POST,
            Method::PUT,
            Method::PATCH,
            Method::DELETE,
        ])
        .allowed_headers([header::AUTHORIZATION, header::CONTENT_TYPE, header::ACCEPT])
        .expose_headers([header::RETRY_AFTER, header::CONTENT_DISPOSITION])
        // For the refresh cookie, which goes to pages of the same site only (SameSite=Strict).
        .supports_credentials()
        .max_age(3600);
    config
        .cors_origins
        .iter()
        .fold(cors, |cors, origin| cors.allowed_origin(origin))
}

/// Whether a request comes from our own pages or from a configured origin; one without an Origin is no
/// browser's, or a browser's that vouches for it in `Sec-Fetch-Site`.
pub fn is_own(request: &HttpRequest, config: &ServerConfig) -> bool {
    let text = |name: &str| request.headers().get(name)?.to_str().ok();
    match text("origin") {
        Some(origin) => {
            let host = origin.split_once("://").map_or(origin, |(_, host)| host);
            let public = config.public_url.as_deref().and_then(|url| url.split_once("://"));
            public.is_some_and(|(_, rest)| rest.trim_end_matches('/') == host)
                || host == request.connection_info().host()
                || config.cors_origins.iter().any(|allowed| allowed == origin)
        }
        None => !matches!(text("sec-fetch-site"), Some("cross-site" | "same-site")),
    }
}
