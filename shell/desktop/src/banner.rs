//! The banner that says that the connection is lost, for as long as it is.

use aether_client::ConnectionState;
use aether_kit::{Banner, BannerAnswer, Tone, radius, tokens};
use egui::{Area, Context, CornerRadius, Frame, Id, Order, Rect, Role, pos2, vec2};

/// A reason as a sentence of its own.
fn sentence(reason: &str) -> String {
    let mut letters = reason.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// Draws the banner below `top`, while the connection is lost. Returns whether the person wants to try now.
pub fn show(ctx: &Context, screen: Rect, top: f32, connection: &ConnectionState) -> bool {
    let ConnectionState::Reconnecting { next_try_in_secs, reason, .. } = connection else { return false };
    let text = match next_try_in_secs {
        0 => "Not connected. Trying now".to_owned(),
        1 => "Not connected. Trying again in 1 second".to_owned(),
        secs => format!("Not connected. Trying again in {secs} seconds"),
    };
    let reason = sentence(reason);
    let width = 460.0_f32.min(screen.width() - 16.0);
    let mut asked = false;
    Area::new(Id::unique("connection banner"))
        .order(Order::Foreground)
        .fixed_pos(pos2(screen.center().x - width / 2.0, top + 8.0))
        .default_size(vec2(width, 48.0))
        .constrain(false)
        .movable(false)
        .accessible_name("Connection")
        .role(Role::Alert)
        .show(ctx, |ui| {
            let tokens = tokens(ui);
            Frame::NONE
                .fill(tokens.surface_1)
                .stroke((1.0, tokens.line_strong))
                .corner_radius(CornerRadius::same(radius::CARD))
                .shadow(tokens.shadow_raised)
                .show(ui, |ui| {
                    ui.set_width(width);
                    let banner = Banner::new(Tone::Warn, &text).detail(Some(&reason)).action("Try now");
                    asked = banner.show(ui) == Some(BannerAnswer::Act);
                });
        });
    asked
}
