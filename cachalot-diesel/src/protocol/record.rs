mod bounded;
mod tokens;
mod writer;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

pub(crate) use self::{
    tokens::DependencyTokens,
    writer::{TimedChanges, Writer},
};

use super::{Changes, Columns, Depends, Events, Token, WriterId, keys::MAX_KEY_COLUMNS};

/// The maximum size of a record. The library does not write larger ones.
const MAX_RECORD_BYTES: usize = 256 * 1024;

/// The most writers in a record. A record with more counts as missing.
const MAX_WRITERS: usize = 2_048;

/// The most families in a record. A record with more counts as missing.
const MAX_FAMILIES: usize = 64;

/// The most columns in a record, and in a writer.
const MAX_COLUMNS: usize = 32;

/// The contents of a table's version record. JSON, so that an operator can read it:
///
/// ```json
/// {"v":3,"any":"9f…","writers":[],"insert":"03…","update":"9f…","delete":"77…","wide":"03…",
///  "columns":{"votes":"9f…"},"keys":{"id":"77…"},"at":{"insert":1764000000000}}
/// ```
///
/// `any` and `writers` come first because they decide a hit: see [`DependencyTokens::if_idle`].
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(PartialOrd, Ord))]
#[serde(deny_unknown_fields)]
pub(crate) struct Record {
    v: Version,
    /// Changes with every write to the table.
    any: Token,
    /// The writes in flight, in the order of `begin`.
    #[serde(deserialize_with = "bounded::writers")]
    writers: Vec<Writer>,
    insert: Token,
    update: Token,
    delete: Token,
    /// Changes with updates of unknown columns.
    wide: Token,
    /// The columns that were updated by name since `wide` changed: each changes with its updates.
    #[serde(deserialize_with = "bounded::columns", default)]
    columns: BTreeMap<Box<str>, Token>,
    /// The columns of which the last writes knew the values, with `any` of the last write that did not.
    #[serde(deserialize_with = "bounded::keys", default)]
    keys: BTreeMap<Box<str>, Token>,
    /// Informational only.
    #[serde(skip_serializing_if = "Times::are_unknown", default)]
    at: Times,
    /// The families that the table is a member of. `None`: no writer has looked them up since the record
    /// was created. In a record of the epoch: a catalog with families was loaded under it.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "bounded::families",
        default
    )]
    families: Option<Families>,
    /// The id of the list in which the families were looked up. In a record of the epoch: the id of the
    /// current list.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    list: Option<Token>,
}

/// Tables with many partitions or inheritance children, by the parent's name. Each has a record that
/// changes with every write to a member, so that a read of the parent depends on this one record.
pub(crate) type Families = BTreeSet<Box<str>>;

/// The families of a table, as a writer has looked them up.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct FoundFamilies {
    pub(crate) families: Families,
    /// The id that the list had in all records of the epoch before it was read.
    pub(crate) list: Token,
}

/// When rows were last inserted, updated and deleted, in milliseconds since 1970 by the writers'
/// clocks. Unknown for events before the record was created.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(PartialOrd, Ord))]
#[serde(deny_unknown_fields)]
struct Times {
    #[serde(skip_serializing_if = "Option::is_none", default)]
    insert: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    update: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    delete: Option<u64>,
}

impl Times {
    fn are_unknown(&self) -> bool {
        *self == Self::default()
    }
}

/// The record's format. A record with another number counts as missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(PartialOrd, Ord))]
#[serde(try_from = "u8", into = "u8")]
struct Version;

impl TryFrom<u8> for Version {
    type Error = &'static str;

    fn try_from(number: u8) -> Result<Self, Self::Error> {
        if number == 3 {
            Ok(Self)
        } else {
            Err("unknown format version")
        }
    }
}

impl From<Version> for u8 {
    fn from(_: Version) -> Self {
        3
    }
}

/// The source of new tokens; the model checker has its own.
pub(crate) trait TokenSource {
    type Error;
    fn fresh(&mut self) -> Result<Token, Self::Error>;
}

impl<E, F: FnMut() -> Result<Token, E>> TokenSource for F {
    type Error = E;

    fn fresh(&mut self) -> Result<Token, E> {
        self()
    }
}

impl Record {
    /// A new record, which matches no existing entry.
    pub(crate) fn fresh<T: TokenSource>(tokens: &mut T) -> Result<Self, T::Error> {
        let token = tokens.fresh()?;
        Ok(Self {
            v: Version,
            any: token,
            writers: Vec::new(),
            insert: token,
            update: token,
            delete: token,
            wide: token,
            columns: BTreeMap::new(),
            keys: BTreeMap::new(),
            at: Times::default(),
            families: None,
            list: None,
        })
    }

    /// `begin`: the writer is about to make a change visible. From here on, readers bypass the cache.
    #[must_use]
    pub(crate) fn begun(mut self, writer: Writer) -> Self {
        self = self.withdrawn(writer.id);
        self.writers.push(writer);
        self
    }

    /// `end` of a write that is visible, or may be. Invalidates all existing entries that depend on these
    /// changes.
    pub(crate) fn published<'a, T: TokenSource>(
        mut self,
        writer: WriterId,
        timed: impl Into<TimedChanges<'a>>,
        tokens: &mut T,
    ) -> Result<Self, T::Error> {
        let TimedChanges {
            changes,
            buckets,
            at,
        } = timed.into();
        let events = changes.events;
        self = self.withdrawn(writer);
        let known = buckets.keys();
        self.keys = known.map(|it| (it.clone(), self.wide(it))).collect();
        self.any = tokens.fresh()?;
        if events.insert {
            self.insert = self.any;
            self.at.insert = at.or(self.at.insert);
        }
        if events.update {
            self.update = self.any;
            self.at.update = at.or(self.at.update);
            self.update_columns(&changes.updated);
        }
        if events.delete {
            self.delete = self.any;
            self.at.delete = at.or(self.at.delete);
        }
        Ok(self)
    }

    /// Gives these columns the token of the last change.
    fn update_columns(&mut self, updated: &Columns) {
        if let Columns::Named(names) = updated {
            let named = names.iter().map(|name| (Box::from(&**name), self.any));
            self.columns.extend(named);
        }
        // Readers by columns look at `wide` too.
        if *updated == Columns::All || self.columns.len() > MAX_COLUMNS {
            self.wide = self.any;
            self.columns.clear();
        }
    }

    /// `end` of a write that certainly did not happen.
    #[must_use]
    pub(crate) fn withdrawn(mut self, writer: WriterId) -> Self {
        self.writers.retain(|other| other.id != writer);
        self
    }

    /// Removes writers whose leases have expired. They may have committed, so this changes the tokens.
    pub(crate) fn reclaimed<T: TokenSource>(
        self,
        crashed: &[WriterId],
        tokens: &mut T,
    ) -> Result<Self, T::Error> {
        crashed.iter().try_fold(self, |record, writer| {
            record.published(*writer, &Changes::ALL, tokens)
        })
    }

    /// The families of the table, if the record has them from the list with this id.
    pub(crate) fn families(&self, list: Token) -> Option<&Families> {
        let families = self.families.as_ref();
        families.filter(|_| self.list == Some(list))
    }

    /// Does the record have families, but not all of these?
    pub(super) fn lacks_families(&self, families: &Families) -> bool {
        // Where it has none, the next writer looks them up.
        let known = self.families.as_ref();
        known.is_some_and(|known| !families.is_subset(known))
    }

    /// Adds these families, if the record has any.
    #[must_use]
    pub(super) fn with_families(mut self, families: &Families) -> Self {
        if let Some(known) = &mut self.families {
            known.extend(families.iter().cloned());
        }
        self
    }

    /// Sets the families that this writer has looked up, if its id is in the record. If the record was
    /// lost meanwhile, readers may rely on families that the writer did not find.
    #[must_use]
    pub(crate) fn with_found_families(
        mut self,
        writer: WriterId,
        found: Option<&FoundFamilies>,
    ) -> Self {
        if let Some(found) = found
            && self.list != Some(found.list)
            && self.has(writer)
        {
            self.families = Some(found.families.clone());
            self.list = Some(found.list);
        }
        self
    }

    /// The id of the list of families, in a record of the epoch.
    pub(crate) fn list(&self) -> Token {
        self.list.unwrap_or(self.any)
    }

    /// Was a catalog with families loaded under this record of the epoch?
    pub(crate) fn has_families(&self) -> bool {
        self.families.is_some()
    }

    /// Sets the list of a record of the epoch; `families`: a catalog with families was loaded.
    #[must_use]
    pub(crate) fn with_list(mut self, list: Token, families: bool) -> Self {
        self.list = Some(list);
        if families {
            self.families.get_or_insert_default();
        }
        self
    }

    /// Removes the list, for the record of a new epoch.
    #[must_use]
    pub(crate) fn without_list(mut self) -> Self {
        self.families = None;
        self.list = None;
        self
    }

    /// The token of "any change".
    pub(crate) fn any(&self) -> Token {
        self.any
    }

    /// The token that changes with writes that do not know their values of this column.
    fn wide(&self, column: &str) -> Token {
        self.keys.get(column).copied().unwrap_or(self.any)
    }

    pub(crate) fn writers(&self) -> &[Writer] {
        &self.writers
    }

    /// The writes in flight that a read depends on.
    pub(crate) fn writers_of<'a>(
        &'a self,
        depends: impl Into<Depends<'a>>,
    ) -> impl Iterator<Item = &'a Writer> {
        let depends = depends.into();
        let writers = self.writers.iter();
        writers.filter(move |writer| writer.concerns(depends))
    }

    pub(crate) fn has(&self, writer: WriterId) -> bool {
        self.writers.iter().any(|other| other.id == writer)
    }

    /// When one of these events last happened, in milliseconds since 1970. `None` if unknown.
    pub(crate) fn at(&self, events: Events) -> Option<u64> {
        let times = [
            self.at.insert.filter(|_| events.insert),
            self.at.update.filter(|_| events.update),
            self.at.delete.filter(|_| events.delete),
        ];
        times.into_iter().flatten().max()
    }

    /// For the model checker, which renames tokens so that equivalent states are equal.
    #[cfg(test)]
    pub(super) fn tokens_mut(&mut self) -> impl Iterator<Item = &mut Token> {
        let tokens = [
            &mut self.any,
            &mut self.insert,
            &mut self.update,
            &mut self.delete,
            &mut self.wide,
        ];
        let columns = self.columns.values_mut();
        let keys = self.keys.values_mut();
        tokens
            .into_iter()
            .chain(columns)
            .chain(keys)
            .chain(&mut self.list)
    }

    /// For a broken variant of the model.
    #[cfg(test)]
    pub(super) fn with_keys_of(mut self, before: &Self) -> Self {
        for (column, token) in &before.keys {
            self.keys.entry(column.clone()).or_insert(*token);
        }
        self
    }

    /// For a broken variant of the model.
    #[cfg(test)]
    pub(super) fn only_columns(mut self, updated: &Columns) -> Self {
        let updated = |name: &str| matches!(updated, Columns::Named(names) if names.contains(name));
        self.columns.retain(|name, _| updated(name));
        self
    }

    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        // Strings and numbers always serialise.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// `None` if this is not a record of this format; it then counts as missing.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        if bytes.len() > MAX_RECORD_BYTES {
            return None;
        }
        serde_json::from_slice(bytes).ok()
    }
}

#[cfg(test)]
mod tests;
