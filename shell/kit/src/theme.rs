//! Appearance: what a person chooses, and how it becomes egui's style.

use egui::{
    Color32, Context, CornerRadius, FontFamily, FontId, Margin, Stroke, Style, TextStyle, Visuals,
    style::WidgetVisuals, vec2,
};
use serde::{Deserialize, Serialize};

use crate::{DARK, LIGHT, Tokens, Wallpaper, fonts, motion, radius, row, size};

/// Which tokens are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Theme {
    /// Light on dark.
    #[default]
    Dark,
    /// Dark on light.
    Light,
    /// As the system or the browser says.
    System,
}

/// How a person wants the desktop to look.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Appearance {
    /// Dark, light or the system's.
    pub theme: Theme,
    /// 90 to 150; moves everything.
    pub text_scale_percent: u16,
    /// Whether everything stands still.
    pub reduced_motion: bool,
    /// Behind the windows.
    pub wallpaper: Wallpaper,
}

impl Default for Appearance {
    fn default() -> Self {
        Self {
            theme: Theme::Dark,
            text_scale_percent: 100,
            reduced_motion: false,
            wallpaper: Wallpaper::default(),
        }
    }
}

impl Appearance {
    /// The smallest and the largest text, in percent.
    pub const TEXT_SCALE: std::ops::RangeInclusive<u16> = 90..=150;

    /// Text scale as a factor, within its bounds.
    pub fn text_scale(&self) -> f32 {
        f32::from(self.text_scale_percent.clamp(*Self::TEXT_SCALE.start(), *Self::TEXT_SCALE.end())) / 100.0
    }
}

/// Installs fonts and style. Cheap when nothing has changed, so it may be called each frame.
pub fn apply(ctx: &Context, appearance: &Appearance) {
    let id = egui::Id::unique("aether-kit appearance");
    let before: Option<Appearance> = ctx.data(|data| data.get_temp(id));
    if before.as_ref() == Some(appearance) {
        return;
    }
    if before.is_none() {
        ctx.set_fonts(fonts::definitions());
        ctx.options_mut(|options| options.zoom_with_keyboard = false);
    }
    ctx.data_mut(|data| data.insert_temp(id, appearance.clone()));
    ctx.set_style_of(egui::Theme::Dark, style(&DARK, appearance.reduced_motion));
    ctx.set_style_of(egui::Theme::Light, style(&LIGHT, appearance.reduced_motion));
    ctx.set_theme(match appearance.theme {
        Theme::Dark => egui::ThemePreference::Dark,
        Theme::Light => egui::ThemePreference::Light,
        Theme::System => egui::ThemePreference::System,
    });
    ctx.set_zoom_factor(appearance.text_scale());
}

fn style(tokens: &Tokens, reduced_motion: bool) -> Style {
    let mut style = Style {
        text_styles: [
            (TextStyle::Small, FontId::new(size::HINT, FontFamily::Proportional)),
            (TextStyle::Body, FontId::new(size::BODY, FontFamily::Proportional)),
            (TextStyle::Button, FontId::new(size::BODY, FontFamily::Name(fonts::MEDIUM.into()))),
            (TextStyle::Heading, FontId::new(size::TITLE, FontFamily::Name(fonts::SEMIBOLD.into()))),
            (TextStyle::Monospace, FontId::new(size::BODY, FontFamily::Monospace)),
        ]
        .into(),
        visuals: visuals(tokens),
        animation_time: if reduced_motion { 0.0 } else { motion::QUICK_SECS },
        ..Style::default()
    };
    let spacing = &mut style.spacing;
    spacing.item_spacing = vec2(8.0, 8.0);
    spacing.button_padding = vec2(12.0, 6.0);
    spacing.menu_margin = Margin::same(6);
    spacing.window_margin = Margin::same(16);
    spacing.interact_size = vec2(32.0, row::NORMAL);
    spacing.slider_width = 200.0;
    spacing.combo_width = 160.0;
    spacing.tooltip_width = 320.0;
    spacing.icon_width = 16.0;
    spacing.scroll = egui::style::ScrollStyle {
        bar_width: 8.0,
        floating_width: 4.0,
        handle_min_length: 32.0,
        ..egui::style::ScrollStyle::floating()
    };
    style.interaction.tooltip_delay = 0.4;
    style.interaction.selectable_labels = false;
    if reduced_motion {
        style.scroll_animation = egui::style::ScrollAnimation::none();
        style.visuals.text_cursor.blink = false;
    }
    style
}

fn visuals(tokens: &Tokens) -> Visuals {
    let mut visuals = if tokens.dark { Visuals::dark() } else { Visuals::light() };
    let control = CornerRadius::same(radius::CONTROL);
    let look = |fill: Color32, border: Color32, text: Color32| WidgetVisuals {
        bg_fill: fill,
        weak_bg_fill: fill,
        bg_stroke: Stroke::new(1.0, border),
        corner_radius: control,
        fg_stroke: Stroke::new(1.0, text),
        expansion: 0.0,
    };
    visuals.widgets.noninteractive = look(tokens.surface_1, tokens.line, tokens.text);
    visuals.widgets.inactive = look(tokens.surface_2, Color32::TRANSPARENT, tokens.text);
    visuals.widgets.hovered = look(tokens.surface_3, Color32::TRANSPARENT, tokens.text);
    visuals.widgets.active = look(tokens.surface_3, tokens.accent, tokens.text);
    visuals.widgets.open = look(tokens.surface_3, Color32::TRANSPARENT, tokens.text);
    visuals.selection.bg_fill = crate::with_alpha(tokens.accent_fill, if tokens.dark { 0.45 } else { 0.25 });
    visuals.selection.stroke = Stroke::new(1.0, tokens.text);
    visuals.override_text_color = None;
    visuals.weak_text_color = Some(tokens.text_muted);
    visuals.hyperlink_color = tokens.accent;
    visuals.faint_bg_color = tokens.surface_1;
    visuals.extreme_bg_color = tokens.surface_2;
    visuals.text_edit_bg_color = Some(tokens.surface_2);
    visuals.code_bg_color = tokens.surface_2;
    visuals.warn_fg_color = tokens.warn;
    visuals.error_fg_color = tokens.bad;
    visuals.window_corner_radius = CornerRadius::same(radius::WINDOW);
    visuals.window_shadow = tokens.shadow_floating;
    visuals.window_fill = tokens.surface_0;
    visuals.window_stroke = Stroke::new(1.0, tokens.line);
    visuals.menu_corner_radius = CornerRadius::same(radius::CARD);
    visuals.popup_shadow = tokens.shadow_raised;
    visuals.panel_fill = tokens.surface_0;
    visuals.text_cursor.stroke = Stroke::new(2.0, tokens.accent);
    visuals.slider_trailing_fill = true;
    visuals.disabled_alpha = 0.6;
    visuals
}

#[cfg(test)]
mod tests;
