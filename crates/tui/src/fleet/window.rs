//! The spans of time over which rates and percentiles are shown.

use std::time::Duration;

/// A span that ends now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Window {
    /// 10 s.
    Seconds10,
    /// 60 s.
    #[default]
    Minute,
    /// 5 min.
    Minutes5,
    /// 1 h.
    Hour,
}

impl Window {
    /// All, the shortest first.
    pub const ALL: [Window; 4] = [
        Window::Seconds10,
        Window::Minute,
        Window::Minutes5,
        Window::Hour,
    ];

    /// Its length.
    pub const fn length(self) -> Duration {
        match self {
            Window::Seconds10 => Duration::from_secs(10),
            Window::Minute => Duration::from_mins(1),
            Window::Minutes5 => Duration::from_mins(5),
            Window::Hour => Duration::from_hours(1),
        }
    }

    /// As people write it.
    pub const fn label(self) -> &'static str {
        match self {
            Window::Seconds10 => "10s",
            Window::Minute => "60s",
            Window::Minutes5 => "5m",
            Window::Hour => "1h",
        }
    }
}
