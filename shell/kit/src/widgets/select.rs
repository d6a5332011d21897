//! A select: one of many, in a menu.

use egui::{
    CornerRadius, Popup, PopupCloseBehavior, Response, Role, Sense, Stroke, StrokeKind, Ui, WidgetInfo, pos2,
    vec2,
};

use crate::{
    Icon, ListRow, TextKind, focus_ring, mix, paint::hover_share, paint_icon, radius, row, tokens, truncated,
    widgets::field::paint_label,
};

/// A thing that can be chosen.
#[derive(Clone, Debug, PartialEq)]
pub struct SelectOption<T> {
    /// What is chosen.
    pub value: T,
    /// Its name.
    pub text: String,
    /// What to know about it, or why it cannot be chosen.
    pub note: Option<String>,
    /// Whether it can be chosen.
    pub enabled: bool,
}

impl<T> SelectOption<T> {
    /// An option that can be chosen.
    pub fn new(value: T, text: impl Into<String>) -> Self {
        Self { value, text: text.into(), note: None, enabled: true }
    }

    /// With what to know about it.
    #[must_use]
    pub fn note(mut self, note: Option<impl Into<String>>) -> Self {
        self.note = note.map(Into::into);
        self
    }

    /// Whether it can be chosen.
    #[must_use]
    pub fn enabled(mut self, enabled: bool) -> Self {
        self.enabled = enabled;
        self
    }
}

/// Chooses one of many. The label stands above; the response is `changed` when another was chosen.
pub fn select<T: PartialEq + Clone>(
    ui: &mut Ui,
    name: &str,
    value: &mut T,
    options: &[SelectOption<T>],
    width: f32,
) -> Response {
    let tokens = tokens(ui);
    let width = width.min(ui.available_width());
    ui.vertical(|ui| {
        ui.spacing_mut().item_spacing.y = 6.0;
        paint_label(ui, name);
        let (rect, mut response) = ui.allocate_exact_size(vec2(width, row::CONTROL), Sense::click());
        let chosen = options.iter().find(|option| option.value == *value);
        let text = chosen.map_or("Choose…", |option| option.text.as_str());
        response.widget_info(|| {
            let mut info = WidgetInfo::labeled(Role::ComboBox, ui.is_enabled(), name);
            info.current_text_value = Some(text.to_owned());
            info
        });
        let corner = CornerRadius::same(radius::CONTROL);
        let fill = mix(tokens.surface_2, tokens.surface_3, hover_share(ui, &response));
        ui.painter().rect(rect, corner, fill, Stroke::new(1.0, tokens.line_strong), StrokeKind::Inside);
        let color = if chosen.is_some() { tokens.text } else { tokens.text_faint };
        let galley = truncated(ui, TextKind::Body, color, text, width - 40.0, 1);
        let at = pos2(rect.left() + 10.0, rect.center().y - galley.size().y / 2.0);
        ui.painter().galley(at, galley, color);
        let caret = pos2(rect.right() - 16.0, rect.center().y);
        paint_icon(ui.painter(), caret, Icon::CaretUpDown, 14.0, tokens.text_muted, false);
        focus_ring(ui, &response, rect, corner);

        let mut picked = None;
        let menu =
            Popup::menu(&response).width(width).close_behavior(PopupCloseBehavior::CloseOnClickOutside);
        menu.show(|ui| {
            ui.set_min_width(width);
            ui.spacing_mut().item_spacing.y = 2.0;
            egui::ScrollArea::vertical().max_height(320.0).show(ui, |ui| {
                for option in options {
                    let mut line = ListRow::new(&option.text).selected(option.value == *value);
                    if let Some(note) = &option.note {
                        line = line.detail(note);
                    }
                    if ui.add_enabled(option.enabled, line).clicked() {
                        picked = Some(option.value.clone());
                        ui.close();
                    }
                }
            });
        });
        if let Some(picked) = picked
            && picked != *value
        {
            *value = picked;
            response.mark_changed();
        }
        response
    })
    .inner
}
