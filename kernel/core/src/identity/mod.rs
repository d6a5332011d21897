//! People: the owner's set-up, signing in, sessions.
//!
//! *Invariant:* neither a password nor a token is kept: of passwords an Argon2id hash, of tokens a SHA-256 hash.

mod password;
mod setup_code;
mod store;

use std::{collections::HashMap, path::Path};

use aether_protocol::{
    Actor, Code, Error, EventBody, Page, Result, SessionId, UnixMillis, UserId,
    identity::{Login, Me, Session, Setup, SignedIn, SignedOut, User},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use parking_lot::RwLock;
use sha2::{Digest as _, Sha256};

use crate::{
    clock,
    config::IdentityConfig,
    gate::person,
    state::store::{Store, StoreError},
};
use setup_code::SetupCode;

const DAY_MS: i64 = 24 * 60 * 60 * 1000;
/// A session's last use is written down to the minute.
const SEEN_STEP_MS: u64 = 60_000;

/// Why accounts could not be read.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// the store failed
    #[error(transparent)]
    Store(#[from] StoreError),
    /// the set-up code could not be kept
    #[error("the set-up code could not be kept: {0}")]
    SetupCode(std::io::Error),
}

type TokenHash = [u8; 32];

/// A session as it is kept in memory.
struct Known {
    actor: Actor,
    session: SessionId,
    expires_at: UnixMillis,
}

/// Accounts and sessions.
pub(crate) struct Identity {
    store: Store,
    session_ms: i64,
    sessions: RwLock<HashMap<TokenHash, Known>>,
    setup_code: RwLock<Option<SetupCode>>,
    /// One at a time: two set-ups cannot both find that there is no owner.
    setting_up: tokio::sync::Mutex<()>,
}

impl Identity {
    /// Reads the sessions. Where there is no owner, makes the one-time code (or takes the one made before).
    pub(crate) async fn start(
        config: &IdentityConfig,
        state_dir: &Path,
        store: Store,
    ) -> Result<Self, IdentityError> {
        let now = clock::now();
        let (known, has_owner) = store
            .read(move |connection| Ok((store::known(connection, now)?, store::has_user(connection)?)))
            .await?;
        let sessions = known
            .into_iter()
            .map(|(hash, user, session)| {
                let actor = Actor::User { user: user.id, name: user.name.into(), session: session.id };
                (hash, Known { actor, session: session.id, expires_at: session.expires_at })
            })
            .collect();
        let setup_code = if has_owner {
            SetupCode::forget(state_dir);
            None
        } else {
            Some(SetupCode::make_or_read(state_dir).map_err(IdentityError::SetupCode)?)
        };
        Ok(Self {
            store,
            session_ms: i64::from(config.session_days) * DAY_MS,
            sessions: RwLock::new(sessions),
            setup_code: RwLock::new(setup_code),
            setting_up: tokio::sync::Mutex::default(),
        })
    }

    pub(crate) fn needs_setup(&self) -> bool {
        self.setup_code.read().is_some()
    }

    pub(crate) fn setup_code(&self) -> Option<String> {
        self.setup_code.read().as_ref().map(SetupCode::shown)
    }

    /// The actor whom `token` proves. In memory: every request asks this.
    pub(crate) fn authenticate(&self, token: &str) -> Option<Actor> {
        let hash: TokenHash = Sha256::digest(token.as_bytes()).into();
        let sessions = self.sessions.read();
        let known = sessions.get(&hash)?;
        (known.expires_at > clock::now()).then(|| known.actor.clone())
    }

    /// Creates the owner and signs in.
    pub(crate) async fn setup(&self, setup: Setup) -> Result<SignedIn> {
        let _one_at_a_time = self.setting_up.lock().await;
        {
            let code = self.setup_code.read();
            let Some(code) = code.as_ref() else {
                return Err(Error::conflict("This device has an owner already").hint("Sign in instead"));
            };
            if !code.matches(&setup.code) {
                return Err(Error::new(Code::Unauthenticated, "This is not the set-up code")
                    .hint("The device shows it on its screen and in its log at start"));
            }
        }
        let name = valid_name(&setup.name)?;
        let password = password::hash(setup.password).await?;
        let user = User { id: UserId(clock::new_id()), name, created_at: clock::now() };
        let owner = user.clone();
        self.store
            .write(move |tx| {
                store::insert_user(tx, &owner, &password)?;
                let actor = Actor::Kernel;
                tx.emit(&actor, EventBody::OwnerCreated { user: owner.id })?;
                Ok(())
            })
            .await?;
        if let Some(code) = self.setup_code.write().take() {
            code.used();
        }
        self.open_session(user, setup.device).await
    }

    /// Signs in. An unknown name takes as long as a wrong password, and is answered alike.
    pub(crate) async fn login(&self, login: Login) -> Result<SignedIn> {
        let name = login.name.clone();
        let found = self.store.read(move |connection| store::user_by_name(connection, &name)).await?;
        let (user, hash) = found.map_or((None, None), |(user, hash)| (Some(user), Some(hash)));
        let right = password::verify(login.password, hash).await?;
        match user {
            Some(user) if right => self.open_session(user, login.device).await,
            _ => Err(Error::new(Code::Unauthenticated, "Name or password is wrong")),
        }
    }

    async fn open_session(&self, user: User, device: String) -> Result<SignedIn> {
        let mut secret = [0; 32];
        getrandom::fill(&mut secret).map_err(|error| Error::internal(format!("No randomness: {error}")))?;
        let token = URL_SAFE_NO_PAD.encode(secret);
        let hash: TokenHash = Sha256::digest(token.as_bytes()).into();
        let now = clock::now();
        let session = Session {
            id: SessionId(clock::new_id()),
            device: valid_device(&device),
            created_at: now,
            seen_at: now,
            expires_at: UnixMillis(now.0 + self.session_ms),
            is_current: true,
        };
        let actor = Actor::User { user: user.id, name: user.name.as_str().into(), session: session.id };
        let (kept, who, as_actor) = (session.clone(), user.id, actor.clone());
        self.store
            .write(move |tx| {
                store::insert_session(tx, who, &hash, &kept)?;
                tx.emit(&as_actor, EventBody::SignedIn { user: who, device: kept.device.clone() })?;
                Ok(())
            })
            .await?;
        let known = Known { actor, session: session.id, expires_at: session.expires_at };
        self.sessions.write().insert(hash, known);
        Ok(SignedIn { token, user, session })
    }

    pub(crate) async fn logout(&self, actor: &Actor) -> Result<SignedOut> {
        self.revoke(actor, own_session(actor)?).await
    }

    /// Ends a session of the actor's.
    pub(crate) async fn revoke(&self, actor: &Actor, session: SessionId) -> Result<SignedOut> {
        let user = person(actor)?;
        let by = actor.clone();
        self.store
            .write(move |tx| {
                if !store::delete_session(tx, user, session)? {
                    return Err(Error::not_found("session", session).into());
                }
                tx.emit(&by, EventBody::SignedOut { user })?;
                Ok(())
            })
            .await?;
        self.sessions.write().retain(|_, known| known.session != session);
        Ok(SignedOut {})
    }

    pub(crate) async fn whoami(&self, actor: &Actor) -> Result<Me> {
        let (user, current) = (person(actor)?, own_session(actor)?);
        let user = self
            .store
            .read(move |connection| store::user(connection, user))
            .await?
            .ok_or_else(Error::unauthenticated)?;
        let sessions = self.sessions(actor).await?.items;
        let session =
            sessions.into_iter().find(|session| session.id == current).ok_or_else(Error::unauthenticated)?;
        let now = clock::now();
        if now.since_ms(session.seen_at) > SEEN_STEP_MS {
            self.store.write_later(move |tx| store::touch(tx, current, now)).await;
        }
        Ok(Me { user, session })
    }

    pub(crate) async fn sessions(&self, actor: &Actor) -> Result<Page<Session>> {
        let (user, current) = (person(actor)?, own_session(actor)?);
        let mut items = self.store.read(move |connection| store::sessions(connection, user)).await?;
        for session in &mut items {
            session.is_current = session.id == current;
        }
        Ok(Page { items, next: None })
    }
}

fn own_session(actor: &Actor) -> Result<SessionId> {
    match actor {
        Actor::User { session, .. } => Ok(*session),
        _ => Err(Error::unauthenticated()),
    }
}

fn valid_name(name: &str) -> Result<String> {
    let name = name.trim();
    let fits = (1..=32).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'));
    if fits {
        Ok(name.to_owned())
    } else {
        Err(Error::invalid("This name cannot be used").hint("1 to 32 letters, digits, '.', '_' or '-'"))
    }
}

fn valid_device(device: &str) -> String {
    let shown: String = device.chars().filter(|c| !c.is_control()).take(64).collect();
    if shown.trim().is_empty() { "Unnamed device".to_owned() } else { shown }
}

#[cfg(test)]
mod tests;
