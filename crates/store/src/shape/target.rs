//! The endpoints of an event, packed into one column.

use ringup_core::event::Target;
use ringup_core::key::EndpointKey;

use super::{Result, broken};

const SKIPPED: u8 = 1;
const ORDERED: u8 = 2;

/// Flags, the endpoint's key, and its ordering key where the flags say so; big-endian.
pub(crate) fn pack_targets(targets: &[Target]) -> Vec<u8> {
    let mut packed = Vec::with_capacity(targets.len() * 9);
    for target in targets {
        let flags = if target.skipped { SKIPPED } else { 0 } | if target.order_key.is_some() { ORDERED } else { 0 };
        packed.push(flags);
        packed.extend_from_slice(&target.endpoint.0.to_be_bytes());
        if let Some(order_key) = target.order_key {
            packed.extend_from_slice(&order_key.to_be_bytes());
        }
    }
    packed
}

pub(crate) fn unpack_targets(packed: &[u8]) -> Result<Vec<Target>> {
    let mut rest = packed;
    let mut targets = Vec::with_capacity(rest.len() / 9);
    while let Some((flags, behind)) = rest.split_first() {
        let (endpoint, mut behind) = eight(behind).ok_or_else(|| broken("targets are cut short"))?;
        let mut order_key = None;
        if flags & ORDERED != 0 {
            let (key, further) = eight(behind).ok_or_else(|| broken("targets are cut short"))?;
            order_key = Some(u64::from_be_bytes(key));
            behind = further;
        }
        let endpoint = EndpointKey(i64::from_be_bytes(endpoint));
        targets.push(Target { endpoint, order_key, skipped: flags & SKIPPED != 0 });
        rest = behind;
    }
    Ok(targets)
}

fn eight(bytes: &[u8]) -> Option<([u8; 8], &[u8])> {
    bytes.split_first_chunk().map(|(head, rest)| (*head, rest))
}
