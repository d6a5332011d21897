//! The widgets that apps share, one small file each.

mod avatar;
mod banner;
mod button;
mod card;
mod chip;
mod code;
mod field;
mod list_row;
mod phase;
mod progress;
mod segmented;
mod select;
mod sheet;
mod shortcut;
mod side_bar;
mod slider;
mod states;
mod table;
mod tabs;
mod tile;
mod toast;
mod toggle;

pub use avatar::avatar;
pub use banner::{Banner, BannerAnswer};
pub use button::{Button, ButtonKind, IconButton, icon_button, link};
pub use card::{Card, hairline, section_heading};
pub use chip::{Chip, badge, dot};
pub use code::code_block;
pub use field::TextField;
pub use list_row::ListRow;
pub use phase::{phase_bar, phase_chip, phase_color, phase_dot, phase_name};
pub use progress::{meter, progress_bar};
pub use segmented::segmented;
pub use select::{SelectOption, select};
pub use sheet::{Sheet, SheetAnswer};
pub use shortcut::shortcut;
pub use side_bar::{SideItem, side_bar, split_side};
pub use slider::slider;
pub use states::{EmptyState, ErrorState, skeleton, skeleton_rows};
pub use table::{Column, Table, TableAnswer};
pub use tabs::{TabAnswer, tabs, tabs_closable};
pub use tile::{AppTile, Hue};
pub use toast::{Toast, ToastAnswer};
pub use toggle::{checkbox, toggle};

#[cfg(test)]
mod tests;
