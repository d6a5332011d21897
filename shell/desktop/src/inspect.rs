//! For tests: every named control of the desktop, where it is and how it is, from the AccessKit tree.
//!
//! egui's own inspection protocol serves an inspector over TCP, which a browser cannot accept; the tree is
//! the same.

use egui::{Context, FullOutput, Plugin};
use serde::Serialize;

/// A control, as a screen reader would find it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Control {
    /// `Button`, `TextInput`, `Label` …
    pub role: String,
    /// What it is called.
    pub name: String,
    /// What it holds.
    pub value: String,
    /// The left edge, in CSS pixels.
    pub x: f64,
    /// The upper edge, in CSS pixels.
    pub y: f64,
    /// Its width, in CSS pixels.
    pub w: f64,
    /// Its height, in CSS pixels.
    pub h: f64,
    /// Whether the keyboard acts on it.
    pub focused: bool,
    /// Whether it takes no input.
    pub disabled: bool,
}

#[derive(Default)]
struct Watcher {
    controls: Vec<Control>,
    #[cfg(not(target_arch = "wasm32"))]
    file: Option<crate::native::InspectionFile>,
}

impl Plugin for Watcher {
    fn debug_name(&self) -> &'static str {
        "aether inspect"
    }

    fn setup(&mut self, ctx: &Context) {
        ctx.enable_accesskit();
    }

    fn output_hook(&mut self, ctx: &Context, output: &mut FullOutput) {
        let Some(update) = &output.platform_output.accesskit_update else { return };
        let zoom = f64::from(ctx.zoom_factor());
        self.controls = update
            .nodes
            .iter()
            .filter_map(|(id, node)| {
                let bounds = node.bounds()?;
                Some(Control {
                    role: format!("{:?}", node.role()),
                    name: node.label().unwrap_or_default().to_owned(),
                    value: node.value().unwrap_or_default().to_owned(),
                    x: bounds.x0 * zoom,
                    y: bounds.y0 * zoom,
                    w: (bounds.x1 - bounds.x0) * zoom,
                    h: (bounds.y1 - bounds.y0) * zoom,
                    focused: update.focus == *id,
                    disabled: node.is_disabled(),
                })
            })
            .filter(|control| !control.name.is_empty() || !control.value.is_empty())
            .collect();
        #[cfg(not(target_arch = "wasm32"))]
        if let Some(file) = &mut self.file {
            file.write(&self.controls);
        }
    }
}

/// Starts to watch.
pub fn watch(ctx: &Context) {
    ctx.add_plugin(Watcher::default());
}

/// Starts to watch, and writes what there is into a file after each frame.
#[cfg(not(target_arch = "wasm32"))]
pub fn watch_into(ctx: &Context, file: crate::native::InspectionFile) {
    ctx.add_plugin(Watcher { file: Some(file), ..Watcher::default() });
}

/// The controls of the last frame, none before [`watch`].
pub fn controls(ctx: &Context) -> Vec<Control> {
    ctx.plugin_opt::<Watcher>().map(|watcher| watcher.lock().controls.clone()).unwrap_or_default()
}
