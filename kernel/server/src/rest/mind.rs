//! `mind.models`. `mind.think` is for agents only and has no address.

use actix_web::get;
use aether_protocol::{
    Page,
    mind::{Model, Models},
};

use crate::{
    caller::{Answer, Caller},
    problem::Refusals,
};

/// The models that can be chosen, with the reason where one cannot be used now.
#[utoipa::path(tag = "models", operation_id = "mind.models", responses((status = 200, body = Page<Model>), Refusals))]
#[get("/api/v1/models")]
pub(crate) async fn models(caller: Caller) -> Answer {
    caller.ask(Models {}).await
}
