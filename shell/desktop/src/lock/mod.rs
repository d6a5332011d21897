//! The lock screen: signing in, the first set-up, and the moments before a connection stands.

mod form;
pub mod strength;

use aether_client::{Client, ConnectionState, Pending};
use aether_kit::{Button, Icon, TextKind, Tone, label, label_wrapped, paint_icon, space, tokens, with_alpha};
use aether_protocol::{
    Code, Error,
    identity::{DoorState, Login, Setup, SignedIn},
};
use egui::{Align2, Rect, ScrollArea, Ui, UiBuilder, WidgetInfo, pos2, vec2};

use crate::{clock::Local, parts};
pub use form::Form;

/// Where the desktop is connected to, as the lock screen shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Address {
    /// `https://host:port`
    pub url: String,
    /// The certificate's fingerprint, where this end knows it.
    pub fingerprint: Option<String>,
}

/// The lock screen's own state.
#[derive(Debug, Default)]
pub struct Lock {
    form: Form,
    pending: Option<Pending<SignedIn>>,
    error: Option<Error>,
    /// The connection was lost before anybody could sign in: this is the door as it was last seen.
    door: Option<DoorState>,
    shown: bool,
}

/// What the lock screen shows besides its form.
pub struct Shown<'a> {
    /// The clock.
    pub time: Local,
    /// Where the kernel is.
    pub address: &'a Address,
    /// The person whose session goes on behind the lock, if there is one.
    pub locked_user: Option<&'a str>,
    /// What this device calls itself.
    pub device: &'a str,
    /// Rows for fingers.
    pub narrow: bool,
}

impl Lock {
    /// A lock screen that suggests `name`.
    pub fn new(name: Option<String>) -> Self {
        let mut lock = Self::default();
        lock.form.name = name.unwrap_or_default();
        lock
    }

    /// Suggests who signs in next.
    pub fn suggest(&mut self, name: &str) {
        name.clone_into(&mut self.form.name);
    }

    /// What is typed, for tests.
    #[cfg(test)]
    pub fn form_mut(&mut self) -> &mut Form {
        &mut self.form
    }

    /// Forgets what was typed and shows `error`, when the screen is shown again.
    pub fn reset(&mut self, error: Option<Error>) {
        self.form.clear_secrets();
        self.pending = None;
        self.error = error.map(over);
        self.shown = false;
    }

    /// Draws it over the whole of `ui`.
    pub fn show(&mut self, ui: &mut Ui, client: &Client, state: &ConnectionState, shown: &Shown<'_>) {
        let screen = ui.ctx().content_rect();
        ui.set_clip_rect(screen);
        // The wallpaper stays visible, and text on it readable.
        ui.painter().rect_filled(screen, 0, with_alpha(tokens(ui).surface_0, 0.35));
        if let ConnectionState::SignedOut { door, error } = state {
            self.door.clone_from(door);
            if self.error.is_none() && self.pending.is_none() && !self.shown {
                self.error = error.clone().map(over);
            }
        }
        match state {
            ConnectionState::Connecting if self.pending.is_none() && shown.locked_user.is_none() => {
                waiting(ui, screen, &shown.address.url);
            }
            ConnectionState::Reconnecting { next_try_in_secs, reason, .. } => {
                if unreachable(ui, screen, shown, reason, *next_try_in_secs) {
                    client.retry_now();
                }
            }
            _ => self.door(ui, screen, client, shown),
        }
    }

    /// Who has signed in, once the kernel has said so. Asked whether the screen is shown or not: the connection can be
    /// quicker than a frame, and the desktop open before the answer is taken.
    pub fn take_answer(&mut self) -> Option<SignedIn> {
        let answer = self.pending.as_mut()?.take()?;
        self.pending = None;
        match answer {
            Ok(signed_in) => {
                self.form.clear_secrets();
                self.error = None;
                Some(signed_in)
            }
            Err(error) => {
                // A mistyped code is no reason to choose a password again.
                if !self.door.as_ref().is_some_and(|door| door.needs_setup) {
                    self.form.clear_secrets();
                }
                self.error = Some(error);
                self.shown = false;
                None
            }
        }
    }

    fn door(&mut self, ui: &mut Ui, screen: Rect, client: &Client, shown: &Shown<'_>) {
        let needs_setup =
            shown.locked_user.is_none() && self.door.as_ref().is_some_and(|door| door.needs_setup);
        let first = !std::mem::replace(&mut self.shown, true);
        let width = if needs_setup { 380.0 } else { 300.0 };
        let busy = self.pending.is_some();
        let name = self.door.as_ref().map(|door| door.device.clone());
        let submitted = centred(ui, screen, width, |ui| {
            if needs_setup {
                self.form.setup(ui, shown, self.error.as_ref(), busy, first)
            } else {
                clock(ui, shown.time);
                self.form.sign_in(ui, shown, self.error.as_ref(), busy, first)
            }
        });
        footer(ui, screen, name.as_deref(), shown);
        if !submitted || busy {
            return;
        }
        self.error = None;
        self.pending = Some(if needs_setup {
            client.setup(&Setup {
                code: self.form.code.clone(),
                name: self.form.name.trim().to_owned(),
                password: self.form.password.clone(),
                device: shown.device.to_owned(),
            })
        } else {
            client.sign_in(&Login {
                name: shown.locked_user.unwrap_or(self.form.name.trim()).to_owned(),
                password: self.form.password.clone(),
                device: shown.device.to_owned(),
            })
        });
    }
}

/// A session that is over without the person's doing, in words for the lock screen.
fn over(error: Error) -> Error {
    if error.code == Code::Unauthenticated {
        Error::new(Code::Unauthenticated, "Your session has ended").hint("Sign in again")
    } else {
        error
    }
}

/// Lays `add` out in a column in the middle of the screen; it scrolls where the screen is too low.
fn centred<R>(ui: &mut Ui, screen: Rect, width: f32, add: impl FnOnce(&mut Ui) -> R) -> R {
    let width = width.min(screen.width() - 2.0 * space::L);
    let id = ui.scope_id().with("lock height");
    let high: f32 = ui.data(|data| data.get_temp(id)).unwrap_or(360.0);
    let spare = (screen.height() - high).max(0.0);
    let column = Rect::from_min_max(
        pos2(screen.center().x - width / 2.0, screen.top()),
        pos2(screen.center().x + width / 2.0, screen.bottom()),
    );
    let mut child = ui.new_child(UiBuilder::new().id_salt("column").max_rect(column));
    ScrollArea::vertical()
        .auto_shrink(false)
        .scroll_bar_visibility(egui::scroll_area::ScrollBarVisibility::AlwaysHidden)
        .show(&mut child, |ui| {
            ui.add_space((spare * 0.44).max(space::L));
            let before = ui.cursor().top();
            let result = add(ui);
            let now = ui.min_rect().bottom() - before;
            if (now - high).abs() > 0.5 {
                ui.data_mut(|data| data.insert_temp(id, now));
                ui.ctx().request_repaint();
            }
            ui.add_space(72.0_f32.min(spare.max(space::L)));
            result
        })
        .inner
}

fn clock(ui: &mut Ui, time: Local) {
    let tokens = tokens(ui);
    let mut font = TextKind::Display.font();
    font.size = 76.0;
    ui.vertical_centered(|ui| {
        ui.spacing_mut().item_spacing.y = 0.0;
        for (text, font, color) in [
            (time.time(), font, tokens.text),
            (time.long_date(), TextKind::Emphasis.font(), tokens.text_muted),
        ] {
            let galley = ui.painter().layout_no_wrap(text.clone(), font, color);
            let (rect, response) = ui.allocate_exact_size(galley.size(), egui::Sense::hover());
            response.widget_info(|| WidgetInfo::labeled(egui::Role::Label, true, &text));
            ui.painter().galley(rect.min, galley, color);
        }
    });
    ui.add_space(space::XXL);
}

fn waiting(ui: &mut Ui, screen: Rect, address: &str) {
    let tokens = tokens(ui);
    parts::paint_mark(ui.painter(), screen.center() - vec2(0.0, 40.0), 56.0, tokens.accent);
    centred_line(ui, screen, 24.0, TextKind::Emphasis, Tone::Normal, "Connecting");
    centred_line(ui, screen, 48.0, TextKind::Label, Tone::Muted, address);
}

fn centred_line(ui: &mut Ui, screen: Rect, below: f32, kind: TextKind, tone: Tone, text: &str) {
    let line = Rect::from_center_size(screen.center() + vec2(0.0, below), vec2(screen.width() - 32.0, 24.0));
    let mut child = ui.new_child(UiBuilder::new().id_salt(below.to_bits()).max_rect(line));
    child.vertical_centered(|ui| label(ui, kind, tone, text));
}

/// Nobody could be reached. Returns whether the person wants to try now.
fn unreachable(ui: &mut Ui, screen: Rect, shown: &Shown<'_>, reason: &str, next_try_in_secs: u32) -> bool {
    centred(ui, screen, 380.0, |ui| {
        ui.vertical_centered(|ui| {
            let (rect, _) = ui.allocate_exact_size(vec2(48.0, 48.0), egui::Sense::hover());
            paint_icon(ui.painter(), rect.center(), Icon::PlugsOff, 48.0, tokens(ui).warn, false);
            ui.add_space(space::S);
            label(ui, TextKind::Title, Tone::Normal, "The device cannot be reached");
            label_wrapped(ui, TextKind::Body, Tone::Muted, format!("{}: {reason}", shown.address.url));
            label_wrapped(ui, TextKind::Body, Tone::Muted, "Check that it is on and on the same network");
            ui.add_space(space::S);
            let again = match next_try_in_secs {
                0 => "Trying now".to_owned(),
                secs => format!("Trying again in {secs} s"),
            };
            label(ui, TextKind::Label, Tone::Faint, again);
            ui.add(Button::primary("Try now").icon(Icon::Refresh)).clicked()
        })
        .inner
    })
}

/// At the lower edge: what this is and where, so that a person can compare.
fn footer(ui: &Ui, screen: Rect, device: Option<&str>, shown: &Shown<'_>) {
    let tokens = tokens(ui);
    let bottom = screen.bottom() - if shown.narrow { 20.0 } else { 24.0 };
    let text = match device {
        Some(device) => format!("{device}  ·  {}", shown.address.url),
        None => shown.address.url.clone(),
    };
    let at = pos2(screen.center().x, bottom);
    aether_kit::paint_text(ui.painter(), at, Align2::CENTER_BOTTOM, TextKind::Label, tokens.text_muted, text);
}
