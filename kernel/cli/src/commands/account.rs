//! Setting up, signing in and out.

use std::io::{self, IsTerminal};

use aether_protocol::{
    Code, Error, SessionId,
    identity::{Login, Revoke, Sessions, Setup, SignedIn, WhoAmI},
};
use comfy_table::Cell;
use serde_json::json;

use crate::{args::Who, context::Context, failure::Outcome, shape};

pub(super) async fn setup(cx: &mut Context, code: Option<String>, who: Who) -> Outcome {
    let name = account(&who)?;
    cx.trust().await?;
    let code = match code {
        Some(code) => code,
        None => ask("Set-up code (the device shows it): ", "--code", false)?,
    };
    let password = password(&who, true)?;
    let client = cx.open(None);
    let signed_in = client.setup(&Setup { code, name, password, device: device() }).await?;
    welcome(cx, &signed_in)
}

pub(super) async fn login(cx: &mut Context, who: Who) -> Outcome {
    let name = account(&who)?;
    cx.trust().await?;
    let password = password(&who, false)?;
    let client = cx.open(None);
    let signed_in = client.sign_in(&Login { name, password, device: device() }).await?;
    welcome(cx, &signed_in)
}

fn welcome(cx: &mut Context, signed_in: &SignedIn) -> Outcome {
    cx.remember(signed_in)?;
    if cx.out.json {
        // The token stays where it is kept.
        cx.out.json(&json!({ "user": signed_in.user, "session": signed_in.session }))?;
    } else {
        cx.out.line(&format!("Signed in as {} at {}", shape::plain(&signed_in.user.name), cx.address))?;
    }
    Ok(())
}

pub(super) async fn logout(cx: &mut Context) -> Outcome {
    let Some(token) = cx.token() else {
        return Err(crate::context::not_signed_in(&cx.address).into());
    };
    let ended = cx.open(Some(token)).sign_out().await;
    // What is kept here goes in any case; that the kernel could not be told is still an error.
    cx.forget()?;
    ended?;
    if cx.out.json {
        cx.out.json(&json!({ "signed_out": true }))?;
    } else {
        cx.out.line("Signed out")?;
    }
    Ok(())
}

pub(super) async fn whoami(cx: &Context) -> Outcome {
    let me = cx.connect().await?.call(WhoAmI {}).await?;
    if cx.out.json {
        cx.out.json(&me)?;
    } else {
        let expires = shape::time(me.session.expires_at);
        cx.out.line(&format!("{} at {}, until {expires}", shape::plain(&me.user.name), cx.address))?;
    }
    Ok(())
}

pub(super) async fn sessions(cx: &Context, revoke: Option<SessionId>) -> Outcome {
    let client = cx.connect().await?;
    if let Some(session) = revoke {
        client.call(Revoke { session }).await?;
        if cx.out.json {
            cx.out.json(&json!({ "revoked": session }))?;
        } else {
            cx.out.line("The session has ended")?;
        }
        return Ok(());
    }
    let sessions = client.call(Sessions {}).await?.items;
    if cx.out.json {
        cx.out.json(&sessions)?;
        return Ok(());
    }
    let rows = sessions
        .iter()
        .map(|session| {
            vec![
                Cell::new(session.id),
                Cell::new(shape::one_line(&session.device, 40)),
                Cell::new(shape::time(session.created_at)),
                Cell::new(shape::time(session.seen_at)),
                Cell::new(if session.is_current { "this one" } else { "" }),
            ]
        })
        .collect();
    cx.out.table(&["ID", "DEVICE", "SIGNED IN", "LAST SEEN", ""], &[], rows)?;
    Ok(())
}

fn account(who: &Who) -> Result<String, Error> {
    who.name
        .clone()
        .or_else(|| std::env::var("USER").ok())
        .filter(|name| !name.is_empty())
        .ok_or_else(|| Error::invalid("The account has no name").hint("Pass --name"))
}

/// What this device calls itself.
fn device() -> String {
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    format!("aether command line on {host}")
}

/// The password: from stdin, from the environment, else from the person.
fn password(who: &Who, twice: bool) -> Result<String, Error> {
    if who.password_stdin {
        let mut line = String::new();
        io::stdin().read_line(&mut line).map_err(|error| {
            Error::new(Code::Invalid, format!("The password cannot be read from stdin: {error}"))
        })?;
        return Ok(line.trim_end_matches(['\r', '\n']).to_owned());
    }
    if let Ok(password) = std::env::var("AETHER_PASSWORD")
        && !password.is_empty()
    {
        return Ok(password);
    }
    let password = ask("Password: ", "--password-stdin", true)?;
    if twice && ask("The same password again: ", "--password-stdin", true)? != password {
        return Err(Error::invalid("The two passwords differ; nothing was sent"));
    }
    Ok(password)
}

fn ask(prompt: &str, option: &str, is_secret: bool) -> Result<String, Error> {
    if !io::stdin().is_terminal() {
        return Err(Error::invalid("There is no terminal to ask on").hint(format!("Pass {option}")));
    }
    let answer = if is_secret {
        rpassword::prompt_password(prompt)
    } else {
        eprint!("{prompt}");
        let mut line = String::new();
        io::stdin().read_line(&mut line).map(|_| line.trim().to_owned())
    };
    answer.map_err(|error| Error::invalid(format!("The answer cannot be read: {error}")))
}
