//! The embedded web UI: precompressed siblings, strong ETags, hashed assets for ever, the page never.

use actix_web::http::Method;
use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpRequest, HttpResponse};
use rust_embed::{EmbeddedFile, RustEmbed};

use super::document;
use super::error::{ApiError, ErrorBody};
use crate::error::Error;

#[derive(RustEmbed)]
#[folder = "assets/ui/dist"]
#[allow_missing = true]
struct Assets;

/// What is served when the UI was not built into this binary.
const NOT_BUILT: &str =
    "The web UI is not part of this build. Run `make ui`, then build again; the API works.";

/// Answers everything that no route takes: a file of the UI, or its page (the UI has its own routes). What asks an
/// API path by a method that it does not take is told which it does.
pub async fn public_file(request: HttpRequest) -> Result<HttpResponse, ApiError> {
    if let Some(methods) = document::methods_of(request.path()) {
        return Ok(wrong_method(&request, methods));
    }
    let path = request.path().trim_start_matches('/');
    if path == "api" || path.starts_with("api/") {
        return Err(Error::NotFound("There is no such API path; /api/docs lists them.".into()).into());
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return Ok(wrong_method(&request, "GET, HEAD"));
    }
    if let Some(file) = Assets::get(path) {
        return Ok(respond(&request, path, file));
    }
    // A missing asset must not be answered by the page: the browser would take it for a script.
    if path.starts_with("assets/") {
        return Err(Error::NotFound("There is no such file; reload the page.".into()).into());
    }
    match Assets::get("index.html") {
        Some(page) => Ok(respond(&request, "index.html", page)),
        None => Ok(HttpResponse::ServiceUnavailable()
            .content_type("text/plain; charset=utf-8")
            .body(NOT_BUILT)),
    }
}

/// Something is there, but not by this method.
fn wrong_method(request: &HttpRequest, methods: &str) -> HttpResponse {
    HttpResponse::MethodNotAllowed()
        .insert_header((header::ALLOW, methods))
        .json(ErrorBody::new(
            "method_not_allowed",
            format!("{} takes {methods}, not {}.", request.path(), request.method()),
        ))
}

fn respond(request: &HttpRequest, path: &str, plain: EmbeddedFile) -> HttpResponse {
    let (file, encoding) = ["br", "gzip"]
        .into_iter()
        .filter(|encoding| accepts(request, encoding))
        .find_map(|encoding| {
            let extension = if encoding == "gzip" { "gz" } else { encoding };
            Some((Assets::get(&format!("{path}.{extension}"))?, Some(encoding)))
        })
        .unwrap_or((plain, None));
    let hash = file.metadata.sha256_hash();
    let etag: String = hash[..16].iter().map(|byte| format!("{byte:02x}")).collect();
    let etag = format!("\"{etag}\"");
    let cache = if path.starts_with("assets/") {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    let unchanged = request
        .headers()
        .get(header::IF_NONE_MATCH)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|known| {
            known
                .split(',')
                .any(|one| one.trim().trim_start_matches("W/") == etag || one.trim() == "*")
        });
    let mut response = if unchanged {
        HttpResponse::NotModified()
    } else {
        HttpResponse::Ok()
    };
    response
        .insert_header((header::ETAG, etag))
        .insert_header((header::CACHE_CONTROL, cache))
        .insert_header((header::VARY, HeaderValue::from_static("Accept-Encoding")));
    if unchanged {
        return response.finish();
    }
    if let Some(encoding) = encoding {
        response.insert_header((header::CONTENT_ENCODING, encoding));
    }
    let mime = mime_guess::from_path(path).first_or_octet_stream();
    let content_type = if mime.type_() == "text" || mime.subtype() == "javascript" {
        format!("{mime}; charset=utf-8")
    } else {
        mime.to_string()
    };
    let data = match file.data {
        std::borrow::Cow::Borrowed(data) => actix_web::web::Bytes::from_static(data),
        std::borrow::Cow::Owned(data) => data.into(),
    };
    response
        .insert_header((header::CONTENT_TYPE, content_type))
        .body(data)
}

/// Whether the client takes this encoding (`;q=0` means it does not).
fn accepts(request: &HttpRequest, encoding: &str) -> bool {
    request
        .headers()
        .get(header::ACCEPT_ENCODING)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|accepted| {
            accepted.split(',').any(|one| {
                let (name, quality) = one.split_once(';').unwrap_or((one, ""));
                name.trim().eq_ignore_ascii_case(encoding)
                    && !matches!(quality.trim(), "q=0" | "q=0.0" | "q=0.00" | "q=0.000")
            })
        })
}
