//! What a command works with: where the kernel is, who asks, how to print.

use std::{
    io::{self, IsTerminal, Write},
    path::PathBuf,
};

use aether_client::{Client, Endpoint, Fingerprint, Options, Token, observe_fingerprint};
use aether_protocol::{Code, Error, identity::SignedIn};

use crate::{
    args::Global,
    failure::Outcome,
    profile::{self, Profile, Secret},
    shape::Output,
};

/// Where a kernel is looked for when nothing says otherwise.
const DEFAULT_ADDRESS: &str = "https://127.0.0.1:7380";

/// What a command works with.
pub(crate) struct Context {
    pub(crate) out: Output,
    pub(crate) yes: bool,
    pub(crate) address: String,
    /// The certificate to insist on, where one is known for this address.
    pub(crate) fingerprint: Option<Fingerprint>,
    profile_path: PathBuf,
    profile: Profile,
}

impl Context {
    pub(crate) fn new(global: &Global) -> Result<Self, Error> {
        let profile_path = profile::path(&global.profile)?;
        let profile = profile::load(&profile_path)?;
        let runtime = profile::find_runtime();
        let address = match (&global.address, &runtime) {
            (Some(address), _) => address.clone(),
            (None, _) if !profile.address.is_empty() => profile.address.clone(),
            (None, Some(runtime)) => runtime.address.clone(),
            (None, None) => DEFAULT_ADDRESS.to_owned(),
        };
        let address = Endpoint::new(&address, None).map_err(|error| unusable(&error))?.url;
        // What this computer's own kernel says of itself may only fill a blank: it never replaces a
        // certificate that was trusted before.
        let fingerprint = global
            .fingerprint
            .or_else(|| profile.fingerprint.filter(|_| profile.address == address))
            .or_else(|| {
                runtime.filter(|runtime| runtime.address == address).map(|runtime| runtime.fingerprint)
            });
        let out = Output::new(global.json);
        Ok(Self { out, yes: global.yes, address, fingerprint, profile_path, profile })
    }

    /// Where the kernel is.
    pub(crate) fn endpoint(&self) -> Endpoint {
        Endpoint { url: self.address.clone(), fingerprint: self.fingerprint }
    }

    /// What proves the session: from AETHER_TOKEN, or from the profile where it is for this address.
    pub(crate) fn token(&self) -> Option<Token> {
        if let Ok(token) = std::env::var("AETHER_TOKEN")
            && !token.is_empty()
        {
            return Some(Token::new(token));
        }
        self.profile.token.as_ref().filter(|_| self.profile.address == self.address).map(Secret::token)
    }

    /// A connection that stands, as the person who signed in.
    pub(crate) async fn connect(&self) -> Outcome<Client> {
        let Some(token) = self.token() else {
            return Err(not_signed_in(&self.address).into());
        };
        let client = self.open(Some(token));
        client.ready().await?;
        Ok(client)
    }

    /// A connection, signed in or not.
    pub(crate) fn open(&self, token: Option<Token>) -> Client {
        Client::connect_with(self.endpoint(), token, Options { events: false }, || {})
    }

    /// Makes sure that it is known which certificate to insist on: shows the one that is there and asks.
    pub(crate) async fn trust(&mut self) -> Outcome {
        if self.fingerprint.is_some() || self.address.starts_with("http://") {
            return Ok(());
        }
        let seen = observe_fingerprint(&self.endpoint()).await?;
        eprintln!("The certificate of {} has the fingerprint\n  {seen}", self.address);
        if !self.yes {
            let ask = "Compare it with the one that the device shows. Is it the same?";
            if !confirm(
                ask,
                "Pass --fingerprint with the one that the device shows, or --yes to trust this one",
            )? {
                return Err(Error::forbidden("The certificate was not trusted; nothing was sent").into());
            }
        }
        self.fingerprint = Some(seen);
        Ok(())
    }

    /// Keeps a new session.
    pub(crate) fn remember(&mut self, signed_in: &SignedIn) -> Result<(), Error> {
        self.profile = Profile {
            address: self.address.clone(),
            fingerprint: self.fingerprint,
            user: Some(signed_in.user.name.clone()),
            token: Some(Secret::new(&signed_in.token)),
        };
        profile::store(&self.profile_path, &self.profile)
    }

    /// Forgets the session, but not the certificate.
    pub(crate) fn forget(&mut self) -> Result<(), Error> {
        if self.profile.token.take().is_some() {
            profile::store(&self.profile_path, &self.profile)?;
        }
        Ok(())
    }

    /// Asks before something that cannot be undone.
    pub(crate) fn confirm(&self, question: &str) -> Outcome {
        if self.yes || confirm(question, "Pass --yes")? {
            return Ok(());
        }
        Err(Error::new(Code::Interrupted, "Nothing was changed").into())
    }
}

/// The error for a command that needs a session.
pub(crate) fn not_signed_in(address: &str) -> Error {
    Error::new(Code::Unauthenticated, format!("Nobody is signed in at {address}"))
        .hint("`aether login` signs in; a fresh device is set up by `aether setup`")
}

/// What a malformed address is to the person.
fn unusable(error: &aether_client::EndpointError) -> Error {
    Error::invalid(error.to_string()).hint("Write it like https://127.0.0.1:7380")
}

/// Asks a question on the terminal. Without a terminal `remedy` is the hint.
fn confirm(question: &str, remedy: &str) -> Outcome<bool> {
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return Err(Error::invalid("This needs an answer, and there is no terminal to ask on")
            .hint(remedy)
            .into());
    }
    eprint!("{question} [y/N] ");
    io::stderr().flush()?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}
