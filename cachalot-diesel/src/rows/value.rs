//! The values of binds, as far as two of them can be compared without the database.

use std::fmt;

/// A value of a type that a table can be told apart by.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Value<'a> {
    Null,
    Integer(i128),
    Bool(bool),
    Uuid([u8; 16]),
    /// Days since 2000-01-01.
    Date(i32),
    Text(&'a str),
    /// A text that the database takes for a value of the other side's type.
    Untyped(&'a str),
    Bytes(&'a [u8]),
}

/// Without the value, which is the program's own.
impl fmt::Debug for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Null => "Null",
            Self::Integer(_) => "Integer",
            Self::Bool(_) => "Bool",
            Self::Uuid(_) => "Uuid",
            Self::Date(_) => "Date",
            Self::Text(_) => "Text",
            Self::Untyped(_) => "Untyped",
            Self::Bytes(_) => "Bytes",
        })
    }
}

impl<'a> Value<'a> {
    /// A day of the calendar. Years of fewer or more than four digits are not told: their spelling is not certain.
    pub(crate) fn of_day(year: u32, month: u32, day: u32) -> Option<Self> {
        /// From 0000-03-01 to 2000-01-01.
        const OFFSET: u32 = 730_425;
        let is_leap =
            year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
        let last = match month {
            2 if is_leap => 29,
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        };
        let exists =
            (1000..=9999).contains(&year) && (1..=12).contains(&month) && (1..=last).contains(&day);
        if !exists {
            return None;
        }
        // A year that begins in March ends with the day that not all years have.
        let (year, month) = match month {
            1 | 2 => (year - 1, month + 9),
            _ => (year, month - 3),
        };
        let leap_days = year / 4 - year / 100 + year / 400;
        let days = 365 * year + leap_days + (153 * month + 2) / 5 + day - 1;
        Some(Self::Date(
            i32::try_from(days).ok()? - i32::try_from(OFFSET).ok()?,
        ))
    }

    /// A day as `2000-01-31`.
    pub(crate) fn of_date_text(text: &str) -> Option<Self> {
        let (year, rest) = text.split_once('-')?;
        let (month, day) = rest.split_once('-')?;
        let number = |digits: &str, count| {
            let plain = digits.len() == count && digits.bytes().all(|byte| byte.is_ascii_digit());
            plain.then(|| digits.parse().ok()).flatten()
        };
        Self::of_day(number(year, 4)?, number(month, 2)?, number(day, 2)?)
    }

    /// A UUID as `6b8f3a1e-…`, with the usual four hyphens.
    pub(crate) fn of_uuid_text(text: &str) -> Option<Self> {
        let mut groups = text.split('-');
        let mut digits = String::with_capacity(32);
        for count in [8, 4, 4, 4, 12] {
            let group = groups.next()?;
            let plain = group.len() == count && group.bytes().all(|byte| byte.is_ascii_hexdigit());
            digits.push_str(plain.then_some(group)?);
        }
        if groups.next().is_some() {
            return None;
        }
        let number = u128::from_str_radix(&digits, 16).ok()?;
        Some(Self::Uuid(number.to_be_bytes()))
    }

    pub(crate) fn of_text(bytes: &'a [u8]) -> Option<Self> {
        std::str::from_utf8(bytes).ok().map(Self::Text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_counted_as_the_calendar_does() {
        for (text, days) in [
            ("2000-01-01", 0),
            ("2000-01-02", 1),
            ("1999-12-31", -1),
            ("2000-02-29", 59),
            ("2000-03-01", 60),
            ("2001-01-01", 366),
            ("1970-01-01", -10_957),
            ("1900-03-01", -36_465),
            ("2024-12-31", 9_131),
        ] {
            assert!(
                Value::of_date_text(text) == Some(Value::Date(days)),
                "{text}"
            );
        }
        let mut next = None;
        for year in 1000..=9999 {
            for month in 1..=12 {
                for day in 1..=31 {
                    let Some(Value::Date(days)) = Value::of_day(year, month, day) else {
                        continue;
                    };
                    assert!(next.is_none_or(|next| next == days), "{year}-{month}-{day}");
                    next = Some(days + 1);
                }
            }
        }
    }

    #[test]
    fn a_date_in_another_spelling_is_unknown() {
        for text in [
            "",
            "-",
            "--",
            "2000-1-1",
            "2000-01-01 ",
            " 2000-01-01",
            "2000-01-1x",
            "20000101",
            "2000-13-01",
            "2000-00-01",
            "2000-01-00",
            "2000-01-32",
            "1900-02-29",
            "2001-02-29",
            "2000-04-31",
            "0000-01-01",
            "0070-01-01",
            "12000-01-01",
            "2000-01-01-01",
            "+200-01-01",
            "2000-01-01T00:00:00",
            "2000-01-01 BC",
            "infinity",
            "today",
            "２000-01-01",
        ] {
            assert!(Value::of_date_text(text).is_none(), "{text}");
        }
    }

    #[test]
    fn a_uuid_has_one_spelling_but_for_case() {
        let uuid = Value::of_uuid_text("00112233-4455-6677-8899-aabbccddeeff");
        let bytes = [
            0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd,
            0xee, 0xff,
        ];
        assert!(uuid == Some(Value::Uuid(bytes)));
        assert!(uuid == Value::of_uuid_text("00112233-4455-6677-8899-AABBCCDDEEFF"));
        for text in [
            "",
            "00112233445566778899aabbccddeeff",
            "{00112233-4455-6677-8899-aabbccddeeff}",
            "00112233-4455-6677-8899-aabbccddeef",
            "00112233-4455-6677-8899-aabbccddeefff",
            "00112233-4455-6677-8899-aabbccddeef ",
            "00112233-4455-6677-8899-aabbccddeeff-",
            "0011-2233-4455-6677-8899-aabb-ccdd-eeff",
            "+0112233-4455-6677-8899-aabbccddeeff",
            "0011223é-4455-6677-8899-aabbccddeeff",
            "g0112233-4455-6677-8899-aabbccddeeff",
        ] {
            assert!(Value::of_uuid_text(text).is_none(), "{text}");
        }
    }

    #[test]
    fn values_are_not_shown() {
        assert_eq!(format!("{:?}", Value::Text("secret")), "Text");
    }
}
