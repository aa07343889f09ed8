//! The server's own address, for links in letters and for providers to return to.
//!
//! Without `server.public_url` it can only be taken from a request, and whoever sends one writes into it what
//! they like. A letter to somebody else must not carry a stranger's address: so for requests of nobody in
//! particular only an address counts that an owner or admin has logged in at, or this machine's own.

use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use actix_web::HttpRequest;

use super::App;

/// The address at which an owner or admin last logged in.
#[derive(Default)]
pub struct SeenAt(Mutex<Option<String>>);

impl SeenAt {
    /// An owner or admin logged in here.
    pub fn note(&self, request: &HttpRequest) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(of_request(request));
    }

    fn get(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// For somebody who is logged in: as configured, else as they see it. Without a slash at its end.
pub fn base(app: &App, request: &HttpRequest) -> String {
    match &app.config.server.public_url {
        Some(url) => url.trim_end_matches('/').to_owned(),
        None => of_request(request),
    }
}

/// For a request that anybody could have sent: as configured, else where an owner or admin has been, else
/// this machine. Without a slash at its end.
pub fn public_base(app: &App, request: &HttpRequest) -> String {
    if let Some(url) = &app.config.server.public_url {
        return url.trim_end_matches('/').to_owned();
    }
    if is_this_machine(request) {
        return of_request(request);
    }
    app.seen_at
        .get()
        .unwrap_or_else(|| format!("http://{}", app.config.server.listen))
}

fn of_request(request: &HttpRequest) -> String {
    let info = request.connection_info();
    format!("{}://{}", info.scheme(), info.host())
}

fn is_this_machine(request: &HttpRequest) -> bool {
    let info = request.connection_info();
    let Ok(url) = url::Url::parse(&format!("http://{}", info.host())) else {
        return false;
    };
    match url.host_str() {
        Some("localhost") => true,
        Some(host) => host
            .trim_matches(['[', ']'])
            .parse::<IpAddr>()
            .is_ok_and(|ip| ip.is_loopback()),
        None => false,
    }
}
