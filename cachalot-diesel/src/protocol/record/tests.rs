use std::convert::Infallible;

use super::*;

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
        let after = record.clone().published(id(1), &changes, None, tokens);
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
        record = record.published(id(1), &one, None, tokens).unwrap();
        assert_eq!(tokens_of(&record, &never), before);
    }
    assert!(record.to_bytes().len() < 4096);
    let before = tokens_of(&record, &never);
    let record = record
        .published(id(1), &update(&["one more"]), None, tokens)
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
        .published(id(9), &Changes::ALL, Some(5), tokens)
        .unwrap();
    assert_eq!(Record::from_bytes(&record.to_bytes()), Some(record));
}

#[test]
fn the_fast_path_and_the_parser_agree() {
    let tokens = &mut counting();
    let idle = Record::fresh(tokens).unwrap();
    let updated = idle
        .clone()
        .published(id(1), &update(&["title", "votes"]), None, tokens)
        .unwrap();
    let odd = idle
        .clone()
        .published(id(1), &update(&["a \"quoted\" name"]), None, tokens)
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
    let record = record.published(id(1), &update(&["a", "b"]), Some(7), tokens);
    let record = record.unwrap();
    let text = String::from_utf8(record.to_bytes()).unwrap();
    let (a, b) = (record.columns["a"].to_hex(), record.columns["b"].to_hex());
    let columns = format!(r#""columns":{{"a":"{a}","b":"{b}"}}"#);
    let turned = format!(r#""columns":{{"b":"{b}","a":"{a}"}}"#);
    let at = r#""at":{"update":7}"#;
    let reads = update(&["a", "b"]);
    let expected = DependencyTokens::of(&record, &reads);
    assert_eq!(
        DependencyTokens::if_idle(text.as_bytes(), &reads),
        Some(expected)
    );
    for other in [
        text.replace(&columns, &turned),
        text.replace(&format!("{columns},{at}"), &format!("{at},{columns}")),
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
    let record = record
        .published(id(1), &Changes::ALL, None, tokens)
        .unwrap();
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
    let renewed = listed
        .published(id(1), &Changes::ALL, None, tokens)
        .unwrap();
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
    let record = record
        .published(id(1), &Changes::ALL, None, tokens)
        .unwrap();
    assert_eq!(record.writers(), [writer(2)]);
}

#[test]
fn only_a_success_changes_the_token() {
    let tokens = &mut counting();
    let before = Record::fresh(tokens).unwrap().begun(writer(1));
    assert_eq!(before.clone().withdrawn(id(1)).any(), before.any());
    let after = before
        .clone()
        .published(id(1), &Changes::ALL, None, tokens)
        .unwrap();
    assert_ne!(after.any(), before.any());
}

#[test]
fn only_the_tokens_and_times_of_the_events_change() {
    let tokens = &mut counting();
    let before = Record::fresh(tokens).unwrap();
    let before = before
        .published(id(1), &Changes::from(Events::UPSERT), Some(1), tokens)
        .unwrap();
    let delete = Events {
        insert: false,
        update: false,
        delete: true,
    };
    let after = before
        .clone()
        .published(id(1), &delete.into(), Some(2), tokens)
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
        .replacen("\"v\":2", "\"v\":1", 1);
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
