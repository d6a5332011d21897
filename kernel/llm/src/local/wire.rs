//! What the provider and the engine's process say to each other: JSON behind its length, over stdin and stdout.

use std::{
    io::{self, Read, Write},
    path::PathBuf,
};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::protocol::mind::{Message, ToolSpec, Usage};

/// A frame longer than this is not one.
pub const MAX_FRAME_BYTES: usize = 64 << 20;

/// To the engine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum ToEngine {
    /// The next thought. Thoughts are taken in order, one at a time.
    Think(Box<Job>),
    /// The thought is not wanted any more. It is still answered, with [`FailKind::Cancelled`], unless it was done.
    Cancel {
        /// Which.
        id: u64,
    },
}

/// One thought.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// The provider's number for it.
    pub id: u64,
    /// The model's file.
    pub file: PathBuf,
    /// The conversation.
    pub messages: Vec<Message>,
    /// The tools. With none the answer is free text.
    pub tools: Vec<ToolSpec>,
    /// How many tokens may be written.
    pub max_output_tokens: u32,
    /// 0 for the likeliest token each time.
    pub temperature: f32,
    /// How many tokens the conversation may hold.
    pub context_tokens: u32,
    /// Threads at most; 0 for one per core.
    pub threads: u32,
}

/// From the engine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "say", rename_all = "snake_case")]
pub enum FromEngine {
    /// The next piece of text.
    Words {
        /// Of which thought.
        id: u64,
        /// The piece.
        text: String,
    },
    /// The thought.
    Done {
        /// Which.
        id: u64,
        /// What came of it.
        outcome: Outcome,
    },
    /// There is no thought.
    Failed {
        /// Which.
        id: u64,
        /// Why, for the program.
        kind: FailKind,
        /// Why, in words.
        reason: String,
    },
}

/// What came of a thought.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// Free text, where no tool was offered.
    pub text: String,
    /// The call, where one was made: tool and arguments.
    pub call: Option<(String, Value)>,
    /// What it cost. Tokens that were still in the cache count as read.
    pub usage: Usage,
    /// Whether it was cut off by the limit; then there is no call.
    pub cut_off: bool,
    /// How many of the tokens read were in the cache.
    pub cached_tokens: u64,
}

/// Why there is no thought.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailKind {
    /// It was cancelled.
    Cancelled,
    /// The model's file is not there or not usable.
    Model,
    /// The conversation does not fit.
    TooLong,
    /// The request cannot be turned into a prompt or a grammar.
    Request,
    /// The engine failed.
    Engine,
}

/// Writes one frame and flushes.
pub fn write_frame<T: Serialize>(to: &mut impl Write, frame: &T) -> io::Result<()> {
    to.write_all(&encode(frame)?)?;
    to.flush()
}

/// A frame as bytes.
pub fn encode<T: Serialize>(frame: &T) -> io::Result<Vec<u8>> {
    let body = serde_json::to_vec(frame)?;
    let length = u32::try_from(body.len()).map_err(|_| io::Error::other("the frame is too long"))?;
    let mut bytes = length.to_le_bytes().to_vec();
    bytes.extend_from_slice(&body);
    Ok(bytes)
}

/// Reads one frame; `None` where the other side has closed between two frames.
pub fn read_frame<T: DeserializeOwned>(from: &mut impl Read) -> io::Result<Option<T>> {
    let mut length = [0_u8; 4];
    match from.read_exact(&mut length) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error),
    }
    let length = u32::from_le_bytes(length) as usize;
    if length > MAX_FRAME_BYTES {
        return Err(io::Error::other("the frame is too long"));
    }
    let mut body = vec![0_u8; length];
    from.read_exact(&mut body)?;
    Ok(Some(serde_json::from_slice(&body)?))
}
