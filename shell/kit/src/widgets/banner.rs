//! A line across the top of a view: something to know that lasts.

use egui::{CornerRadius, Frame, Margin, Ui, vec2};

use crate::{
    Button, Icon, TextKind, Tone, icon_button, label_wrapped, paint_icon, radius, space, tokens, with_alpha,
};

use super::toast::tone_icon;

/// A line across the top of a view.
#[must_use = "Show it with `show`"]
pub struct Banner<'a> {
    tone: Tone,
    text: &'a str,
    detail: Option<&'a str>,
    action: Option<&'a str>,
    dismiss: bool,
}

/// What a person did with a banner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BannerAnswer {
    /// The action.
    Act,
    /// Wants it gone.
    Dismiss,
}

impl<'a> Banner<'a> {
    /// A sentence, and how it is meant.
    pub fn new(tone: Tone, text: &'a str) -> Self {
        Self { tone, text, detail: None, action: None, dismiss: false }
    }

    /// With a second sentence: why, or what to do.
    pub fn detail(mut self, detail: Option<&'a str>) -> Self {
        self.detail = detail;
        self
    }

    /// With a button.
    pub fn action(mut self, action: &'a str) -> Self {
        self.action = Some(action);
        self
    }

    /// With a cross.
    pub fn dismissible(mut self) -> Self {
        self.dismiss = true;
        self
    }

    /// Draws it as wide as there is room.
    pub fn show(self, ui: &mut Ui) -> Option<BannerAnswer> {
        let tokens = tokens(ui);
        let color = tokens.tone(self.tone);
        let mut answer = None;
        Frame::NONE
            .fill(with_alpha(color, 0.13))
            .corner_radius(CornerRadius::same(radius::CONTROL + 2))
            .inner_margin(Margin::symmetric(space::M as i8, space::S as i8))
            .show(ui, |ui| {
                ui.set_width(ui.available_width());
                ui.horizontal(|ui| {
                    let (rect, _) = ui.allocate_exact_size(vec2(20.0, 28.0), egui::Sense::hover());
                    paint_icon(ui.painter(), rect.center(), tone_icon(self.tone), 18.0, color, true);
                    ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                        if self.dismiss && icon_button(ui, Icon::Close, "Dismiss").clicked() {
                            answer = Some(BannerAnswer::Dismiss);
                        }
                        if let Some(action) = self.action
                            && ui.add(Button::secondary(action).small()).clicked()
                        {
                            answer = Some(BannerAnswer::Act);
                        }
                        ui.with_layout(egui::Layout::top_down(egui::Align::Min), |ui| {
                            ui.spacing_mut().item_spacing.y = 2.0;
                            ui.add_space(if self.detail.is_some() { 0.0 } else { 6.0 });
                            label_wrapped(ui, TextKind::Body, Tone::Normal, self.text);
                            if let Some(detail) = self.detail {
                                label_wrapped(ui, TextKind::Label, Tone::Muted, detail);
                            }
                        });
                    });
                });
            });
        answer
    }
}
