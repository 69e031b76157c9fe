//! Collections in a record. One with too many members is rejected before it takes memory.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    marker::PhantomData,
};

use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, SeqAccess, Visitor},
};

use super::{
    super::{
        Token,
        keys::{Bucket, Buckets, MAX_BUCKETS},
    },
    Families, MAX_COLUMNS, MAX_FAMILIES, MAX_KEY_COLUMNS, MAX_WRITERS, Writer,
};

/// At most [`MAX_WRITERS`].
pub(super) fn writers<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Writer>, D::Error> {
    from.deserialize_seq(AtMost::<Vec<Writer>>(MAX_WRITERS, PhantomData))
}

/// At most [`MAX_FAMILIES`] names.
pub(super) fn families<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Families>, D::Error> {
    let max = AtMost::<Families>(MAX_FAMILIES, PhantomData);
    from.deserialize_seq(max).map(Some)
}

/// At most [`MAX_COLUMNS`] names.
pub(super) fn column_names<'de, D, N>(from: D) -> Result<Option<BTreeSet<N>>, D::Error>
where
    D: Deserializer<'de>,
    N: Deserialize<'de> + Ord,
{
    let max = AtMost::<BTreeSet<N>>(MAX_COLUMNS, PhantomData);
    from.deserialize_seq(max).map(Some)
}

/// At most [`MAX_COLUMNS`] columns.
pub(super) fn columns<'de, D>(from: D) -> Result<BTreeMap<Box<str>, Token>, D::Error>
where
    D: Deserializer<'de>,
{
    from.deserialize_map(AtMost::<BTreeMap<_, _>>(MAX_COLUMNS, PhantomData))
}

/// At most [`MAX_KEY_COLUMNS`] columns.
pub(super) fn keys<'de, D>(from: D) -> Result<BTreeMap<Box<str>, Token>, D::Error>
where
    D: Deserializer<'de>,
{
    from.deserialize_map(AtMost::<BTreeMap<_, _>>(MAX_KEY_COLUMNS, PhantomData))
}

/// At most [`MAX_KEY_COLUMNS`] columns with at most [`MAX_BUCKETS`] each.
pub(super) fn buckets<'de, D: Deserializer<'de>>(from: D) -> Result<Buckets, D::Error> {
    let max = AtMost::<BTreeMap<_, OfColumn>>(MAX_KEY_COLUMNS, PhantomData);
    let columns = from.deserialize_map(max)?.into_iter();
    Ok(columns.map(|(column, OfColumn(it))| (column, it)).collect())
}

struct OfColumn(BTreeSet<Bucket>);

impl<'de> Deserialize<'de> for OfColumn {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let max = AtMost::<BTreeSet<_>>(MAX_BUCKETS, PhantomData);
        from.deserialize_seq(max).map(Self)
    }
}

struct AtMost<C>(usize, PhantomData<C>);

impl<C> AtMost<C> {
    fn check<E: Error>(&self, length: usize) -> Result<(), E> {
        if length > self.0 {
            return Err(E::custom(format_args!("more than {} members", self.0)));
        }
        Ok(())
    }

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at most {} members", self.0)
    }
}

impl<'de, N: Deserialize<'de>> Visitor<'de> for AtMost<Vec<N>> {
    type Value = Vec<N>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.expecting(f)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = from.next_element()? {
            // Before the vector grows for it.
            self.check(members.len() + 1)?;
            members.push(member);
        }
        Ok(members)
    }
}

impl<'de, N: Deserialize<'de> + Ord> Visitor<'de> for AtMost<BTreeSet<N>> {
    type Value = BTreeSet<N>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.expecting(f)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Self::Value, A::Error> {
        let mut names = BTreeSet::new();
        while let Some(name) = from.next_element()? {
            names.insert(name);
            self.check(names.len())?;
        }
        Ok(names)
    }
}

impl<'de, V: Deserialize<'de>> Visitor<'de> for AtMost<BTreeMap<Box<str>, V>> {
    type Value = BTreeMap<Box<str>, V>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.expecting(f)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<Self::Value, A::Error> {
        let mut columns = BTreeMap::new();
        while let Some((name, value)) = from.next_entry()? {
            if columns.insert(name, value).is_some() {
                return Err(A::Error::custom("a column twice"));
            }
            self.check(columns.len())?;
        }
        Ok(columns)
    }
}
