//! Tables with many partitions or inheritance children: one version record stands for all of them.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use super::Catalog;
use crate::protocol::Families;

/// Up to so many members a read looks at each: that is one round trip too, and spares writers the
/// family's record.
const FEW_MEMBERS: usize = 8;
/// A relation below more parents than this makes none of them one with a family: its record tells them.
const MOST_MEMBERSHIPS: usize = 16;

/// Parents of many, and all that stand below them.
pub(super) type Members = BTreeMap<Arc<str>, BTreeSet<Arc<str>>>;

impl Catalog {
    /// All families: parents, and their members.
    pub(crate) fn families(&self) -> &Members {
        &self.families
    }

    /// The families that are read whole where these relations are, without those inside another.
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

/// Parents of many, and all that stand below them.
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
        if members.len() > FEW_MEMBERS {
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
                .is_none_or(|it| *it <= MOST_MEMBERSHIPS)
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
        let names: Vec<_> = (0..=FEW_MEMBERS).map(|it| format!("leaf{it}")).collect();
        let mut pairs: Vec<_> = names.iter().map(|name| ("p", &**name)).collect();
        let few = &pairs[1..];
        assert!(of(&inheritance(few)).is_empty());
        assert_eq!(of(&inheritance(&pairs))["p"].len(), names.len());
        // Two levels; and a name that stands in two schemas, above and below itself.
        pairs.extend([("top", "p"), ("leaf0", "top")]);
        let families = of(&inheritance(&pairs));
        assert_eq!(families["top"].len(), names.len() + 1);
        assert!(!families["top"].contains("top"));
    }
}
