//! A table whose rows are made only when they are seen.

use egui::{
    Align, CornerRadius, Id, Rect, Role, ScrollArea, Sense, Stroke, Ui, UiBuilder, WidgetInfo, pos2, vec2,
};

use crate::{
    Icon, TextKind, focus_ring, paint::hover_share, paint_icon, paint_text, row, tokens, with_alpha,
};

/// A column.
#[derive(Clone, Debug)]
pub struct Column<'a> {
    title: &'a str,
    width: f32,
    grows: bool,
    right: bool,
    sortable: bool,
}

impl<'a> Column<'a> {
    /// A column of so many points.
    pub fn fixed(title: &'a str, width: f32) -> Self {
        Self { title, width, grows: false, right: false, sortable: false }
    }

    /// A column of at least so many points that shares what is left.
    pub fn growing(title: &'a str, min_width: f32) -> Self {
        Self { grows: true, ..Self::fixed(title, min_width) }
    }

    /// For figures: set at the right.
    #[must_use]
    pub fn right(mut self) -> Self {
        self.right = true;
        self
    }

    /// A click on its title sorts.
    #[must_use]
    pub fn sortable(mut self) -> Self {
        self.sortable = true;
        self
    }
}

/// A table.
#[must_use = "Show it with `show`"]
pub struct Table<'a> {
    name: &'a str,
    columns: &'a [Column<'a>],
    selected: Option<usize>,
    sorted: Option<(usize, bool)>,
    row_height: f32,
}

/// What happened to a table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TableAnswer {
    /// The row that was clicked, or reached with Enter.
    pub clicked: Option<usize>,
    /// The row that was clicked twice.
    pub opened: Option<usize>,
    /// The column whose title was clicked.
    pub sort: Option<usize>,
    /// The last row that was seen: time to ask for more when it is near the end.
    pub last_seen: usize,
}

impl<'a> Table<'a> {
    /// A table with these columns. `name` is for screen readers.
    pub fn new(name: &'a str, columns: &'a [Column<'a>]) -> Self {
        Self { name, columns, selected: None, sorted: None, row_height: 32.0 }
    }

    /// The selected row.
    pub fn selected(mut self, selected: Option<usize>) -> Self {
        self.selected = selected;
        self
    }

    /// By which column it is sorted, and whether the largest comes first.
    pub fn sorted(mut self, sorted: Option<(usize, bool)>) -> Self {
        self.sorted = sorted;
        self
    }

    /// 44 points high rows, for fingers.
    pub fn touch(mut self, touch: bool) -> Self {
        if touch {
            self.row_height = row::TOUCH;
        }
        self
    }

    /// Draws `rows` rows; `cell(ui, row, column)` draws one cell, `name_of(row)` names a row for screen readers.
    pub fn show(
        self,
        ui: &mut Ui,
        rows: usize,
        name_of: impl Fn(usize) -> String,
        mut cell: impl FnMut(&mut Ui, usize, usize),
    ) -> TableAnswer {
        let tokens = tokens(ui);
        let mut answer = TableAnswer::default();
        let width = ui.available_width();
        let widths = self.widths(width);
        let row_height = self.row_height;
        let spacing = ui.spacing().item_spacing;
        ui.spacing_mut().item_spacing.y = 0.0;
        self.header(ui, &widths, &mut answer);
        ScrollArea::vertical().id_salt((self.name, "rows")).auto_shrink([false, false]).show_rows(
            ui,
            row_height,
            rows,
            |ui, range| {
                answer.last_seen = range.end;
                for index in range {
                    let (rect, _) = ui.allocate_exact_size(vec2(width, row_height), Sense::hover());
                    let id = Id::unique((self.name, "row", index)).with(ui.scope_id());
                    let response = ui.interact(rect, id, Sense::click());
                    let selected = self.selected == Some(index);
                    response.widget_info(|| WidgetInfo::selected(Role::Row, true, selected, name_of(index)));
                    if response.clicked() {
                        answer.clicked = Some(index);
                    }
                    if response.double_clicked() {
                        answer.opened = Some(index);
                    }
                    let fill = if selected {
                        with_alpha(tokens.accent_fill, 0.2)
                    } else {
                        with_alpha(tokens.surface_2, hover_share(ui, &response))
                    };
                    ui.painter().rect_filled(rect.shrink2(vec2(0.0, 1.0)), CornerRadius::same(6), fill);
                    ui.painter().hline(
                        rect.x_range(),
                        rect.bottom(),
                        Stroke::new(1.0, with_alpha(tokens.line, 0.5)),
                    );
                    let mut left = rect.left();
                    for (column, (style, &width)) in self.columns.iter().zip(&widths).enumerate() {
                        let inside = Rect::from_min_size(pos2(left, rect.top()), vec2(width, row_height))
                            .shrink2(vec2(10.0, 0.0));
                        let layout = if style.right {
                            egui::Layout::right_to_left(Align::Center)
                        } else {
                            egui::Layout::left_to_right(Align::Center)
                        };
                        let builder =
                            UiBuilder::new().max_rect(inside).layout(layout).id_salt((index, column));
                        let mut child = ui.new_child(builder);
                        child.set_clip_rect(inside.intersect(ui.clip_rect()));
                        child.spacing_mut().item_spacing = spacing;
                        cell(&mut child, index, column);
                        left += width;
                    }
                    focus_ring(ui, &response, rect.shrink(2.0), CornerRadius::same(6));
                }
            },
        );
        ui.spacing_mut().item_spacing = spacing;
        answer
    }

    fn widths(&self, width: f32) -> Vec<f32> {
        let fixed: f32 = self.columns.iter().map(|column| column.width).sum();
        let growing = self.columns.iter().filter(|column| column.grows).count().max(1) as f32;
        let more = ((width - fixed) / growing).max(0.0);
        self.columns.iter().map(|column| column.width + if column.grows { more } else { 0.0 }).collect()
    }

    fn header(&self, ui: &mut Ui, widths: &[f32], answer: &mut TableAnswer) {
        let tokens = tokens(ui);
        let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), row::NORMAL), Sense::hover());
        let mut left = rect.left();
        for (index, (column, &width)) in self.columns.iter().zip(widths).enumerate() {
            let cell = Rect::from_min_size(pos2(left, rect.top()), vec2(width, rect.height()));
            left += width;
            let sense = if column.sortable { Sense::click() } else { Sense::hover() };
            let response =
                ui.interact(cell, Id::unique((self.name, "column", index)).with(ui.scope_id()), sense);
            response.widget_info(|| WidgetInfo::labeled(Role::ColumnHeader, true, column.title));
            if response.clicked() {
                answer.sort = Some(index);
            }
            let color = if response.hovered() && column.sortable { tokens.text } else { tokens.text_muted };
            let (at, anchor) = if column.right {
                (cell.right_center() - vec2(10.0, 0.0), egui::Align2::RIGHT_CENTER)
            } else {
                (cell.left_center() + vec2(10.0, 0.0), egui::Align2::LEFT_CENTER)
            };
            let painter = ui.painter_at(cell);
            let words = paint_text(&painter, at, anchor, TextKind::LabelStrong, color, column.title);
            if let Some((sorted, descending)) = self.sorted
                && sorted == index
            {
                let icon = if descending { Icon::CaretDown } else { Icon::CaretUp };
                let x = if column.right { words.left() - 10.0 } else { words.right() + 10.0 };
                paint_icon(ui.painter(), pos2(x, cell.center().y), icon, 12.0, tokens.accent, true);
            }
            focus_ring(ui, &response, cell.shrink(2.0), CornerRadius::same(4));
        }
        ui.painter().hline(rect.x_range(), rect.bottom(), Stroke::new(1.0, tokens.line));
    }
}
