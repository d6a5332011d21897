//! Contrast (WCAG 2.2, 1.4.3 and 1.4.11), in both themes.

use aether_protocol::process::{Phase, State};
use egui::Color32;

use super::*;
use crate::{Hue, Tone, phase_color};

/// Relative luminance (WCAG 2.2, definitions).
fn luminance(color: Color32) -> f32 {
    let part = |value: u8| {
        let value = f32::from(value) / 255.0;
        if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
    };
    0.2126 * part(color.r()) + 0.7152 * part(color.g()) + 0.0722 * part(color.b())
}

fn contrast(first: Color32, second: Color32) -> f32 {
    let (first, second) = (luminance(first), luminance(second));
    (first.max(second) + 0.05) / (first.min(second) + 0.05)
}

/// `color` at `share` of its opacity over `surface`, as it is blended.
fn over(color: Color32, share: f32, surface: Color32) -> Color32 {
    crate::mix(surface, color, share)
}

fn holds(what: &str, least: f32, text: Color32, surface: Color32) {
    let found = contrast(text, surface);
    assert!(found >= least, "{what}: {found:.2}:1, at least {least}:1 is needed");
}

#[test]
fn text_reads_on_every_surface_it_stands_on() {
    for tokens in [&DARK, &LIGHT] {
        let theme = if tokens.dark { "dark" } else { "light" };
        let surfaces = [tokens.surface_0, tokens.surface_1, tokens.surface_2];
        let texts = [("text", tokens.text), ("muted", tokens.text_muted), ("accent", tokens.accent)];
        for (name, color) in texts {
            for (index, surface) in surfaces.into_iter().enumerate() {
                holds(&format!("{theme}: {name} on surface {index}"), 4.5, color, surface);
            }
        }
        for (index, surface) in [tokens.surface_0, tokens.surface_1].into_iter().enumerate() {
            holds(&format!("{theme}: faint on surface {index}"), 4.5, tokens.text_faint, surface);
        }
        holds(&format!("{theme}: text on surface 3"), 4.5, tokens.text, tokens.surface_3);
        holds(&format!("{theme}: placeholder in a field"), 4.2, tokens.text_faint, tokens.surface_2);
        for tone in [Tone::Good, Tone::Warn, Tone::Bad, Tone::Info] {
            for (index, surface) in [tokens.surface_0, tokens.surface_1].into_iter().enumerate() {
                holds(&format!("{theme}: {tone:?} on surface {index}"), 4.5, tone.color(tokens), surface);
            }
        }
        let selected = over(tokens.accent_fill, 0.2, tokens.surface_0);
        holds(&format!("{theme}: text on a selected row"), 4.5, tokens.text, selected);
        holds(&format!("{theme}: muted text on a selected row"), 4.5, tokens.text_muted, selected);
    }
}

#[test]
fn buttons_read() {
    for tokens in [&DARK, &LIGHT] {
        holds("primary", 4.5, tokens.on_fill, tokens.accent_fill);
        holds("danger", 4.5, tokens.on_fill, tokens.bad_fill);
        holds("focus ring", 3.0, tokens.accent, tokens.surface_0);
        holds("focus ring on cards", 3.0, tokens.accent, tokens.surface_1);
    }
}

#[test]
fn phases_are_seen_on_cards() {
    for tokens in [&DARK, &LIGHT] {
        for phase in [
            Phase::Booting,
            Phase::Thinking,
            Phase::Executing,
            Phase::Observing,
            Phase::Waiting,
            Phase::Idle,
            Phase::Completed,
            Phase::Failed,
        ] {
            let color = phase_color(tokens, State::Running, phase);
            for surface in [tokens.surface_0, tokens.surface_1] {
                holds(&format!("{phase:?}, dark {}", tokens.dark), 3.0, color, surface);
            }
        }
    }
}

#[test]
fn the_terminals_colours_read_on_its_surface() {
    for tokens in [&DARK, &LIGHT] {
        // Black is for backgrounds.
        for (index, &color) in tokens.ansi.iter().enumerate().skip(1) {
            holds(&format!("colour {index}, dark {}", tokens.dark), 4.5, color, tokens.surface_0);
        }
    }
}

#[test]
fn glyphs_read_on_tiles() {
    for hue in [Hue::Indigo, Hue::Violet, Hue::Rose, Hue::Amber, Hue::Green, Hue::Teal, Hue::Blue, Hue::Slate]
    {
        let (from, to) = hue.stops();
        holds(&format!("{hue:?}, upper stop"), 3.0, Color32::WHITE, from);
        holds(&format!("{hue:?}, lower stop"), 3.0, Color32::WHITE, to);
    }
}
