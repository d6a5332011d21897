//! The two forms of the lock screen: signing in, and the first set-up.

use aether_kit::{
    Button, Card, Icon, TextField, TextKind, Tone, avatar, label, label_wrapped, paint_icon, radius, space,
    tokens,
};
use aether_protocol::Error;
use egui::{CornerRadius, Event, Key, Modifiers, Rect, Response, Sense, Ui, vec2};

use super::{
    Shown,
    strength::{LEAST_CHARACTERS, Strength, strength},
};

/// What is typed on the lock screen.
#[derive(Default)]
pub struct Form {
    /// The set-up code.
    pub code: String,
    /// The account.
    pub name: String,
    /// Its password.
    pub password: String,
    /// The password once more.
    pub again: String,
    /// What is wrong with what was typed, found before anything is sent.
    wrong: Option<Wrong>,
    /// Whether Caps Lock seems to be on.
    caps: bool,
}

// No secret may reach a log by way of `{:?}`.
impl std::fmt::Debug for Form {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Form").field("name", &self.name).finish_non_exhaustive()
    }
}

/// What is wrong with what was typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wrong {
    NoCode,
    NoName,
    BadName,
    NoPassword,
    ShortPassword,
    Differs,
}

impl Wrong {
    fn text(self) -> &'static str {
        match self {
            Self::NoCode => "Type the set-up code that the device shows",
            Self::NoName => "Type a name",
            Self::BadName => "1 to 32 letters, digits, dots, hyphens or underscores",
            Self::NoPassword => "Type the password",
            Self::ShortPassword => "At least 8 characters",
            Self::Differs => "The two passwords differ",
        }
    }
}

impl Form {
    /// Forgets what must not stay.
    pub fn clear_secrets(&mut self) {
        self.password.clear();
        self.again.clear();
        self.wrong = None;
    }

    /// The form to sign in. Returns whether it was submitted.
    pub fn sign_in(
        &mut self,
        ui: &mut Ui,
        shown: &Shown<'_>,
        error: Option<&Error>,
        busy: bool,
        first: bool,
    ) -> bool {
        self.watch_caps(ui);
        let known = shown.locked_user.map(str::to_owned);
        let who = known.clone().unwrap_or_else(|| self.name.trim().to_owned());
        ui.vertical_centered(|ui| {
            ui.spacing_mut().item_spacing.y = space::S;
            if who.is_empty() {
                let (rect, _) = ui.allocate_exact_size(vec2(72.0, 72.0), Sense::hover());
                let tokens = tokens(ui);
                ui.painter().circle_filled(rect.center(), 36.0, tokens.surface_2);
                paint_icon(ui.painter(), rect.center(), Icon::Person, 36.0, tokens.text_muted, false);
            } else {
                avatar(ui, &who, 72.0);
            }
            if let Some(user) = &known {
                label(ui, TextKind::Emphasis, Tone::Normal, user.as_str());
            }
        });
        ui.add_space(space::M);
        let mut enter = false;
        ui.add_enabled_ui(!busy, |ui| {
            ui.spacing_mut().item_spacing.y = space::S;
            let name_first = self.name.is_empty() && known.is_none();
            if known.is_none() {
                let field = sized(TextField::new("Name", &mut self.name), shown)
                    .hide_label()
                    .placeholder("Name")
                    .icon(Icon::Person)
                    .char_limit(64)
                    .error(said(self.wrong, &[Wrong::NoName, Wrong::BadName]))
                    .focus(first && name_first);
                let response = ui.add(field);
                enter |= entered(ui, &response);
            }
            let field = sized(TextField::password("Password", &mut self.password), shown)
                .hide_label()
                .placeholder("Password")
                .icon(Icon::Key)
                .error(said(self.wrong, &[Wrong::NoPassword]))
                .focus(first && !name_first);
            let response = ui.add(field);
            enter |= entered(ui, &response);
        });
        self.caps_hint(ui);
        problem(ui, error);
        ui.add_space(space::XS);
        let text = if known.is_some() { "Unlock" } else { "Sign in" };
        let button = Button::primary(text).fill_width().busy(busy);
        let button = if shown.narrow { button.touch() } else { button };
        let submitted = (enter || ui.add(button).clicked()) && !busy;
        if submitted {
            self.wrong = if self.name.trim().is_empty() && known.is_none() {
                Some(Wrong::NoName)
            } else if self.password.is_empty() {
                Some(Wrong::NoPassword)
            } else {
                None
            };
        }
        submitted && self.wrong.is_none()
    }

    /// The form of the first set-up. Returns whether it was submitted.
    pub fn setup(
        &mut self,
        ui: &mut Ui,
        shown: &Shown<'_>,
        error: Option<&Error>,
        busy: bool,
        first: bool,
    ) -> bool {
        self.watch_caps(ui);
        Card::new()
            .padding(space::XL)
            .show(ui, |ui| {
                ui.spacing_mut().item_spacing.y = space::S;
                label(ui, TextKind::Title, Tone::Normal, "Set up this device");
                let text = "The device shows a one-time code where it was started. It proves that you are its owner.";
                label_wrapped(ui, TextKind::Body, Tone::Muted, text);
                ui.add_space(space::XS);
                let mut enter = false;
                ui.add_enabled_ui(!busy, |ui| enter = self.setup_fields(ui, shown, first));
                self.caps_hint(ui);
                problem(ui, error);
                ui.add_space(space::XS);
                let button = Button::primary("Create owner account").fill_width().busy(busy);
                let button = if shown.narrow { button.touch() } else { button };
                let submitted = (enter || ui.add(button).clicked()) && !busy;
                if submitted {
                    self.wrong = self.wrong_in_setup();
                }
                place(ui, shown);
                submitted && self.wrong.is_none()
            })
            .inner
    }

    fn setup_fields(&mut self, ui: &mut Ui, shown: &Shown<'_>, first: bool) -> bool {
        ui.spacing_mut().item_spacing.y = space::M;
        let mut enter = false;
        let field = sized(TextField::new("Set-up code", &mut self.code), shown)
            .mono()
            .char_limit(64)
            .error(said(self.wrong, &[Wrong::NoCode]))
            .focus(first);
        let response = ui.add(field);
        enter |= entered(ui, &response);
        let field = sized(TextField::new("Owner name", &mut self.name), shown)
            .char_limit(32)
            .error(said(self.wrong, &[Wrong::NoName, Wrong::BadName]));
        let response = ui.add(field);
        enter |= entered(ui, &response);
        let field = sized(TextField::password("Password", &mut self.password), shown)
            .error(said(self.wrong, &[Wrong::NoPassword, Wrong::ShortPassword]));
        let response = ui.add(field);
        enter |= entered(ui, &response);
        if !self.password.is_empty() && self.wrong != Some(Wrong::ShortPassword) {
            meter(ui, strength(&self.password, self.name.trim()));
        }
        let field = sized(TextField::password("Password again", &mut self.again), shown)
            .error(said(self.wrong, &[Wrong::Differs]));
        let response = ui.add(field);
        enter |= entered(ui, &response);
        enter
    }

    fn wrong_in_setup(&self) -> Option<Wrong> {
        let name = self.name.trim();
        let fits = |c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '-');
        if self.code.trim().is_empty() {
            Some(Wrong::NoCode)
        } else if name.is_empty() {
            Some(Wrong::NoName)
        } else if name.chars().count() > 32 || !name.chars().all(fits) {
            Some(Wrong::BadName)
        } else if self.password.chars().count() < LEAST_CHARACTERS {
            Some(Wrong::ShortPassword)
        } else if self.password != self.again {
            Some(Wrong::Differs)
        } else {
            None
        }
    }

    /// egui does not say whether Caps Lock is on; a capital that came without Shift does.
    fn watch_caps(&mut self, ui: &Ui) {
        ui.input(|input| {
            for event in &input.events {
                let Event::Text(text) = event else { continue };
                let mut letters = text.chars().filter(|c| c.is_alphabetic());
                if let (Some(letter), None) = (letters.next(), letters.next()) {
                    self.caps = letter.is_uppercase() != input.modifiers.shift;
                }
            }
        });
    }

    fn caps_hint(&self, ui: &mut Ui) {
        if self.caps && !(self.password.is_empty() && self.again.is_empty()) {
            label(ui, TextKind::Hint, Tone::Warn, "Caps Lock seems to be on");
        }
    }
}

fn sized<'a>(field: TextField<'a>, shown: &Shown<'_>) -> TextField<'a> {
    if shown.narrow { field.touch() } else { field }
}

fn said(wrong: Option<Wrong>, here: &[Wrong]) -> Option<&'static str> {
    wrong.filter(|wrong| here.contains(wrong)).map(Wrong::text)
}

/// Whether Enter was pressed in the field.
fn entered(ui: &Ui, response: &Response) -> bool {
    (response.lost_focus() || response.has_focus())
        && ui.input(|input| input.key_pressed(Key::Enter) && input.modifiers == Modifiers::NONE)
}

/// What the kernel refused, and what to do.
fn problem(ui: &mut Ui, error: Option<&Error>) {
    let Some(error) = error else { return };
    ui.horizontal_top(|ui| {
        let (rect, _) = ui.allocate_exact_size(vec2(16.0, 18.0), Sense::hover());
        paint_icon(ui.painter(), rect.center(), Icon::AlertCircle, 16.0, tokens(ui).bad, false);
        ui.vertical(|ui| {
            ui.spacing_mut().item_spacing.y = 2.0;
            label_wrapped(ui, TextKind::Body, Tone::Bad, error.message.as_str());
            if let Some(hint) = &error.hint {
                label_wrapped(ui, TextKind::Label, Tone::Muted, hint.as_str());
            }
        });
    });
}

fn meter(ui: &mut Ui, strength: Strength) {
    let tokens = tokens(ui);
    let tone = match strength {
        Strength::TooShort | Strength::Weak => Tone::Bad,
        Strength::Fair => Tone::Warn,
        Strength::Strong => Tone::Good,
    };
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), 4.0), Sense::hover());
    let corners = CornerRadius::same(2);
    ui.painter().rect_filled(rect, corners, tokens.surface_3);
    let filled = Rect::from_min_size(rect.min, vec2(rect.width() * strength.share(), rect.height()));
    ui.painter().rect_filled(filled, corners, tokens.tone(tone));
    label(ui, TextKind::Hint, tone, strength.advice());
}

/// Where this is, so that the person can compare it with what the device shows.
fn place(ui: &mut Ui, shown: &Shown<'_>) {
    let tokens = tokens(ui);
    ui.add_space(space::XS);
    egui::Frame::NONE
        .fill(tokens.surface_2)
        .corner_radius(CornerRadius::same(radius::CONTROL))
        .inner_margin(space::M)
        .show(ui, |ui| {
            ui.set_width(ui.available_width());
            ui.spacing_mut().item_spacing.y = 2.0;
            label(ui, TextKind::LabelStrong, Tone::Muted, "This device");
            label(ui, TextKind::MonoSmall, Tone::Normal, shown.address.url.as_str());
            if let Some(fingerprint) = &shown.address.fingerprint {
                label_wrapped(ui, TextKind::MonoSmall, Tone::Muted, fingerprint.as_str());
            } else {
                let text = "The certificate that your browser shows must have the fingerprint that the device shows.";
                label_wrapped(ui, TextKind::Hint, Tone::Faint, text);
            }
        });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled() -> Form {
        Form {
            code: "ABCD-1234".into(),
            name: "ada".into(),
            password: "correct horse".into(),
            again: "correct horse".into(),
            ..Form::default()
        }
    }

    #[test]
    fn what_is_wrong_is_found_before_anything_is_sent() {
        assert_eq!(filled().wrong_in_setup(), None);
        let wrong = |change: fn(&mut Form)| {
            let mut form = filled();
            change(&mut form);
            form.wrong_in_setup()
        };
        assert_eq!(wrong(|form| form.code = "  ".into()), Some(Wrong::NoCode));
        assert_eq!(wrong(|form| form.name.clear()), Some(Wrong::NoName));
        assert_eq!(wrong(|form| form.name = "ada lovelace".into()), Some(Wrong::BadName));
        assert_eq!(wrong(|form| form.name = "a".repeat(33)), Some(Wrong::BadName));
        assert_eq!(wrong(|form| form.password = "short".into()), Some(Wrong::ShortPassword));
        assert_eq!(wrong(|form| form.again.push('x')), Some(Wrong::Differs));
    }

    #[test]
    fn no_secret_is_written_out() {
        assert!(!format!("{:?}", filled()).contains("horse"));
    }
}
