use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

const fn account(number: i64) -> AccountKey {
    AccountKey(number)
}

const fn endpoint(number: i64) -> EndpointKey {
    EndpointKey(number)
}

fn order(turn: &mut Turn) -> Vec<i64> {
    std::iter::from_fn(|| turn.take()).map(|(_, endpoint)| endpoint.0).collect()
}

#[test]
fn accounts_alternate_whatever_the_number_of_their_endpoints() {
    let mut turn = Turn::new();
    for number in [10, 11, 12, 13] {
        turn.push(account(1), endpoint(number));
    }
    turn.push(account(2), endpoint(20));
    turn.push(account(3), endpoint(30));
    turn.push(account(3), endpoint(31));
    assert_eq!(order(&mut turn), [10, 20, 30, 11, 31, 12, 13]);
    assert!(turn.is_empty());
}

#[test]
fn one_in_line_keeps_its_place() {
    let mut turn = Turn::new();
    for number in [10, 11, 10, 10] {
        turn.push(account(1), endpoint(number));
    }
    assert_eq!(turn.len(), 2);
    assert_eq!(order(&mut turn), [10, 11]);
}

#[test]
fn a_removed_one_gets_no_turn_and_may_come_back_at_the_end() {
    let mut turn = Turn::new();
    turn.push(account(1), endpoint(10));
    turn.push(account(2), endpoint(20));
    turn.push(account(2), endpoint(21));
    turn.remove(account(1), endpoint(10));
    turn.remove(account(2), endpoint(20));
    turn.remove(account(9), endpoint(90));
    assert!(!turn.contains(endpoint(10)) && turn.contains(endpoint(21)));
    turn.push(account(2), endpoint(20));
    assert_eq!(order(&mut turn), [21, 20]);
    turn.push(account(1), endpoint(10));
    assert_eq!(order(&mut turn), [10]);
}

/// Takes turns with every endpoint pushed back until its backlog is served; tells the turns taken.
fn serve(backlogs: &BTreeMap<(i64, i64), u32>, turns: usize) -> Vec<(AccountKey, EndpointKey)> {
    let mut left: BTreeMap<EndpointKey, u32> = BTreeMap::new();
    let mut turn = Turn::new();
    for ((owner, number), backlog) in backlogs {
        let key = endpoint(owner * 100 + number);
        left.insert(key, *backlog);
        turn.push(account(*owner), key);
    }
    let mut taken = Vec::new();
    while taken.len() < turns
        && let Some((owner, key)) = turn.take()
    {
        taken.push((owner, key));
        let backlog = left.get_mut(&key).expect("only what was pushed comes out");
        *backlog -= 1;
        if *backlog > 0 {
            turn.push(owner, key);
        }
    }
    taken
}

fn spread<K: Ord>(ready: impl IntoIterator<Item = K>, taken: impl IntoIterator<Item = K>) -> u32 {
    let mut counts: BTreeMap<K, u32> = ready.into_iter().map(|key| (key, 0)).collect();
    for key in taken {
        if let Some(count) = counts.get_mut(&key) {
            *count += 1;
        }
    }
    let (low, high) = (counts.values().min().copied(), counts.values().max().copied());
    high.unwrap_or(0) - low.unwrap_or(0)
}

proptest! {
    /// While all stay busy, accounts get equal turns within one, and endpoints within their account too.
    #[test]
    fn the_busy_share_equally(
        members in proptest::collection::btree_set((0_i64..6, 0_i64..12), 1..40),
        turns in 0_usize..400,
    ) {
        let backlogs = members.iter().map(|member| (*member, u32::MAX)).collect();
        let taken = serve(&backlogs, turns);
        prop_assert_eq!(taken.len(), turns);
        prop_assert!(spread(members.iter().map(|(owner, _)| *owner), taken.iter().map(|(owner, _)| owner.0)) <= 1);
        for owner in 0..6 {
            let own = members.iter().filter(|(of, _)| *of == owner).map(|(owner, number)| owner * 100 + number);
            prop_assert!(spread(own, taken.iter().map(|(_, key)| key.0)) <= 1);
        }
    }

    /// Everything waiting is served exactly once, and at any time those that still wait are level within one.
    #[test]
    fn any_backlog_is_served_fairly(
        backlogs in proptest::collection::btree_map((0_i64..5, 0_i64..8), 1_u32..20, 1..25),
    ) {
        let all: u32 = backlogs.values().sum();
        let taken = serve(&backlogs, usize::MAX);
        prop_assert_eq!(taken.len(), usize::try_from(all)?);
        for upto in 0..taken.len() {
            let busy = |(owner, number): &(i64, i64)| {
                let served = taken[..upto].iter().filter(|(_, key)| key.0 == owner * 100 + number).count();
                served < backlogs[&(*owner, *number)] as usize
            };
            let busy: Vec<(i64, i64)> = backlogs.keys().copied().filter(busy).collect();
            let accounts = busy.iter().map(|(owner, _)| *owner);
            prop_assert!(spread(accounts, taken[..upto].iter().map(|(owner, _)| owner.0)) <= 1);
        }
    }

    /// Against the plain model: a list of members, nothing twice, nothing lost.
    #[test]
    fn pushes_and_removals_keep_the_members(steps in proptest::collection::vec((0_u8..4, 0_i64..4, 0_i64..4), 0..300)) {
        let mut turn = Turn::new();
        let mut model = std::collections::BTreeSet::new();
        for (action, owner, number) in steps {
            let key = endpoint(owner * 100 + number);
            match action {
                0 | 1 => {
                    turn.push(account(owner), key);
                    model.insert(key);
                }
                2 => {
                    turn.remove(account(owner), key);
                    model.remove(&key);
                }
                _ => match turn.take() {
                    Some((owner, key)) => prop_assert!(model.remove(&key) && owner.0 == key.0 / 100),
                    None => prop_assert!(model.is_empty()),
                },
            }
            prop_assert_eq!(turn.len(), model.len());
        }
        let rest: std::collections::BTreeSet<EndpointKey> = std::iter::from_fn(|| turn.take()).map(|(_, key)| key).collect();
        prop_assert_eq!(rest, model);
    }
}
