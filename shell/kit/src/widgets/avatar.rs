//! Somebody, as a disc with initials.

use egui::{Color32, Response, Role, Sense, Ui, Vec2, WidgetInfo};

use super::tile::{Hue, gradient};

const HUES: [Hue; 7] = [Hue::Indigo, Hue::Violet, Hue::Rose, Hue::Amber, Hue::Green, Hue::Teal, Hue::Blue];

/// Somebody's initials on a hue that stays the same for the same name.
pub fn avatar(ui: &mut Ui, name: &str, size: f32) -> Response {
    let (rect, response) = ui.allocate_exact_size(Vec2::splat(size), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, name));
    // FNV-1a, so that the hue is the same on every device.
    let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let hue = HUES.get(usize::try_from(hash % 7).unwrap_or(0)).copied().unwrap_or(Hue::Indigo);
    let (from, to) = hue.stops();
    gradient(ui, rect, size / 2.0, from, to);
    let font = egui::FontId::new(size * 0.4, crate::TextKind::Title.font().family);
    ui.painter().text(rect.center(), egui::Align2::CENTER_CENTER, initials(name), font, Color32::WHITE);
    response
}

fn initials(name: &str) -> String {
    let mut words = name.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    let first = words.next().and_then(|word| word.chars().next());
    let last = words.next_back().and_then(|word| word.chars().next());
    first.into_iter().chain(last).flat_map(char::to_uppercase).collect()
}
