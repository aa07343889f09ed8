//! Counts and times every request, by the route's pattern: never by a path, which could name anything.

use std::time::Instant;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, web};
use tracing_actix_web::RequestId;

use super::App;

/// Names the request in the log.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The middleware.
pub async fn requests<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let started = Instant::now();
    let app = request.app_data::<web::Data<App>>().cloned();
    let method = method(request.method());
    let id = request.extensions().get::<RequestId>().copied();
    let mut outcome = next.call(request).await;
    // The same id stands in every line of the log about this request.
    if let (Some(id), Ok(response)) = (id, &mut outcome)
        && let Ok(value) = HeaderValue::from_str(&id.to_string())
    {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    if let Some(app) = app {
        let (route, status) = match &outcome {
            Ok(response) => (response.request().match_pattern(), response.status()),
            Err(error) => (None, error.as_response_error().status_code()),
        };
        let route = route.as_deref().unwrap_or("other");
        let labels = [("method", method), ("route", route)];
        app.metrics
            .time("custard_http_request_seconds", &labels, started.elapsed());
        let labels = [("method", method), ("route", route), ("status", status.as_str())];
        app.metrics.count("custard_http_requests_total", &labels, 1);
    }
    outcome
}

/// Anybody can send a method of their own making; a label is not to grow by that.
fn method(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}
