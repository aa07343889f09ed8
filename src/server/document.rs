//! The API's document (OpenAPI 3.1): what stands above its routes, and what holds for all of them.

use std::sync::LazyLock;

use actix_web::dev::ResourceDef;
use utoipa::openapi::OpenApi as Document;
use utoipa::openapi::path::{Operation, ParameterIn};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{ContentBuilder, Ref, RefOr, ResponseBuilder};
use utoipa::{Modify, OpenApi};

#[derive(OpenApi)]
#[openapi(
    info(title = "Clean Custard", description = "Ask questions about databases and files in plain language."),
    modifiers(&Security),
    components(schemas(crate::rows::export::Format, crate::service::audit::AuditFormat)),
    tags(
        (name = "accounts"), (name = "members"), (name = "tokens"), (name = "files"), (name = "connections"), (name = "questions"), (name = "teaching"), (name = "evaluations"), (name = "results"),
        (name = "status"), (name = "usage"), (name = "settings"), (name = "audit"), (name = "health")
    )
)]
struct Head;

struct Security;

impl Modify for Security {
    fn modify(&self, document: &mut Document) {
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

/// The document without its routes.
pub(super) fn head() -> Document {
    Head::openapi()
}

/// The document with its routes, to which this adds what any request for the API may meet: its limits, and that
/// what it says cannot be read.
pub(super) fn whole(mut document: Document) -> Document {
    for (path, item) in &mut document.paths.paths {
        if !path.starts_with("/api/v1/") {
            continue;
        }
        let operations = [
            &mut item.get,
            &mut item.put,
            &mut item.post,
            &mut item.patch,
            &mut item.delete,
        ];
        for operation in operations.into_iter().flatten() {
            may_answer(
                operation,
                "429",
                "Too many requests; `Retry-After` says how long to wait",
            );
            let has_choices = operation.parameters.iter().flatten().any(
                |one| matches!(one, RefOr::T(parameter) if parameter.parameter_in == ParameterIn::Query),
            );
            if has_choices || operation.request_body.is_some() {
                may_answer(
                    operation,
                    "400",
                    "The request cannot be read, or asks for what cannot be",
                );
            }
        }
    }
    document
}

/// Adds such an answer, unless the operation documents it itself.
fn may_answer(operation: &mut Operation, status: &str, when: &str) {
    let error = ContentBuilder::new()
        .schema(Some(Ref::from_schema_name("ErrorBody")))
        .build();
    let response = ResponseBuilder::new()
        .description(when)
        .content("application/json", error)
        .build();
    let responses = &mut operation.responses.responses;
    responses
        .entry(status.to_owned())
        .or_insert_with(|| response.into());
}

/// The methods that a path takes, as the header `Allow` says it. None where nothing is routed.
pub(super) fn methods_of(path: &str) -> Option<&'static str> {
    static ROUTES: LazyLock<Vec<(ResourceDef, String)>> = LazyLock::new(|| {
        let document = super::openapi();
        let routes = document.paths.paths.iter();
        routes
            .map(|(path, item)| {
                let methods = [
                    ("GET", &item.get),
                    ("PUT", &item.put),
                    ("POST", &item.post),
                    ("PATCH", &item.patch),
                    ("DELETE", &item.delete),
                ];
                let taken = methods.iter().filter(|(_, operation)| operation.is_some());
                let names: Vec<&str> = taken.map(|(name, _)| *name).collect();
                (ResourceDef::new(path.as_str()), names.join(", "))
            })
            .collect()
    });
    let (_, methods) = ROUTES.iter().find(|(route, _)| route.is_match(path))?;
    Some(methods)
}
