//! Wallpapers: four aurora gradients, drawn as a mesh, never a photograph.

use std::sync::Arc;

use egui::{Color32, Mesh, Painter, Pos2, Rect, Shape, Ui, pos2};
use serde::{Deserialize, Serialize};

use crate::{mix, tokens, tokens::rgb, with_alpha};

/// One of the four wallpapers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wallpaper {
    /// Indigo and violet.
    #[default]
    Dusk,
    /// Green and blue-green.
    Borealis,
    /// Rose and amber low over the horizon.
    Ember,
    /// Deep blue, barely lit.
    Deep,
}

/// The colours of a wallpaper: sky above, sky below, and three lights.
struct Palette {
    above: Color32,
    below: Color32,
    lights: [Color32; 3],
}

impl Wallpaper {
    /// All four.
    pub const ALL: [Self; 4] = [Self::Dusk, Self::Borealis, Self::Ember, Self::Deep];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Dusk => "Dusk",
            Self::Borealis => "Borealis",
            Self::Ember => "Ember",
            Self::Deep => "Deep",
        }
    }

    fn palette(self, dark: bool) -> Palette {
        let (above, below, lights) = match (self, dark) {
            (Self::Dusk, true) => (0x0B_0E_22, 0x1A_1C_46, [0x5B_5B_E8, 0x9A_5B_E6, 0x2D_7C_D8]),
            (Self::Dusk, false) => (0xC9_D3_F6, 0xF0_EA_FB, [0x9F_A9_FF, 0xD3_B4_FF, 0xA6_D8_FF]),
            (Self::Borealis, true) => (0x07_14_20, 0x0C_2A_36, [0x1F_B2_8A, 0x2E_8F_C9, 0x5A_D0_A4]),
            (Self::Borealis, false) => (0xC6_E6_EA, 0xEE_F8_F2, [0x8F_E0_C4, 0x9C_D4_F2, 0xC2_F0_D4]),
            (Self::Ember, true) => (0x14_0D_24, 0x34_15_2E, [0xD1_4F_74, 0xE0_83_44, 0x7A_44_C4]),
            (Self::Ember, false) => (0xE4_D3_F0, 0xFD_EF_E4, [0xFF_B4_B8, 0xFF_D2_A0, 0xD9_BC_FA]),
            (Self::Deep, true) => (0x08_0B_18, 0x0F_18_33, [0x24_3E_86, 0x1C_54_80, 0x35_35_84]),
            (Self::Deep, false) => (0xD6_DE_EC, 0xF3_F6_FB, [0xB4_C6_E8, 0xC0_DC_EC, 0xC8_C8_EE]),
        };
        Palette { above: rgb(above), below: rgb(below), lights: lights.map(rgb) }
    }
}

/// Smooth noise in 0 to 1 of a point (value noise, two octaves).
fn noise(x: f32, y: f32) -> f32 {
    fn corner(x: i32, y: i32) -> f32 {
        let mut hash = (x.wrapping_mul(374_761_393)).wrapping_add(y.wrapping_mul(668_265_263)) as u32;
        hash = (hash ^ (hash >> 13)).wrapping_mul(1_274_126_177);
        ((hash ^ (hash >> 16)) & 0xFFFF) as f32 / 65_535.0
    }
    fn octave(x: f32, y: f32) -> f32 {
        let (left, top) = (x.floor(), y.floor());
        let ease = |t: f32| t * t * (3.0 - 2.0 * t);
        let (u, v) = (ease(x - left), ease(y - top));
        let (left, top) = (left as i32, top as i32);
        let above = egui::lerp(corner(left, top)..=corner(left + 1, top), u);
        let below = egui::lerp(corner(left, top + 1)..=corner(left + 1, top + 1), u);
        egui::lerp(above..=below, v)
    }
    0.68 * octave(x, y) + 0.32 * octave(x * 2.1 + 7.3, y * 2.1 + 1.7)
}

/// The colour at a point of the unit square.
fn color_at(palette: &Palette, at: Pos2, aspect: f32, dark: bool) -> Color32 {
    let mut color = mix(palette.above, palette.below, at.y.powf(1.3));
    let bands = [(0.30, 0.10, 0.19, 1.0_f32), (0.52, -0.14, 0.15, 0.85), (0.76, 0.08, 0.22, 0.7)];
    for (index, (light, (height, slope, thickness, strength))) in palette.lights.iter().zip(bands).enumerate()
    {
        let seed = index as f32 * 11.3;
        let sway = noise(at.x * 1.7 * aspect.max(0.6) + seed, 3.1 + seed) - 0.5;
        let spine = height + slope * (at.x - 0.5) + sway * 0.34;
        let distance = (at.y - spine) / thickness;
        // Light falls off slowly upwards and fast downwards, as a curtain does.
        let fall = if distance < 0.0 { distance * 0.75 } else { distance * 1.35 };
        let curtain = (-fall * fall).exp();
        let rays = 0.55 + 0.45 * noise(at.x * 5.5 * aspect.max(0.6) + seed, at.y * 0.9 + seed);
        let share = curtain * rays * strength * if dark { 0.52 } else { 0.75 };
        color = mix(color, *light, share);
    }
    // The edges rest a little, so that windows and the dock lead.
    let edge = ((at.x - 0.5).abs() * 1.5).powi(3).min(1.0) * 0.35;
    let rest = if dark { palette.above } else { palette.below };
    mix(color, rest, edge)
}

fn mesh(wallpaper: Wallpaper, dark: bool, rect: Rect) -> Mesh {
    const COLUMNS: u32 = 56;
    const ROWS: u32 = 40;
    let palette = wallpaper.palette(dark);
    let aspect = rect.width() / rect.height().max(1.0);
    let mut mesh = Mesh::default();
    for row in 0..=ROWS {
        for column in 0..=COLUMNS {
            let unit = pos2(column as f32 / COLUMNS as f32, row as f32 / ROWS as f32);
            let at = rect.lerp_inside(unit.to_vec2());
            mesh.colored_vertex(at, color_at(&palette, unit, aspect, dark));
        }
    }
    let width = COLUMNS + 1;
    for row in 0..ROWS {
        for column in 0..COLUMNS {
            let corner = row * width + column;
            mesh.add_triangle(corner, corner + 1, corner + width);
            mesh.add_triangle(corner + 1, corner + width + 1, corner + width);
        }
    }
    mesh
}

/// Paints a wallpaper into `rect`. The mesh is made once for a size and kept.
pub fn wallpaper_ui(ui: &Ui, painter: &Painter, rect: Rect, wallpaper: Wallpaper) {
    #[derive(Clone)]
    struct Kept {
        rect: Rect,
        dark: bool,
        mesh: Arc<Mesh>,
    }
    if rect.width() < 1.0 || rect.height() < 1.0 {
        return;
    }
    let dark = tokens(ui).dark;
    let place = (rect.left() as i32, rect.top() as i32);
    let id = egui::Id::unique(("wallpaper", wallpaper, place, rect.width() < 400.0));
    let kept: Option<Kept> = ui.data(|data| data.get_temp(id));
    let mesh = match kept {
        Some(kept) if kept.rect == rect && kept.dark == dark => kept.mesh,
        _ => {
            let mesh = Arc::new(mesh(wallpaper, dark, rect));
            ui.data_mut(|data| data.insert_temp(id, Kept { rect, dark, mesh: Arc::clone(&mesh) }));
            mesh
        }
    };
    painter.add(Shape::Mesh(mesh));
    if !dark {
        // A breath of white keeps text in the light menu bar readable over every wallpaper.
        painter.rect_filled(rect, 0.0, with_alpha(Color32::WHITE, 0.06));
    }
}
