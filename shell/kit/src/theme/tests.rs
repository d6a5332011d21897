//! Appearance as it is kept, and what it does.

use super::*;

#[test]
fn what_was_kept_before_a_field_existed_still_loads() {
    let kept: Appearance = serde_json::from_str(r#"{"theme": "light"}"#).unwrap();
    assert_eq!(kept, Appearance { theme: Theme::Light, ..Appearance::default() });
}

#[test]
fn text_scale_stays_within_its_bounds() {
    let scale = |percent| Appearance { text_scale_percent: percent, ..Appearance::default() }.text_scale();
    let percents =
        [scale(0), scale(90), scale(130), scale(900)].map(|factor| (factor * 100.0).round() as u32);
    assert_eq!(percents, [90, 90, 130, 150]);
}

#[test]
fn reduced_motion_stops_everything() {
    let still = style(&DARK, true);
    assert!(still.animation_time <= 0.0);
    assert!(!still.visuals.text_cursor.blink);
}

#[test]
fn a_change_takes_effect_and_the_same_again_does_nothing() {
    let ctx = Context::default();
    let light = Appearance { theme: Theme::Light, text_scale_percent: 130, ..Appearance::default() };
    apply(&ctx, &light);
    assert_eq!(ctx.theme(), egui::Theme::Light);
    ctx.set_theme(egui::ThemePreference::Dark);
    apply(&ctx, &light);
    assert_eq!(ctx.theme(), egui::Theme::Dark, "an unchanged appearance must not be applied again");
    apply(&ctx, &Appearance { text_scale_percent: 100, ..light });
    assert_eq!(ctx.theme(), egui::Theme::Light);
}
