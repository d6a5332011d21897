//! `channel.*`

use actix_web::{delete, get, post, put, web};
use aether_protocol::{
    ChannelId, Page,
    channel::{
        Ack, Channel, Create, Get, Join, Leave, List, Member, Members, Message, Party, Peer, Peers, Post,
        Read, Remove, Removed, Target,
    },
};
use serde::Deserialize;

use crate::{
    body::{Params, Signed},
    caller::{Answer, Caller},
    problem::Refusals,
};

/// The channels and direct threads, the one with the newest message first.
#[utoipa::path(
    tag = "channels", operation_id = "channel.list", params(List),
    responses((status = 200, body = Page<Channel>), Refusals)
)]
#[get("/api/v1/channels")]
pub(crate) async fn list(caller: Caller, query: Params<List>) -> Answer {
    caller.ask(query.0).await
}

/// Makes a named channel. Whoever makes it is its first member.
#[utoipa::path(
    tag = "channels", operation_id = "channel.create", request_body = Create,
    responses((status = 200, body = Channel), Refusals)
)]
#[post("/api/v1/channels")]
pub(crate) async fn create(body: Signed<Create>) -> Answer {
    body.0.ask(body.1).await
}

/// One channel.
#[utoipa::path(
    tag = "channels", operation_id = "channel.get", params(("channel" = ChannelId, Path)),
    responses((status = 200, body = Channel), Refusals)
)]
#[get("/api/v1/channels/{channel}")]
pub(crate) async fn get(caller: Caller, channel: web::Path<ChannelId>) -> Answer {
    caller.ask(Get { channel: *channel }).await
}

/// Removes a channel with all that was said in it.
#[utoipa::path(
    tag = "channels", operation_id = "channel.remove", params(("channel" = ChannelId, Path)),
    responses((status = 200, body = Removed), Refusals)
)]
#[delete("/api/v1/channels/{channel}")]
pub(crate) async fn remove(caller: Caller, channel: web::Path<ChannelId>) -> Answer {
    caller.ask(Remove { channel: *channel }).await
}

/// Who is in a channel, and how far each has acknowledged.
#[utoipa::path(
    tag = "channels", operation_id = "channel.members", params(("channel" = ChannelId, Path)),
    responses((status = 200, body = Page<Member>), Refusals)
)]
#[get("/api/v1/channels/{channel}/members")]
pub(crate) async fn members(caller: Caller, channel: web::Path<ChannelId>) -> Answer {
    caller.ask(Members { channel: *channel }).await
}

/// A member, or somebody who becomes one.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MemberBody {
    /// Who; the caller when left out.
    #[serde(default)]
    party: Option<Party>,
}

/// Makes somebody a member.
#[utoipa::path(
    tag = "channels", operation_id = "channel.join", params(("channel" = ChannelId, Path)),
    request_body = MemberBody, responses((status = 200, body = Member), Refusals)
)]
#[post("/api/v1/channels/{channel}/members")]
pub(crate) async fn join(channel: web::Path<ChannelId>, body: Signed<MemberBody>) -> Answer {
    body.0.ask(Join { channel: *channel, party: body.1.party }).await
}

/// Ends a membership; what waits for the member is forgotten.
#[utoipa::path(
    tag = "channels", operation_id = "channel.leave", params(("channel" = ChannelId, Path)),
    request_body = MemberBody, responses((status = 200, body = Removed), Refusals)
)]
#[post("/api/v1/channels/{channel}/leave")]
pub(crate) async fn leave(channel: web::Path<ChannelId>, body: Signed<MemberBody>) -> Answer {
    body.0.ask(Leave { channel: *channel, party: body.1.party }).await
}

/// Which part of what was said.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Part {
    /// Only messages with a greater number.
    after: Option<u64>,
    /// Only messages with a lesser number: the newest ones of these.
    before: Option<u64>,
    /// Only the thread that this message began.
    thread: Option<u64>,
    /// At most 200; 50 when left out.
    limit: Option<u32>,
}

/// What was said, oldest first; the newest page when nothing says from where.
#[utoipa::path(
    tag = "channels", operation_id = "channel.read", params(("channel" = ChannelId, Path), Part),
    responses((status = 200, body = Page<Message>), Refusals)
)]
#[get("/api/v1/channels/{channel}/messages")]
pub(crate) async fn read(caller: Caller, channel: web::Path<ChannelId>, query: Params<Part>) -> Answer {
    let Part { after, before, thread, limit } = query.0;
    caller.ask(Read { channel: *channel, after, before, thread, limit }).await
}

/// What to say.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MessageBody {
    /// 1 to 8,000 characters.
    text: String,
    /// The message that this belongs to.
    #[serde(default)]
    thread: Option<u64>,
    /// What is sent twice under one key is said once; at most 64 characters.
    #[serde(default)]
    key: Option<String>,
}

/// Says something in a channel.
#[utoipa::path(
    tag = "channels", operation_id = "channel.post", params(("channel" = ChannelId, Path)),
    request_body = MessageBody, responses((status = 200, body = Message), Refusals)
)]
#[post("/api/v1/channels/{channel}/messages")]
pub(crate) async fn post(channel: web::Path<ChannelId>, body: Signed<MessageBody>) -> Answer {
    let MessageBody { text, thread, key } = body.1;
    body.0.ask(Post { target: Target::Channel { channel: *channel }, text, thread, key }).await
}

/// Says something in a channel or to somebody directly, by id or by name.
#[utoipa::path(
    tag = "channels", operation_id = "channel.send", request_body = Post,
    responses((status = 200, body = Message), Refusals)
)]
#[post("/api/v1/messages")]
pub(crate) async fn send(body: Signed<Post>) -> Answer {
    body.0.ask(body.1).await
}

/// How far was taken in.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AckBody {
    /// The last message that was taken in.
    upto: u64,
}

/// Acknowledges everything up to a message.
#[utoipa::path(
    tag = "channels", operation_id = "channel.ack", params(("channel" = ChannelId, Path)),
    request_body = AckBody, responses((status = 200, body = Member), Refusals)
)]
#[put("/api/v1/channels/{channel}/ack")]
pub(crate) async fn ack(channel: web::Path<ChannelId>, body: Signed<AckBody>) -> Answer {
    body.0.ask(Ack { channel: *channel, upto: body.1.upto }).await
}

/// Who can be written to directly.
#[utoipa::path(
    tag = "channels", operation_id = "channel.peers",
    responses((status = 200, body = Page<Peer>), Refusals)
)]
#[get("/api/v1/peers")]
pub(crate) async fn peers(caller: Caller) -> Answer {
    caller.ask(Peers {}).await
}
