//! The colours of cells, from the tokens.

use egui::Color32;

use crate::{Tokens, mix};

/// A cell's colour; `fallback` where the shell has set none.
pub(super) fn color(tokens: &Tokens, color: vt100::Color, fallback: Color32, bold: bool) -> Color32 {
    match color {
        vt100::Color::Default => fallback,
        vt100::Color::Idx(index) => indexed(tokens, if bold && index < 8 { index + 8 } else { index }),
        vt100::Color::Rgb(red, green, blue) => Color32::from_rgb(red, green, blue),
    }
}

/// xterm's 256 colours: sixteen of the theme, a cube of 6×6×6, 24 greys.
fn indexed(tokens: &Tokens, index: u8) -> Color32 {
    match index {
        0..16 => tokens.ansi.get(usize::from(index)).copied().unwrap_or(tokens.text),
        16..232 => {
            let index = index - 16;
            let level = |step: u8| if step == 0 { 0 } else { 55 + 40 * step };
            Color32::from_rgb(level(index / 36), level(index / 6 % 6), level(index % 6))
        }
        232.. => Color32::from_gray(8 + 10 * (index - 232)),
    }
}

/// Half-bright text.
pub(super) fn dimmed(color: Color32, background: Color32) -> Color32 {
    mix(color, background, 0.4)
}
