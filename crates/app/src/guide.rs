//! The catalogue of the guide: every event that a point of sale reports, and what a loyalty app is asked, each with its
//! schema and a sample. Compiled in; this is the only place that reads it.

use std::borrow::Cow;
use std::sync::LazyLock;

use ringup_core::account::EventType;
use ringup_core::id::EventTypeId;
use ringup_core::key::EnvironmentKey;
use ringup_core::time::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;

const TEXT: &str = include_str!("../../../assets/catalogue/events.json");

/// An event type of the guide.
#[derive(Debug, Deserialize)]
pub struct Known {
    pub name: &'static str,
    #[serde(borrow)]
    family: Cow<'static, str>,
    #[serde(borrow)]
    pub group: Cow<'static, str>,
    #[serde(borrow)]
    pub title: Cow<'static, str>,
    /// When it fires.
    #[serde(borrow)]
    pub summary: Cow<'static, str>,
    mode: &'static str,
    #[serde(borrow)]
    fields: &'static RawValue,
    #[serde(borrow)]
    example: &'static RawValue,
}

static KNOWN: LazyLock<Vec<Known>> = LazyLock::new(|| serde_json::from_str(TEXT).expect("a test reads it"));

/// All of them, in the guide's order.
pub fn all() -> &'static [Known] {
    &KNOWN
}

pub fn named(name: &str) -> Option<&'static Known> {
    KNOWN.iter().find(|known| known.name == name)
}

impl Known {
    /// The family in the words of the console: *customer invoice*.
    pub fn family(&self) -> String {
        self.family.replace('_', " ")
    }

    /// A question that is asked while the cashier waits, and no event that is sent.
    pub fn is_question(&self) -> bool {
        self.mode == "sync"
    }

    /// The JSON Schema of its payload, as it stands in the file.
    pub fn schema(&self) -> &'static str {
        self.fields.get()
    }

    /// A payload, as it stands in the file.
    pub fn sample(&self) -> &'static str {
        self.example.get()
    }

    /// The schema with the sample in it, as the schemas of an event type.
    pub fn schemas(&self) -> String {
        // The schema is an object with members, so another one fits in front of its end.
        let schema = self.fields.get().trim_end();
        let open = schema.strip_suffix('}').unwrap_or(schema).trim_end();
        format!("{{\"1\":{open},\"examples\":[{}]}}}}", self.example.get())
    }

    /// As it is registered in an environment.
    pub(crate) fn event_type(&self, environment: EnvironmentKey, id: EventTypeId, now: Timestamp) -> EventType {
        EventType {
            id,
            environment,
            name: self.name.to_owned(),
            description: self.summary.to_string(),
            group: Some(self.family()),
            archived: false,
            deprecated: false,
            feature_flag: None,
            schemas: Some(self.schemas()),
            schedule: None,
            hook: None,
            created_at: now,
            updated_at: now,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::schema::Schema;

    #[test]
    fn there_are_37_in_seven_families_and_the_loyalty_questions_and_one_of_ours() {
        assert_eq!(all().len(), 38);
        let questions: Vec<&str> = all().iter().filter(|known| known.is_question()).map(|known| known.name).collect();
        assert_eq!(questions, ["fetchMemberPoint", "orderComplete", "validateCoupon"]);
        let families: BTreeSet<String> = all().iter().filter(|known| !known.is_question()).map(Known::family).collect();
        let expected = [
            "adjustment",
            "configuration",
            "contact",
            "customer invoice",
            "external loyalty",
            "outlet delivery",
            "product",
            "supplier bill",
        ];
        assert_eq!(families.iter().map(String::as_str).collect::<Vec<_>>(), expected);
        let names: BTreeSet<&str> = all().iter().map(|known| known.name).collect();
        assert_eq!(names.len(), 38);
    }

    #[test]
    fn every_sample_is_as_its_schema_says() {
        for known in all() {
            assert!(!known.summary.is_empty() && !known.title.is_empty(), "{}", known.name);
            let schema = Schema::of_versions(&known.schemas()).expect("a schema").expect("there is one");
            assert_eq!(schema.misfits(known.sample().as_bytes()), Vec::new(), "{}", known.name);
            let schemas: serde_json::Value = serde_json::from_str(&known.schemas()).expect("JSON");
            let example: serde_json::Value = serde_json::from_str(known.sample()).expect("JSON");
            assert_eq!(schemas["1"]["examples"][0], example, "{}", known.name);
        }
    }
}
