//! The tools, carried out inside the sandbox.
//!
//! What a tool returns is for the model to read: what happened, and what to do where it went wrong. The
//! sandbox is what keeps an agent in; the checks of paths here only tell it early and in words.

use std::{fmt::Write as _, io, os::fd::BorrowedFd};

use aether_protocol::{
    mind::{ToolCall, ToolSpec},
    tools::Tool,
};
use serde_json::Value;

use crate::signals::Signals;

mod command;
mod home;
mod search;
#[cfg(test)]
mod tests;
mod text;
mod tree;

pub use home::Home;

/// What a tool returned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Whether it did what was asked.
    pub ok: bool,
    /// What the model is told.
    pub output: String,
}

impl Outcome {
    /// It did what was asked.
    pub fn done(output: impl Into<String>) -> Self {
        Self { ok: true, output: output.into() }
    }

    /// It did not.
    pub fn failed(output: impl Into<String>) -> Self {
        Self { ok: false, output: output.into() }
    }
}

impl From<Result<String, String>> for Outcome {
    fn from(result: Result<String, String>) -> Self {
        match result {
            Ok(output) => Self::done(output),
            Err(output) => Self::failed(output),
        }
    }
}

/// The kernel closed the socket while a tool was at work.
#[derive(Debug)]
pub struct KernelGone;

/// What a tool at work looks out for.
#[derive(Debug)]
pub struct Watch<'a> {
    /// INT ends the tool.
    pub signals: &'a mut Signals,
    /// When the kernel is gone, so is everybody who wants the result.
    pub kernel: Option<BorrowedFd<'a>>,
}

impl Watch<'_> {
    /// Whether the tool shall end, asked without waiting.
    fn interrupted(&mut self) -> bool {
        self.signals.look().is_err() || self.signals.interrupted()
    }
}

/// What a tool says that was ended by a person.
const INTERRUPTED: &str = "A person interrupted this call before it was done.";

/// A call with arguments that fit, and the arguments as an object. Some models write the object as a string
/// of JSON, and leave it out where a tool needs none; both are taken. The error is for the model.
pub fn check(call: &ToolCall) -> Result<(Tool, Value), String> {
    let args = match &call.args {
        Value::String(text) if text.trim().is_empty() => Value::Object(serde_json::Map::new()),
        Value::String(text) => serde_json::from_str(text)
            .map_err(|error| format!("the arguments of {} are not JSON: {error}", call.tool))?,
        Value::Null => Value::Object(serde_json::Map::new()),
        other => other.clone(),
    };
    Tool::parse(&call.tool, &args).map(|tool| (tool, args))
}

/// A mistake in a call, with what the model needs to make a right one.
pub fn explain(mistake: &str, tool: &str, specs: &[ToolSpec]) -> String {
    let mut text = format!("This call was not carried out: {mistake}.");
    if let Some(spec) = specs.iter().find(|spec| spec.name == tool) {
        let _ =
            write!(text, " The arguments must be a JSON object that fits this schema: {}", spec.parameters);
    } else {
        let names: Vec<&str> = specs.iter().map(|spec| spec.name.as_str()).collect();
        let _ = write!(text, " The tools are: {}.", names.join(", "));
    }
    text
}

/// Carries out a call. What only the kernel can do (asking, speaking, completing) is not among these.
pub fn execute(home: &Home, tool: Tool, watch: &mut Watch<'_>) -> Result<Outcome, KernelGone> {
    Ok(match tool {
        Tool::ReadFile(args) => text::read(home, &args).into(),
        Tool::WriteFile(args) => text::write(home, &args).into(),
        Tool::EditFile(args) => text::edit(home, &args).into(),
        Tool::AppendFile(args) => text::append(home, &args).into(),
        Tool::ListFiles(args) => tree::list(home, &args, watch).into(),
        Tool::Mkdir(args) => tree::mkdir(home, &args).into(),
        Tool::Rm(args) => tree::rm(home, &args).into(),
        Tool::Stat(args) => tree::stat(home, &args).into(),
        Tool::Mv(args) => tree::mv(home, &args).into(),
        Tool::Cp(args) => tree::cp(home, &args, watch).into(),
        Tool::SearchFiles(args) => search::search(home, &args, watch).into(),
        Tool::RunCommand(args) => return command::run(home, &args, watch),
        Tool::Think(_) => Outcome::done("Noted."),
        Tool::AskUser(_)
        | Tool::Complete(_)
        | Tool::SendMessage(_)
        | Tool::ReadMessages(_)
        | Tool::ListChannels(_)
        | Tool::ListAgents(_) => Outcome::failed("This is for the kernel to do."),
    })
}

/// A failed system call in words, with the path as the model wrote it.
fn in_words(path: &str, error: &io::Error) -> String {
    let what = match error.kind() {
        io::ErrorKind::NotFound => "does not exist",
        io::ErrorKind::PermissionDenied => "may not be touched",
        io::ErrorKind::AlreadyExists => "exists already",
        io::ErrorKind::IsADirectory => "is a folder",
        io::ErrorKind::NotADirectory => "is below something that is not a folder",
        io::ErrorKind::DirectoryNotEmpty => {
            "is a folder with something in it; set recursive to remove it all"
        }
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "does not fit: the disk is full",
        io::ErrorKind::ReadOnlyFilesystem => "is read-only",
        io::ErrorKind::InvalidFilename => "has a name that is too long",
        io::ErrorKind::FileTooLarge => "would be larger than a file may be here",
        _ => return format!("'{path}': {error}"),
    };
    format!("'{path}' {what}")
}
