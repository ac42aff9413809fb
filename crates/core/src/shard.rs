//! Which node does the work of which accounts: accounts fall into shards, and shards onto the nodes that are alive.
//!
//! Every node decides this for itself from the same facts. Two that decide differently for a moment do no harm: a shard
//! changes hands in one statement of the store, under a new epoch, and nothing is written under an old one.

use std::collections::BTreeSet;

use crate::key::AccountKey;

/// Shards of an installation. Stored with it: it must never change.
pub const SHARDS: u8 = 64;

/// Shards given away in one look, so that moving to a new node does not stop everything at once.
pub const PARTED_AT_ONCE_MAX: usize = 8;

/// A part of the accounts, whose work one node does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Shard(u8);

impl Shard {
    /// Nodes of two versions must agree on it: it must never change. Keys are given in turn, so they are mixed, with
    /// nothing that a database cannot do as well.
    pub fn of(account: AccountKey) -> Shard {
        // Source: Knuth, multiplicative hashing; 31 bits times 32 do not overflow.
        let mixed = ((account.0 & 0x7fff_ffff) * 2_654_435_761) >> 26 & 63;
        Shard(u8::try_from(mixed).unwrap_or_default())
    }

    pub fn all() -> impl Iterator<Item = Shard> {
        (0..SHARDS).map(Shard)
    }

    pub fn from_number(number: i32) -> Option<Shard> {
        u8::try_from(number).ok().filter(|number| *number < SHARDS).map(Shard)
    }

    pub fn number(self) -> i32 {
        self.0.into()
    }

    pub fn index(self) -> usize {
        self.0.into()
    }

    /// Whose it is to be, of the nodes that are alive: rendezvous hashing, so that a node that comes or goes moves its own
    /// share and nothing else.
    pub fn home(self, live: &BTreeSet<String>) -> Option<&str> {
        live.iter().max_by_key(|node| weight(node, self)).map(String::as_str)
    }
}

/// Grows with each taking of a shard: what is begun under one epoch is refused under another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Epoch(pub i64);

/// What a node does about its share.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Moves {
    /// To be taken: they are nobody's, or were a node's that is not heard of.
    pub claim: Vec<Shard>,
    /// To be given back, for another node to take, once nothing is under way.
    pub part: Vec<Shard>,
    /// Said to be this node's, and not held by it since it lost them or was another process then: nobody else may take
    /// them before they are given back, which they are at once.
    pub release: Vec<Shard>,
}

/// What a node sees of a shard.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    pub owner: Option<String>,
    /// By this node, under the epoch that it knows.
    pub is_held: bool,
}

/// `live` are the nodes that are heard of, `me` among them; `seen` says who has each shard now, in their order.
pub fn moves(me: &str, live: &BTreeSet<String>, seen: &[Seen]) -> Moves {
    let mut moves = Moves::default();
    for shard in Shard::all() {
        let Some(Seen { owner, is_held }) = seen.get(shard.index()) else { continue };
        let (is_mine, is_home) = (owner.as_deref() == Some(me), shard.home(live) == Some(me));
        let is_free = owner.as_ref().is_none_or(|owner| !live.contains(owner));
        match (is_mine, *is_held) {
            (true, true) if !is_home && moves.part.len() < PARTED_AT_ONCE_MAX => moves.part.push(shard),
            (true, true) => {}
            (true, false) if !is_home => moves.release.push(shard),
            (true, false) => moves.claim.push(shard),
            (false, _) if is_home && is_free => moves.claim.push(shard),
            (false, _) => {}
        }
    }
    moves
}

/// FNV-1a of the name and the shard, mixed once more: names differ in their last letters only.
fn weight(node: &str, shard: Shard) -> u64 {
    let bytes = node.bytes().chain([shard.0]);
    let hash = bytes
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    // Source: the finalizer of SplitMix64.
    let hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn nodes(count: usize) -> BTreeSet<String> {
        (0..count).map(|number| format!("{number:016x}")).collect()
    }

    #[test]
    fn an_account_stays_in_its_shard() {
        let shards: Vec<i32> = [1, 2, 3, 1_000, i64::MAX].map(|key| Shard::of(AccountKey(key)).number()).into();
        assert_eq!(shards, [39, 15, 54, 2, 56]);
    }

    #[test]
    fn accounts_and_shards_are_spread() {
        for step in [1, 2, 3, 4, 8, 64, 1_000] {
            let mut counts = [0; SHARDS as usize];
            (0..6_400).for_each(|number| counts[Shard::of(AccountKey(1 + number * step)).index()] += 1);
            assert!(counts.iter().all(|count| (20..=300).contains(count)), "{step}: {counts:?}");
        }
        for count in 1..=5 {
            let live = nodes(count);
            let mine = |me: &String| Shard::all().filter(|shard| shard.home(&live) == Some(me)).count();
            let shares: Vec<usize> = live.iter().map(mine).collect();
            let fair = usize::from(SHARDS) / count;
            assert!(shares.iter().all(|share| (fair / 3..=fair * 2).contains(share)), "{shares:?}");
        }
    }

    #[test]
    fn a_node_that_goes_moves_its_own_share_alone() {
        let (all, mut fewer) = (nodes(5), nodes(5));
        let gone = fewer.pop_first().expect("there are five");
        for shard in Shard::all().filter(|shard| shard.home(&all) != Some(&gone)) {
            assert_eq!(shard.home(&all), shard.home(&fewer));
        }
    }

    proptest! {
        /// Nodes that look at the same facts agree, and some looks later each shard is where it is to be.
        #[test]
        fn shares_come_to_rest(
            count in 1..6_usize,
            owners in prop::collection::vec((prop::option::of(0..7_usize), any::<bool>()), 64),
        ) {
            let live = nodes(count);
            let seen = |(owner, is_held): (Option<usize>, bool)| Seen {
                owner: owner.map(|number| format!("{number:016x}")),
                is_held,
            };
            let mut shards: Vec<Seen> = owners.into_iter().map(seen).collect();
            for _ in 0..=2 * usize::from(SHARDS) / PARTED_AT_ONCE_MAX {
                for me in &live {
                    let moves = moves(me, &live, &shards);
                    moves.part.iter().chain(&moves.release).for_each(|shard| shards[shard.index()] = Seen::default());
                    for shard in moves.claim {
                        shards[shard.index()] = Seen { owner: Some(me.clone()), is_held: true };
                    }
                }
            }
            for shard in Shard::all() {
                prop_assert_eq!(shards[shard.index()].owner.as_deref(), shard.home(&live));
            }
        }
    }
}
