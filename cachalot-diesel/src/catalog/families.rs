//! Tables with many partitions or inheritance children: one version record for all of them.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use super::Catalog;
use crate::protocol::Families;

/// Parents with at most this many members form no family: a read checks each member's record, still in one
/// round trip, and writers have no further record to change.
const MAX_SEPARATE_MEMBERS: usize = 8;
/// If a relation is in more families than this, they are not used, as its record would have to list them all.
const MAX_MEMBERSHIPS: usize = 16;

/// Parents with many members, and all their direct and indirect members.
pub(super) type Members = BTreeMap<Arc<str>, BTreeSet<Arc<str>>>;

impl Catalog {
    /// All families: parents, and their members.
    pub(crate) fn families(&self) -> &Members {
        &self.families
    }

    /// The families of which all members are read with these relations, except those inside another.
    pub(crate) fn families_among(
        &self,
        reads: &BTreeSet<Arc<str>>,
    ) -> Vec<(&Arc<str>, &BTreeSet<Arc<str>>)> {
        let among = || self.families.iter().filter(|it| reads.contains(it.0));
        let inside = |members: &BTreeSet<Arc<str>>| {
            among().any(|(_, other)| other.len() > members.len() && members.is_subset(other))
        };
        among().filter(|(_, members)| !inside(members)).collect()
    }

    /// The families of which a relation is a member.
    pub(crate) fn families_of(&self, relation: &str) -> Families {
        let of = |it: &(&Arc<str>, &BTreeSet<Arc<str>>)| it.1.contains(relation);
        let families = self.families.iter().filter(of);
        families.map(|(parent, _)| (**parent).into()).collect()
    }
}

/// Parents with many members, and all their direct and indirect members.
pub(super) fn of(inheritance: &[(Arc<str>, Arc<str>)]) -> Members {
    let mut children: BTreeMap<&Arc<str>, BTreeSet<&Arc<str>>> = BTreeMap::new();
    for (parent, child) in inheritance {
        children.entry(parent).or_default().insert(child);
    }
    let mut families = BTreeMap::new();
    let mut memberships: HashMap<Arc<str>, usize> = HashMap::new();
    for parent in children.keys() {
        let mut members: BTreeSet<Arc<str>> = BTreeSet::new();
        let mut pending = vec![*parent];
        while let Some(above) = pending.pop() {
            for child in children.get(above).into_iter().flatten() {
                if child != parent && members.insert(Arc::clone(child)) {
                    pending.push(child);
                }
            }
        }
        if members.len() > MAX_SEPARATE_MEMBERS {
            for member in &members {
                *memberships.entry(Arc::clone(member)).or_default() += 1;
            }
            families.insert(Arc::clone(parent), members);
        }
    }
    families.retain(|_, members| {
        let mut members = members.iter();
        members.all(|member| {
            memberships
                .get(member)
                .is_none_or(|it| *it <= MAX_MEMBERSHIPS)
        })
    });
    families
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inheritance(pairs: &[(&str, &str)]) -> Vec<(Arc<str>, Arc<str>)> {
        let pairs = pairs.iter();
        pairs.map(|(p, c)| (Arc::from(*p), Arc::from(*c))).collect()
    }

    #[test]
    fn a_parent_of_many_is_a_family_with_all_that_stands_below_it() {
        let names: Vec<_> = (0..=MAX_SEPARATE_MEMBERS)
            .map(|it| format!("leaf{it}"))
            .collect();
        let mut pairs: Vec<_> = names.iter().map(|name| ("p", &**name)).collect();
        let few = &pairs[1..];
        assert!(of(&inheritance(few)).is_empty());
        assert_eq!(of(&inheritance(&pairs))["p"].len(), names.len());
        // Two levels, and a name in two schemas that is its own parent.
        pairs.extend([("top", "p"), ("leaf0", "top")]);
        let families = of(&inheritance(&pairs));
        assert_eq!(families["top"].len(), names.len() + 1);
        assert!(!families["top"].contains("top"));
    }
}
