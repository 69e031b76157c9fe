//! PostgreSQL: the values of binds, in the binary format.

use crate::rows::{Value, private::Bind};

const BOOL: u32 = 16;
const BYTEA: u32 = 17;
const INT8: u32 = 20;
const INT2: u32 = 21;
const INT4: u32 = 23;
const TEXT: u32 = 25;
const VARCHAR: u32 = 1043;
const DATE: u32 = 1082;
const UUID: u32 = 2950;

/// The types of arrays, and those of their elements.
const ARRAYS: [(u32, u32); 9] = [
    (1000, BOOL),
    (1001, BYTEA),
    (1016, INT8),
    (1005, INT2),
    (1007, INT4),
    (1009, TEXT),
    (1015, VARCHAR),
    (1182, DATE),
    (2951, UUID),
];

/// `None`: of another type. Not even of `char(n)`: beside it, blanks at the end do not count.
pub(in crate::backend) fn of_bind(bind: &Bind) -> Option<Value<'_>> {
    match &bind.value {
        None => Some(Value::Null),
        Some(bytes) => of_type(bind.type_code, bytes),
    }
}

fn of_type(oid: u32, bytes: &[u8]) -> Option<Value<'_>> {
    match oid {
        INT2 => Some(Value::Integer(
            i16::from_be_bytes(bytes.try_into().ok()?).into(),
        )),
        INT4 => int4(bytes).map(|number| Value::Integer(number.into())),
        INT8 => Some(Value::Integer(
            i64::from_be_bytes(bytes.try_into().ok()?).into(),
        )),
        BOOL => match bytes {
            [0] => Some(Value::Bool(false)),
            [1] => Some(Value::Bool(true)),
            _ => None,
        },
        // The least and the greatest are infinite.
        DATE => match int4(bytes)? {
            i32::MIN | i32::MAX => None,
            days => Some(Value::Date(days)),
        },
        UUID => bytes.try_into().ok().map(Value::Uuid),
        TEXT | VARCHAR => Value::of_text(bytes),
        BYTEA => Some(Value::Bytes(bytes)),
        _ => None,
    }
}

fn int4(bytes: &[u8]) -> Option<i32> {
    bytes.try_into().ok().map(i32::from_be_bytes)
}

/// The elements of an array of one dimension, or of an empty one. `None` if there are more than `max`, too.
pub(in crate::backend) fn elements(bind: &Bind, max: usize) -> Option<Vec<Value<'_>>> {
    let (_, oid) = ARRAYS.iter().find(|(array, _)| *array == bind.type_code)?;
    let mut bytes = bind.value.as_deref()?;
    let mut next = || {
        let (number, rest) = bytes.split_first_chunk()?;
        bytes = rest;
        Some(i32::from_be_bytes(*number))
    };
    let (dimensions, _has_null, element) = (next()?, next()?, next()?);
    if u32::from_be_bytes(element.to_be_bytes()) != *oid {
        return None;
    }
    let count = match dimensions {
        0 => 0,
        1 => {
            let (count, _lower_bound) = (next()?, next()?);
            usize::try_from(count).ok()?
        }
        _ => return None,
    };
    if count > max {
        return None;
    }
    let mut elements = Vec::with_capacity(count);
    for _ in 0..count {
        let (length, rest) = bytes.split_first_chunk()?;
        bytes = rest;
        let length = i32::from_be_bytes(*length);
        if length == -1 {
            elements.push(Value::Null);
            continue;
        }
        let (element, rest) = bytes.split_at_checked(usize::try_from(length).ok()?)?;
        bytes = rest;
        elements.push(of_type(*oid, element)?);
    }
    bytes.is_empty().then_some(elements)
}

#[cfg(test)]
mod tests {
    use diesel::{
        data_types::PgDate,
        pg::{Pg, PgMetadataLookup, PgTypeMetadata},
        query_builder::QueryFragment,
        sql_query,
        sql_types::{
            Array, BigInt, Binary, Bool, Date, Double, Integer, Nullable, Oid, SmallInt, Text,
            Timestamp, VarChar,
        },
    };
    use proptest::prelude::*;

    use super::*;
    use crate::rows::CacheBackend;

    /// The types here are all built in.
    struct NoLookup;

    impl PgMetadataLookup for NoLookup {
        fn lookup_type(&mut self, _: &str, _: Option<&str>) -> PgTypeMetadata {
            unreachable!()
        }
    }

    fn bind_of(query: &impl QueryFragment<Pg>) -> Bind {
        let lookup: &mut (dyn PgMetadataLookup + 'static) = &mut NoLookup;
        let mut binds = Pg::binds(query, lookup, &mut ()).unwrap();
        assert_eq!(binds.len(), 1);
        binds.remove(0)
    }

    macro_rules! bind {
        ($sql_type:ty, $value:expr) => {
            bind_of(&sql_query("").bind::<$sql_type, _>($value))
        };
    }

    fn raw(type_code: u32, value: &[u8]) -> Bind {
        Bind {
            type_code,
            value: Some(value.to_vec()),
        }
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
    }

    #[test]
    fn k08_other_types_have_values_of_their_own() {
        assert!(of_bind(&bind!(Bool, true)) == Some(Value::Bool(true)));
        assert!(of_bind(&bind!(Bool, false)) == Some(Value::Bool(false)));
        for text in ["", "a", "A", "a ", "ä", "a\u{308}"] {
            assert!(of_bind(&bind!(Text, text)) == Some(Value::Text(text)));
            assert!(of_bind(&bind!(VarChar, text)) == Some(Value::Text(text)));
            assert!(
                of_bind(&bind!(Binary, text.as_bytes())) == Some(Value::Bytes(text.as_bytes()))
            );
        }
        assert!(of_bind(&bind!(Date, PgDate(-1))) == Value::of_date_text("1999-12-31"));
        assert!(of_bind(&raw(UUID, &[7; 16])) == Some(Value::Uuid([7; 16])));
        assert!(of_bind(&bind!(Nullable<Integer>, None::<i32>)) == Some(Value::Null));
    }

    #[test]
    fn k08_values_of_other_types_are_unknown() {
        let unknown = [
            bind!(Double, 1.0),
            bind!(Oid, 1_u32),
            bind!(Timestamp, diesel::data_types::PgTimestamp(0)),
            bind!(Date, PgDate(i32::MAX)),
            bind!(Date, PgDate(i32::MIN)),
            // Not of a known type, char(n), name, "char", numeric.
            raw(0, b"a"),
            raw(705, b"a"),
            raw(1042, b"a"),
            raw(19, b"a"),
            raw(18, b"a"),
            raw(1700, &[0; 8]),
        ];
        for bind in unknown {
            assert_eq!(of_bind(&bind), None, "{bind:?}");
        }
        for oid in [BOOL, INT2, INT4, INT8, DATE, UUID] {
            for bytes in [&b""[..], &[0; 3], &[0; 17]] {
                assert_eq!(of_bind(&raw(oid, bytes)), None, "{oid}");
            }
        }
        assert_eq!(of_bind(&raw(BOOL, &[2])), None);
        assert_eq!(of_bind(&raw(TEXT, &[0xff])), None);
    }

    #[test]
    fn k09_the_elements_of_arrays_are_values() {
        let all = |numbers: &[i128]| Some(numbers.iter().copied().map(Value::Integer).collect());
        let numbers = [5, -5];
        assert!(elements(&bind!(Array<Integer>, &numbers[..]), 2) == all(&[5, -5]));
        assert!(elements(&bind!(Array<SmallInt>, vec![5_i16, -5]), 2) == all(&[5, -5]));
        assert!(elements(&bind!(Array<BigInt>, vec![5_i64, -5]), 2) == all(&[5, -5]));
        assert!(elements(&bind!(Array<Integer>, Vec::<i32>::new()), 2) == all(&[]));
        let with_null = bind!(Array<Nullable<Text>>, vec![Some("a"), None]);
        assert!(elements(&with_null, 2) == Some(vec![Value::Text("a"), Value::Null]));
        let bytes = bind!(Array<Binary>, vec![b"a".to_vec()]);
        assert!(elements(&bytes, 2) == Some(vec![Value::Bytes(b"a")]));
        let uuids = array(2951, UUID, &[1, 1], &[Some(&[7; 16])]);
        assert!(elements(&uuids, 2) == Some(vec![Value::Uuid([7; 16])]));
    }

    fn array(oid: u32, element: u32, dimensions: &[i32], elements: &[Option<&[u8]>]) -> Bind {
        let mut bytes = Vec::new();
        let count = i32::try_from(dimensions.len() / 2).unwrap();
        bytes.extend(count.to_be_bytes());
        bytes.extend(0_i32.to_be_bytes());
        bytes.extend(element.to_be_bytes());
        bytes.extend(dimensions.iter().flat_map(|it| it.to_be_bytes()));
        for element in elements {
            let length = element.map_or(-1, |it| i32::try_from(it.len()).unwrap());
            bytes.extend(length.to_be_bytes());
            bytes.extend(element.unwrap_or_default());
        }
        raw(oid, &bytes)
    }

    #[test]
    fn k09_other_arrays_are_unknown() {
        let one = &1_i32.to_be_bytes()[..];
        let ones = &[Some(one), Some(one)];
        assert!(elements(&array(1007, INT4, &[2, 1], ones), 2).is_some());
        let unknown = [
            array(1007, INT4, &[3, 1], &[Some(one), None, None]),
            array(1007, INT8, &[2, 1], ones),
            array(1231, 1700, &[2, 1], ones),
            array(1014, 1042, &[2, 1], ones),
            array(1007, INT4, &[1, 1, 2, 1], ones),
            array(1007, INT4, &[1, 1], ones),
            array(1007, INT4, &[-1, 1], ones),
            array(1007, INT4, &[2, 1], &[Some(one)]),
            array(1007, INT4, &[2, 1], &[Some(one), Some(&one[..3])]),
            bind!(Integer, 1),
            bind!(Nullable<Array<Integer>>, None::<Vec<i32>>),
        ];
        for bind in unknown {
            assert_eq!(elements(&bind, 2), None, "{bind:?}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(code in 0_u32..3_000, known in 0_usize..18, bytes in any::<Vec<u8>>()) {
            let (array, element) = ARRAYS[known / 2];
            for code in [code, array, element] {
                let bind = raw(code, &bytes);
                _ = of_bind(&bind);
                _ = elements(&bind, 4);
            }
            let mut header = array.to_be_bytes().to_vec();
            header.extend(bytes);
            _ = elements(&raw(array, &header), 4);
        }
    }
}
