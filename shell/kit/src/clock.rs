//! The wall clock, and moments as people write them.

use aether_protocol::UnixMillis;
use jiff::{Timestamp, Zoned, tz::TimeZone};

/// The moment, by this device's clock.
pub fn now() -> UnixMillis {
    let since = web_time::SystemTime::now().duration_since(web_time::UNIX_EPOCH).unwrap_or_default();
    UnixMillis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

#[cfg(not(target_arch = "wasm32"))]
fn zone(_moment: UnixMillis) -> TimeZone {
    TimeZone::system()
}

#[cfg(target_arch = "wasm32")]
fn zone(moment: UnixMillis) -> TimeZone {
    let date = js_sys::Date::new(&(moment.0 as f64).into());
    let seconds = -(date.get_timezone_offset() * 60.0) as i32;
    jiff::tz::Offset::from_seconds(seconds).map_or(TimeZone::UTC, TimeZone::fixed)
}

pub(crate) fn local(moment: UnixMillis) -> Option<Zoned> {
    Timestamp::from_millisecond(moment.0).ok().map(|at| at.to_zoned(zone(moment)))
}

/// `22 Nov 2026, 13:05:09`, in this device's time zone.
pub fn absolute_time(moment: UnixMillis) -> String {
    local(moment).map_or_else(|| "unknown".to_owned(), |at| at.strftime("%-d %b %Y, %H:%M:%S").to_string())
}

/// `13:05`, in this device's time zone.
pub fn clock_time(moment: UnixMillis) -> String {
    local(moment).map_or_else(|| "--:--".to_owned(), |at| at.strftime("%H:%M").to_string())
}
