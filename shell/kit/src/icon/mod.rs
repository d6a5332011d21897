//! Icons: one family, in outline and filled.

mod names;

pub use names::Icon;

use egui::{Align2, Color32, FontFamily, FontId, Painter, Pos2, Response, Sense, Ui, Vec2};

use crate::fonts;

impl Icon {
    /// The icon as text, for places that take text only.
    pub fn text(self) -> egui::RichText {
        egui::RichText::new(self.char().to_string()).family(FontFamily::Name(fonts::ICONS.into()))
    }
}

/// Shows an icon in the colour of the surrounding text. `size` in points: 16 or 20, 48 in empty states.
/// It has no name of its own: the widget around it names itself.
pub fn icon(ui: &mut Ui, icon: Icon, size: f32) -> Response {
    let color = ui.visuals().text_color();
    shown(ui, icon, size, color, false)
}

/// Shows a filled icon, for what is selected.
pub fn icon_fill(ui: &mut Ui, icon: Icon, size: f32, color: Color32) -> Response {
    shown(ui, icon, size, color, true)
}

fn shown(ui: &mut Ui, icon: Icon, size: f32, color: Color32, fill: bool) -> Response {
    let (rect, response) = ui.allocate_exact_size(Vec2::splat(size), Sense::hover());
    paint_icon(ui.painter(), rect.center(), icon, size, color, fill);
    response
}

/// Paints an icon around `center`.
pub fn paint_icon(painter: &Painter, center: Pos2, icon: Icon, size: f32, color: Color32, fill: bool) {
    let family = FontFamily::Name(if fill { fonts::ICONS_FILL } else { fonts::ICONS }.into());
    painter.text(center, Align2::CENTER_CENTER, icon.char(), FontId::new(size, family), color);
}
