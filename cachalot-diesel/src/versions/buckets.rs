//! The items of buckets: a reader looks at them, and adds those that are missing.

use super::{VersionStore, fresh_token};
use crate::{
    protocol::{Dependency, Key, Token},
    store::{Command, Reply, StoreError},
};

/// The items of a key's buckets, in its order, and what was read of them.
#[derive(Debug)]
pub(crate) struct BucketItems(Vec<BucketItem>);

#[derive(Debug)]
struct BucketItem {
    key: String,
    seen: Seen,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seen {
    /// The store did not answer.
    Nothing,
    Missing,
    Damaged,
    Token(Token),
}

impl BucketItems {
    pub(crate) fn new(table: &Dependency, key: &Key) -> Self {
        let items = key.buckets.iter().map(|bucket| BucketItem {
            key: table.bucket(&key.column, *bucket),
            seen: Seen::Nothing,
        });
        Self(items.collect())
    }

    pub(crate) fn gets(&self) -> impl Iterator<Item = Command<'_>> {
        self.0.iter().map(|item| Command::Get { key: &item.key })
    }

    pub(crate) fn tokens(&self) -> Vec<Option<Token>> {
        let tokens = self.0.iter().map(|item| match item.seen {
            Seen::Token(token) => Some(token),
            Seen::Nothing | Seen::Missing | Seen::Damaged => None,
        });
        tokens.collect()
    }

    pub(crate) fn are_missing(&self) -> bool {
        self.0.iter().any(BucketItem::is_missing)
    }
}

impl BucketItem {
    /// A damaged item counts as missing.
    fn is_missing(&self) -> bool {
        matches!(self.seen, Seen::Missing | Seen::Damaged)
    }
}

impl VersionStore {
    /// Takes the replies to [`BucketItems::gets`].
    pub(crate) fn see_buckets(
        &self,
        items: &mut BucketItems,
        mut replies: impl Iterator<Item = Result<Reply, StoreError>>,
    ) {
        for item in &mut items.0 {
            item.seen = match replies.next() {
                Some(reply) => self.seen(&item.key, reply),
                None => Seen::Nothing,
            };
        }
    }

    /// Reads the buckets again: they have to be read after their table's record.
    pub(crate) fn fetch_buckets(&self, items: &mut BucketItems) {
        let replies = self.client.run(&items.gets().collect::<Vec<_>>());
        self.see_buckets(items, replies.into_iter());
    }

    /// Adds the buckets that are missing. If another reader was first, its token is read.
    ///
    /// A token is used only if the store has said that it took it: a command without a reply may be executed later,
    /// after a writer has deleted the bucket.
    pub(crate) fn add_buckets<'a>(&self, items: impl Iterator<Item = &'a mut BucketItems>) {
        let items = items.flat_map(|items| &mut items.0);
        let mut missing: Vec<_> = items.filter(|item| item.is_missing()).collect();
        let Ok(tokens) = missing
            .iter()
            .map(|_| fresh_token())
            .collect::<Result<Vec<_>, _>>()
        else {
            return;
        };
        // Nothing can be added in place of a damaged one. To remove a bucket is always right.
        let damaged = missing.iter().filter(|item| item.seen == Seen::Damaged);
        let deletes = damaged.map(|item| Command::Delete { key: &item.key });
        self.run_any(&deletes.collect::<Vec<_>>());
        let values: Vec<_> = missing
            .iter()
            .zip(&tokens)
            .map(|(item, token)| self.bucket_value(&item.key, *token))
            .collect();
        let adds = missing
            .iter()
            .zip(&values)
            .map(|(item, value)| Command::Add {
                key: &item.key,
                value,
                ttl: None,
            });
        let replies = self.run_any(&adds.collect::<Vec<_>>());
        for ((item, token), reply) in missing.iter_mut().zip(tokens).zip(replies) {
            item.seen = match reply {
                Ok(Reply::Stored(_)) => Seen::Token(token),
                Ok(_) => Seen::Missing,
                Err(_) => Seen::Nothing,
            };
        }
        missing.retain(|item| item.is_missing());
        let gets = missing.iter().map(|item| Command::Get { key: &item.key });
        let replies = self.run_any(&gets.collect::<Vec<_>>());
        for (item, reply) in missing.into_iter().zip(replies) {
            item.seen = self.seen(&item.key, reply);
        }
    }

    /// Runs commands, if there are any.
    fn run_any(&self, commands: &[Command<'_>]) -> Vec<Result<Reply, StoreError>> {
        match commands {
            [] => Vec::new(),
            commands => self.client.run(commands),
        }
    }

    /// The bytes of a bucket.
    fn bucket_value(&self, key: &str, token: Token) -> Vec<u8> {
        let hex = token.to_hex().into_bytes();
        self.client.auth.sign_record(key, hex)
    }

    fn seen(&self, key: &str, reply: Result<Reply, StoreError>) -> Seen {
        let value = match reply.and_then(Reply::into_item) {
            Ok(Some((value, _))) => value,
            Ok(None) => return Seen::Missing,
            Err(_) => return Seen::Nothing,
        };
        let hex = self.client.auth.verify_record(key, &value);
        hex.and_then(Token::from_hex)
            .map_or(Seen::Damaged, Seen::Token)
    }
}
