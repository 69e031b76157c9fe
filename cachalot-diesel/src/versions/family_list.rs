//! The list of families, and its id.
//!
//! All records of the epoch have the id. A list that has grown gets a new id, which is written to these
//! records before any read relies on the new families. So families that were looked up under an id are
//! complete as long as a record of the epoch has this id. A version record therefore has the id beside
//! its families.

use super::{VersionStore, fresh_token};
use crate::{
    catalog::Catalog,
    protocol::{Dependency, EPOCH_PARTS, Epoch, Families, FoundFamilies, Record, Token},
    store::{CasVersion, Command, Reply, StoreError},
};

/// How often to try to give the records of the epoch a common id.
const MAX_ATTEMPTS: usize = 16;

/// A record of the epoch as it was read, and the version to replace.
type Part = (Option<Record>, Option<CasVersion>);

/// The common id in all records of the epoch, under which a catalog with families was loaded.
pub(super) fn announced_list(parts: &[Option<Record>]) -> Option<Token> {
    let list = parts.first()?.as_ref()?.list();
    let has = |part: &Option<Record>| {
        let part = part.as_ref();
        part.is_some_and(|record| record.has_families() && record.list() == list)
    };
    parts.iter().all(has).then_some(list)
}

impl VersionStore {
    pub(super) fn epoch_records(&self) -> Result<Vec<Option<Record>>, StoreError> {
        self.fetch_records(&self.epochs)
    }

    /// The record of the epoch from which this writer reads the list's id. It depends on the writer, to
    /// spread the load.
    pub(super) fn list_part(&self, writer: Token) -> &Dependency {
        let [byte, ..] = writer.as_bytes();
        let [first, ..] = &self.epochs;
        let part = self.epochs.get(usize::from(*byte) % EPOCH_PARTS);
        part.unwrap_or(first)
    }

    /// The ids of the list in the epoch: the one in this record, or, if its server does not answer, those
    /// in all records that can be read.
    ///
    /// # Errors
    /// If there is no such record.
    pub(super) fn current_lists(
        &self,
        part: &Dependency,
        reply: Result<Reply, StoreError>,
    ) -> Result<Vec<Token>, StoreError> {
        let list = |record: Option<Record>| record.map(|record| record.list());
        match self.record_in(part, reply) {
            Ok(record) => Ok(list(record).into_iter().collect()),
            Err(error) => {
                let parts = self.fetch_each(&self.epochs);
                let answers: Vec<_> = parts.into_iter().flatten().collect();
                match answers.is_empty() {
                    true => Err(error),
                    false => Ok(answers.into_iter().filter_map(list).collect()),
                }
            }
        }
    }

    /// Writes the new id of the list to the records of this epoch. `false` if it is no longer the current
    /// one, or if the list was lost meanwhile.
    pub(crate) fn announce_list(
        &self,
        epochs: &Epoch,
        list: Token,
        catalog: &Catalog,
    ) -> Result<bool, StoreError> {
        for (part, epoch) in self.epochs.iter().zip(epochs) {
            let announced = self.update_record(part, |present| {
                let present = present.filter(|record| record.any() == *epoch);
                Ok(present.map(|record| record.with_list(list, true)))
            })?;
            if announced.is_none() {
                return Ok(false);
            }
        }
        // From here on, a process that replaces a lost list changes the epoch.
        let [epoch, ..] = epochs;
        self.has_listed_families(*epoch, catalog)
    }

    /// The families of these relations, in order. For a writer whose record has none under the current
    /// list; it calls this *after* it has added itself to the record. `None`: the list was lost, so the
    /// write is to everything.
    ///
    /// Does not use this process's own catalog, which may be of another epoch.
    pub(super) fn listed_families<'a>(
        &self,
        tables: impl Iterator<Item = &'a str>,
    ) -> Result<Option<Vec<FoundFamilies>>, StoreError> {
        // The id is read before the list.
        let parts = self.parts_with_one_list()?;
        let [first, ..] = &*parts else {
            return Ok(None);
        };
        let list = first.list();
        let found = |families| FoundFamilies { families, list };
        if !parts.iter().any(Record::has_families) {
            return Ok(Some(tables.map(|_| found(Families::new())).collect()));
        }
        let listed = self.family_list(first.any())?;
        Ok(listed.map(|listed| {
            tables
                .map(|table| found(listed.families_of(table)))
                .collect()
        }))
    }

    /// The records of the epoch, after all of them have the same list. Creates missing ones.
    pub(super) fn parts_with_one_list(&self) -> Result<Vec<Record>, StoreError> {
        for _ in 0..MAX_ATTEMPTS {
            let parts = self.read_parts()?;
            let agree = parts.iter().all(|(record, _)| {
                let first = parts.first().and_then(|(first, _)| first.as_ref());
                let lists = record.as_ref().zip(first);
                lists.is_some_and(|(record, first)| record.list() == first.list())
            });
            if agree {
                return Ok(parts.into_iter().filter_map(|(record, _)| record).collect());
            }
            if let Some(records) = self.unify_lists(parts)? {
                return Ok(records);
            }
        }
        Err(StoreError::Protocol(format!(
            "the records of the epoch were changed by others ({MAX_ATTEMPTS} attempts)"
        )))
    }

    fn read_parts(&self) -> Result<Vec<Part>, StoreError> {
        let replies = self.get_all(&self.epochs);
        replies
            .map(|(part, reply)| self.versioned_record_in(part, reply))
            .collect()
    }

    /// Writes one new id to all records; `None` if another process has changed one of them.
    fn unify_lists(&self, parts: Vec<Part>) -> Result<Option<Vec<Record>>, StoreError> {
        let list = fresh_token()?;
        let records = parts.iter().filter_map(|(record, _)| record.as_ref());
        let families = records.into_iter().any(Record::has_families);
        let mut puts = Vec::with_capacity(parts.len());
        for (part, (record, replaced)) in self.epochs.iter().zip(parts) {
            let record = match record {
                Some(record) => record,
                None => Record::fresh(&mut fresh_token)?,
            };
            let record = record.with_list(list, families);
            let value = self.client.auth.sign_record(&part.key, record.to_bytes());
            puts.push((part, record, value, replaced));
        }
        let commands = puts
            .iter()
            .map(|(part, _, value, replaced)| Command::put(&part.key, value, *replaced));
        let replies = self.client.run(&commands.collect::<Vec<_>>());
        for reply in replies {
            if !matches!(reply?, Reply::Stored(_)) {
                return Ok(None);
            }
        }
        let records = puts.into_iter().map(|(_, record, ..)| record);
        Ok(Some(records.collect()))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use parking_lot::Mutex;

    use super::*;
    use cachalot_sql::Dialect;

    use crate::{
        catalog::Facts,
        protocol::{CatalogComparison, Events, FamilyListing, RowWrites, WriteOutcome, Writes},
        store::{MemoryStore, Store},
        versions::Origin,
    };

    /// Runs once before the first `Add` of a list of families.
    type Hook = Box<dyn FnOnce() + Send>;

    /// Counts the commands of each batch.
    struct Counting(MemoryStore, Mutex<Vec<usize>>, Mutex<Option<Hook>>);

    impl Store for Counting {
        fn run(&self, commands: &[Command<'_>]) -> Vec<Result<Reply, StoreError>> {
            self.1.lock().push(commands.len());
            let is_list = |value: &[u8]| value.starts_with(b"{\"catalogs\"");
            if let [Command::Add { value, .. }] = commands
                && is_list(value)
            {
                let hook = self.2.lock().take();
                hook.into_iter().for_each(|run| run());
            }
            self.0.run(commands)
        }

        fn describe(&self) -> String {
            self.0.describe()
        }
    }

    fn versions() -> (Arc<Counting>, Arc<VersionStore>) {
        let store = Arc::new(Counting(
            MemoryStore::new(1 << 20),
            Mutex::default(),
            Mutex::default(),
        ));
        (Arc::clone(&store), VersionStore::with_store(store))
    }

    fn lists(versions: &VersionStore) -> Vec<Token> {
        let records = versions.epoch_records().unwrap();
        records.iter().flatten().map(Record::list).collect()
    }

    #[test]
    fn records_of_the_epoch_that_disagree_get_one_list() {
        let (store, versions) = versions();
        let epoch = versions.current_epoch(true).unwrap();
        versions
            .announce_list(&epoch, Token::from_bytes([1; 16]), &catalog(0))
            .unwrap();
        assert_eq!(lists(&versions), [Token::from_bytes([1; 16]); EPOCH_PARTS]);
        let [.., last] = &versions.epochs;
        store.run(&[Command::Delete { key: &last.key }]);
        versions.listed_families(["posts"].into_iter()).unwrap();
        let unified = lists(&versions);
        assert_eq!(unified, [unified[0]; EPOCH_PARTS]);
        assert_ne!(
            unified[0],
            Token::from_bytes([1; 16]),
            "it never comes back"
        );
        let records = versions.epoch_records().unwrap();
        assert!(records.iter().flatten().all(Record::has_families));
        assert_eq!(versions.current_epoch(true).unwrap()[..7], epoch[..7]);
    }

    /// A catalog with a parent of so many members.
    fn catalog(members: usize) -> Catalog {
        let mut facts = Facts::with_tables(Dialect::Postgres, &["parent"]);
        let child = |number| Arc::from(format!("child{number}"));
        let pairs = (0..members).map(|number| (Arc::from("parent"), child(number)));
        facts.inheritance.extend(pairs);
        Catalog::new(&facts)
    }

    /// Loses the list of families.
    fn lose(store: &Counting, versions: &VersionStore, epoch: Token) {
        let key = versions.shared_catalogs_key(epoch);
        let replies = store.run(&[Command::Delete { key: &key }]);
        assert!(matches!(replies[..], [Ok(Reply::Stored(_))]));
    }

    fn new_list(agreed: &CatalogComparison) -> Token {
        match agreed.families {
            FamilyListing::New(list) => list,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_list_that_is_lost_before_it_is_announced_is_not_used() {
        let (store, versions) = versions();
        let epochs = versions.current_epoch(true).unwrap();
        let [epoch, ..] = epochs;
        let ours = catalog(20);
        let agreed = versions.share_catalog(epoch, "ours", "1", &ours).unwrap();
        let list = new_list(&agreed);
        lose(&store, &versions, epoch);
        // Another process replaces it, and does not know our families.
        let agreed = versions
            .share_catalog(epoch, "other", "2", &catalog(0))
            .unwrap();
        assert!(agreed.same);
        assert!(!versions.announce_list(&epochs, list, &ours).unwrap());
        // A writer in between does not get an empty list.
        let found = versions.listed_families(["child1"].into_iter()).unwrap();
        assert!(found.is_none());
    }

    #[test]
    fn a_list_that_is_lost_after_it_was_announced_is_not_replaced() {
        let (store, versions) = versions();
        let epochs = versions.current_epoch(true).unwrap();
        let [epoch, ..] = epochs;
        let ours = catalog(20);
        let agreed = versions.share_catalog(epoch, "ours", "1", &ours).unwrap();
        // We announce the list after it was lost, while another process replaces it by its own.
        lose(&store, &versions, epoch);
        let announce = {
            let versions = Arc::clone(&versions);
            let list = new_list(&agreed);
            move || assert!(!versions.announce_list(&epochs, list, &catalog(20)).unwrap())
        };
        *store.2.lock() = Some(Box::new(announce));
        let agreed = versions
            .share_catalog(epoch, "other", "2", &catalog(30))
            .unwrap();
        assert!(!agreed.same, "the epoch has to be renewed");
        assert!(store.2.lock().is_none(), "it was announced in between");
        let found = versions.listed_families(["child1"].into_iter()).unwrap();
        assert!(found.is_none());
    }

    #[test]
    fn a_list_that_was_announced_is_used() {
        let (_store, versions) = versions();
        let epochs = versions.current_epoch(true).unwrap();
        let [epoch, ..] = epochs;
        let ours = catalog(20);
        let agreed = versions.share_catalog(epoch, "ours", "1", &ours).unwrap();
        let list = new_list(&agreed);
        assert!(versions.announce_list(&epochs, list, &ours).unwrap());
        let agreed = versions.share_catalog(epoch, "ours", "1", &ours).unwrap();
        assert_eq!(agreed.families, FamilyListing::Announced);
        let found = versions.listed_families(["child1", "other"].into_iter());
        let found = found.unwrap().unwrap();
        assert_eq!(found[0].families, Families::from(["parent".into()]));
        assert!(found[1].families.is_empty());
    }

    #[test]
    fn a_write_takes_three_round_trips() {
        let (store, versions) = versions();
        let writes = Writes::table("posts".into(), Events::ALL);
        let origin = || Origin {
            requested: true,
            ..Origin::default()
        };
        let write = || {
            store.1.lock().clear();
            let write = versions.begin(&RowWrites::from(&writes), origin());
            versions.end(write, WriteOutcome::Success).unwrap();
            store.1.lock().clone()
        };
        write();
        // The record, the list's id and the lease; the record; and all three again.
        assert_eq!(write(), [3, 1, 3]);
        versions.invalidate(&Writes::Everything).unwrap();
        assert!(write().len() > 3, "a new epoch has a new list");
        assert_eq!(write(), [3, 1, 3]);
    }
}
