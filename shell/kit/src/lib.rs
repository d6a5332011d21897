//! How Aether looks: design tokens, type, icons, and the widgets that apps share.
//!
//! *Invariant:* colours, sizes and durations stand in [`tokens`](mod@tokens), the hues of tiles in [`Hue`], those of
//! the sky in [`Wallpaper`], and nowhere else; an app names none.
//!
//! *Invariant:* each widget has a role and a name in the accessibility tree and shows keyboard focus.

mod clock;
mod fonts;
mod icon;
mod paint;
mod terminal;
mod text;
mod theme;
mod tokens;
mod units;
mod wallpaper;
mod widgets;

pub use clock::{absolute_time, clock_time, now};
pub use icon::{Icon, icon, icon_fill, paint_icon};
pub use paint::{focus_ring, mix, with_alpha};
pub use terminal::TerminalView;
pub use text::{TextKind, Tone, label, label_wrapped, paint_text, rich, truncated};
pub use theme::{Appearance, Theme, apply};
pub use tokens::{DARK, LIGHT, PhaseColors, Themed, Tokens, motion, radius, row, size, space, tokens};
pub use units::{count, duration_text, relative, relative_time, size_text, tokens_text};
pub use wallpaper::{Wallpaper, wallpaper_ui};
pub use widgets::*;

#[cfg(test)]
mod gallery;
