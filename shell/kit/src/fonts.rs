//! The fonts: Inter, JetBrains Mono and the icons.

use std::sync::Arc;

use egui::{FontData, FontDefinitions, FontFamily, FontTweak};

/// Weight 500.
pub(crate) const MEDIUM: &str = "medium";
/// Weight 600.
pub(crate) const SEMIBOLD: &str = "semibold";
/// Digits of one width.
pub(crate) const TABULAR: &str = "tabular";
/// Monospaced, weight 700.
pub(crate) const MONO_BOLD: &str = "mono-bold";
/// Icons in outline.
pub(crate) const ICONS: &str = "icons";
/// Filled icons.
pub(crate) const ICONS_FILL: &str = "icons-fill";

/// Every font of the desktop.
pub(crate) fn definitions() -> FontDefinitions {
    let mut fonts = FontDefinitions::empty();
    let mut add = |name: &str, bytes: &'static [u8]| {
        let mut data = FontData::from_static(bytes);
        data.tweak = FontTweak { hinting: Some(false), ..FontTweak::default() };
        fonts.font_data.insert(name.to_owned(), Arc::new(data));
    };
    add("inter", include_bytes!("../fonts/Inter-Regular.otf"));
    add("inter-medium", include_bytes!("../fonts/Inter-Medium.otf"));
    add("inter-semibold", include_bytes!("../fonts/Inter-SemiBold.otf"));
    add("inter-tabular", include_bytes!("../fonts/Inter-Tabular.otf"));
    add("jetbrains", include_bytes!("../fonts/JetBrainsMono-Regular.ttf"));
    add("jetbrains-bold", include_bytes!("../fonts/JetBrainsMono-Bold.ttf"));
    add("phosphor", include_bytes!("../fonts/Phosphor-Regular.ttf"));
    add("phosphor-fill", include_bytes!("../fonts/Phosphor-Fill.ttf"));

    let mut family = |family: FontFamily, names: &[&str]| {
        fonts.families.insert(family, names.iter().map(|&name| name.to_owned()).collect());
    };
    let named = |name: &str| FontFamily::Name(name.into());
    family(FontFamily::Proportional, &["inter", "jetbrains", "phosphor"]);
    family(FontFamily::Monospace, &["jetbrains", "inter", "phosphor"]);
    family(named(MEDIUM), &["inter-medium", "jetbrains", "phosphor"]);
    family(named(SEMIBOLD), &["inter-semibold", "jetbrains", "phosphor"]);
    family(named(TABULAR), &["inter-tabular", "inter", "jetbrains", "phosphor"]);
    family(named(MONO_BOLD), &["jetbrains-bold", "inter-semibold", "phosphor"]);
    family(named(ICONS), &["phosphor"]);
    family(named(ICONS_FILL), &["phosphor-fill"]);
    fonts
}
