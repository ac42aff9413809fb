//! The guide's event types with a real sample of each, for the test sender and for subscribing.

use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::json_view::spread;

const CATALOGUE: &str = include_str!("../../../assets/catalogue/events.json");

/// An event type of the guide.
#[derive(Debug, Deserialize)]
pub struct Sample {
    pub name: &'static str,
    /// Its family.
    #[serde(borrow)]
    pub group: std::borrow::Cow<'static, str>,
    #[serde(borrow)]
    pub summary: std::borrow::Cow<'static, str>,
    /// A payload, as it stands in the file.
    #[serde(borrow)]
    example: &'static RawValue,
}

static SAMPLES: LazyLock<Vec<Sample>> =
    LazyLock::new(|| serde_json::from_str(CATALOGUE).expect("the catalogue is read in a test"));

/// All of them, in the guide's order.
pub fn all() -> &'static [Sample] {
    &SAMPLES
}

pub fn named(name: &str) -> Option<&'static Sample> {
    SAMPLES.iter().find(|sample| sample.name == name)
}

impl Sample {
    /// The payload, as a person would write it.
    pub fn payload(&self) -> String {
        spread(self.example.get())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_of_the_guide_has_a_sample() {
        assert_eq!(all().len(), 37);
        for sample in all() {
            let payload = sample.payload();
            assert!(serde_json::from_str::<&RawValue>(&payload).is_ok(), "{}", sample.name);
            assert!(payload.starts_with('{') && !sample.summary.is_empty() && !sample.group.is_empty());
        }
    }
}
