use std::sync::Arc;

use super::*;

/// All classes, with limits that matter.
const CLASSES: [Class; 9] = [
    Class::signed(16),
    Class::signed(64),
    Class::unsigned(64),
    Class::Uuid,
    Class::Bool,
    Class::Date,
    Class::Text { max: Some(4) },
    Class::Bytes {
        min: 0,
        max: Some(4),
    },
    Class::Bytes { min: 3, max: None },
];

fn canonical(dialect: Dialect, class: Class, value: Value<'_>) -> Option<Vec<u8>> {
    let values = KeyValues {
        dialect,
        binds: &[],
        exact_texts: true,
    };
    values.canonical(class, &value).map(Cow::into_owned)
}

fn integer(number: i128) -> Value<'static> {
    Value::Integer(number)
}

const UUID: &str = "00112233-4455-6677-8899-aabbccddeeff";

#[test]
fn k08_values_of_a_class_have_bytes_of_their_own_and_all_others_have_none() {
    let long = "x".repeat(5);
    let values = [
        Value::Null,
        integer(0),
        integer(-1),
        integer(1),
        integer((1 << 53) + 1),
        integer(1 << 53),
        integer(i64::MAX.into()),
        integer(i64::MIN.into()),
        integer(u64::MAX.into()),
        integer(i128::from(u64::MAX) + 1),
        integer(i128::MIN),
        Value::Bool(false),
        Value::Bool(true),
        Value::Uuid([0; 16]),
        Value::Uuid([1; 16]),
        Value::Date(0),
        Value::Date(1),
        Value::Date(-1),
        Value::Text(""),
        Value::Text(" "),
        Value::Text("a"),
        Value::Text("A"),
        Value::Text("a "),
        Value::Text("ä"),
        Value::Text("a\u{308}"),
        Value::Text("0"),
        Value::Text(&long),
        Value::Untyped("true"),
        Value::Bytes(b""),
        Value::Bytes(b"a"),
        Value::Bytes(b"a\0\0"),
        Value::Bytes(b"abcd"),
        Value::Bytes(b"abcde"),
    ];
    for dialect in Dialect::ALL {
        // How many of them are of the class.
        for (class, count) in CLASSES.into_iter().zip([3, 7, 6, 2, 2, 3, 9, 4, 3]) {
            let known: Vec<_> = values
                .iter()
                .filter_map(|value| canonical(dialect, class, *value))
                .collect();
            assert_eq!(known.len(), count, "{class:?}");
            let distinct: BTreeSet<_> = known.iter().collect();
            assert_eq!(distinct.len(), count, "{class:?}");
        }
    }
}

#[test]
fn k08_a_text_without_a_type_is_a_value_of_the_class_in_its_usual_spelling_only() {
    let of = |class, text| canonical(Dialect::Postgres, class, Value::Untyped(text));
    assert_eq!(
        of(Class::Uuid, UUID),
        canonical(
            Dialect::Postgres,
            Class::Uuid,
            Value::of_uuid_text(UUID).unwrap()
        )
    );
    assert_eq!(
        of(Class::Date, "2000-01-02"),
        canonical(Dialect::Postgres, Class::Date, Value::Date(1))
    );
    assert_eq!(
        of(Class::Text { max: None }, "a"),
        canonical(
            Dialect::Postgres,
            Class::Text { max: None },
            Value::Text("a")
        )
    );
    for (class, text) in [
        (Class::Uuid, "{00112233-4455-6677-8899-aabbccddeeff}"),
        (Class::Date, "2000-1-2"),
        (Class::Date, "today"),
        (Class::Bool, "true"),
        (Class::signed(64), "5"),
        (Class::Bytes { min: 0, max: None }, "\\x00"),
    ] {
        assert_eq!(of(class, text), None, "{text}");
    }
    // What has a type is compared by it.
    let typed = canonical(Dialect::Postgres, Class::Uuid, Value::Text(UUID));
    assert_eq!(typed, None);
}

#[test]
fn k08_texts_are_unknown_where_they_are_not_sent_as_they_are() {
    let class = Class::Text { max: None };
    let text = [KeyValue::Text(Arc::from("a"))];
    for exact_texts in [true, false] {
        let values = KeyValues {
            dialect: Dialect::Postgres,
            binds: &[],
            exact_texts,
        };
        assert_eq!(values.read_key("k", class, &text).is_some(), exact_texts);
        assert_eq!(
            values.written_buckets("k", class, &text).is_some(),
            exact_texts
        );
    }
    for replaced in ["\u{feff}", "a\u{fffe}", "\u{ffff}"] {
        assert_eq!(
            canonical(Dialect::Sqlite, class, Value::Text(replaced)),
            None
        );
        assert!(canonical(Dialect::Postgres, class, Value::Text(replaced)).is_some());
    }
}

#[test]
fn a_read_has_the_bucket_of_each_value_and_so_has_a_write() {
    let values = KeyValues {
        dialect: Dialect::Sqlite,
        binds: &[],
        exact_texts: false,
    };
    let class = Class::signed(64);
    let constants = [
        KeyValue::Integer(7),
        KeyValue::Integer(0),
        KeyValue::Integer(7),
    ];
    let key = values.read_key("id", class, &constants).unwrap();
    assert_eq!(&*key.column, "id");
    let number = |number: i128| bucket_of("id", &number.to_le_bytes());
    assert_eq!(key.buckets, BTreeSet::from([number(0), number(7)]));
    assert_eq!(
        values.written_buckets("id", class, &constants),
        Some(key.buckets)
    );
    // Another column has others.
    assert_ne!(number(7), bucket_of("user_id", &7_i128.to_le_bytes()));
}

#[test]
fn one_unknown_value_makes_all_unknown() {
    let values = KeyValues {
        dialect: Dialect::Sqlite,
        binds: &[],
        exact_texts: true,
    };
    let class = Class::signed(16);
    for unknown in [
        KeyValue::Bind(0),
        KeyValue::Array(0),
        KeyValue::Integer(1 << 15),
        KeyValue::Text(Arc::from("1")),
        KeyValue::Bool(true),
    ] {
        let constants = [KeyValue::Integer(1), unknown];
        assert_eq!(values.read_key("k", class, &constants), None);
        assert_eq!(values.written_buckets("k", class, &constants), None);
    }
    assert_eq!(values.read_key("k", class, &[]), None);
    assert_eq!(values.written_buckets("k", class, &[]), None);
}

#[test]
fn there_are_at_most_as_many_values_as_a_record_has_buckets() {
    let values = KeyValues {
        dialect: Dialect::Sqlite,
        binds: &[],
        exact_texts: true,
    };
    let known = |count| {
        let constants: Vec<_> = (1..=count).map(KeyValue::Integer).collect();
        let class = Class::signed(64);
        let read = values.read_key("k", class, &constants).is_some();
        assert_eq!(
            values.written_buckets("k", class, &constants).is_some(),
            read
        );
        read
    };
    assert!(known(32) && !known(33));
}

#[test]
fn zero_is_unknown_in_a_write_of_mysql() {
    let written = |dialect| {
        let values = KeyValues {
            dialect,
            binds: &[],
            exact_texts: true,
        };
        let class = Class::signed(64);
        assert!(
            values
                .read_key("k", class, &[KeyValue::Integer(0)])
                .is_some()
        );
        values.written_buckets("k", class, &[KeyValue::Integer(0)])
    };
    assert!(written(Dialect::Mysql).is_none());
    assert!(written(Dialect::Postgres).is_some() && written(Dialect::Sqlite).is_some());
}
