//! Keys and pasted text, as the bytes that a shell expects (xterm's control sequences).

use egui::{Event, Key, Modifiers};

/// What the shell has asked of the keyboard.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Modes {
    pub(super) application_cursor: bool,
    pub(super) bracketed_paste: bool,
}

/// The bytes for an event; `None` when it means nothing to a shell.
pub(super) fn bytes(event: &Event, now: Modifiers, modes: Modes) -> Option<Vec<u8>> {
    match event {
        Event::Text(text) if !now.ctrl && !now.command => {
            let mut bytes = if now.alt { vec![0x1b] } else { Vec::new() };
            bytes.extend(text.bytes());
            Some(bytes)
        }
        // With AltGr some systems report Ctrl and Alt beside the text they produce.
        Event::Text(text) if now.alt => Some(text.clone().into_bytes()),
        Event::Ime(egui::ImeEvent::Commit(text)) => Some(text.clone().into_bytes()),
        Event::Paste(text) => Some(paste(text, modes.bracketed_paste)),
        // Ctrl+C and Ctrl+X arrive as these. With Shift they only mean the clipboard.
        Event::Copy if !now.shift && !now.mac_cmd => Some(vec![0x03]),
        Event::Cut if !now.shift && !now.mac_cmd => Some(vec![0x18]),
        Event::Key { key, pressed: true, modifiers, .. } => pressed(*key, *modifiers, modes),
        _ => None,
    }
}

/// Pasted text. Line ends become Return; an end mark within it is taken out, so that text cannot end the paste.
pub(super) fn paste(text: &str, bracketed: bool) -> Vec<u8> {
    let text = text.replace("\r\n", "\r").replace('\n', "\r").replace("\x1b[201~", "");
    if bracketed { format!("\x1b[200~{text}\x1b[201~").into_bytes() } else { text.into_bytes() }
}

fn pressed(key: Key, modifiers: Modifiers, modes: Modes) -> Option<Vec<u8>> {
    if modifiers.mac_cmd {
        return None;
    }
    // xterm: 1 plus Shift 1, Alt 2, Ctrl 4.
    let modifier = 1 + u8::from(modifiers.shift) + 2 * u8::from(modifiers.alt) + 4 * u8::from(modifiers.ctrl);
    if let Some(end) = cursor_key(key) {
        return Some(if modifier > 1 {
            format!("\x1b[1;{modifier}{end}").into_bytes()
        } else if modes.application_cursor {
            format!("\x1bO{end}").into_bytes()
        } else {
            format!("\x1b[{end}").into_bytes()
        });
    }
    if let Some(number) = numbered_key(key) {
        return Some(if modifier > 1 {
            format!("\x1b[{number};{modifier}~").into_bytes()
        } else if let Some(end) = early_function_key(key) {
            format!("\x1bO{end}").into_bytes()
        } else {
            format!("\x1b[{number}~").into_bytes()
        });
    }
    let plain: &[u8] = match key {
        Key::Enter => b"\r",
        Key::Tab if modifiers.shift => b"\x1b[Z",
        Key::Tab => b"\t",
        Key::Backspace if modifiers.ctrl => b"\x08",
        Key::Backspace => b"\x7f",
        Key::Escape => b"\x1b",
        _ => return control(key, modifiers),
    };
    let mut bytes = if modifiers.alt { vec![0x1b] } else { Vec::new() };
    bytes.extend(plain);
    Some(bytes)
}

/// Ctrl with a letter or a sign. What only types text comes as [`Event::Text`].
fn control(key: Key, modifiers: Modifiers) -> Option<Vec<u8>> {
    if !modifiers.ctrl || modifiers.shift {
        return None;
    }
    let name = key.name();
    let byte = match (name.as_bytes(), key) {
        ([letter @ b'A'..=b'Z'], _) => letter & 0x1f,
        (_, Key::Space) => 0,
        (_, Key::OpenBracket) => 0x1b,
        (_, Key::Backslash) => 0x1c,
        (_, Key::CloseBracket) => 0x1d,
        (_, Key::Slash | Key::Minus) => 0x1f,
        _ => return None,
    };
    Some(if modifiers.alt { vec![0x1b, byte] } else { vec![byte] })
}

fn cursor_key(key: Key) -> Option<char> {
    Some(match key {
        Key::ArrowUp => 'A',
        Key::ArrowDown => 'B',
        Key::ArrowRight => 'C',
        Key::ArrowLeft => 'D',
        Key::Home => 'H',
        Key::End => 'F',
        _ => return None,
    })
}

fn numbered_key(key: Key) -> Option<u8> {
    Some(match key {
        Key::Insert => 2,
        Key::Delete => 3,
        Key::PageUp => 5,
        Key::PageDown => 6,
        Key::F1 => 11,
        Key::F2 => 12,
        Key::F3 => 13,
        Key::F4 => 14,
        Key::F5 => 15,
        Key::F6 => 17,
        Key::F7 => 18,
        Key::F8 => 19,
        Key::F9 => 20,
        Key::F10 => 21,
        Key::F11 => 23,
        Key::F12 => 24,
        _ => return None,
    })
}

fn early_function_key(key: Key) -> Option<char> {
    Some(match key {
        Key::F1 => 'P',
        Key::F2 => 'Q',
        Key::F3 => 'R',
        Key::F4 => 'S',
        _ => return None,
    })
}
