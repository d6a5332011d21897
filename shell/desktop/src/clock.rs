//! Time as the desktop shows it. Pure: the host says what time it is.

use aether_protocol::UnixMillis;

const WEEKDAYS: [&str; 7] = ["Thursday", "Friday", "Saturday", "Sunday", "Monday", "Tuesday", "Wednesday"];
const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// A moment on the person's own clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Local {
    /// Year of the common era.
    pub year: i64,
    /// 1 to 12.
    pub month: u8,
    /// 1 to 31.
    pub day: u8,
    /// 0 to 23.
    pub hour: u8,
    /// 0 to 59.
    pub minute: u8,
    weekday: u8,
}

impl Local {
    /// `at` where the clock is `offset_minutes` ahead of UTC.
    pub fn new(at: UnixMillis, offset_minutes: i32) -> Self {
        let seconds = at.0.div_euclid(1000) + i64::from(offset_minutes) * 60;
        let days = seconds.div_euclid(86_400);
        let second = seconds.rem_euclid(86_400);
        // Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", civil_from_days.
        let z = days + 719_468;
        let era = z.div_euclid(146_097);
        let day_of_era = z.rem_euclid(146_097);
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted_month = (5 * day_of_year + 2) / 153;
        let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
        Self {
            year: year_of_era + era * 400 + i64::from(month <= 2),
            month: month as u8,
            day: (day_of_year - (153 * shifted_month + 2) / 5 + 1) as u8,
            hour: (second / 3600) as u8,
            minute: (second / 60 % 60) as u8,
            weekday: days.rem_euclid(7) as u8,
        }
    }

    /// "14:05"
    pub fn time(self) -> String {
        format!("{:02}:{:02}", self.hour, self.minute)
    }

    /// "Sun 22 Nov"
    pub fn short_date(self) -> String {
        let (weekday, month) = (self.weekday_name(), self.month_name());
        format!("{} {} {}", weekday.get(..3).unwrap_or(weekday), self.day, month.get(..3).unwrap_or(month))
    }

    /// "Sunday, 22 November"
    pub fn long_date(self) -> String {
        format!("{}, {} {}", self.weekday_name(), self.day, self.month_name())
    }

    fn weekday_name(self) -> &'static str {
        WEEKDAYS.get(usize::from(self.weekday)).copied().unwrap_or_default()
    }

    fn month_name(self) -> &'static str {
        MONTHS.get(usize::from(self.month).wrapping_sub(1)).copied().unwrap_or_default()
    }
}

/// Milliseconds until the clock shows the next minute.
pub fn until_next_minute_ms(at: UnixMillis) -> u64 {
    60_000 - u64::try_from(at.0.rem_euclid(60_000)).unwrap_or(0)
}

/// "just now", "4 min ago", "3 h ago", "2 d ago"
pub fn ago(at: UnixMillis, now: UnixMillis) -> String {
    let minutes = now.since_ms(at) / 60_000;
    match minutes {
        0 => "just now".into(),
        1..60 => format!("{minutes} min ago"),
        60..1440 => format!("{} h ago", minutes / 60),
        _ => format!("{} d ago", minutes / 1440),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64, offset: i32) -> Local {
        Local::new(UnixMillis(millis), offset)
    }

    #[test]
    fn known_moments() {
        assert_eq!(at(0, 0).long_date(), "Thursday, 1 January");
        let sunday = at(1_795_354_323_000, 0);
        assert_eq!((sunday.year, sunday.short_date().as_str()), (2026, "Sun 22 Nov"));
        assert_eq!(sunday.time(), "13:32");
        assert_eq!(at(951_782_400_000, 0).long_date(), "Tuesday, 29 February", "2000 was a leap year");
    }

    #[test]
    fn an_offset_can_change_the_day() {
        assert_eq!(at(0, -60).long_date(), "Wednesday, 31 December");
        assert_eq!(at(0, -60).year, 1969);
        assert_eq!(at(0, 330).time(), "05:30");
    }

    #[test]
    fn the_next_minute_is_at_most_a_minute_away() {
        assert_eq!(until_next_minute_ms(UnixMillis(60_000)), 60_000);
        assert_eq!(until_next_minute_ms(UnixMillis(119_999)), 1);
    }

    #[test]
    fn relative_times() {
        let now = UnixMillis(10 * 86_400_000);
        let before = |minutes: i64| ago(UnixMillis(now.0 - minutes * 60_000), now);
        assert_eq!(before(0), "just now");
        assert_eq!(before(59), "59 min ago");
        assert_eq!(before(61), "1 h ago");
        assert_eq!(before(3000), "2 d ago");
        assert_eq!(ago(UnixMillis(now.0 + 5), now), "just now");
    }
}
