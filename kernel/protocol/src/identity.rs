//! People: the owner's first boot, signing in, sessions.

use serde::{Deserialize, Serialize};

use crate::{Page, SessionId, UnixMillis, UserId, call::calls};

calls! { Identity:
    /// What the lock screen needs to know. Anybody may ask.
    read "identity.door" Door -> DoorState;
    /// Creates the owner, with the one-time code that the device shows. Once.
    write "identity.setup" Setup -> SignedIn;
    /// Signs in.
    write "identity.login" Login -> SignedIn;
    /// Ends the actor's own session.
    write "identity.logout" Logout -> SignedOut;
    /// Who the actor is.
    read "identity.whoami" WhoAmI -> Me;
    /// The actor's sessions, newest first.
    read "identity.sessions" Sessions -> Page<Session>;
    /// Ends one of the actor's sessions.
    write "identity.revoke" Revoke -> SignedOut;
}

/// What the lock screen needs to know.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DoorState {
    /// Whether there is no owner yet, so that the set-up code is asked for.
    pub needs_setup: bool,
    /// The name of the device.
    pub device: String,
    /// The version of Aether.
    pub version: String,
}

/// Somebody's account.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct User {
    /// Lasting.
    pub id: UserId,
    /// What they sign in with.
    pub name: String,
    /// Since when.
    pub created_at: UnixMillis,
}

/// A signed-in device.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Session {
    /// Lasting.
    pub id: SessionId,
    /// What the device calls itself.
    pub device: String,
    /// When it signed in.
    pub created_at: UnixMillis,
    /// When it last asked for something (to the minute).
    pub seen_at: UnixMillis,
    /// When it must sign in again.
    pub expires_at: UnixMillis,
    /// Whether it is the one that asks.
    pub is_current: bool,
}

/// `identity.door`
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Door {}

/// `identity.setup`
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Setup {
    /// The one-time code that the device shows. Case, spaces and hyphens do not matter.
    pub code: String,
    /// The owner's name: 1 to 32 letters, digits, `.`, `_`, `-`.
    pub name: String,
    /// At least 8 characters, at most 1,024 bytes.
    pub password: String,
    /// What the device calls itself.
    pub device: String,
}

/// `identity.login`
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Login {
    /// The account.
    pub name: String,
    /// Its password.
    pub password: String,
    /// What the device calls itself.
    pub device: String,
}

// No secret may reach a log by way of `{:?}`.
impl std::fmt::Debug for Setup {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Setup")
            .field("name", &self.name)
            .field("device", &self.device)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Login")
            .field("name", &self.name)
            .field("device", &self.device)
            .finish_non_exhaustive()
    }
}

/// A session, with the token that proves it. The token is shown this once.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SignedIn {
    /// Sent as `Authorization: Bearer …`; browsers get it as a cookie instead.
    pub token: String,
    /// Who signed in.
    pub user: User,
    /// The session.
    pub session: Session,
}

impl std::fmt::Debug for SignedIn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SignedIn")
            .field("user", &self.user)
            .field("session", &self.session)
            .finish_non_exhaustive()
    }
}

/// `identity.logout`
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Logout {}

/// `identity.whoami`
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct WhoAmI {}

/// Who asks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Me {
    /// The account.
    pub user: User,
    /// The session.
    pub session: Session,
}

/// `identity.sessions`
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Sessions {}

/// `identity.revoke`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Revoke {
    /// Which.
    pub session: SessionId,
}

/// The session has ended.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SignedOut {}
