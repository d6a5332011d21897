//! The menu of what can be done to an agent: on its card, its row and by the right button.

use aether_kit::{Icon, ListRow, TextKind, Tone, hairline, label, segmented};
use aether_protocol::process::{Process, State};
use egui::Ui;

use crate::deeds::{Deed, Doubt};

/// What a person chose.
#[derive(Clone, Debug, PartialEq)]
pub enum Wish {
    /// Show its log.
    Open,
    /// Show its files.
    Files,
    /// A terminal in its sandbox.
    Terminal,
    /// Do it.
    Do(Deed),
    /// Ask first.
    Doubt(Doubt),
    /// A new life of the same agent.
    Again,
}

/// The menu's rows. Only what makes sense now is there.
pub fn rows(ui: &mut Ui, process: &Process) -> Option<Wish> {
    ui.set_width(216.0);
    ui.spacing_mut().item_spacing.y = 2.0;
    let mut wish = None;
    let mut row = |ui: &mut Ui, icon: Icon, text: &str, chosen: Wish| {
        if ui.add(ListRow::new(text).icon(icon)).clicked() {
            wish = Some(chosen);
        }
    };
    row(ui, Icon::Eye, "Open", Wish::Open);
    row(ui, Icon::Folder, "Open files", Wish::Files);
    if process.state.is_alive() {
        row(ui, Icon::Terminal, "Open terminal", Wish::Terminal);
    }
    hairline(ui);
    for (icon, deed) in [
        (Icon::Pause, Deed::Pause),
        (Icon::Play, Deed::Resume),
        (Icon::Skip, Deed::Continue(10)),
        (Icon::Skip, Deed::Continue(50)),
        (Icon::HandPalm, Deed::Interrupt),
        (Icon::Snowflake, Deed::Freeze),
    ] {
        if deed.fits(process) {
            row(ui, icon, &deed.label(), Wish::Do(deed.clone()));
        }
    }
    let ended = !process.state.is_alive() && process.state != State::Queued;
    if ended {
        row(ui, Icon::Refresh, "Start again…", Wish::Again);
        row(ui, Icon::Trash, "Remove agent…", Wish::Doubt(Doubt::Remove(Box::new(process.clone()))));
    } else {
        label(ui, TextKind::Hint, Tone::Muted, "Priority, 1 is highest");
        let mut priority = process.priority;
        let options: [(u8, Option<Icon>, &str); 5] =
            [(1, None, "1"), (2, None, "2"), (3, None, "3"), (4, None, "4"), (5, None, "5")];
        if segmented(ui, "Priority", &mut priority, &options).changed() {
            wish = Some(Wish::Do(Deed::Priority(priority)));
        }
        hairline(ui);
        let mut row = |ui: &mut Ui, icon: Icon, text: &str, chosen: Wish| {
            if ui.add(ListRow::new(text).icon(icon)).clicked() {
                wish = Some(chosen);
            }
        };
        row(ui, Icon::Stop, "Stop agent…", Wish::Doubt(Doubt::Stop(vec![process.clone()])));
        row(ui, Icon::XCircle, "Kill at once", Wish::Do(Deed::Kill));
    }
    if wish.is_some() {
        ui.close();
    }
    wish
}
