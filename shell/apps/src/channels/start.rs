//! The sheet that begins a conversation, or adds an agent to the one that is shown.

use aether_kit::{
    Button, ErrorState, Icon, ListRow, Sheet, TextField, TextKind, Tone, label, skeleton_rows, space,
};
use aether_protocol::{
    Page,
    channel::{MAX_NAME_CHARS, Party, Peer},
};
use egui::Context;

use super::Deed;
use crate::settings::fetch::State;

/// What is filled in.
#[derive(Default)]
pub(super) struct Start {
    /// Whether an agent is added to a channel, instead.
    pub(super) adds: bool,
    pub(super) name: String,
    pub(super) error: Option<String>,
}

impl Start {
    pub(super) fn show(
        &mut self,
        ctx: &Context,
        peers: State<'_, Page<Peer>>,
        is_making: bool,
        deeds: &mut Vec<Deed>,
    ) {
        let title = if self.adds { "Add agent" } else { "New conversation" };
        let shown = Sheet::new(title).width(440.0).show(ctx, |ui| {
            ui.spacing_mut().item_spacing.y = space::S;
            if !self.adds {
                let mut field = TextField::new("Channel", &mut self.name)
                    .placeholder("planning")
                    .hint("Lower-case letters, digits, - and _")
                    .char_limit(MAX_NAME_CHARS);
                field = field.error(self.error.as_deref());
                if ui.add(field).changed() {
                    self.error = None;
                }
                let can_make = !self.name.trim().is_empty() && !is_making;
                let button = Button::primary("Create channel").icon(Icon::Add).busy(is_making);
                if ui.add_enabled(can_make, button).clicked() {
                    deeds.push(Deed::Create(self.name.trim().to_owned()));
                }
                ui.add_space(space::M);
                label(ui, TextKind::Label, Tone::Muted, "Or write to an agent directly");
            }
            match peers {
                State::Loading => skeleton_rows(ui, 3),
                State::Failed(error) => {
                    // Another try is another opening of the sheet.
                    if ErrorState::of(error).action("Close").show(ui) {
                        deeds.push(Deed::Close);
                    }
                }
                State::Ready(page) => {
                    let agents = page.items.iter().filter(|peer| matches!(peer.party, Party::Agent { .. }));
                    let mut any = false;
                    for peer in agents {
                        any = true;
                        let role = peer.role.as_deref().unwrap_or_default();
                        let detail = if peer.is_live {
                            format!("{role}, running")
                        } else {
                            format!("{role}, hears it in its next life")
                        };
                        if ui.add(ListRow::new(&peer.name).detail(&detail).icon(Icon::Agent)).clicked() {
                            deeds.push(if self.adds {
                                Deed::Add(peer.party)
                            } else {
                                Deed::WriteTo(peer.clone())
                            });
                        }
                    }
                    if !any {
                        label(ui, TextKind::Body, Tone::Muted, "There are no agents yet");
                    }
                }
            }
        });
        if shown.close {
            deeds.push(Deed::Close);
        }
    }
}
