use std::convert::Infallible;

use super::{
    super::keys::{Bucket, Buckets, Key, MAX_BUCKETS, Proofs, bucket_of},
    *,
};

fn counting() -> impl FnMut() -> Result<Token, Infallible> {
    let mut next = 0_u128;
    move || {
        next += 1;
        Ok(Token::from_bytes(next.to_be_bytes()))
    }
}

fn id(number: u8) -> WriterId {
    Token::from_bytes([number; 16])
}

fn writer(number: u8) -> Writer {
    Writer {
        id: id(number),
        until: 1_000,
        changes: Changes::ALL,
        buckets: Buckets::default(),
    }
}

fn at(changes: &Changes, at: u64) -> TimedChanges<'_> {
    TimedChanges {
        at: Some(at),
        ..changes.into()
    }
}

/// Updates of these columns.
fn update(columns: &[&str]) -> Changes {
    Changes {
        events: Events::UPDATE,
        updated: Columns::from_iter(columns.iter().copied()),
    }
}

fn tokens_of(record: &Record, changes: &Changes) -> Vec<Token> {
    DependencyTokens::of(record, changes).condensed().collect()
}

#[test]
fn an_update_changes_the_tokens_of_its_columns() {
    let tokens = &mut counting();
    let mut record = Record::fresh(tokens).unwrap();
    for (changes, seen_by) in [
        (update(&["votes"]), [true, false, true]),
        (update(&["votes"]), [true, false, true]),
        (update(&["title"]), [false, true, true]),
        (update(&["body"]), [false; 3]),
        (Events::UPDATE.into(), [true; 3]),
        (Events::INSERT.into(), [false; 3]),
        (Changes::ALL, [true; 3]),
    ] {
        let after = record.clone().published(id(1), &changes, tokens);
        let after = after.unwrap();
        assert_eq!(Record::from_bytes(&after.to_bytes()).as_ref(), Some(&after));
        let readers = [
            update(&["votes"]),
            update(&["title"]),
            update(&["id", "title", "votes"]),
        ];
        let changed = readers.map(|it| tokens_of(&record, &it) != tokens_of(&after, &it));
        assert_eq!(changed, seen_by, "{changes:?}");
        record = after;
    }
}

#[test]
fn more_columns_than_a_record_keeps_invalidate_the_reads_of_all() {
    let tokens = &mut counting();
    let mut record = Record::fresh(tokens).unwrap();
    let never = update(&["never updated"]);
    for number in 0..MAX_COLUMNS {
        let before = tokens_of(&record, &never);
        let one = update(&[&format!("column {number}")]);
        record = record.published(id(1), &one, tokens).unwrap();
        assert_eq!(tokens_of(&record, &never), before);
    }
    assert!(record.to_bytes().len() < 4096);
    let before = tokens_of(&record, &never);
    let record = record
        .published(id(1), &update(&["one more"]), tokens)
        .unwrap();
    assert_ne!(tokens_of(&record, &never), before);
}

#[test]
fn a_writer_of_other_columns_is_not_in_flight_for_a_reader() {
    let record = Record::fresh(&mut counting()).unwrap().begun(Writer {
        changes: update(&["votes"]),
        ..writer(1)
    });
    let record = Record::from_bytes(&record.to_bytes()).unwrap();
    let in_flight = |changes: Changes| record.writers_of(&changes).count();
    assert_eq!(in_flight(update(&["title"])), 0);
    assert_eq!(in_flight(Events::DELETE.into()), 0);
    assert_eq!(in_flight(update(&["title", "votes"])), 1);
    assert_eq!(in_flight(Events::UPDATE.into()), 1);
    assert_eq!(in_flight(Changes::ALL), 1);
}

#[test]
fn a_mark_is_never_narrower_than_the_write() {
    let many: Vec<_> = (0..=MAX_COLUMNS).map(|it| it.to_string()).collect();
    let many: Vec<_> = many.iter().map(String::as_str).collect();
    for changes in [
        Changes::ALL,
        Events::INSERT.into(),
        Events::UPSERT.into(),
        update(&[]),
        update(&["votes"]),
        update(&many),
        Changes {
            events: Events::ALL,
            ..update(&["votes"])
        },
    ] {
        let begun = Record::fresh(&mut counting()).unwrap().begun(Writer {
            changes: changes.clone(),
            ..writer(1)
        });
        let record = Record::from_bytes(&begun.to_bytes()).unwrap();
        let marked = &record.writers()[0].changes;
        assert_eq!(marked.events, changes.events);
        let wider = marked.updated == Columns::All || marked.updated == changes.updated;
        assert!(wider, "{changes:?} became {marked:?}");
    }
}

#[test]
fn a_record_round_trips() {
    let tokens = &mut counting();
    let record = Record::fresh(tokens).unwrap().begun(writer(7));
    let record = record
        .published(id(9), at(&Changes::ALL, 5), tokens)
        .unwrap();
    assert_eq!(Record::from_bytes(&record.to_bytes()), Some(record));
}

#[test]
fn a_record_with_too_many_writers_counts_as_missing() {
    let mut record = Record::fresh(&mut counting()).unwrap();
    let mut ids = counting();
    let mut add = |record: &mut Record| {
        let id = ids().unwrap();
        record.writers.push(Writer { id, ..writer(0) });
    };
    (0..MAX_WRITERS).for_each(|_| add(&mut record));
    assert_eq!(
        Record::from_bytes(&record.to_bytes()).as_ref(),
        Some(&record)
    );
    add(&mut record);
    assert_eq!(Record::from_bytes(&record.to_bytes()), None);
}

#[test]
fn the_fast_path_and_the_parser_agree() {
    let tokens = &mut counting();
    let idle = Record::fresh(tokens).unwrap();
    let updated = idle
        .clone()
        .published(id(1), &update(&["title", "votes"]), tokens)
        .unwrap();
    let odd = idle
        .clone()
        .published(id(1), &update(&["a \"quoted\" name"]), tokens)
        .unwrap();
    for changes in [
        Changes::ALL,
        Events::DELETE.into(),
        update(&["votes"]),
        update(&["id", "title", "votes"]),
        update(&[]),
    ] {
        for record in [&idle, &updated] {
            assert_eq!(
                DependencyTokens::if_idle(&record.to_bytes(), &changes),
                Some(DependencyTokens::of(record, &changes))
            );
        }
        let fast = DependencyTokens::if_idle(&odd.to_bytes(), &changes);
        assert!(fast.is_none_or(|it| it == DependencyTokens::of(&odd, &changes)));
        let busy = idle.clone().begun(writer(1));
        assert_eq!(DependencyTokens::if_idle(&busy.to_bytes(), &changes), None);
    }
}

/// The parser accepts fields and columns in any order.
#[test]
fn the_fast_path_leaves_other_orders_to_the_parser() {
    let tokens = &mut counting();
    let record = Record::fresh(tokens).unwrap();
    let record = record.published(id(1), at(&update(&["a", "b"]), 7), tokens);
    let record = record.unwrap();
    let text = String::from_utf8(record.to_bytes()).unwrap();
    let (a, b) = (record.columns["a"].to_hex(), record.columns["b"].to_hex());
    let columns = format!(r#""columns":{{"a":"{a}","b":"{b}"}}"#);
    let turned = format!(r#""columns":{{"b":"{b}","a":"{a}"}}"#);
    let (keys, at) = (r#""keys":{}"#, r#""at":{"update":7}"#);
    let reads = update(&["a", "b"]);
    let expected = DependencyTokens::of(&record, &reads);
    assert_eq!(
        DependencyTokens::if_idle(text.as_bytes(), &reads),
        Some(expected)
    );
    for other in [
        text.replace(&columns, &turned),
        text.replace(
            &format!("{columns},{keys},{at}"),
            &format!("{at},{columns},{keys}"),
        ),
    ] {
        assert_ne!(other, text);
        assert_eq!(Record::from_bytes(other.as_bytes()), Some(record.clone()));
        assert_eq!(DependencyTokens::if_idle(other.as_bytes(), &reads), None);
    }
    let twice = text.replace(&columns, &format!(r#""columns":{{"a":"{a}","a":"{b}"}}"#));
    assert_eq!(Record::from_bytes(twice.as_bytes()), None);
}

fn families(names: &[&str]) -> Families {
    names.iter().map(|name| Box::from(*name)).collect()
}

fn found(names: &[&str], list: u8) -> FoundFamilies {
    FoundFamilies {
        families: families(names),
        list: id(list),
    }
}

#[test]
fn a_record_keeps_the_families_that_it_tells() {
    let tokens = &mut counting();
    let new = Record::fresh(tokens).unwrap();
    let joined = new.clone().with_families(&families(&["p"]));
    assert!(!joined.has_families(), "others are not known");
    assert_eq!(
        new.clone()
            .with_found_families(id(1), Some(&found(&[], 100))),
        new
    );
    let begun = new.begun(writer(1));
    let record = begun.with_found_families(id(1), Some(&found(&["p"], 100)));
    let record = record.published(id(1), &Changes::ALL, tokens).unwrap();
    assert!(
        record.lacks_families(&families(&["p", "q"])) && !record.lacks_families(&families(&["p"]))
    );
    let record = record.with_families(&families(&["q"]));
    assert_eq!(record.families(id(100)), Some(&families(&["p", "q"])));
    let bytes = record.to_bytes();
    let all = DependencyTokens::of(&record, &Changes::ALL);
    assert_eq!(DependencyTokens::if_idle(&bytes, &Changes::ALL), Some(all));
    assert_eq!(Record::from_bytes(&bytes), Some(record));
}

#[test]
fn families_are_told_under_the_list_that_was_read() {
    let tokens = &mut counting();
    let begun = Record::fresh(tokens).unwrap().begun(writer(1));
    let record = begun.with_found_families(id(1), Some(&found(&["p"], 100)));
    assert_eq!(record.families(id(101)), None, "another list");
    let joined = record.with_families(&families(&["q"]));
    let again = joined
        .clone()
        .with_found_families(id(1), Some(&found(&[], 100)));
    assert_eq!(again, joined, "the same list");
    let record = joined.with_found_families(id(1), Some(&found(&["r"], 101)));
    assert_eq!(record.families(id(100)), None);
    assert_eq!(record.families(id(101)), Some(&families(&["r"])));
}

#[test]
fn a_new_epoch_has_another_list() {
    let tokens = &mut counting();
    let fresh = Record::fresh(tokens).unwrap();
    assert_eq!(fresh.list(), fresh.any());
    let listed = fresh.with_list(id(100), true).with_list(id(101), false);
    assert!(listed.has_families() && listed.list() == id(101));
    let renewed = listed.published(id(1), &Changes::ALL, tokens).unwrap();
    let renewed = renewed.without_list();
    assert!(!renewed.has_families() && renewed.list() == renewed.any());
}

#[test]
fn an_overlapping_writer_stays_in_flight_when_the_other_ends() {
    let tokens = &mut counting();
    let record = Record::fresh(tokens)
        .unwrap()
        .begun(writer(1))
        .begun(writer(2));
    let record = record.published(id(1), &Changes::ALL, tokens).unwrap();
    assert_eq!(record.writers(), [writer(2)]);
}

#[test]
fn only_a_success_changes_the_token() {
    let tokens = &mut counting();
    let before = Record::fresh(tokens).unwrap().begun(writer(1));
    assert_eq!(before.clone().withdrawn(id(1)).any(), before.any());
    let after = before
        .clone()
        .published(id(1), &Changes::ALL, tokens)
        .unwrap();
    assert_ne!(after.any(), before.any());
}

#[test]
fn only_the_tokens_and_times_of_the_events_change() {
    let tokens = &mut counting();
    let before = Record::fresh(tokens).unwrap();
    let before = before
        .published(id(1), at(&Events::UPSERT.into(), 1), tokens)
        .unwrap();
    let delete = Events {
        insert: false,
        update: false,
        delete: true,
    };
    let after = before
        .clone()
        .published(id(1), at(&delete.into(), 2), tokens)
        .unwrap();
    assert_eq!((after.insert, after.update), (before.insert, before.update));
    assert_ne!(after.delete, before.delete);
    let tokens_of = |record: &Record, events: Events| {
        let tokens = DependencyTokens::of(record, &events.into());
        tokens.iter().collect::<Vec<_>>()
    };
    assert_ne!(tokens_of(&after, delete), tokens_of(&before, delete));
    assert_eq!(
        tokens_of(&after, Events::UPSERT),
        tokens_of(&before, Events::UPSERT)
    );
    assert_eq!(tokens_of(&after, Events::ALL), [after.any()]);
    let times = [Events::ALL, delete, Events::UPSERT, Events::INSERT];
    let times = times.map(|events| after.at(events));
    assert_eq!(times, [Some(2), Some(2), Some(1), Some(1)]);
}

#[test]
fn a_crashed_writer_counts_as_committed() {
    let tokens = &mut counting();
    let before = Record::fresh(tokens)
        .unwrap()
        .begun(writer(1))
        .begun(writer(2));
    let after = before.clone().reclaimed(&[id(1)], tokens).unwrap();
    assert_eq!(after.writers(), [writer(2)]);
    assert_ne!(after.any(), before.any());
}

#[test]
fn garbage_and_unknown_versions_are_rejected() {
    let good = Record::fresh(&mut counting()).unwrap().to_bytes();
    let foreign = String::from_utf8(good.clone())
        .unwrap()
        .replacen("\"v\":3", "\"v\":1", 1);
    for bad in [
        b"".as_slice(),
        b"{}",
        b"[[[[[[",
        &good[..good.len() - 1],
        foreign.as_bytes(),
    ] {
        assert_eq!(Record::from_bytes(bad), None);
    }
}

/// The rows with these buckets of column `id`.
fn key(buckets: &[Bucket]) -> Key {
    Key {
        column: "id".into(),
        buckets: buckets.iter().copied().collect(),
    }
}

fn known(columns: &[(&str, &[Bucket])]) -> Buckets {
    let columns = columns.iter();
    columns
        .map(|(column, it)| (*column, it.iter().copied().collect()))
        .collect()
}

/// The tokens of a reader of column `id`, with this bucket.
fn proofs_of(record: &Record, bucket: Token) -> Proofs {
    let key = key(&[7]);
    let depends = Depends {
        changes: &Changes::ALL,
        key: Some(&key),
    };
    DependencyTokens::of(record, depends).proofs(&key, &[Some(bucket)])
}

#[test]
fn a_write_that_knows_its_values_of_a_column_keeps_what_readers_by_that_column_depend_on() {
    let tokens = &mut counting();
    let mut record = Record::fresh(tokens).unwrap();
    for (buckets, keeps) in [
        (known(&[("id", &[1])]), true),
        (known(&[("id", &[7]), ("user_id", &[2])]), true),
        (known(&[("user_id", &[2])]), false),
        (known(&[("id", &[1])]), true),
        (Buckets::default(), false),
        (known(&[("id", &[])]), true),
    ] {
        let written = TimedChanges {
            buckets: &buckets,
            ..(&Changes::ALL).into()
        };
        let after = record.clone().published(id(1), written, tokens).unwrap();
        assert_eq!(Record::from_bytes(&after.to_bytes()).as_ref(), Some(&after));
        assert_eq!(
            after.keys.keys().collect::<Vec<_>>(),
            buckets.keys().collect::<Vec<_>>()
        );
        let (before, now) = (proofs_of(&record, id(9)), proofs_of(&after, id(9)));
        assert_eq!(before.hold(&now), keeps, "{buckets:?}");
        assert_ne!(before.table, now.table);
        assert!(!before.hold(&proofs_of(&after, id(10))), "another bucket");
        record = after;
    }
}

#[test]
fn either_proof_is_enough_and_a_missing_bucket_proves_nothing() {
    let tokens = &mut counting();
    let record = Record::fresh(tokens).unwrap();
    let key = key(&[7, 8]);
    let depends = Depends {
        changes: &Changes::ALL,
        key: Some(&key),
    };
    let proofs = |record: &Record, buckets: [Option<Token>; 2]| {
        DependencyTokens::of(record, depends).proofs(&key, &buckets)
    };
    let stored = proofs(&record, [Some(id(1)), Some(id(2))]);
    assert!(stored.hold(&proofs(&record, [Some(id(1)), Some(id(3))])));
    assert!(stored.hold(&proofs(&record, [None, Some(id(2))])));
    let after = record.published(id(1), &Changes::ALL, tokens).unwrap();
    let missing = proofs(&after, [None, Some(id(2))]);
    assert!(!stored.hold(&missing));
    let other = Proofs {
        table: id(1),
        key: None,
    };
    assert!(!other.hold(&missing), "two that are missing are not equal");
}

#[test]
fn a_writer_of_other_rows_is_not_in_flight_for_a_keyed_reader() {
    let in_flight = |buckets: Buckets, key: Option<&Key>| {
        let record = Record::fresh(&mut counting()).unwrap();
        let record = record.begun(Writer {
            buckets,
            ..writer(1)
        });
        let record = Record::from_bytes(&record.to_bytes()).unwrap();
        let depends = Depends {
            changes: &Changes::ALL,
            key,
        };
        record.writers_of(depends).count() == 1
    };
    let key = key(&[7, 8]);
    for (buckets, expected) in [
        (Buckets::default(), true),
        (known(&[("id", &[8, 9])]), true),
        (known(&[("id", &[6, 9])]), false),
        (known(&[("id", &[])]), false),
        (known(&[("user_id", &[6])]), true),
    ] {
        assert_eq!(in_flight(buckets.clone(), Some(&key)), expected);
        assert!(in_flight(buckets, None));
    }
}

#[test]
fn what_is_too_much_for_a_record_is_unknown() {
    let many: Vec<_> = (0..=MAX_BUCKETS).map(|it| it.try_into().unwrap()).collect();
    let buckets = known(&[("id", &many), ("user_id", &many[1..])]);
    assert_eq!(buckets, known(&[("user_id", &many[1..])]));
    let names: Vec<_> = (0..=MAX_KEY_COLUMNS).map(|it| it.to_string()).collect();
    let columns: Vec<(_, &[Bucket])> = names.iter().map(|it| (it.as_str(), &many[1..])).collect();
    let buckets = known(&columns);
    assert_eq!(buckets.len(), MAX_KEY_COLUMNS);
    let record = Record::fresh(&mut counting()).unwrap().begun(Writer {
        buckets,
        ..writer(1)
    });
    let bytes = record.to_bytes();
    assert!(bytes.len() < 4096);
    assert_eq!(Record::from_bytes(&bytes), Some(record));
}

#[test]
fn writes_that_happen_together_know_what_each_of_them_knows() {
    let mut both = known(&[("id", &[1]), ("user_id", &[2])]);
    both.merge(&known(&[("id", &[3])]));
    assert_eq!(both, known(&[("id", &[1, 3])]));
    both.merge(&Buckets::default());
    assert_eq!(both, Buckets::default());
}

#[test]
fn a_bucket_is_of_a_column_and_a_value() {
    assert_eq!(bucket_of("id", b"7"), bucket_of("id", b"7"));
    assert_ne!(bucket_of("id", b"7"), bucket_of("id", b"8"));
    assert_ne!(bucket_of("id", b"7"), bucket_of("user_id", b"7"));
}

#[test]
fn the_fast_path_and_the_parser_agree_on_keys() {
    let tokens = &mut counting();
    let mut record = Record::fresh(tokens).unwrap();
    let key = key(&[7]);
    for buckets in [
        Buckets::default(),
        known(&[("user_id", &[7])]),
        known(&[("a", &[1]), ("id", &[1])]),
    ] {
        let changes = update(&["title", "votes"]);
        let written = TimedChanges {
            buckets: &buckets,
            ..at(&changes, 7)
        };
        record = record.published(id(1), written, tokens).unwrap();
        let bytes = record.to_bytes();
        for changes in [Changes::ALL, update(&["votes"]), Events::DELETE.into()] {
            let depends = Depends {
                changes: &changes,
                key: Some(&key),
            };
            assert_eq!(
                DependencyTokens::if_idle(&bytes, depends),
                Some(DependencyTokens::of(&record, depends))
            );
        }
    }
    // The parser accepts a record without keys.
    let text = String::from_utf8(record.to_bytes()).unwrap();
    let keys = text.find(r#","keys""#).unwrap();
    let end = text[keys..].find('}').unwrap() + keys + 1;
    let without = format!("{}{}", &text[..keys], &text[end..]);
    let depends = Depends {
        changes: &Changes::ALL,
        key: Some(&key),
    };
    assert_eq!(DependencyTokens::if_idle(without.as_bytes(), depends), None);
    let parsed = Record::from_bytes(without.as_bytes()).unwrap();
    assert_eq!(parsed.wide("id"), parsed.any);
}
