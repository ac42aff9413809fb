//! Wire ids: a prefix and a KSUID of 27 base 62 characters, as the Svix dialect has them. Sortable by time.

use std::fmt;
use std::str::FromStr;

use svix_ksuid::{Ksuid, KsuidLike};

use crate::time::{KSUID_EPOCH_SECS, Tick, Timestamp};

/// The text is not an id of the kind asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct InvalidId {
    pub prefix: &'static str,
}

impl fmt::Display for InvalidId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected an id such as {}2xY0n1v5cV7pQ9sT3uW6yZ8aB4d", self.prefix)
    }
}

impl std::error::Error for InvalidId {}

macro_rules! id {
    ($(#[$doc:meta] $name:ident $prefix:literal),* $(,)?) => {$(
        #[$doc]
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub [u8; 20]);

        impl $name {
            pub const PREFIX: &'static str = $prefix;

            /// An id of this moment with 128 bits of the caller's randomness.
            pub fn new(now: Timestamp, random: u128) -> $name {
                let mut bytes = [0; 20];
                bytes[..4].copy_from_slice(&ksuid_secs(now).to_be_bytes());
                bytes[4..].copy_from_slice(&random.to_be_bytes());
                $name(bytes)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "{}"), Ksuid::from_bytes(self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<$name, InvalidId> {
                let invalid = InvalidId { prefix: $prefix };
                let body = text.strip_prefix($prefix).ok_or(invalid)?;
                // The library panics on some lengths and alphabets, so only the one canonical shape reaches it.
                if body.len() != 27 || !body.bytes().all(|b| b.is_ascii_alphanumeric()) || body > KSUID_LARGEST {
                    return Err(invalid);
                }
                let ksuid = Ksuid::from_base62(body).map_err(|_| invalid)?;
                Ok($name(*ksuid.bytes()))
            }
        }
    )*};
}

/// The text of twenty bytes of 0xff: anything above it does not fit.
const KSUID_LARGEST: &str = "aWgEPTl1tmebfsQzFP4bxwgy80V";

id! {
    /// An environment on the wire.
    EnvironmentId "org_",
    /// An account on the wire.
    AccountId "app_",
    /// An endpoint on the wire.
    EndpointId "ep_",
    /// An event on the wire, and the `webhook-id` of its deliveries.
    EventId "msg_",
    /// One HTTP request made for a delivery.
    AttemptId "atmpt_",
    /// An event type's own id.
    EventTypeId "evtype_",
    /// An API key's public name; never the secret.
    KeyId "key_",
    /// Work that goes on after its request was answered.
    TaskId "qtask_",
    /// A catcher.
    CatcherId "cat_",
    /// An entry of the audit log.
    AuditId "aud_",
}

fn ksuid_secs(now: Timestamp) -> u32 {
    u32::try_from((now.as_secs() - KSUID_EPOCH_SECS).max(0)).unwrap_or(u32::MAX)
}

/// Ids that are filed under a tick carry it in their first eight bytes and twelve random bytes behind it.
macro_rules! ticked {
    ($($name:ident),*) => {$(
        impl $name {
            pub fn of_tick(tick: Tick, random: [u8; 12]) -> $name {
                let secs = u32::try_from(tick.0 >> 31).unwrap_or(u32::MAX);
                let fraction = u32::try_from(tick.0 & 0x7fff_ffff).unwrap_or(u32::MAX);
                let mut bytes = [0; 20];
                bytes[..4].copy_from_slice(&secs.to_be_bytes());
                bytes[4..8].copy_from_slice(&fraction.to_be_bytes());
                bytes[8..].copy_from_slice(&random);
                $name(bytes)
            }

            /// The tick inside. For a made-up id this is some number without a row.
            pub fn tick(&self) -> Tick {
                let [a, b, c, d, e, f, g, h, ..] = self.0;
                let secs = u64::from(u32::from_be_bytes([a, b, c, d]));
                let fraction = u64::from(u32::from_be_bytes([e, f, g, h]) & 0x7fff_ffff);
                Tick((secs << 31) | fraction)
            }

            /// The random part, which a stored row must match before it is this id's row.
            pub fn random(&self) -> [u8; 12] {
                let mut random = [0; 12];
                random.copy_from_slice(&self.0[8..]);
                random
            }
        }
    )*};
}

ticked!(EventId, AttemptId, AuditId);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_round_trip_through_text() {
        let id = AccountId::new(Timestamp::from_secs(1_795_471_200), 0x0123_4567_89ab_cdef_0123_4567_89ab_cdef);
        let text = id.to_string();
        assert_eq!(text.len(), "app_".len() + 27);
        assert_eq!(text.parse(), Ok(id));
    }

    #[test]
    fn an_event_id_leads_to_its_tick() {
        let tick = Tick::at(Timestamp::from_micros(1_795_471_234_567_891));
        let id = EventId::of_tick(tick, [7; 12]);
        assert_eq!((id.tick(), id.random()), (tick, [7; 12]));
        assert_eq!(id.to_string().parse::<EventId>().map(|id| id.tick()), Ok(tick));
    }

    #[test]
    fn later_ids_sort_later_as_text() {
        let early = EventId::of_tick(Tick::at(Timestamp::from_secs(1_795_471_200)), [255; 12]);
        let late = EventId::of_tick(Tick(early.tick().0 + 1), [0; 12]);
        assert!(early.to_string() < late.to_string());
    }

    #[test]
    fn other_text_is_refused_without_panic() {
        let largest = AccountId([0xff; 20]).to_string();
        assert_eq!(largest, format!("app_{KSUID_LARGEST}"));
        for text in [
            "",
            "app_",
            "ep_0ujtsYcgvSTl8PAuAdqWYSMnLOv",
            "app_0ujtsYcgvSTl8PAuAdqWYSMnLO",
            "app_0ujtsYcgvSTl8PAuAdqWYSMnLO-",
            "app_zzzzzzzzzzzzzzzzzzzzzzzzzzz",
            "app_aWgEPTl1tmebfsQzFP4bxwgy80W",
            "app_ÿÿÿÿÿÿÿÿÿÿÿÿÿa",
        ] {
            assert_eq!(text.parse::<AccountId>(), Err(InvalidId { prefix: "app_" }), "{text}");
        }
    }
}
