//! The cards in a grid. Only the rows in sight are made.

use std::time::Duration;

use aether_kit::{Banner, Button, TextKind, Tone, label, skeleton, space};
use aether_protocol::Pid;
use egui::{Popup, Rect, ScrollArea, Ui, UiBuilder, pos2, vec2};

use super::{MissionControl, actions, actions::Wish, card, find, header};
use crate::{
    AppContext,
    deeds::{Deed, error_words},
};

/// The space between cards.
const GAP: f32 = 16.0;
/// The room below the cards for "Show more".
const FOOTER_HEIGHT: f32 = 64.0;

/// How many columns fit, and how wide each is.
pub fn columns(width: f32) -> (usize, f32) {
    // A little less than the wanted width is better than a column less.
    let least = card::WIDTH * 0.94;
    let count = (((width + GAP) / (least + GAP)).floor() as usize).max(1);
    (count, ((width + GAP) / count as f32 - GAP).min(width))
}

/// Draws the grid. Returns what a person wished, and of whom.
pub fn show(app: &mut MissionControl, ui: &mut Ui, cx: &mut AppContext<'_>) -> Vec<(Pid, Wish)> {
    let mut wishes = Vec::new();
    let mut toggled = Vec::new();
    let pids: Vec<Pid> = app.shown.pids().to_vec();
    let move_to = app.move_to.take();
    ScrollArea::vertical().id_salt("agent cards").auto_shrink(false).show_viewport(ui, |ui, viewport| {
        let (count, width) = columns(ui.available_width());
        app.columns = count;
        let rows = pids.len().div_ceil(count);
        let pitch = card::HEIGHT + GAP;
        let cards_height = rows as f32 * pitch;
        // A little room around, so that the glow of a card that waits is not cut.
        let origin = ui.max_rect().min + vec2(0.0, 4.0);
        ui.set_height(cards_height + FOOTER_HEIGHT);
        let first = ((viewport.top() / pitch).floor().max(0.0) as usize).min(rows);
        let last = (((viewport.bottom() / pitch).ceil() as usize) + 1).min(rows);
        let place = |index: usize| {
            let at = origin + vec2((index % count) as f32 * (width + GAP), (index / count) as f32 * pitch);
            Rect::from_min_size(at, vec2(width, card::HEIGHT))
        };
        if let Some(pid) = move_to
            && let Some(index) = pids.iter().position(|shown| *shown == pid)
        {
            ui.scroll_to_rect(place(index).expand(GAP), None);
        }
        let mut ticks = false;
        for (index, pid) in pids.iter().enumerate().take(last * count).skip(first * count) {
            let Some(process) = find(cx.world, &app.ended, *pid) else { continue };
            let known = cx.world.process(*pid);
            ticks |= header::ticks(process.state, process.phase);
            let facts = card::CardFacts {
                process,
                known,
                queue_position: app.shown.queue_position(*pid),
                now: cx.world.now(),
                selected: app.selection.contains(pid),
                selecting: !app.selection.is_empty(),
                busy: app.deeds.is_busy(*pid),
            };
            let text = app.answers.entry(*pid).or_default();
            let said = card::show(ui, place(index), &facts, text);
            if said.answered {
                let text = std::mem::take(text);
                wishes.push((*pid, Wish::Do(Deed::Say(text.trim().to_owned()))));
            }
            if said.continued {
                wishes.push((*pid, Wish::Do(Deed::Continue(10))));
            }
            if said.toggled {
                toggled.push(*pid);
            }
            if let Some(button) = &said.menu
                && let Some(Some(wish)) = card::menu(button, |ui| actions::rows(ui, process))
            {
                wishes.push((*pid, wish));
            }
            if let Some(response) = said.response {
                if let Some(Some(wish)) = Popup::context_menu(&response)
                    .show(|ui| actions::rows(ui, process))
                    .map(|shown| shown.inner)
                {
                    wishes.push((*pid, wish));
                }
                if response.clicked() {
                    app.cursor = Some(*pid);
                    if ui.input(|input| input.modifiers.command) {
                        toggled.push(*pid);
                    } else {
                        wishes.push((*pid, Wish::Open));
                    }
                }
                if response.has_focus() {
                    app.cursor = Some(*pid);
                }
            }
        }
        app.answers.retain(|_, text| !text.is_empty());
        if ticks {
            ui.ctx().request_repaint_after(Duration::from_secs(1));
        }
        let below = Rect::from_min_size(
            pos2(origin.x, origin.y + cards_height),
            vec2(ui.max_rect().width(), FOOTER_HEIGHT - 8.0),
        );
        let mut below = ui.new_child(UiBuilder::new().max_rect(below).id_salt("below the cards"));
        footer(app, &mut below, cx);
    });
    for pid in toggled {
        app.toggle(pid);
    }
    wishes
}

/// "Show more", or why older ones did not come.
pub fn footer(app: &mut MissionControl, ui: &mut Ui, cx: &AppContext<'_>) {
    if !app.filter.which.has_ended() {
        return;
    }
    if let Some(error) = app.ended.error() {
        let words = error_words(error);
        let banner =
            Banner::new(Tone::Bad, "Could not load older agents").detail(Some(&words)).action("Try again");
        if banner.show(ui).is_some() {
            app.ended.ask(cx.client);
        }
        return;
    }
    if app.ended.has_more() {
        ui.horizontal(|ui| {
            let button = Button::secondary("Show more").busy(app.ended.is_loading());
            if ui.add(button).clicked() {
                app.ended.ask(cx.client);
            }
            if !app.filter.text.trim().is_empty() {
                label(ui, TextKind::Label, Tone::Faint, "The filter looks only at agents that are loaded");
            }
        });
    }
}

/// The shape of the cards that are coming.
pub fn skeletons(ui: &mut Ui) {
    let (count, width) = columns(ui.available_width());
    let rows = ((ui.available_height() / (card::HEIGHT + GAP)).floor() as usize).clamp(1, 3);
    for _ in 0..rows {
        ui.horizontal(|ui| {
            ui.spacing_mut().item_spacing.x = GAP;
            for _ in 0..count {
                ui.allocate_ui(vec2(width, card::HEIGHT), |ui| {
                    ui.vertical(|ui| {
                        skeleton(ui, width, 104.0);
                        skeleton(ui, width * 0.5, 18.0);
                        skeleton(ui, width * 0.8, 12.0);
                        skeleton(ui, width * 0.7, 12.0);
                        ui.add_space(space::L);
                    });
                });
            }
        });
    }
}
