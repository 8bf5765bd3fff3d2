//! Ranges that limit integers, floats, sizes and points in time.

use std::hash::{Hash, Hasher};

/// Inclusive range of integers; `None` is without limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct IntRange {
    pub from: Option<i64>,
    pub to: Option<i64>,
}

impl IntRange {
    /// Sizes of collections: zero and up.
    pub const SIZE: IntRange = IntRange { from: Some(0), to: None };

    /// `from..=to`.
    pub fn new(from: i64, to: i64) -> IntRange {
        IntRange { from: Some(from), to: Some(to) }
    }

    /// Exactly `n`.
    pub fn exactly(n: usize) -> IntRange {
        let n = n as i64;
        IntRange::new(n, n)
    }

    /// At least `from`.
    pub fn at_least(from: i64) -> IntRange {
        IntRange { from: Some(from), to: None }
    }

    /// Whether nothing limits it.
    pub fn is_unbounded(self) -> bool {
        self.from.is_none() && self.to.is_none()
    }

    /// Whether `n` is in it.
    pub fn contains(self, n: i64) -> bool {
        self.from.is_none_or(|from| from <= n) && self.to.is_none_or(|to| n <= to)
    }

    /// Whether all of `other` is in it.
    pub fn covers(self, other: IntRange) -> bool {
        lower(self.from) <= lower(other.from) && upper(self.to) >= upper(other.to)
    }

    /// Smallest range with both in it.
    pub fn span(self, other: IntRange) -> IntRange {
        IntRange {
            from: self.from.zip(other.from).map(|(a, b)| a.min(b)),
            to: self.to.zip(other.to).map(|(a, b)| a.max(b)),
        }
    }

    /// Both as one range when they overlap or touch.
    pub fn merge(self, other: IntRange) -> Option<IntRange> {
        let apart =
            |a: IntRange, b: IntRange| a.to.zip(b.from).is_some_and(|(to, from)| to.saturating_add(1) < from);
        (!apart(self, other) && !apart(other, self)).then(|| self.span(other))
    }

    /// As a limit of sizes: never below zero.
    pub fn to_size(self) -> IntRange {
        match self.from {
            Some(from) if from >= 0 => self,
            _ => IntRange { from: Some(0), to: self.to.map(|to| to.max(0)) },
        }
    }
}

fn lower(bound: Option<i64>) -> i128 {
    bound.map_or(i128::MIN, i128::from)
}

fn upper(bound: Option<i64>) -> i128 {
    bound.map_or(i128::MAX, i128::from)
}

/// Inclusive range of floats; without limit where infinite.
#[derive(Clone, Copy, Debug)]
pub struct FloatRange {
    pub from: f64,
    pub to: f64,
}

impl FloatRange {
    /// Without limits.
    pub const ALL: FloatRange = FloatRange { from: f64::NEG_INFINITY, to: f64::INFINITY };

    /// Whether nothing limits it.
    pub fn is_unbounded(self) -> bool {
        self == FloatRange::ALL
    }

    /// Whether `x` is in it.
    pub fn contains(self, x: f64) -> bool {
        self.from <= x && x <= self.to
    }

    /// Whether all of `other` is in it.
    pub fn covers(self, other: FloatRange) -> bool {
        self.from <= other.from && self.to >= other.to
    }

    /// Smallest range with both in it.
    pub fn span(self, other: FloatRange) -> FloatRange {
        FloatRange { from: self.from.min(other.from), to: self.to.max(other.to) }
    }

    /// Both as one range when they overlap.
    pub fn merge(self, other: FloatRange) -> Option<FloatRange> {
        (self.to >= other.from && other.to >= self.from).then(|| self.span(other))
    }
}

impl PartialEq for FloatRange {
    fn eq(&self, other: &FloatRange) -> bool {
        self.from.to_bits() == other.from.to_bits() && self.to.to_bits() == other.to.to_bits()
    }
}

impl Eq for FloatRange {}

impl Hash for FloatRange {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.from.to_bits().hash(state);
        self.to.to_bits().hash(state);
    }
}

/// Inclusive range of nanoseconds (since the epoch, or of a span); `None` is without limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct TimeRange {
    pub from: Option<i128>,
    pub to: Option<i128>,
}

impl TimeRange {
    /// Exactly `at`.
    pub fn exactly(at: i128) -> TimeRange {
        TimeRange { from: Some(at), to: Some(at) }
    }

    /// Whether nothing limits it.
    pub fn is_unbounded(self) -> bool {
        self.from.is_none() && self.to.is_none()
    }

    /// Whether `at` is in it.
    pub fn contains(self, at: i128) -> bool {
        self.from.is_none_or(|from| from <= at) && self.to.is_none_or(|to| at <= to)
    }

    /// Whether all of `other` is in it.
    pub fn covers(self, other: TimeRange) -> bool {
        self.from.unwrap_or(i128::MIN) <= other.from.unwrap_or(i128::MIN)
            && self.to.unwrap_or(i128::MAX) >= other.to.unwrap_or(i128::MAX)
    }

    /// Both as one range when they overlap.
    pub fn merge(self, other: TimeRange) -> Option<TimeRange> {
        let apart = |a: TimeRange, b: TimeRange| a.to.zip(b.from).is_some_and(|(to, from)| to < from);
        (!apart(self, other) && !apart(other, self)).then(|| TimeRange {
            from: self.from.zip(other.from).map(|(a, b)| a.min(b)),
            to: self.to.zip(other.to).map(|(a, b)| a.max(b)),
        })
    }
}
