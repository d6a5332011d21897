//! Fields for text: one line, a password, or several lines.

use egui::{CornerRadius, Frame, Margin, Response, Stroke, StrokeKind, TextEdit, Ui, Widget, vec2};

use crate::{Icon, IconButton, TextKind, Tone, label, label_wrapped, paint_icon, radius, row, space, tokens};

/// A field for text, with its label above, and a hint or an error below.
#[must_use = "Add it with `ui.add(field)`"]
#[expect(clippy::struct_excessive_bools, reason = "independent choices of the builder")]
pub struct TextField<'a> {
    text: &'a mut String,
    label: &'a str,
    show_label: bool,
    placeholder: &'a str,
    hint: Option<&'a str>,
    error: Option<&'a str>,
    icon: Option<Icon>,
    password: bool,
    rows: usize,
    mono: bool,
    width: Option<f32>,
    char_limit: Option<usize>,
    focus: bool,
    height: f32,
}

impl<'a> TextField<'a> {
    /// One line.
    pub fn new(label: &'a str, text: &'a mut String) -> Self {
        Self {
            text,
            label,
            show_label: true,
            placeholder: "",
            hint: None,
            error: None,
            icon: None,
            password: false,
            rows: 1,
            mono: false,
            width: None,
            char_limit: None,
            focus: false,
            height: row::CONTROL,
        }
    }

    /// A password, hidden until the person asks to see it.
    pub fn password(label: &'a str, text: &'a mut String) -> Self {
        Self { password: true, ..Self::new(label, text) }
    }

    /// Several lines.
    pub fn area(label: &'a str, text: &'a mut String, rows: usize) -> Self {
        Self { rows: rows.max(2), ..Self::new(label, text) }
    }

    /// A search field, without a label above.
    pub fn search(label: &'a str, text: &'a mut String) -> Self {
        Self { icon: Some(Icon::Search), show_label: false, placeholder: label, ..Self::new(label, text) }
    }

    /// Names the field for screen readers only.
    pub fn hide_label(mut self) -> Self {
        self.show_label = false;
        self
    }

    /// Shown while the field is empty: an example.
    pub fn placeholder(mut self, placeholder: &'a str) -> Self {
        self.placeholder = placeholder;
        self
    }

    /// Below the field: what is wanted.
    pub fn hint(mut self, hint: &'a str) -> Self {
        self.hint = Some(hint);
        self
    }

    /// Below the field, in place of the hint: what is wrong.
    pub fn error(mut self, error: Option<&'a str>) -> Self {
        self.error = error;
        self
    }

    /// With an icon at its left.
    pub fn icon(mut self, icon: Icon) -> Self {
        self.icon = Some(icon);
        self
    }

    /// Monospaced.
    pub fn mono(mut self) -> Self {
        self.mono = true;
        self
    }

    /// How wide; as wide as there is room when left out.
    pub fn width(mut self, width: f32) -> Self {
        self.width = Some(width);
        self
    }

    /// How many characters at most.
    pub fn char_limit(mut self, limit: usize) -> Self {
        self.char_limit = Some(limit);
        self
    }

    /// Takes the keyboard in this frame.
    pub fn focus(mut self, focus: bool) -> Self {
        self.focus = focus;
        self
    }

    /// 44 points high, for fingers.
    pub fn touch(mut self) -> Self {
        self.height = row::TOUCH;
        self
    }
}

impl Widget for TextField<'_> {
    fn ui(self, ui: &mut Ui) -> Response {
        let tokens = tokens(ui);
        let width = self.width.unwrap_or_else(|| ui.available_width()).min(ui.available_width());
        ui.scope(|ui| {
            ui.set_width(width);
            ui.vertical(|ui| {
                ui.spacing_mut().item_spacing.y = 6.0;
                if self.show_label {
                    paint_label(ui, self.label);
                }
                let kind = if self.mono { TextKind::Mono } else { TextKind::Body };
                let line = ui.fonts_mut(|fonts| fonts.row_height(&kind.font()));
                let pad_y = ((self.height - line) / 2.0).max(4.0);
                let left = if self.icon.is_some() { 32.0 } else { 10.0 };
                let right = if self.password { 38.0 } else { 10.0 };
                let margin =
                    Margin { left: left as i8, right: right as i8, top: pad_y as i8, bottom: pad_y as i8 };
                let eye = ui.next_auto_id().with("shown");
                let shown: bool = ui.data(|data| data.get_temp(eye)).unwrap_or(false);

                let edit = if self.rows > 1 {
                    TextEdit::multiline(self.text).desired_rows(self.rows)
                } else {
                    TextEdit::singleline(self.text).password(self.password && !shown)
                };
                let place_color = tokens.text_faint;
                let mut edit = edit
                    .frame(Frame::NONE.inner_margin(margin))
                    .font(kind.font())
                    .text_color(tokens.text)
                    .hint_text(crate::rich(kind, self.placeholder).color(place_color))
                    .desired_width(width)
                    .min_size(vec2(width, self.height));
                if let Some(limit) = self.char_limit {
                    edit = edit.char_limit(limit);
                }
                let background = ui.painter().add(egui::Shape::Noop);
                let response = ui.add_sized(vec2(width, self.height), edit).accessible_name(self.label);
                if self.focus {
                    response.request_focus();
                }
                let rect = response.rect;
                let corner = CornerRadius::same(radius::CONTROL);
                let border = if self.error.is_some() {
                    Stroke::new(1.5, tokens.bad)
                } else if response.has_focus() {
                    Stroke::new(2.0, tokens.accent)
                } else {
                    Stroke::new(1.0, if response.hovered() { tokens.text_faint } else { tokens.line_strong })
                };
                let fill =
                    egui::epaint::RectShape::new(rect, corner, tokens.surface_2, border, StrokeKind::Inside);
                ui.painter().set(background, fill);
                if let Some(icon) = self.icon {
                    let at = egui::pos2(rect.left() + 18.0, rect.top() + self.height / 2.0);
                    paint_icon(ui.painter(), at, icon, 16.0, tokens.text_muted, false);
                }
                if self.password {
                    let at = egui::Rect::from_center_size(
                        egui::pos2(rect.right() - 19.0, rect.center().y),
                        vec2(row::CONTROL_SMALL, row::CONTROL_SMALL),
                    );
                    let (icon, name) =
                        if shown { (Icon::EyeOff, "Hide password") } else { (Icon::Eye, "Show password") };
                    if ui.put(at, IconButton::new(icon, name).size(row::CONTROL_SMALL)).clicked() {
                        ui.data_mut(|data| data.insert_temp(eye, !shown));
                    }
                }
                if let Some(error) = self.error {
                    ui.horizontal_top(|ui| {
                        ui.spacing_mut().item_spacing.x = space::XS;
                        let (rect, _) = ui.allocate_exact_size(vec2(14.0, 14.0), egui::Sense::hover());
                        paint_icon(ui.painter(), rect.center(), Icon::AlertCircle, 14.0, tokens.bad, false);
                        label_wrapped(ui, TextKind::Hint, Tone::Bad, error);
                    });
                } else if let Some(hint) = self.hint {
                    label(ui, TextKind::Hint, Tone::Faint, hint);
                }
                response
            })
            .inner
        })
        .inner
    }
}

/// The label above a control: painted only, since the control carries the name.
pub(crate) fn paint_label(ui: &mut Ui, text: &str) {
    let color = tokens(ui).text_muted;
    let galley = crate::truncated(ui, TextKind::LabelStrong, color, text, ui.available_width(), 1);
    let (rect, _) = ui.allocate_exact_size(galley.size(), egui::Sense::hover());
    ui.painter().galley(rect.min, galley, color);
}
