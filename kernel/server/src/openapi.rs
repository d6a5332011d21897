//! The OpenAPI document, made from the handlers themselves.

use actix_web::{App, HttpResponse, dev::ResourceDef, get, http::header, web};
use bytes::Bytes;
use utoipa::{
    Modify, OpenApi,
    openapi::{
        OpenApi as Document, PathItem,
        security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme},
    },
};
use utoipa_actix_web::AppExt as _;

use crate::{
    caller::{Answer, COOKIE, Caller},
    problem::Refusals,
    routes,
    state::State,
};

#[derive(OpenApi)]
#[openapi(
    info(title = "Aether OS", description = "The kernel's commands over HTTP. Every call goes through the same gate as those of the desktop, the command line and the agents.", license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0")),
    components(schemas(crate::problem::Document<'static>, aether_protocol::process::Which)),
    security(("bearer" = []), ("cookie" = [])),
    modifiers(&Keys)
)]
struct Base;

struct Keys;

impl Modify for Keys {
    fn modify(&self, document: &mut Document) {
        let components = document.components.get_or_insert_default();
        let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
        components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
        components
            .add_security_scheme("cookie", SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::new(COOKIE))));
    }
}

/// The OpenAPI 3.1 document of the whole API.
pub fn document() -> Document {
    App::new().into_utoipa_app().openapi(Base::openapi()).configure(routes::documented).split_for_parts().1
}

/// This document.
#[utoipa::path(tag = "system", operation_id = "openapi", responses((status = 200, body = serde_json::Value), Refusals))]
#[get("/api/v1/openapi.json")]
pub(crate) async fn serve(caller: Caller, state: web::Data<State>) -> Answer {
    caller.signed_in()?;
    let document = state.document.get_or_init(|| Bytes::from(document().to_json().unwrap_or_default()));
    Ok(HttpResponse::Ok().insert_header((header::CONTENT_TYPE, "application/json")).body(document.clone()))
}

/// Which methods an address answers.
pub(crate) struct RouteTable(Vec<(ResourceDef, Vec<&'static str>)>);

impl RouteTable {
    /// Taken from the document.
    pub fn new() -> Self {
        let paths = document().paths.paths;
        Self(
            paths
                .iter()
                .map(|(path, item)| (ResourceDef::new(path.replace("{path}", "{path:.*}")), methods_of(item)))
                .collect(),
        )
    }

    /// The methods that `path` answers; none where there is no such path.
    pub fn methods_at(&self, path: &str) -> Vec<&'static str> {
        let mut methods: Vec<_> = self
            .0
            .iter()
            .filter(|(route, _)| route.is_match(path))
            .flat_map(|(_, methods)| methods.clone())
            .collect();
        methods.sort_unstable();
        methods.dedup();
        methods
    }
}

/// The methods of one path, in capitals.
fn methods_of(item: &PathItem) -> Vec<&'static str> {
    [
        ("GET", &item.get),
        ("PUT", &item.put),
        ("POST", &item.post),
        ("DELETE", &item.delete),
        ("PATCH", &item.patch),
        ("HEAD", &item.head),
        ("OPTIONS", &item.options),
    ]
    .into_iter()
    .filter_map(|(method, operation)| operation.as_ref().map(|_| method))
    .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const SOURCES: &[&str] = &[
        include_str!("rest/agents.rs"),
        include_str!("rest/channels.rs"),
        include_str!("rest/events.rs"),
        include_str!("rest/files.rs"),
        include_str!("rest/finding.rs"),
        include_str!("rest/identity.rs"),
        include_str!("rest/mind.rs"),
        include_str!("rest/processes.rs"),
        include_str!("rest/snapshots.rs"),
        include_str!("rest/system.rs"),
        include_str!("rest/terminals.rs"),
        include_str!("rest/transfer.rs"),
        include_str!("rest/trash.rs"),
        include_str!("rest/uploads.rs"),
        include_str!("rest/watching.rs"),
        include_str!("sse.rs"),
        include_str!("ws/mod.rs"),
        include_str!("health.rs"),
        include_str!("openapi.rs"),
    ];

    /// Every `#[get("…")]` and its like in the sources.
    fn handlers() -> BTreeSet<(String, String)> {
        let mut found = BTreeSet::new();
        for source in SOURCES {
            for line in source.lines().map(str::trim) {
                for method in ["get", "put", "post", "delete", "patch", "head", "options"] {
                    if let Some(rest) = line.strip_prefix(&format!("#[{method}(\"")) {
                        let path = rest.split('"').next().unwrap().replace(":.*}", "}");
                        assert!(found.insert((method.to_uppercase(), path)), "twice: {line}");
                    }
                }
            }
        }
        found
    }

    #[test]
    fn every_handler_is_registered_and_in_the_document_and_nothing_else_is() {
        let documented: BTreeSet<_> = document()
            .paths
            .paths
            .iter()
            .flat_map(|(path, item)| {
                methods_of(item).into_iter().map(|method| (method.to_owned(), path.clone()))
            })
            .collect();
        assert_eq!(documented, handlers());
        assert!(documented.len() > 40, "{}", documented.len());
    }

    #[test]
    fn every_reference_in_the_document_leads_somewhere() {
        let document = serde_json::to_value(document()).unwrap();
        assert_eq!(document["openapi"], "3.1.0");
        let text = document.to_string();
        let mut references = BTreeSet::new();
        for piece in text.split("\"#/components/schemas/").skip(1) {
            references.insert(piece.split('"').next().unwrap().to_owned());
        }
        assert!(references.contains("Problem"));
        for reference in references {
            assert!(
                document["components"]["schemas"].get(&reference).is_some(),
                "{reference} is not defined"
            );
        }
    }

    #[test]
    fn operations_have_names_of_their_own() {
        let document = serde_json::to_value(document()).unwrap();
        let mut names = BTreeSet::new();
        for (path, item) in document["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                let name = operation["operationId"].as_str().unwrap_or_else(|| panic!("{method} {path}"));
                assert!(names.insert(name.to_owned()), "{name} twice");
                assert!(operation["summary"].is_string() || operation["description"].is_string(), "{name}");
            }
        }
    }

    #[test]
    fn the_table_knows_methods_by_address() {
        let table = RouteTable::new();
        assert_eq!(table.methods_at("/api/v1/processes"), ["GET", "POST"]);
        assert_eq!(table.methods_at("/api/v1/files/home/a/b"), ["DELETE", "GET", "POST", "PUT"]);
        assert!(table.methods_at("/api/v1/nothing").is_empty());
    }
}
