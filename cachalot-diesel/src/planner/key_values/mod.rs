//! From what a statement says of a column's values to the buckets of the rows that have them.
//!
//! Whatever is not certain is unknown: the read then depends on all rows of the table, and the write touches all.

#[cfg(test)]
mod tests;

use std::{borrow::Cow, collections::BTreeSet};

use crate::{
    backend::{elements_of, value_of},
    catalog::tracked::Class,
    protocol::{Bucket, Key, MAX_BUCKETS, bucket_of},
    rows::{Value, private::Bind},
};
use cachalot_sql::{Dialect, KeyValue};

/// The values of one execution of a statement.
#[derive(Debug, Clone, Copy)]
pub(crate) struct KeyValues<'a> {
    pub(crate) dialect: Dialect,
    /// All of the statement, in its order. None, if they cannot be seen: then only what its text says is known.
    pub(crate) binds: &'a [Bind],
    /// The session sends texts in UTF-8, and the server takes them as they are.
    pub(crate) exact_texts: bool,
}

impl KeyValues<'_> {
    /// The rows that a read selects by a condition on a tracked column. NULL selects none.
    ///
    /// `None`: they are not known, or there are none.
    pub(crate) fn read_key(&self, column: &str, class: Class, values: &[KeyValue]) -> Option<Key> {
        let mut buckets = BTreeSet::new();
        for value in self.all(values)? {
            if value != Value::Null {
                buckets.insert(self.bucket(column, class, &value)?);
            }
        }
        (!buckets.is_empty()).then(|| Key {
            column: column.into(),
            buckets,
        })
    }

    /// The buckets of the rows that a write touches, of which a tracked column has these values before or after.
    ///
    /// `None`: they are not known. So it is with NULL and, on MySQL, zero, in place of which an `INSERT` may generate
    /// a value.
    pub(crate) fn written_buckets(
        &self,
        column: &str,
        class: Class,
        values: &[KeyValue],
    ) -> Option<BTreeSet<Bucket>> {
        let mut buckets = BTreeSet::new();
        for value in self.all(values)? {
            if self.dialect == Dialect::Mysql && value == Value::Integer(0) {
                return None;
            }
            buckets.insert(self.bucket(column, class, &value)?);
        }
        (!buckets.is_empty()).then_some(buckets)
    }

    /// All of them, if their types are known and there are not too many.
    fn all<'v>(&'v self, values: &'v [KeyValue]) -> Option<Vec<Value<'v>>> {
        let mut all = Vec::with_capacity(values.len());
        for value in values {
            match value {
                KeyValue::Bind(place) => all.push(value_of(self.binds.get(*place)?, self.dialect)?),
                KeyValue::Array(place) => {
                    let array = self.binds.get(*place)?;
                    all.extend(elements_of(array, self.dialect, MAX_BUCKETS)?);
                }
                KeyValue::Integer(number) => all.push(Value::Integer((*number).into())),
                KeyValue::Text(text) => all.push(Value::Untyped(text)),
                KeyValue::Bool(value) => all.push(Value::Bool(*value)),
            }
        }
        (all.len() <= MAX_BUCKETS).then_some(all)
    }

    fn bucket(&self, column: &str, class: Class, value: &Value<'_>) -> Option<Bucket> {
        let bytes = self.canonical(class, value)?;
        Some(bucket_of(column, &bytes))
    }

    /// Bytes that are the same exactly for equal values of a class. `None`: the value is not one of the class.
    fn canonical<'v>(&self, class: Class, value: &Value<'v>) -> Option<Cow<'v, [u8]>> {
        Some(match (class, *value) {
            (Class::Integer { min, max }, Value::Integer(number)) => {
                let within = i128::from(min) <= number && number <= i128::from(max);
                within.then(|| number.to_le_bytes().to_vec().into())?
            }
            (Class::Bool, Value::Bool(value)) => vec![u8::from(value)].into(),
            (Class::Uuid, Value::Uuid(uuid)) => uuid.to_vec().into(),
            (Class::Uuid, Value::Untyped(text)) => match Value::of_uuid_text(text)? {
                Value::Uuid(uuid) => uuid.to_vec().into(),
                _ => return None,
            },
            (Class::Date, Value::Date(days)) => days.to_le_bytes().to_vec().into(),
            (Class::Date, Value::Untyped(text)) => match Value::of_date_text(text)? {
                Value::Date(days) => days.to_le_bytes().to_vec().into(),
                _ => return None,
            },
            (Class::Text { max }, Value::Text(text) | Value::Untyped(text)) => {
                let fits = self.exact_texts && is_at_most(text.len(), max);
                (fits && !self.may_replace(text)).then(|| text.as_bytes().into())?
            }
            (Class::Bytes { min, max }, Value::Bytes(bytes)) => {
                let long_enough = u64::try_from(bytes.len()).is_ok_and(|length| min <= length);
                (long_enough && is_at_most(bytes.len(), max)).then(|| bytes.into())?
            }
            _ => return None,
        })
    }

    /// SQLite replaces two characters in a database that is not in UTF-8.
    fn may_replace(&self, text: &str) -> bool {
        self.dialect == Dialect::Sqlite && text.contains(['\u{feff}', '\u{fffe}', '\u{ffff}'])
    }
}

fn is_at_most(length: usize, max: Option<u64>) -> bool {
    max.is_none_or(|max| u64::try_from(length).is_ok_and(|length| length <= max))
}
