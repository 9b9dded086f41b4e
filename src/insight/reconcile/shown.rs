//! A figure as Partner Center shows it: points with the decimals that were written, and what of ours it stands for.

use std::fmt;

use crate::score::{DECIMALS, Points};

/// Points and how many decimals they were written with, at most those that ours have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Shown {
    pub points: Points,
    pub decimals: u32,
}

impl Shown {
    /// Reads `71`, `71.3` or `71.30`; None for anything else. Decimals beyond ours are rounded half up, as ours are.
    pub fn parse(text: &str) -> Option<Shown> {
        let (whole, decimals) = match text.split_once('.') {
            Some((_, "")) => return None,
            Some((whole, decimals)) => (whole, decimals),
            None => (text, ""),
        };
        let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || !all_digits(whole) || !all_digits(decimals) {
            return None;
        }
        let kept: String =
            decimals.chars().chain("0".repeat(DECIMALS as usize).chars()).take(DECIMALS as usize).collect();
        let rounds_up = decimals.as_bytes().get(DECIMALS as usize).is_some_and(|digit| *digit >= b'5');
        let units = format!("{whole}{kept}").parse::<i64>().ok()?.checked_add(i64::from(rounds_up))?;
        let decimals = u32::try_from(decimals.len()).unwrap_or(DECIMALS).min(DECIMALS);
        Some(Shown { points: Points(units), decimals })
    }

    /// Whether ours, rounded half up or cut off to the decimals written, is this figure.
    pub fn matches(self, ours: Points) -> bool {
        let step = self.step();
        let cut = ours.0 / step * step;
        let rounded = if ours.0 % step * 2 >= step { cut + step } else { cut };
        self.points.0 == cut || self.points.0 == rounded
    }

    /// The same points without the zeros that a spreadsheet may have added.
    pub fn without_zeros(self) -> Shown {
        let shorter = |decimals: &u32| self.points.0 % Shown { decimals: *decimals, ..self }.step() == 0;
        Shown { decimals: (0..self.decimals).find(shorter).unwrap_or(self.decimals), ..self }
    }

    /// Units of ours that the last decimal written stands for.
    fn step(self) -> i64 {
        10_i64.pow(DECIMALS.saturating_sub(self.decimals))
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.*}", self.decimals as usize, self.points.to_f64())
    }
}
