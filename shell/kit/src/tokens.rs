//! The design tokens: every colour, size, radius, shadow and duration of the desktop.

use egui::{Color32, Shadow};

/// Sizes of type, in points.
pub mod size {
    /// Hints under fields, tiny labels.
    pub const HINT: f32 = 11.0;
    /// Labels.
    pub const LABEL: f32 = 12.0;
    /// Text.
    pub const BODY: f32 = 13.0;
    /// What leads a card or a dialogue.
    pub const EMPHASIS: f32 = 15.0;
    /// Titles of pages.
    pub const TITLE: f32 = 20.0;
    /// The one large thing: a clock, a figure.
    pub const DISPLAY: f32 = 28.0;
}

/// Space on a grid of 4, in points.
pub mod space {
    /// 4
    pub const XS: f32 = 4.0;
    /// 8
    pub const S: f32 = 8.0;
    /// 12
    pub const M: f32 = 12.0;
    /// 16
    pub const L: f32 = 16.0;
    /// 24
    pub const XL: f32 = 24.0;
    /// 32
    pub const XXL: f32 = 32.0;
}

/// Radii of corners, in points.
pub mod radius {
    /// Buttons and fields.
    pub const CONTROL: u8 = 6;
    /// Cards and menus.
    pub const CARD: u8 = 10;
    /// Windows and sheets.
    pub const WINDOW: u8 = 12;
    /// The dock.
    pub const DOCK: u8 = 16;
}

/// Heights of rows, in points.
pub mod row {
    /// For a pointer.
    pub const NORMAL: f32 = 28.0;
    /// For a finger.
    pub const TOUCH: f32 = 44.0;
    /// Buttons and fields.
    pub const CONTROL: f32 = 32.0;
    /// Buttons within rows.
    pub const CONTROL_SMALL: f32 = 24.0;
    /// A window's title bar.
    pub const TITLE_BAR: f32 = 36.0;
    /// A side bar's width.
    pub const SIDE_BAR_WIDTH: f32 = 220.0;
}

/// Durations of motion, in seconds. Reduced motion sets the
/// style's `animation_time` to 0, which the widgets of the kit use.
pub mod motion {
    /// Hover and press.
    pub const QUICK_SECS: f32 = 0.12;
    /// Windows and sheets.
    pub const WINDOW_SECS: f32 = 0.18;
}

/// The colours of an agent's phases.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PhaseColors {
    /// The model is asked.
    pub thinking: Color32,
    /// A tool runs.
    pub executing: Color32,
    /// A result is taken in.
    pub observing: Color32,
    /// Waits for a person.
    pub waiting: Color32,
    /// Nothing to do, or not begun.
    pub idle: Color32,
    /// The goal is reached.
    pub completed: Color32,
    /// The goal was not reached.
    pub failed: Color32,
}

/// The tokens of one theme.
#[derive(Clone, Debug, PartialEq)]
pub struct Tokens {
    /// Whether light stands on dark.
    pub dark: bool,
    /// Window bodies.
    pub surface_0: Color32,
    /// Side bars, title bars, cards.
    pub surface_1: Color32,
    /// Fields, hovered rows, tracks.
    pub surface_2: Color32,
    /// Pressed; selected without focus.
    pub surface_3: Color32,
    /// Hairlines.
    pub line: Color32,
    /// Borders of controls that nothing else sets apart (3:1 is not needed: the label names them).
    pub line_strong: Color32,
    /// Text.
    pub text: Color32,
    /// Labels and what is secondary.
    pub text_muted: Color32,
    /// Hints.
    pub text_faint: Color32,
    /// Links, the focus ring, selected icons.
    pub accent: Color32,
    /// Primary buttons; selected rows at 20 %.
    pub accent_fill: Color32,
    /// Text on `accent_fill` and `bad_fill`.
    pub on_fill: Color32,
    /// Done, healthy.
    pub good: Color32,
    /// Waits, nearly full.
    pub warn: Color32,
    /// Failed, destructive.
    pub bad: Color32,
    /// Destructive buttons.
    pub bad_fill: Color32,
    /// Good to know.
    pub info: Color32,
    /// An agent's phases.
    pub phase: PhaseColors,
    /// The terminal's sixteen colours (black, red, green, yellow, blue, magenta, cyan, white; then bright).
    pub ansi: [Color32; 16],
    /// Behind a sheet.
    pub backdrop: Color32,
    /// Menus and dragged things.
    pub shadow_raised: Shadow,
    /// Windows.
    pub shadow_floating: Shadow,
    /// Windows behind the active one.
    pub shadow_inactive: Shadow,
}

pub(crate) const fn rgb(hex: u32) -> Color32 {
    Color32::from_rgb((hex >> 16) as u8, (hex >> 8) as u8, hex as u8)
}

const fn shadow(y: i8, blur: u8, alpha: u8) -> Shadow {
    Shadow { offset: [0, y], blur, spread: 0, color: Color32::from_black_alpha(alpha) }
}

/// Dark.
pub static DARK: Tokens = Tokens {
    dark: true,
    surface_0: rgb(0x12_16_2A),
    surface_1: rgb(0x18_1D_33),
    surface_2: rgb(0x22_29_43),
    surface_3: rgb(0x2D_35_53),
    line: rgb(0x2B_33_50),
    line_strong: rgb(0x3A_44_69),
    text: rgb(0xE9_EC_F6),
    text_muted: rgb(0xA0_A9_C4),
    text_faint: rgb(0x87_91_B0),
    accent: rgb(0x8C_9B_FF),
    accent_fill: rgb(0x4F_60_F0),
    on_fill: Color32::WHITE,
    good: rgb(0x45_D0_96),
    warn: rgb(0xF4_BA_50),
    bad: rgb(0xFF_72_72),
    bad_fill: rgb(0xC8_36_40),
    info: rgb(0x52_C4_FF),
    phase: PhaseColors {
        thinking: rgb(0xB7_95_FF),
        executing: rgb(0x62_AD_FF),
        observing: rgb(0x53_D8_D3),
        waiting: rgb(0xF4_BA_50),
        idle: rgb(0x8A_93_AE),
        completed: rgb(0x45_D0_96),
        failed: rgb(0xFF_72_72),
    },
    ansi: [
        rgb(0x3A_44_69),
        rgb(0xFF_72_72),
        rgb(0x45_D0_96),
        rgb(0xF4_BA_50),
        rgb(0x6F_9B_FF),
        rgb(0xC7_92_FF),
        rgb(0x53_D8_D3),
        rgb(0xC9_D0_E4),
        rgb(0x87_91_B0),
        rgb(0xFF_96_92),
        rgb(0x74_E4_B4),
        rgb(0xFF_D4_80),
        rgb(0x9A_BB_FF),
        rgb(0xDC_B8_FF),
        rgb(0x8A_EB_E6),
        rgb(0xFF_FF_FF),
    ],
    backdrop: Color32::from_black_alpha(150),
    shadow_raised: shadow(6, 16, 89),
    shadow_floating: shadow(12, 32, 115),
    shadow_inactive: shadow(8, 24, 70),
};

/// Light.
pub static LIGHT: Tokens = Tokens {
    dark: false,
    surface_0: rgb(0xFF_FF_FF),
    surface_1: rgb(0xF5_F6_FA),
    surface_2: rgb(0xEB_ED_F5),
    surface_3: rgb(0xDD_E1_EC),
    line: rgb(0xD8_DC_E8),
    line_strong: rgb(0xBC_C3_D6),
    text: rgb(0x16_1A_2B),
    text_muted: rgb(0x52_5C_76),
    text_faint: rgb(0x65_6F_8A),
    accent: rgb(0x43_53_E0),
    accent_fill: rgb(0x43_53_E0),
    on_fill: Color32::WHITE,
    good: rgb(0x12_80_5A),
    warn: rgb(0x9A_62_00),
    bad: rgb(0xC8_30_3A),
    bad_fill: rgb(0xC8_30_3A),
    info: rgb(0x0B_6F_B0),
    phase: PhaseColors {
        thinking: rgb(0x6D_42_D8),
        executing: rgb(0x1B_66_C9),
        observing: rgb(0x0A_75_74),
        waiting: rgb(0x9A_62_00),
        idle: rgb(0x5C_66_82),
        completed: rgb(0x12_80_5A),
        failed: rgb(0xC8_30_3A),
    },
    ansi: [
        rgb(0x16_1A_2B),
        rgb(0xC8_30_3A),
        rgb(0x12_80_5A),
        rgb(0x9A_62_00),
        rgb(0x2A_55_D6),
        rgb(0x8A_3F_C4),
        rgb(0x0A_75_74),
        rgb(0x65_6F_8A),
        rgb(0x52_5C_76),
        rgb(0xB4_1E_2A),
        rgb(0x0B_6B_4A),
        rgb(0x80_50_00),
        rgb(0x1D_44_BC),
        rgb(0x74_2E_AC),
        rgb(0x06_60_60),
        rgb(0x3A_44_5E),
    ],
    backdrop: Color32::from_black_alpha(90),
    shadow_raised: shadow(6, 16, 40),
    shadow_floating: shadow(12, 32, 56),
    shadow_inactive: shadow(8, 24, 34),
};

impl Tokens {
    /// The colour that says how something is meant.
    pub fn tone(&self, tone: crate::Tone) -> Color32 {
        tone.color(self)
    }
}

/// What knows which theme is shown.
pub trait Themed {
    /// Whether the theme is dark.
    fn is_dark(&self) -> bool;
}

impl Themed for egui::Ui {
    fn is_dark(&self) -> bool {
        self.visuals().dark_mode
    }
}

impl Themed for egui::Context {
    fn is_dark(&self) -> bool {
        self.theme() == egui::Theme::Dark
    }
}

/// The tokens of the theme that is shown.
pub fn tokens(shown: &impl Themed) -> &'static Tokens {
    if shown.is_dark() { &DARK } else { &LIGHT }
}

#[cfg(test)]
mod tests;
