//! Families: one record for all members of a partitioned or inherited table.

use super::{VersionStore, fresh_token, records::MAX_READ_ATTEMPTS};
use crate::{
    clock::now_millis,
    protocol::{self, Dependency, Families, MemberDecision},
    store::{Command, Reply, StoreError},
};

impl VersionStore {
    /// Does every writer to one of these members begin the families' records too? `false` while a write
    /// is in flight that may not have.
    pub(crate) fn families_cover(
        &self,
        members: &[(Dependency, Families)],
        create: bool,
    ) -> Result<bool, StoreError> {
        let mut pending: Vec<_> = members.iter().collect();
        for _ in 0..MAX_READ_ATTEMPTS {
            if pending.is_empty() {
                return Ok(true);
            }
            let gets = pending.iter().map(|(it, _)| Command::Get { key: &it.key });
            let replies = self.client.run(&gets.collect::<Vec<_>>());
            let mut puts = Vec::new();
            for (member, reply) in pending.into_iter().zip(replies) {
                let (table, families) = member;
                let (record, Some(version)) = self.versioned_record_in(table, reply)? else {
                    continue;
                };
                let crashed = match &record {
                    Some(record) => self.crashed(record.writers(), now_millis())?,
                    None => Vec::new(),
                };
                match protocol::check_member(record, families, &crashed, &mut fresh_token)? {
                    MemberDecision::Ready => {}
                    MemberDecision::Bypass => return Ok(false),
                    MemberDecision::Replace(record) => {
                        let value = self.client.auth.sign_record(&table.key, record.to_bytes());
                        puts.push((member, value, version));
                    }
                }
            }
            if !create {
                return Ok(true);
            }
            let swaps = puts.iter().map(|((table, _), value, version)| {
                Command::put(&table.key, value, Some(*version))
            });
            let replies = self.client.run(&swaps.collect::<Vec<_>>());
            pending = Vec::new();
            for ((member, ..), reply) in puts.into_iter().zip(replies) {
                if !matches!(reply?, Reply::Stored(_)) {
                    pending.push(member);
                }
            }
        }
        Ok(false)
    }
}
