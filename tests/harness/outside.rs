//! A clock that runs beside the real one, and chance that never repeats.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use p0::domain::outside::Outside;
use p0::domain::time::{Clock, Span, Time};

/// The real time, put forward or back by a fixed span.
pub struct Wall(pub Span);

impl Clock for Wall {
    fn now(&self) -> Time {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
        Time(i64::try_from(since.as_millis()).expect("before the year 292 million")) + self.0
    }
}

static NEXT: AtomicU64 = AtomicU64::new(1);

impl Outside for Wall {
    fn random(&self) -> u128 {
        u128::from(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

/// A number that no other test of this run has.
pub fn unique() -> u64 {
    NEXT.fetch_add(1, Ordering::Relaxed)
}
