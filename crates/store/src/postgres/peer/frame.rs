//! What nodes say to each other: frames of a length and a body. Both sides are of the same protocol, or say nothing.

use std::sync::Arc;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use ringup_core::event::{Extras, KeepPayload, Target};
use ringup_core::id::EventId;
use ringup_core::key::{AccountKey, EndpointKey};
use ringup_core::time::{Tick, Timestamp};
use serde::{Deserialize, Serialize};

use crate::seam::{Acceptance, Idempotency, NewEvent};

/// Grows with each change of what is said: nodes of two versions leave work for each other in the database.
const PROTOCOL: u32 = 1;

/// The number of the answer that nobody asked for: the node stops, and wants to be brought nothing more.
pub(super) const GOODBYE: u64 = 0;

/// Bytes of one frame. What is larger goes through the database.
pub(super) const FRAME_BYTES_MAX: usize = 1024 * 1024;

/// Length of the body, then the number by which a question and its answer belong together.
const HEAD_BYTES: usize = 4 + 8;

/// It does not say what a node would.
#[derive(Debug, thiserror::Error)]
#[error("a frame that no node writes")]
pub(super) struct Garbled;

/// Who is meant: another process may have come to the address since.
#[derive(Serialize, Deserialize, PartialEq, Eq, Debug)]
pub(super) struct Hello<'a> {
    protocol: u32,
    node: &'a str,
    session: i64,
}

impl<'a> Hello<'a> {
    pub(super) fn to(node: &'a str, session: i64) -> Hello<'a> {
        Hello { protocol: PROTOCOL, node, session }
    }
}

/// What became of events that were handed over.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Accepted(Vec<Acceptance>),
    /// Nothing was stored, nor will be: it is for the asking node to do.
    Declined,
    /// It may stand or not, for this reason.
    Failed(String),
}

#[derive(Serialize, Deserialize)]
enum AnswerBody {
    Accepted(Vec<(u8, u64, [u8; 12])>),
    Declined,
    Failed(String),
}

#[derive(Serialize, Deserialize)]
struct EventBody<'a> {
    account: i64,
    event_type: &'a str,
    uid: Option<&'a str>,
    #[serde(borrow)]
    words: [Vec<&'a str>; 3],
    deliver_at: Option<i64>,
    payload_until: Option<i64>,
    /// It follows the body.
    payload_bytes: usize,
    keep: u8,
    #[serde(borrow)]
    redact: Vec<&'a str>,
    targets: Vec<(i64, Option<u64>, bool)>,
    #[serde(borrow)]
    idempotency: Option<(&'a str, u64, i64)>,
    unregistered: bool,
    now: i64,
    random: [u8; 12],
}

/// Puts a frame behind what is there. `None`: it would be too large, and nothing is put.
fn put(into: &mut BytesMut, number: u64, body: &impl Serialize, more: &[&[u8]]) -> Option<()> {
    let start = into.len();
    into.put_bytes(0, HEAD_BYTES);
    let mut writer = into.split_off(start).writer();
    let written = postcard::to_io(body, &mut writer).is_ok();
    let mut frame = std::mem::take(writer.get_mut());
    more.iter().for_each(|bytes| frame.extend_from_slice(bytes));
    let length = frame.len() - HEAD_BYTES;
    if !written || length > FRAME_BYTES_MAX {
        return None;
    }
    frame[..4].copy_from_slice(&u32::try_from(length).ok()?.to_be_bytes());
    frame[4..HEAD_BYTES].copy_from_slice(&number.to_be_bytes());
    into.unsplit(frame);
    Some(())
}

/// Takes the first frame, once it is there as a whole.
pub(super) fn take(from: &mut BytesMut) -> Result<Option<(u64, Bytes)>, Garbled> {
    let Some(mut head) = from.get(..HEAD_BYTES) else { return Ok(None) };
    let length = usize::try_from(head.get_u32()).map_err(|_| Garbled)?;
    let number = head.get_u64();
    if length > FRAME_BYTES_MAX {
        return Err(Garbled);
    }
    if from.len() < HEAD_BYTES + length {
        return Ok(None);
    }
    from.advance(HEAD_BYTES);
    Ok(Some((number, from.split_to(length).freeze())))
}

pub(super) fn put_hello(into: &mut BytesMut, hello: &Hello<'_>) -> Option<()> {
    put(into, 0, hello, &[])
}

pub(super) fn is_hello(body: &[u8], expected: &Hello<'_>) -> bool {
    postcard::from_bytes::<Hello<'_>>(body).is_ok_and(|hello| hello == *expected)
}

pub(super) fn put_events(into: &mut BytesMut, number: u64, events: &[NewEvent]) -> Option<()> {
    let bodies: Vec<EventBody<'_>> = events.iter().map(EventBody::of).collect();
    let payloads: Vec<&[u8]> = events.iter().map(|event| &*event.payload).collect();
    put(into, number, &bodies, &payloads)
}

pub(super) fn events(frame: &Bytes) -> Result<Vec<NewEvent>, Garbled> {
    let (bodies, payloads): (Vec<EventBody<'_>>, &[u8]) = postcard::take_from_bytes(frame).map_err(|_| Garbled)?;
    let mut payloads = frame.slice_ref(payloads);
    let events = bodies.into_iter().map(|body| {
        if payloads.len() < body.payload_bytes {
            return Err(Garbled);
        }
        let payload = payloads.split_to(body.payload_bytes);
        body.event(payload)
    });
    let events: Vec<NewEvent> = events.collect::<Result<_, _>>()?;
    if payloads.is_empty() { Ok(events) } else { Err(Garbled) }
}

pub(super) fn put_answer(into: &mut BytesMut, number: u64, answer: &Answer) {
    let body = match answer {
        Answer::Accepted(acceptances) => AnswerBody::Accepted(acceptances.iter().map(line).collect()),
        Answer::Declined => AnswerBody::Declined,
        Answer::Failed(why) => AnswerBody::Failed(why.clone()),
    };
    put(into, number, &body, &[]).expect("an answer is shorter than its question");
}

pub(super) fn answer(frame: &[u8]) -> Result<Answer, Garbled> {
    Ok(match postcard::from_bytes(frame).map_err(|_| Garbled)? {
        AnswerBody::Accepted(lines) => Answer::Accepted(lines.into_iter().map(acceptance).collect::<Result<_, _>>()?),
        AnswerBody::Declined => Answer::Declined,
        AnswerBody::Failed(why) => Answer::Failed(why),
    })
}

fn line(acceptance: &Acceptance) -> (u8, u64, [u8; 12]) {
    let (kind, id) = match acceptance {
        Acceptance::New(id) => (0, id),
        Acceptance::Repeated(id) => (1, id),
        Acceptance::KeyReused(id) => (2, id),
        Acceptance::UidTaken(id) => (3, id),
    };
    (kind, id.tick().0, id.random())
}

fn acceptance((kind, tick, random): (u8, u64, [u8; 12])) -> Result<Acceptance, Garbled> {
    let id = EventId::of_tick(Tick(tick), random);
    match kind {
        0 => Ok(Acceptance::New(id)),
        1 => Ok(Acceptance::Repeated(id)),
        2 => Ok(Acceptance::KeyReused(id)),
        3 => Ok(Acceptance::UidTaken(id)),
        _ => Err(Garbled),
    }
}

fn words(texts: &[String]) -> Vec<&str> {
    texts.iter().map(String::as_str).collect()
}

fn owned(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

impl<'a> EventBody<'a> {
    fn of(event: &'a NewEvent) -> EventBody<'a> {
        let (keep, redact) = match &event.keep_payload {
            KeepPayload::Whole => (0, Vec::new()),
            KeepPayload::Redacted(pointers) => (1, words(pointers)),
            KeepPayload::IfLogged(pointers) => (2, words(pointers)),
            KeepPayload::Never => (3, Vec::new()),
        };
        let idempotency = event.idempotency.as_ref();
        EventBody {
            account: event.account.0,
            event_type: &event.event_type,
            uid: event.uid.as_deref(),
            words: [words(&event.channels), words(&event.extras.tags), words(&event.extras.misfits)],
            deliver_at: event.extras.deliver_at.map(Timestamp::as_micros),
            payload_until: event.extras.payload_until.map(Timestamp::as_micros),
            payload_bytes: event.payload.len(),
            keep,
            redact,
            targets: event.targets.iter().map(|it| (it.endpoint.0, it.order_key, it.skipped)).collect(),
            idempotency: idempotency.map(|it| (&*it.key, it.fingerprint, it.not_before.as_micros())),
            unregistered: event.unregistered,
            now: event.now.as_micros(),
            random: event.random,
        }
    }

    fn event(self, payload: Bytes) -> Result<NewEvent, Garbled> {
        let redact = || Arc::from(owned(&self.redact));
        let keep_payload = match self.keep {
            0 => KeepPayload::Whole,
            1 => KeepPayload::Redacted(redact()),
            2 => KeepPayload::IfLogged(redact()),
            3 => KeepPayload::Never,
            _ => return Err(Garbled),
        };
        let [channels, tags, misfits] = self.words.map(|texts| owned(&texts));
        let targets = self.targets.into_iter();
        Ok(NewEvent {
            account: AccountKey(self.account),
            event_type: self.event_type.into(),
            uid: self.uid.map(str::to_owned),
            channels,
            extras: Extras {
                tags,
                deliver_at: self.deliver_at.map(Timestamp::from_micros),
                payload_until: self.payload_until.map(Timestamp::from_micros),
                misfits,
            },
            payload,
            keep_payload,
            targets: targets
                .map(|(endpoint, order_key, skipped)| Target { endpoint: EndpointKey(endpoint), order_key, skipped })
                .collect(),
            idempotency: self.idempotency.map(|(key, fingerprint, not_before)| Idempotency {
                key: key.to_owned(),
                fingerprint,
                not_before: Timestamp::from_micros(not_before),
            }),
            unregistered: self.unregistered,
            // It was made by the node that was asked, and is never handed over.
            asked: None,
            now: Timestamp::from_micros(self.now),
            random: self.random,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn texts() -> impl Strategy<Value = Vec<String>> {
        proptest::collection::vec(".{0,8}", 0..3)
    }

    fn moment() -> impl Strategy<Value = Timestamp> {
        any::<i64>().prop_map(Timestamp::from_micros)
    }

    prop_compose! {
        fn event()(
            account in any::<i64>(),
            (event_type, uid, channels) in (".{0,20}", proptest::option::of(".{0,20}"), texts()),
            (tags, misfits, pointers) in (texts(), texts(), texts()),
            (deliver_at, payload_until) in (proptest::option::of(moment()), proptest::option::of(moment())),
            payload in proptest::collection::vec(any::<u8>(), 0..2_000),
            keep in 0..4,
            targets in proptest::collection::vec((any::<i64>(), any::<Option<u64>>(), any::<bool>()), 0..4),
            idempotency in proptest::option::of((".{0,20}", any::<u64>(), moment())),
            (unregistered, now, random) in (any::<bool>(), moment(), any::<[u8; 12]>()),
        ) -> NewEvent {
            let target = |(endpoint, order_key, skipped)| Target { endpoint: EndpointKey(endpoint), order_key, skipped };
            NewEvent {
                account: AccountKey(account),
                event_type: event_type.into(),
                uid,
                channels,
                extras: Extras { tags, deliver_at, payload_until, misfits },
                payload: payload.into(),
                keep_payload: match keep {
                    0 => KeepPayload::Whole,
                    1 => KeepPayload::Redacted(pointers.into()),
                    2 => KeepPayload::IfLogged(pointers.into()),
                    _ => KeepPayload::Never,
                },
                targets: targets.into_iter().map(target).collect(),
                idempotency: idempotency
                    .map(|(key, fingerprint, not_before)| Idempotency { key, fingerprint, not_before }),
                unregistered,
                asked: None,
                now,
                random,
            }
        }
    }

    fn acceptances() -> impl Strategy<Value = Vec<Acceptance>> {
        let kinds = [Acceptance::New, Acceptance::Repeated, Acceptance::KeyReused, Acceptance::UidTaken];
        let one = (0..kinds.len(), 0..=Tick::MAX.0, any::<[u8; 12]>());
        let one = one.prop_map(move |(kind, tick, random)| kinds[kind](EventId::of_tick(Tick(tick), random)));
        proptest::collection::vec(one, 0..5)
    }

    proptest! {
        #[test]
        fn events_arrive_as_they_were_sent(
            sent in proptest::collection::vec(event(), 0..4), number in any::<u64>(), cut in any::<prop::sample::Index>(),
        ) {
            let mut text = BytesMut::new();
            put_events(&mut text, 1, &[]).expect("it fits");
            put_events(&mut text, number, &sent).expect("it fits");
            let (_, first) = take(&mut text).expect("a frame").expect("all of it");
            prop_assert!(events(&first).expect("events").is_empty());
            let mut begun = BytesMut::from(&text[..cut.index(text.len())]);
            prop_assert!(take(&mut begun).expect("the beginning of a frame").is_none());
            let (told, body) = take(&mut text).expect("a frame").expect("all of it");
            prop_assert!(text.is_empty() && told == number);
            // It has no equality of its own, and prints everything.
            prop_assert_eq!(format!("{:?}", events(&body).expect("events")), format!("{sent:?}"));
        }

        #[test]
        fn answers_arrive_as_they_were_sent(sent in acceptances(), why in ".{0,40}") {
            for sent in [Answer::Accepted(sent), Answer::Declined, Answer::Failed(why)] {
                let mut text = BytesMut::new();
                put_answer(&mut text, 7, &sent);
                let (_, body) = take(&mut text).expect("a frame").expect("all of it");
                prop_assert_eq!(answer(&body).expect("an answer"), sent);
            }
        }

        #[test]
        fn whatever_comes_is_refused_or_read(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let body = Bytes::from(bytes);
            let _ = (events(&body), answer(&body), is_hello(&body, &Hello::to("first", 1)));
            let _ = take(&mut BytesMut::from(&body[..]));
        }
    }

    #[test]
    fn a_frame_that_is_too_large_is_neither_sent_nor_read() {
        let mut text = BytesMut::from(&b"before"[..]);
        let large = [0; FRAME_BYTES_MAX];
        assert!(put(&mut text, 1, &1_u8, &[&large]).is_none());
        assert_eq!(&text[..], b"before");
        let mut head = BytesMut::from(&[0xff; HEAD_BYTES][..]);
        assert!(take(&mut head).is_err());
    }

    #[test]
    fn another_process_or_protocol_is_not_meant() {
        let mut text = BytesMut::new();
        put_hello(&mut text, &Hello::to("first", 3)).expect("it fits");
        let (_, body) = take(&mut text).expect("a frame").expect("all of it");
        assert!(is_hello(&body, &Hello::to("first", 3)));
        assert!(!is_hello(&body, &Hello::to("first", 4)) && !is_hello(&body, &Hello::to("second", 3)));
        assert!(!is_hello(&body, &Hello { protocol: PROTOCOL + 1, ..Hello::to("first", 3) }));
    }
}
