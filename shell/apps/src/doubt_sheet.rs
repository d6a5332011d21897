//! The sheet that asks before something is lost.

use aether_kit::{Button, Icon, Sheet, TextKind, Tone, label_wrapped, space};
use egui::{Align, Context, Layout};

use crate::{
    AppContext,
    deeds::{Deed, Deeds, Doubt},
};

/// Draws it. `Some(true)` for yes, `Some(false)` for no, `None` while it is not answered.
pub fn show(ctx: &Context, doubt: &Doubt) -> Option<bool> {
    let (yes, icon) = match doubt {
        Doubt::Stop(list) if list.len() == 1 => ("Stop agent", Icon::Stop),
        Doubt::Stop(_) => ("Stop agents", Icon::Stop),
        Doubt::Remove(_) => ("Remove agent", Icon::Trash),
    };
    let keep = match doubt {
        Doubt::Stop(_) => "Keep running",
        Doubt::Remove(_) => "Keep agent",
    };
    let mut answer = None;
    let shown = Sheet::new(&doubt.title()).width(440.0).show(ctx, |ui| {
        label_wrapped(ui, TextKind::Body, Tone::Muted, doubt.loss());
        ui.add_space(space::L);
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            if ui.add(Button::danger(yes).icon(icon)).clicked() {
                answer = Some(true);
            }
            if ui.add(Button::secondary(keep)).clicked() {
                answer = Some(false);
            }
        });
    });
    if shown.close && answer.is_none() { Some(false) } else { answer }
}

/// Does what was asked about.
pub fn carry_out(doubt: Option<Doubt>, deeds: &mut Deeds, cx: &AppContext<'_>) {
    match doubt {
        Some(Doubt::Stop(list)) => {
            for process in &list {
                deeds.send(cx, process, Deed::Stop);
            }
        }
        Some(Doubt::Remove(process)) => deeds.send(cx, &process, Deed::Remove),
        None => {}
    }
}
