//! A message in the corner.

use egui::{CornerRadius, Frame, Margin, Stroke, Ui, vec2};

use crate::{Icon, IconButton, TextKind, Tone, label, label_wrapped, paint_icon, radius, space, tokens};

/// A message in the corner.
#[must_use = "Show it with `show`"]
pub struct Toast<'a> {
    tone: Tone,
    title: &'a str,
    body: &'a str,
    action: Option<&'a str>,
}

/// What a person did with a toast.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ToastAnswer {
    /// Wants what it speaks of.
    Open,
    /// Wants it gone.
    Dismiss,
}

impl<'a> Toast<'a> {
    /// One line.
    pub fn new(tone: Tone, title: &'a str) -> Self {
        Self { tone, title, body: "", action: None }
    }

    /// With more to read.
    pub fn body(mut self, body: &'a str) -> Self {
        self.body = body;
        self
    }

    /// With a button that opens what it speaks of.
    pub fn action(mut self, action: &'a str) -> Self {
        self.action = Some(action);
        self
    }

    /// Draws it, 340 points wide.
    pub fn show(self, ui: &mut Ui) -> Option<ToastAnswer> {
        let tokens = tokens(ui);
        let mut answer = None;
        Frame::NONE
            .fill(tokens.surface_1)
            .stroke(Stroke::new(1.0, tokens.line_strong))
            .corner_radius(CornerRadius::same(radius::CARD))
            .shadow(tokens.shadow_raised)
            .inner_margin(Margin::same(space::M as i8))
            .show(ui, |ui| {
                ui.set_width(316.0_f32.min(ui.available_width()));
                ui.horizontal_top(|ui| {
                    let (rect, _) = ui.allocate_exact_size(vec2(20.0, 20.0), egui::Sense::hover());
                    paint_icon(
                        ui.painter(),
                        rect.center(),
                        tone_icon(self.tone),
                        20.0,
                        tokens.tone(self.tone),
                        true,
                    );
                    ui.vertical(|ui| {
                        ui.spacing_mut().item_spacing.y = 2.0;
                        ui.set_width(ui.available_width() - 32.0);
                        ui.add_space(1.0);
                        label(ui, TextKind::Strong, Tone::Normal, self.title);
                        if !self.body.is_empty() {
                            label_wrapped(ui, TextKind::Label, Tone::Muted, self.body);
                        }
                        if let Some(action) = self.action {
                            ui.add_space(2.0);
                            if super::link(ui, action).clicked() {
                                answer = Some(ToastAnswer::Open);
                            }
                        }
                    });
                    if ui.add(IconButton::new(Icon::Close, "Dismiss").size(24.0)).clicked() {
                        answer = Some(ToastAnswer::Dismiss);
                    }
                });
            });
        answer
    }
}

/// The icon that says how something is meant, so that it reads in grey.
pub(crate) fn tone_icon(tone: Tone) -> Icon {
    match tone {
        Tone::Good => Icon::CheckCircle,
        Tone::Warn => Icon::Alert,
        Tone::Bad => Icon::XCircle,
        _ => Icon::Info,
    }
}
