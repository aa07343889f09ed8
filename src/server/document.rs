//! The API's document (OpenAPI 3.1): what stands above its routes, and what holds for all of them.

use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{ContentBuilder, Ref, ResponseBuilder};
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
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
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
pub(super) fn head() -> utoipa::openapi::OpenApi {
    Head::openapi()
}

/// The document with its routes, to which this adds what any request for the API may meet: its limits.
pub(super) fn whole(mut document: utoipa::openapi::OpenApi) -> utoipa::openapi::OpenApi {
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
            limited(operation);
        }
    }
    document
}

fn limited(operation: &mut Operation) {
    let content = ContentBuilder::new()
        .schema(Some(Ref::from_schema_name("ErrorBody")))
        .build();
    let too_often = ResponseBuilder::new()
        .description("Too many requests; `Retry-After` says how long to wait")
        .content("application/json", content)
        .build();
    let responses = &mut operation.responses.responses;
    responses.insert("429".into(), too_often.into());
}
