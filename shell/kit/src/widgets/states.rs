//! Empty, failed, loading: the three states that every view has besides full.

use egui::{Color32, CornerRadius, Role, Sense, Ui, WidgetInfo, vec2};

use crate::{Button, Icon, TextKind, mix, paint_icon, space, tokens};

/// Nothing here yet: an icon, a sentence, one action.
#[must_use = "Show it with `show`"]
pub struct EmptyState<'a> {
    icon: Icon,
    sentence: &'a str,
    action: Option<(&'a str, Option<Icon>)>,
}

impl<'a> EmptyState<'a> {
    /// An icon and a sentence.
    pub fn new(icon: Icon, sentence: &'a str) -> Self {
        Self { icon, sentence, action: None }
    }

    /// With the one thing to do.
    pub fn action(mut self, text: &'a str, icon: Option<Icon>) -> Self {
        self.action = Some((text, icon));
        self
    }

    /// Draws it in the middle of what is left. True when the action was taken.
    pub fn show(self, ui: &mut Ui) -> bool {
        let tint = tokens(ui).text_faint;
        middle(ui, self.icon, tint, self.sentence, None, self.action, true)
    }
}

/// Something failed: what, why or what to do, and a button that does it.
#[must_use = "Show it with `show`"]
pub struct ErrorState<'a> {
    what: &'a str,
    why: Option<&'a str>,
    action: Option<&'a str>,
}

impl<'a> ErrorState<'a> {
    /// What failed.
    pub fn new(what: &'a str) -> Self {
        Self { what, why: None, action: None }
    }

    /// As the kernel said it: its message and its hint.
    pub fn of(error: &'a aether_protocol::Error) -> Self {
        Self { what: &error.message, why: error.hint.as_deref(), action: Some("Try again") }
    }

    /// Why, or what to do.
    pub fn why(mut self, why: &'a str) -> Self {
        self.why = Some(why);
        self
    }

    /// The button that does it.
    pub fn action(mut self, text: &'a str) -> Self {
        self.action = Some(text);
        self
    }

    /// Draws it in the middle of what is left. True when the action was taken.
    pub fn show(self, ui: &mut Ui) -> bool {
        let tint = tokens(ui).bad;
        let action = self.action.map(|text| (text, Some(Icon::Refresh)));
        middle(ui, Icon::AlertCircle, tint, self.what, self.why, action, false)
    }
}

fn middle(
    ui: &mut Ui,
    icon: Icon,
    tint: Color32,
    sentence: &str,
    detail: Option<&str>,
    action: Option<(&str, Option<Icon>)>,
    primary: bool,
) -> bool {
    let tokens = tokens(ui);
    let width = ui.available_width().min(380.0);
    let centered = |kind: TextKind, color: Color32, words: &str| {
        let mut job = egui::text::LayoutJob::simple(words.to_owned(), kind.font(), color, width);
        job.halign = egui::Align::Center;
        ui.painter().layout_job(job)
    };
    let text = centered(TextKind::Emphasis, tokens.text, sentence);
    let detail_galley = detail.map(|detail| centered(TextKind::Body, tokens.text_muted, detail));
    let high = 48.0
        + space::M
        + text.size().y
        + detail_galley.as_ref().map_or(0.0, |detail| detail.size().y + space::XS)
        + if action.is_some() { 32.0 + space::L } else { 0.0 };
    let spare = ui.available_height() - high;
    if spare.is_finite() {
        ui.add_space((spare * 0.42).clamp(space::L, 400.0));
    }
    ui.vertical_centered(|ui| {
        ui.spacing_mut().item_spacing.y = 0.0;
        let (rect, _) = ui.allocate_exact_size(vec2(48.0, 48.0), Sense::hover());
        paint_icon(ui.painter(), rect.center(), icon, 48.0, tint, false);
        ui.add_space(space::M);
        for (galley, words, color) in [
            Some((text, sentence, tokens.text)),
            detail_galley.zip(detail).map(|(g, d)| (g, d, tokens.text_muted)),
        ]
        .into_iter()
        .flatten()
        {
            let (rect, response) = ui.allocate_exact_size(galley.size(), Sense::hover());
            response.widget_info(|| WidgetInfo::labeled(Role::Label, true, words));
            ui.painter().galley(rect.center_top(), galley, color);
            ui.add_space(space::XS);
        }
        let Some((text, icon)) = action else { return false };
        ui.add_space(space::M);
        let button = if primary { Button::primary(text) } else { Button::secondary(text) };
        let button = if let Some(icon) = icon { button.icon(icon) } else { button };
        ui.add(button).clicked()
    })
    .inner
}

/// The shape of what is coming: a bar of this size.
pub fn skeleton(ui: &mut Ui, width: f32, height: f32) {
    let tokens = tokens(ui);
    let (rect, response) =
        ui.allocate_exact_size(vec2(width.min(ui.available_width()), height), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::GenericContainer, true, "Loading"));
    ui.painter().rect_filled(rect, CornerRadius::same(4), mix(tokens.surface_2, tokens.surface_3, 0.4));
}

/// The shape of a list that is coming.
pub fn skeleton_rows(ui: &mut Ui, rows: usize) {
    for index in 0..rows {
        ui.horizontal(|ui| {
            skeleton(ui, 20.0, 20.0);
            let share = [0.62, 0.48, 0.7, 0.4, 0.55].get(index % 5).copied().unwrap_or(0.5);
            let width = (ui.available_width() * share).min(360.0);
            skeleton(ui, width, 14.0);
        });
    }
}
