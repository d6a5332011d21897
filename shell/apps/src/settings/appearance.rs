//! How the desktop looks. Everything takes effect at once.

use aether_kit::{
    Appearance, Icon, TextKind, Theme, Wallpaper, focus_ring, paint_text, radius, section_heading, segmented,
    slider, space, toggle, tokens, wallpaper_ui,
};
use egui::{CornerRadius, Rect, Role, Sense, Stroke, StrokeKind, Ui, WidgetInfo, vec2};

use super::{Deed, rows};

pub(super) fn page(ui: &mut Ui, now: &Appearance, deeds: &mut Vec<Deed>) {
    let mut wanted = now.clone();
    rows::title(ui, "Appearance");
    let Appearance { theme, text_scale_percent, reduced_motion, wallpaper } = &mut wanted;
    let size = size_id(ui);
    rows::group(
        ui,
        vec![
            Box::new(|ui| {
                rows::setting(ui, "Theme", "Dark, light, or as your system says", |ui| {
                    let themes = [
                        (Theme::Dark, Some(Icon::Moon), "Dark"),
                        (Theme::Light, Some(Icon::Sun), "Light"),
                        (Theme::System, Some(Icon::SunMoon), "System"),
                    ];
                    segmented(ui, "Theme", theme, &themes);
                });
            }),
            Box::new(|ui| {
                rows::setting(ui, "Text size", "Moves everything with it", |ui| {
                    // While it is dragged everything would move under the pointer, so it takes effect when let go.
                    let kept: Option<u32> = ui.data(|data| data.get_temp(size));
                    let mut percent = kept.unwrap_or_else(|| u32::from(*text_scale_percent));
                    let range =
                        u32::from(*Appearance::TEXT_SCALE.start())..=u32::from(*Appearance::TEXT_SCALE.end());
                    let response = slider(ui, "Text size", &mut percent, range, 5, " %");
                    if response.dragged() {
                        ui.data_mut(|data| data.insert_temp(size, percent));
                    } else {
                        ui.data_mut(|data| data.remove_temp::<u32>(size));
                        *text_scale_percent = u16::try_from(percent).unwrap_or(100);
                    }
                });
            }),
            Box::new(|ui| {
                rows::setting(ui, "Reduced motion", "Nothing slides or fades", |ui| {
                    toggle(ui, "Reduced motion", reduced_motion);
                });
            }),
        ],
    );
    ui.add_space(space::L);
    section_heading(ui, "Wallpaper", None);
    wallpapers(ui, wallpaper);
    if wanted != *now {
        deeds.push(Deed::SetAppearance(wanted));
    }
}

fn size_id(ui: &Ui) -> egui::Id {
    ui.scope_id().with("text size")
}

fn wallpapers(ui: &mut Ui, chosen: &mut Wallpaper) {
    let gap = space::M;
    let columns = if ui.available_width() >= 560.0 { 4.0 } else { 2.0 };
    let width = ((ui.available_width() - gap * (columns - 1.0)) / columns).floor();
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing = vec2(gap, gap);
        for wallpaper in Wallpaper::ALL {
            if preview(ui, wallpaper, width, wallpaper == *chosen) {
                *chosen = wallpaper;
            }
        }
    });
}

/// A wallpaper as it is now, small. True when it was chosen.
fn preview(ui: &mut Ui, wallpaper: Wallpaper, width: f32, selected: bool) -> bool {
    let tokens = tokens(ui);
    let height = (width * 0.625).round();
    let (rect, response) = ui.allocate_exact_size(vec2(width, height + 24.0), Sense::click());
    response
        .widget_info(|| WidgetInfo::selected(Role::RadioButton, ui.is_enabled(), selected, wallpaper.name()));
    let picture = Rect::from_min_size(rect.min, vec2(width, height));
    let corner = CornerRadius::same(radius::CARD);
    wallpaper_ui(ui, ui.painter(), picture, wallpaper);
    // A frame in the colour of the page rounds the corners of the mesh.
    let frame = picture.expand(2.0);
    ui.painter().rect_stroke(
        frame,
        corner + CornerRadius::same(2),
        Stroke::new(6.0, tokens.surface_0),
        StrokeKind::Middle,
    );
    let border = if selected {
        Stroke::new(2.0, tokens.accent)
    } else {
        Stroke::new(1.0, if response.hovered() { tokens.text_faint } else { tokens.line })
    };
    let inside = picture.shrink(1.0);
    ui.painter().rect_stroke(inside, corner, border, StrokeKind::Middle);
    let color = if selected { tokens.text } else { tokens.text_muted };
    let at = egui::pos2(rect.left() + 2.0, rect.bottom() - 8.0);
    paint_text(ui.painter(), at, egui::Align2::LEFT_CENTER, TextKind::LabelStrong, color, wallpaper.name());
    focus_ring(ui, &response, inside, corner);
    response.clicked() && !selected
}
