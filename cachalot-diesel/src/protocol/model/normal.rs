//! Normalises states, so that equivalent ones are explored once.

use std::convert::Infallible;

use super::{
    Bounds, State,
    lister::Other,
    reader::Reader,
    store::{Entry, Late, Number, Seen},
};
use crate::protocol::{Proofs, Record, Token};

/// More than the number of tokens in use at one time. Writers' ids are far above.
const MAX_TOKENS: u8 = 100;

impl State {
    /// - Readers of one kind are interchangeable.
    /// - The values of tokens do not matter, only which are equal.
    /// - CAS values do not matter either, only whether they are current or, after a restart, how soon
    ///   they come again; unless the store may yet restart.
    /// - An entry is none if its tokens are nowhere else.
    pub(super) fn normalise(&mut self, bounds: &Bounds) {
        if !self.faults.may_repeat() {
            self.forget_numbers(bounds);
        }
        self.forget_dead_entries();
        self.rename();
        if !self.readers.is_sorted() {
            self.readers.sort();
            self.rename();
        }
    }

    fn rename(&mut self) {
        let mut names = [u8::MAX; 256];
        let mut next = 0;
        self.visit(&mut |token| {
            let known = &mut names[usize::from(token.as_bytes()[0])];
            if *known == u8::MAX {
                assert!(next < MAX_TOKENS, "a small model has few tokens");
                *known = next;
                next += 1;
            }
            *token = name(*known);
        });
    }

    /// 1: the current CAS value; 0: an old one, which does not come again; above 1, after a restart: one
    /// that is yet to come.
    fn forget_numbers(&mut self, bounds: &Bounds) {
        let number = |record: &Option<Seen>| record.as_ref().map(|(_, number)| *number);
        let present: Vec<_> = self.store.records.iter().map(number).collect();
        let readers = self.readers.iter_mut().flat_map(Reader::numbers);
        let writers = self.writers.iter_mut().zip(&bounds.writers);
        let writers = writers.flat_map(|(writing, tables)| writing.numbers(tables));
        for (table, number) in readers.chain(writers) {
            *number = match number.checked_sub(self.store.last[table]) {
                None => 0,
                Some(0) => Number::from(present[table] == Some(*number)),
                Some(to_come) => to_come + 1,
            };
        }
        for (_, number) in self.store.records.iter_mut().flatten() {
            *number = 1;
        }
        self.store.last.fill(1);
    }

    fn forget_dead_entries(&mut self) {
        let mut uses = [0_u16; 256];
        let number = |token: &Token| usize::from(token.as_bytes()[0]);
        self.visit(&mut |token| uses[number(token)] += 1);
        self.entries(&mut |entry| in_entry(entry, &mut |token| uses[number(token)] -= 1));
        self.entries(&mut |entry| entry.retain(|token| uses[number(token)] > 0));
        for entry in &mut self.store.entries {
            entry.take_if(|entry| entry.is_dead());
        }
        self.readers.iter_mut().for_each(Reader::forget_dead_entry);
    }

    /// Those that are stored, have been fetched, or will be stored.
    fn entries(&mut self, see: &mut impl FnMut(&mut Entry)) {
        self.store.entries.iter_mut().flatten().for_each(&mut *see);
        for reader in &mut self.readers {
            reader.fetched().into_iter().flatten().for_each(&mut *see);
            reader.entry_to_store().into_iter().for_each(&mut *see);
        }
    }

    fn visit(&mut self, see: &mut impl FnMut(&mut Token)) {
        for (record, _) in self.store.records.iter_mut().flatten() {
            in_record(record, see);
        }
        for entry in self.store.entries.iter_mut().flatten() {
            in_entry(entry, see);
        }
        if let Some(listed) = &mut self.store.listed {
            see(&mut listed.epoch);
            listed.list.iter_mut().for_each(&mut *see);
        }
        self.store.buckets.iter_mut().flatten().for_each(&mut *see);
        if let Some(Late::Add(_, token)) = &mut self.store.late {
            see(token);
        }
        if let Some(token) = &mut self.first_epoch {
            see(token);
        }
        if let Other::Loading(lister) = &mut self.other {
            lister.visit(see);
        }
        for writing in &mut self.writers {
            writing.visit(see);
        }
        for reader in &mut self.readers {
            reader.visit(see);
        }
    }
}

/// Unused tokens: in a normalised state those in use are 0, 1, 2 and so on.
pub(super) fn free_tokens() -> impl FnMut() -> Result<Token, Infallible> {
    let mut next = MAX_TOKENS;
    move || {
        next += 1;
        Ok(name(next))
    }
}

fn name(number: u8) -> Token {
    Token::from_bytes([number; Token::LEN])
}

pub(super) fn in_record(record: &mut Record, see: &mut impl FnMut(&mut Token)) {
    record.tokens_mut().for_each(see);
}

pub(super) fn in_seen(seen: &mut Seen, see: &mut impl FnMut(&mut Token)) {
    in_record(&mut seen.0, see);
}

pub(super) fn in_entry(entry: &mut Entry, see: &mut impl FnMut(&mut Token)) {
    let Proofs { table, key } = &mut entry.proofs;
    table
        .iter_mut()
        .chain(key.iter_mut().flatten())
        .for_each(see);
}
