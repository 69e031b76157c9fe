//! SQLite: the values of binds, by storage class.

use super::rows::{BLOB, INTEGER, TEXT};
use crate::rows::{Value, private::Bind};

/// `None`: of another class.
pub(in crate::backend) fn of_bind(bind: &Bind) -> Option<Value<'_>> {
    let Some(bytes) = bind.value.as_deref() else {
        return Some(Value::Null);
    };
    match u8::try_from(bind.type_code).ok()? {
        INTEGER => {
            let number = i64::from_le_bytes(bytes.try_into().ok()?);
            Some(Value::Integer(number.into()))
        }
        TEXT => Value::of_text(bytes),
        BLOB => Some(Value::Bytes(bytes)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use diesel::{
        query_builder::QueryFragment,
        sql_query,
        sql_types::{BigInt, Binary, Bool, Double, Integer, Nullable, SmallInt, Text},
        sqlite::Sqlite,
    };
    use proptest::prelude::*;

    use super::*;
    use crate::rows::CacheBackend;

    fn bind_of(query: &impl QueryFragment<Sqlite>) -> Bind {
        let mut binds =
            Sqlite::with_reader(|reader| Sqlite::binds(query, &mut (), reader)).unwrap();
        assert_eq!(binds.len(), 1);
        binds.remove(0)
    }

    macro_rules! bind {
        ($sql_type:ty, $value:expr) => {
            bind_of(&sql_query("").bind::<$sql_type, _>($value))
        };
    }

    #[test]
    fn k08_integers_of_all_widths_are_the_same() {
        for number in [0, 1, -1, i16::MAX, i16::MIN] {
            let value = Some(Value::Integer(number.into()));
            assert!(of_bind(&bind!(SmallInt, number)) == value);
            assert!(of_bind(&bind!(Integer, i32::from(number))) == value);
            assert!(of_bind(&bind!(BigInt, i64::from(number))) == value);
        }
        for number in [i64::MIN, i64::MAX, (1 << 53) + 1] {
            assert!(of_bind(&bind!(BigInt, number)) == Some(Value::Integer(number.into())));
        }
        assert!(of_bind(&bind!(Bool, true)) == Some(Value::Integer(1)));
    }

    #[test]
    fn k08_other_classes_have_values_of_their_own() {
        for text in ["", "a", "A", "a ", "ä", "a\u{308}", "5"] {
            assert!(of_bind(&bind!(Text, text)) == Some(Value::Text(text)));
            assert!(
                of_bind(&bind!(Binary, text.as_bytes())) == Some(Value::Bytes(text.as_bytes()))
            );
        }
        assert!(of_bind(&bind!(Nullable<Integer>, None::<i32>)) == Some(Value::Null));
        assert_eq!(of_bind(&bind!(Double, 5.0)), None);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(type_code in 0_u32..300, bytes in any::<Vec<u8>>()) {
            _ = of_bind(&Bind { type_code, value: Some(bytes) });
        }
    }
}
