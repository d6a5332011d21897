//! An app's tile: its hue in two stops, its glyph in white.

use egui::{
    Color32, CornerRadius, Mesh, Rect, Response, Role, Sense, Shape, Ui, Vec2, Widget, WidgetInfo, pos2,
};

use crate::{Icon, focus_ring, mix, paint_icon, tokens::rgb};

/// A hue that an app is known by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Hue {
    /// The accent's own.
    Indigo,
    /// Violet.
    Violet,
    /// Pink.
    Rose,
    /// Orange.
    Amber,
    /// Green.
    Green,
    /// Blue-green.
    Teal,
    /// Blue.
    Blue,
    /// Grey.
    Slate,
}

impl Hue {
    /// The two stops of its gradient, the upper left first. White stands at 3:1 or more on both.
    pub const fn stops(self) -> (Color32, Color32) {
        let (from, to) = match self {
            Self::Indigo => (0x5B_6C_F0, 0x3D_3F_B8),
            Self::Violet => (0x9B_5D_E5, 0x6A_35_B0),
            Self::Rose => (0xE0_48_7F, 0xA8_2A_66),
            Self::Amber => (0xD0_68_0F, 0xA8_47_0A),
            Self::Green => (0x1E_91_60, 0x0F_66_50),
            Self::Teal => (0x0F_8C_9A, 0x0A_63_78),
            Self::Blue => (0x2F_7F_E6, 0x1C_55_B8),
            Self::Slate => (0x5E_6A_88, 0x3D_46_5F),
        };
        (rgb(from), rgb(to))
    }
}

/// A tile of 44 points.
#[must_use = "Add it with `ui.add(tile)`"]
pub struct AppTile<'a> {
    icon: Icon,
    hue: Hue,
    name: &'a str,
    size: f32,
}

impl<'a> AppTile<'a> {
    /// A tile with its app's name, which screen readers say.
    pub fn new(icon: Icon, hue: Hue, name: &'a str) -> Self {
        Self { icon, hue, name, size: 44.0 }
    }

    /// How large, in points.
    pub fn size(mut self, size: f32) -> Self {
        self.size = size;
        self
    }

    /// Paints it into `rect` without taking part in layout: for the dock, which moves its tiles.
    pub fn paint(&self, ui: &Ui, rect: Rect) {
        let (top, bottom) = self.hue.stops();
        let corner = rect.width() * 12.0 / 44.0;
        gradient(ui, rect, corner, top, bottom);
        paint_icon(ui.painter(), rect.center(), self.icon, rect.width() * 0.55, Color32::WHITE, true);
    }
}

impl Widget for AppTile<'_> {
    fn ui(self, ui: &mut Ui) -> Response {
        let (rect, response) = ui.allocate_exact_size(Vec2::splat(self.size), Sense::click());
        response.widget_info(|| WidgetInfo::labeled(Role::Button, ui.is_enabled(), self.name));
        self.paint(ui, rect);
        let corner = CornerRadius::same((self.size * 12.0 / 44.0) as u8);
        if response.is_pointer_button_down_on() {
            ui.painter().rect_filled(rect, corner, Color32::from_black_alpha(50));
        }
        focus_ring(ui, &response, rect, corner);
        response
    }
}

/// A rounded rectangle with a gradient from its upper left to its lower right.
pub(crate) fn gradient(ui: &Ui, rect: Rect, corner: f32, from: Color32, to: Color32) {
    let mut outline = Vec::with_capacity(40);
    let centers = [
        (rect.right() - corner, rect.top() + corner, -90.0_f32),
        (rect.right() - corner, rect.bottom() - corner, 0.0),
        (rect.left() + corner, rect.bottom() - corner, 90.0),
        (rect.left() + corner, rect.top() + corner, 180.0),
    ];
    for (x, y, start) in centers {
        for step in 0..=8 {
            let angle = (start + step as f32 * 90.0 / 8.0).to_radians();
            outline.push(pos2(x + corner * angle.cos(), y + corner * angle.sin()));
        }
    }
    let share = |at: egui::Pos2| {
        let along = (at.x - rect.left()) / rect.width() * 0.4 + (at.y - rect.top()) / rect.height() * 0.6;
        mix(from, to, along)
    };
    let mut mesh = Mesh::default();
    mesh.colored_vertex(rect.center(), share(rect.center()));
    // A ring without colour around the outline smooths its edge.
    let feather = 0.5 / ui.pixels_per_point();
    let count = outline.len() as u32;
    for &at in &outline {
        let out = (at - rect.center()).normalized() * feather;
        mesh.colored_vertex(at - out, share(at));
        mesh.colored_vertex(at + out, Color32::TRANSPARENT);
    }
    for index in 0..count {
        let next = (index + 1) % count;
        let (a, b) = (1 + index * 2, 1 + next * 2);
        mesh.add_triangle(0, a, b);
        mesh.add_triangle(a, a + 1, b + 1);
        mesh.add_triangle(a, b + 1, b);
    }
    ui.painter().add(Shape::mesh(mesh));
}
