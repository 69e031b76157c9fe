//! MySQL: the values of binds, as Diesel gives them to the client library.

use diesel::mysql::MysqlType;

use super::rows::type_of;
use crate::rows::{Value, private::Bind};

/// `None`: of another type. Numbers are in the machine's byte order.
pub(in crate::backend) fn of_bind(bind: &Bind) -> Option<Value<'_>> {
    let Some(bytes) = bind.value.as_deref() else {
        return Some(Value::Null);
    };
    let integer = match type_of(bind.type_code)? {
        MysqlType::Tiny => i8::from_ne_bytes(bytes.try_into().ok()?).into(),
        MysqlType::UnsignedTiny => u8::from_ne_bytes(bytes.try_into().ok()?).into(),
        MysqlType::Short => i16::from_ne_bytes(bytes.try_into().ok()?).into(),
        MysqlType::UnsignedShort => u16::from_ne_bytes(bytes.try_into().ok()?).into(),
        MysqlType::Long => i32::from_ne_bytes(bytes.try_into().ok()?).into(),
        MysqlType::UnsignedLong => u32::from_ne_bytes(bytes.try_into().ok()?).into(),
        MysqlType::LongLong => i64::from_ne_bytes(bytes.try_into().ok()?).into(),
        MysqlType::UnsignedLongLong => u64::from_ne_bytes(bytes.try_into().ok()?).into(),
        MysqlType::Date => return date(bytes),
        // It may be compared with a UUID or a date, as a literal may.
        MysqlType::String => return std::str::from_utf8(bytes).ok().map(Value::Untyped),
        MysqlType::Blob => return Some(Value::Bytes(bytes)),
        _ => return None,
    };
    Some(Value::Integer(integer))
}

/// The client library's `MYSQL_TIME` begins with year, month, day, hour, minute and second. A date has no others than
/// the first three.
fn date(bytes: &[u8]) -> Option<Value<'_>> {
    let (year, rest) = bytes.split_first_chunk()?;
    let (month, rest) = rest.split_first_chunk()?;
    let (day, rest) = rest.split_first_chunk()?;
    let (time, _) = rest.split_at_checked(3 * size_of::<std::ffi::c_uint>())?;
    if time.iter().any(|byte| *byte != 0) {
        return None;
    }
    let [year, month, day] = [year, month, day].map(|part| std::ffi::c_uint::from_ne_bytes(*part));
    Value::of_day(year, month, day)
}

#[cfg(test)]
mod tests {
    use diesel::{
        mysql::{
            Mysql,
            data_types::{MysqlTime, MysqlTimestampType},
        },
        query_builder::QueryFragment,
        sql_query,
        sql_types::{
            BigInt, Binary, Bool, Date, Datetime, Double, Integer, Nullable, SmallInt, Text,
            TinyInt, Unsigned,
        },
    };
    use proptest::prelude::*;

    use super::*;
    use crate::rows::CacheBackend;

    fn bind_of(query: &impl QueryFragment<Mysql>) -> Bind {
        let mut binds = Mysql::binds(query, &mut (), &mut ()).unwrap();
        assert_eq!(binds.len(), 1);
        binds.remove(0)
    }

    macro_rules! bind {
        ($sql_type:ty, $value:expr) => {
            bind_of(&sql_query("").bind::<$sql_type, _>($value))
        };
    }

    fn day(year: u32, month: u32, day: u32, hour: u32) -> MysqlTime {
        let kind = MysqlTimestampType::MYSQL_TIMESTAMP_DATE;
        MysqlTime::new(year, month, day, hour, 0, 0, 0, false, kind, 0)
    }

    #[test]
    fn k08_integers_of_all_widths_are_the_same() {
        for number in [0, 1, -1, i8::MAX, i8::MIN] {
            let value = Some(Value::Integer(number.into()));
            assert!(of_bind(&bind!(TinyInt, number)) == value);
            assert!(of_bind(&bind!(SmallInt, i16::from(number))) == value);
            assert!(of_bind(&bind!(Integer, i32::from(number))) == value);
            assert!(of_bind(&bind!(BigInt, i64::from(number))) == value);
        }
        for number in [0, 1, u8::MAX] {
            let value = Some(Value::Integer(number.into()));
            assert!(of_bind(&bind!(Unsigned<TinyInt>, number)) == value);
            assert!(of_bind(&bind!(Unsigned<SmallInt>, u16::from(number))) == value);
            assert!(of_bind(&bind!(Unsigned<Integer>, u32::from(number))) == value);
            assert!(of_bind(&bind!(Unsigned<BigInt>, u64::from(number))) == value);
        }
        let largest = bind!(Unsigned<BigInt>, u64::MAX);
        assert!(of_bind(&largest) == Some(Value::Integer(u64::MAX.into())));
        assert!(of_bind(&bind!(BigInt, -1)) == Some(Value::Integer(-1)));
        // Diesel gives more bytes than the type has.
        assert_eq!(of_bind(&bind!(Bool, true)), None);
    }

    #[test]
    fn k08_other_types_have_values_of_their_own() {
        for text in ["", "a", "A", "a ", "ä", "a\u{308}"] {
            assert!(of_bind(&bind!(Text, text)) == Some(Value::Untyped(text)));
            assert!(
                of_bind(&bind!(Binary, text.as_bytes())) == Some(Value::Bytes(text.as_bytes()))
            );
        }
        let date = Value::of_date_text("2024-02-29");
        assert!(date.is_some() && of_bind(&bind!(Date, day(2024, 2, 29, 0))) == date);
        assert!(of_bind(&bind!(Nullable<Integer>, None::<i32>)) == Some(Value::Null));
    }

    #[test]
    fn k08_values_of_other_types_are_unknown() {
        for bind in [
            bind!(Double, 1.0),
            bind!(Datetime, day(2024, 2, 29, 0)),
            bind!(Date, day(2024, 2, 29, 1)),
            bind!(Date, day(2023, 2, 29, 0)),
            bind!(Date, day(0, 0, 0, 0)),
        ] {
            assert_eq!(of_bind(&bind), None, "{bind:?}");
        }
        let raw = |type_code, value: &[u8]| Bind {
            type_code,
            value: Some(value.to_vec()),
        };
        for code in (0..30).filter(|code| ![16, 17].contains(code)) {
            for bytes in [&b""[..], &[0; 3], &[0; 11]] {
                assert_eq!(of_bind(&raw(code, bytes)), None, "{code}");
            }
        }
        assert_eq!(of_bind(&raw(16, &[0xff])), None);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(type_code in 0_u32..30, bytes in any::<Vec<u8>>()) {
            _ = of_bind(&Bind { type_code, value: Some(bytes) });
        }
    }
}
