use plotters::style::RGBColor;

/// Colours that people who see colours otherwise can tell apart (Okabe and Ito).
pub(super) const OURS: RGBColor = RGBColor(0, 114, 178);
pub(super) const PLAIN: RGBColor = RGBColor(213, 94, 0);
pub(super) const MISS: RGBColor = RGBColor(0, 158, 115);
pub(super) const OTHER: RGBColor = RGBColor(204, 121, 167);

pub(super) const INK: RGBColor = RGBColor(40, 44, 52);
pub(super) const FAINT: RGBColor = RGBColor(110, 116, 126);
pub(super) const GRID: RGBColor = RGBColor(228, 231, 235);

pub(super) const FONT: &str = "Helvetica, Arial, sans-serif";

/// A number as people read it: three digits that count, thousands apart.
pub(super) fn number(value: f64) -> String {
    let decimals = match value.abs() {
        it if it >= 100.0 => 0,
        it if it >= 10.0 => 1,
        _ => 2,
    };
    let text = format!("{value:.decimals$}");
    let (whole, fraction) = text.split_at(text.find('.').unwrap_or(text.len()));
    let digits = whole.len();
    let mut spaced = String::new();
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && (digits - place).is_multiple_of(3) && digit.is_ascii_digit() {
            spaced.push(',');
        }
        spaced.push(digit);
    }
    spaced + fraction
}

/// A number of a scale's mark, without needless zeros.
pub(super) fn mark(value: f64) -> String {
    let text = number(value);
    if text.contains('.') {
        return text.trim_end_matches('0').trim_end_matches('.').to_owned();
    }
    text
}

/// `1 row`, `100 rows`.
pub(super) fn counted(count: impl TryInto<i64>, noun: &str) -> String {
    let count = count.try_into().unwrap_or(i64::MAX);
    let ending = if count == 1 { "" } else { "s" };
    #[allow(clippy::cast_precision_loss, reason = "a small number")]
    let number = mark(count as f64);
    format!("{number} {noun}{ending}")
}
