//! The event log as a list. The live stream is a matter of the connection ([`crate::frame`]).

use serde::{Deserialize, Serialize};

use crate::{Event, Page, Seq, call::calls};

calls! { Events:
    /// Past events, oldest first.
    read "events.list" List -> Page<Event>;
    /// Asks for the live stream. Over a WebSocket or SSE, the events follow.
    read "events.subscribe" Subscribe -> Subscribed;
}

/// `events.list`
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema, utoipa::IntoParams))]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", schema(as = EventsList))]
pub struct List {
    /// Only events after this one; from the first one kept when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Seq>,
    /// At most 1,000; 200 when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// `events.subscribe`
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Subscribe {
    /// Everything after this event; only what is new when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Seq>,
}

/// Where the stream starts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Subscribed {
    /// The last event before the stream.
    pub after: Seq,
    /// The oldest event still kept. When it is later than what was asked for, there is a gap.
    pub oldest: Seq,
}
