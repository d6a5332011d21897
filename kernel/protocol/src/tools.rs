//! The tools that an agent can be granted: names, arguments, risks.
//!
//! The arguments are types, and their JSON schemas come from the types (feature `schemas`), so that what
//! a model is told and what the agent accepts cannot differ.

use serde::{Deserialize, Serialize};

/// What a tool can do to the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Risk {
    /// Nothing outside the agent's own head.
    None,
    /// Reads the home.
    Read,
    /// Changes the home.
    Write,
    /// Runs programs.
    Execute,
    /// Speaks to other agents and to people.
    Message,
}

macro_rules! tools {
    ($($(#[doc = $doc:literal])+ $name:literal $variant:ident $risk:ident {
        $($(#[doc = $field_doc:literal])+ $(#[serde($serde:meta)])? $field:ident: $type:ty,)*
    })+) => {
        /// A call of a tool with arguments that fit its schema.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(tag = "tool", content = "args")]
        pub enum Tool {
            $($(#[doc = $doc])+ #[serde(rename = $name)] $variant($variant),)+
        }

        $(
            $(#[doc = $doc])+
            #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
            #[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
            #[serde(deny_unknown_fields)]
            pub struct $variant {
                $($(#[doc = $field_doc])+ $(#[serde($serde)])? pub $field: $type,)*
            }
        )+

        /// Every tool: name and risk.
        pub const ALL: &[(&str, Risk)] = &[$(($name, Risk::$risk)),+];

        impl Tool {
            /// Name and arguments as the model gave them. The error is for the model to read.
            pub fn parse(name: &str, args: &serde_json::Value) -> Result<Self, String> {
                match name {
                    $($name => serde_json::from_value(args.clone()).map(Self::$variant)
                        .map_err(|error| format!("the arguments of {name} do not fit: {error}")),)+
                    other => Err(format!("there is no tool '{other}'")),
                }
            }
        }

        /// The tools as they are offered to a model, in the order of [`ALL`].
        #[cfg(feature = "schemas")]
        pub fn specs() -> Vec<crate::mind::ToolSpec> {
            vec![$(crate::mind::ToolSpec {
                name: $name.to_owned(),
                description: concat!($($doc),+).trim().to_owned(),
                parameters: parameters::<$variant>(),
            }),+]
        }
    };
}

tools! {
    /// Reads a text file.
    "read_file" ReadFile Read {
        /// The path, relative to the home.
        path: String,
        /// The first line to read, from 1.
        #[serde(default)]
        from_line: Option<u32>,
        /// How many lines at most.
        #[serde(default)]
        lines: Option<u32>,
    }
    /// Writes a whole text file; replaces what was there.
    "write_file" WriteFile Write {
        /// The path, relative to the home.
        path: String,
        /// The whole text.
        content: String,
    }
    /// Replaces a piece of a text file. The old text must occur exactly once, unless `all` is set.
    "edit_file" EditFile Write {
        /// The path, relative to the home.
        path: String,
        /// The text to replace, exactly.
        old: String,
        /// The text to put in its place.
        new: String,
        /// Replace every occurrence.
        #[serde(default)]
        all: bool,
    }
    /// Adds text to the end of a file; makes it where there is none.
    "append_file" AppendFile Write {
        /// The path, relative to the home.
        path: String,
        /// The text to add.
        content: String,
    }
    /// Lists a folder.
    "list_files" ListFiles Read {
        /// The folder, relative to the home; the home when left out.
        #[serde(default)]
        path: String,
        /// Also what is in the folders below.
        #[serde(default)]
        recursive: bool,
    }
    /// Makes a folder and those above it.
    "mkdir" Mkdir Write {
        /// The path, relative to the home.
        path: String,
    }
    /// Removes a file, or a folder with all that is in it when `recursive` is set.
    "rm" Rm Write {
        /// The path, relative to the home.
        path: String,
        /// Also a folder with something in it.
        #[serde(default)]
        recursive: bool,
    }
    /// Tells what a path is: kind, size, time of change.
    "stat" Stat Read {
        /// The path, relative to the home.
        path: String,
    }
    /// Moves or renames a file or a folder.
    "mv" Mv Write {
        /// From, relative to the home.
        from: String,
        /// To, relative to the home.
        to: String,
    }
    /// Copies a file or a folder.
    "cp" Cp Write {
        /// From, relative to the home.
        from: String,
        /// To, relative to the home.
        to: String,
    }
    /// Searches the text of files for a regular expression.
    "search_files" SearchFiles Read {
        /// The regular expression.
        pattern: String,
        /// The folder, relative to the home; the home when left out.
        #[serde(default)]
        path: String,
        /// Only files whose name matches this glob, `*.rs`.
        #[serde(default)]
        glob: Option<String>,
    }
    /// Runs a shell command in the home and returns its output and exit status.
    "run_command" RunCommand Execute {
        /// The command, for `/bin/sh -c`.
        command: String,
        /// Seconds until it is ended; 60 when left out, at most 600.
        #[serde(default)]
        timeout_secs: Option<u32>,
    }
    /// Says something to another agent or a person (`to`), or to everybody in a channel (`channel`). Give one of the two.
    "send_message" SendMessage Message {
        /// The name of the agent or person.
        #[serde(default)]
        to: Option<String>,
        /// The name of the channel.
        #[serde(default)]
        channel: Option<String>,
        /// What to say, at most 8,000 characters.
        text: String,
        /// The number of the thread to answer in, where the message that you answer names one.
        #[serde(default)]
        thread: Option<u64>,
    }
    /// Reads what others have said to you and you have not read yet, and waits for it where you say so. Messages
    /// also come by themselves with the result of a call; use this to wait for an answer.
    "read_messages" ReadMessages Message {
        /// Only from the channel of this name.
        #[serde(default)]
        channel: Option<String>,
        /// Seconds to wait where there is nothing to read; 0 when left out, at most 3,600.
        #[serde(default)]
        wait_secs: Option<u32>,
    }
    /// Lists the channels that you are in.
    "list_channels" ListChannels Message {
    }
    /// Lists the agents and people that you can write to.
    "list_agents" ListAgents Message {
    }
    /// A place to think something through; changes nothing.
    "think" Think None {
        /// The thought.
        thought: String,
    }
    /// Asks the person who deployed you, and waits for the answer.
    "ask_user" AskUser None {
        /// The question.
        question: String,
    }
    /// Says that the goal is reached, and ends.
    "complete" Complete None {
        /// What was done.
        summary: String,
    }
}

/// The risk of a tool, `None` where there is no such tool.
pub fn risk(name: &str) -> Option<Risk> {
    ALL.iter().find(|(tool, _)| *tool == name).map(|(_, risk)| *risk)
}

/// Whether a call that a restart cut off is made again: the kernel does what it asks once under its id.
pub fn is_repeatable(name: &str) -> bool {
    risk(name) == Some(Risk::Message)
}

/// The JSON schema of a tool's arguments, without what a model has no use for.
#[cfg(feature = "schemas")]
fn parameters<T: schemars::JsonSchema>() -> serde_json::Value {
    let settings = schemars::generate::SchemaSettings::draft2020_12().with(|settings| {
        settings.meta_schema = None;
        settings.inline_subschemas = true;
    });
    let mut schema = settings.into_generator().into_root_schema_for::<T>();
    schema.remove("title");
    schema.remove("description");
    schema.to_value()
}
