//! Mission Control from the keyboard: arrows, N, /, X.

use egui::{Event, Id, Key, Ui};

use super::{DeployForm, MissionControl, card, find, header::View};
use crate::AppContext;

/// Takes the keys that are ours, where nothing else has the keyboard.
pub fn handle(app: &mut MissionControl, ui: &Ui, cx: &AppContext<'_>) {
    let card_id = |pid| find(cx.world, &app.ended, pid).map(card::id);
    let focused = ui.memory(egui::Memory::focused);
    let cursor_id: Option<Id> = app.cursor.and_then(card_id);
    let on_card = focused.is_some() && focused == cursor_id;
    if app.deploy.is_some() || app.doubt.is_some() || !(focused.is_none() || on_card) || !is_in_front(ui) {
        return;
    }
    if on_card && let Some(id) = cursor_id {
        // Otherwise egui would move the focus to the nearest control.
        let filter = egui::EventFilter {
            horizontal_arrows: true,
            vertical_arrows: true,
            ..egui::EventFilter::default()
        };
        ui.memory_mut(|memory| memory.set_focus_lock_filter(id, filter));
    }
    let typed = ui.input(|input| {
        input.events.iter().find_map(|event| match event {
            Event::Text(text) if !input.modifiers.any() || input.modifiers.shift_only() => Some(text.clone()),
            _ => None,
        })
    });
    match typed.as_deref() {
        Some("n" | "N") => app.open_deploy(DeployForm::default()),
        Some("/") => app.focus_search = true,
        Some("x" | "X") => {
            if let Some(pid) = app.cursor {
                app.toggle(pid);
            }
        }
        _ => {}
    }
    let columns = if app.view == View::Grid { app.columns.max(1) } else { 1 };
    let step = ui.input(|input| {
        [
            (Key::ArrowLeft, 1, false),
            (Key::ArrowRight, 1, true),
            (Key::ArrowUp, columns, false),
            (Key::ArrowDown, columns, true),
        ]
        .into_iter()
        .find(|(key, ..)| input.key_pressed(*key) && !input.modifiers.any())
    });
    let Some((_, step, forward)) = step else { return };
    let pids = app.shown.pids();
    let at = app.cursor.and_then(|pid| pids.iter().position(|shown| *shown == pid));
    let next = match at {
        None => 0,
        Some(at) => {
            let next = if forward { at.checked_add(step) } else { at.checked_sub(step) };
            next.filter(|next| *next < pids.len()).unwrap_or(at)
        }
    };
    let Some(pid) = pids.get(next).copied() else { return };
    app.cursor = Some(pid);
    app.move_to = Some(pid);
    if let Some(id) = find(cx.world, &app.ended, pid).map(card::id) {
        ui.memory_mut(|memory| {
            memory.request_focus(id);
            // The arrow has done its work: egui must not move the focus once more.
            memory.move_focus(egui::FocusDirection::None);
        });
    }
}

/// Whether the window that this is drawn in is the uppermost: keys are meant for it.
pub fn is_in_front(ui: &Ui) -> bool {
    let layer = ui.layer_id();
    match ui.memory(|memory| memory.areas().top_layer_id(layer.order)) {
        Some(top) => top == layer || layer.order == egui::Order::Background,
        None => true,
    }
}
