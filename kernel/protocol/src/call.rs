//! Commands and replies: one enum for each subsystem, joined in [`Command`] and [`Reply`].

use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use serde_json::Value;

use crate::{agent, channel, events, files, identity, life, mind, process, snapshot, system, terminal};

/// The arguments of one command, tied to the type of its reply.
///
/// The kernel offers `kernel.request(&actor, args)`, every client `client.call(args)`; both return
/// `Result<Self::Reply, Error>`.
pub trait Request: Into<Command> {
    /// What the kernel answers.
    type Reply: Serialize + for<'de> Deserialize<'de> + Send + 'static;

    /// `subsystem.verb`
    const NAME: &'static str;

    /// Whether the command changes nothing. What only reads is neither audited nor journaled, and a
    /// client may send it again after a lost connection.
    const READS: bool;

    /// Takes this command's reply out of the enum. `None` when it is another command's, which is a
    /// defect of the kernel.
    fn take(reply: Reply) -> Option<Self::Reply>;
}

/// Defines one subsystem's `Command` and `Reply` and ties each argument type to its reply.
macro_rules! calls {
    ($group:ident: $($(#[$doc:meta])* $mode:ident $name:literal $args:ident -> $reply:ty;)+) => {
        /// The commands of this subsystem. On the wire: `{"call": "subsystem.verb", "args": {…}}`.
        #[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
        #[serde(tag = "call", content = "args")]
        pub enum Command {
            $($(#[$doc])* #[serde(rename = $name)] $args($args),)+
        }

        /// The replies of this subsystem. On the wire: `{"call": "subsystem.verb", "reply": …}`.
        #[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
        #[serde(tag = "call", content = "reply")]
        pub enum Reply {
            $($(#[$doc])* #[serde(rename = $name)] $args($reply),)+
        }

        impl Command {
            /// `subsystem.verb`, for every command of this subsystem.
            pub const NAMES: &'static [&'static str] = &[$($name),+];

            /// `subsystem.verb`
            pub fn name(&self) -> &'static str {
                match self { $(Self::$args(_) => $name,)+ }
            }

            /// Whether the command changes nothing ([`crate::Request::READS`]).
            pub fn reads(&self) -> bool {
                match self { $(Self::$args(_) => calls!(@reads $mode),)+ }
            }
        }

        $(
            impl From<$args> for crate::Command {
                fn from(args: $args) -> Self {
                    Self::$group(Command::$args(args))
                }
            }

            impl crate::Request for $args {
                type Reply = $reply;
                const NAME: &'static str = $name;
                const READS: bool = calls!(@reads $mode);

                fn take(reply: crate::Reply) -> Option<Self::Reply> {
                    match reply {
                        crate::Reply::$group(Reply::$args(reply)) => Some(reply),
                        _ => None,
                    }
                }
            }
        )+
    };
    (@reads read) => { true };
    (@reads write) => { false };
}
pub(crate) use calls;

macro_rules! groups {
    ($($group:ident $module:ident $prefix:literal;)+) => {
        /// Everything that can be asked of the kernel.
        #[derive(Clone, Debug, PartialEq, Serialize)]
        #[serde(untagged)]
        pub enum Command {
            $(#[doc = concat!("`", $prefix, ".*`")] $group($module::Command),)+
        }

        /// Everything that the kernel answers.
        #[derive(Clone, Debug, PartialEq, Serialize)]
        #[serde(untagged)]
        pub enum Reply {
            $(#[doc = concat!("`", $prefix, ".*`")] $group($module::Reply),)+
        }

        impl Command {
            /// `subsystem.verb`
            pub fn name(&self) -> &'static str {
                match self { $(Self::$group(command) => command.name(),)+ }
            }

            /// Whether the command changes nothing.
            pub fn reads(&self) -> bool {
                match self { $(Self::$group(command) => command.reads(),)+ }
            }

            /// The name of every command.
            pub fn names() -> impl Iterator<Item = &'static str> {
                [$($module::Command::NAMES),+].into_iter().flatten().copied()
            }
        }

        // By hand, since serde's untagged enums answer every mistake with "did not match any variant".
        impl<'de> Deserialize<'de> for Command {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let value = Value::deserialize(deserializer)?;
                match subsystem::<D::Error>(&value)? {
                    $($prefix => serde_json::from_value(value).map(Self::$group).map_err(D::Error::custom),)+
                    other => Err(D::Error::custom(format_args!("there is no subsystem '{other}'"))),
                }
            }
        }

        impl<'de> Deserialize<'de> for Reply {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let value = Value::deserialize(deserializer)?;
                match subsystem::<D::Error>(&value)? {
                    $($prefix => serde_json::from_value(value).map(Self::$group).map_err(D::Error::custom),)+
                    other => Err(D::Error::custom(format_args!("there is no subsystem '{other}'"))),
                }
            }
        }
    };
}

groups! {
    System system "system";
    Identity identity "identity";
    Agent agent "agent";
    Process process "process";
    Channel channel "channel";
    Life life "life";
    Mind mind "mind";
    Files files "files";
    Snapshot snapshot "snapshot";
    Terminal terminal "terminal";
    Events events "events";
}

fn subsystem<E: serde::de::Error>(value: &Value) -> Result<&str, E> {
    let name = value.get("call").and_then(Value::as_str).ok_or_else(|| E::missing_field("call"))?;
    Ok(name.split_once('.').map_or(name, |(subsystem, _)| subsystem))
}
