//! Type: the kinds of text that there are, and the tones they are set in.

use std::sync::Arc;

use egui::{Align2, Color32, FontFamily, FontId, Galley, Label, Painter, Pos2, Response, RichText, Ui};

use crate::{Tokens, fonts, size, tokens};

/// A kind of text: size and weight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextKind {
    /// 11
    Hint,
    /// 12
    Label,
    /// 12, weight 500
    LabelStrong,
    /// 13
    Body,
    /// 13, weight 500
    Strong,
    /// 15, weight 600
    Emphasis,
    /// 20, weight 600
    Title,
    /// 28, weight 600
    Display,
    /// 13, digits of one width
    Number,
    /// 11, digits of one width
    NumberSmall,
    /// 13, monospaced
    Mono,
    /// 12, monospaced
    MonoSmall,
}

impl TextKind {
    /// Its font.
    pub fn font(self) -> FontId {
        let named = |name: &str| FontFamily::Name(name.into());
        match self {
            Self::Hint => FontId::new(size::HINT, FontFamily::Proportional),
            Self::Label => FontId::new(size::LABEL, FontFamily::Proportional),
            Self::LabelStrong => FontId::new(size::LABEL, named(fonts::MEDIUM)),
            Self::Body => FontId::new(size::BODY, FontFamily::Proportional),
            Self::Strong => FontId::new(size::BODY, named(fonts::MEDIUM)),
            Self::Emphasis => FontId::new(size::EMPHASIS, named(fonts::SEMIBOLD)),
            Self::Title => FontId::new(size::TITLE, named(fonts::SEMIBOLD)),
            Self::Display => FontId::new(size::DISPLAY, named(fonts::SEMIBOLD)),
            Self::Number => FontId::new(size::BODY, named(fonts::TABULAR)),
            Self::NumberSmall => FontId::new(size::HINT, named(fonts::TABULAR)),
            Self::Mono => FontId::new(size::BODY, FontFamily::Monospace),
            Self::MonoSmall => FontId::new(size::LABEL, FontFamily::Monospace),
        }
    }
}

/// How something is meant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Tone {
    /// Text.
    #[default]
    Normal,
    /// Secondary.
    Muted,
    /// Hints.
    Faint,
    /// Selected, a link.
    Accent,
    /// Done, healthy.
    Good,
    /// Waits, nearly full.
    Warn,
    /// Failed, destructive.
    Bad,
    /// Good to know.
    Info,
    /// On a filled button or tile.
    OnFill,
}

impl Tone {
    /// Its colour.
    pub fn color(self, tokens: &Tokens) -> Color32 {
        match self {
            Self::Normal => tokens.text,
            Self::Muted => tokens.text_muted,
            Self::Faint => tokens.text_faint,
            Self::Accent => tokens.accent,
            Self::Good => tokens.good,
            Self::Warn => tokens.warn,
            Self::Bad => tokens.bad,
            Self::Info => tokens.info,
            Self::OnFill => tokens.on_fill,
        }
    }
}

/// Text of a kind, for egui's own widgets.
pub fn rich(kind: TextKind, text: impl Into<String>) -> RichText {
    RichText::new(text).font(kind.font())
}

/// One line of text, cut with an ellipsis where it does not fit.
pub fn label(ui: &mut Ui, kind: TextKind, tone: Tone, text: impl Into<String>) -> Response {
    let color = tone.color(tokens(ui));
    ui.add(Label::new(rich(kind, text).color(color)).truncate().selectable(false))
}

/// Text that takes as many lines as it needs and can be selected.
pub fn label_wrapped(ui: &mut Ui, kind: TextKind, tone: Tone, text: impl Into<String>) -> Response {
    let color = tone.color(tokens(ui));
    ui.add(Label::new(rich(kind, text).color(color)).wrap())
}

/// A galley of at most `rows` lines within `max_width`, with an ellipsis where text is left out.
pub fn truncated(
    ui: &Ui,
    kind: TextKind,
    color: Color32,
    text: &str,
    max_width: f32,
    rows: usize,
) -> Arc<Galley> {
    let mut job = egui::text::LayoutJob::simple(text.to_owned(), kind.font(), color, max_width.max(8.0));
    job.wrap.max_rows = rows.max(1);
    job.wrap.break_anywhere = rows <= 1;
    ui.painter().layout_job(job)
}

/// Paints one line of text, anchored at `pos`.
pub fn paint_text(
    painter: &Painter,
    pos: Pos2,
    anchor: Align2,
    kind: TextKind,
    color: Color32,
    text: impl ToString,
) -> egui::Rect {
    painter.text(pos, anchor, text, kind.font(), color)
}
