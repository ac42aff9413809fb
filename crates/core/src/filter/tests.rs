use std::cmp::Ordering;
use std::collections::BTreeMap;

use proptest::prelude::*;

use super::decimal::tests::naive;
use super::*;

const SALE: &str = r#"{
  "Number": "INV-2026/0117", "Outlet": "Kemang", "Total": 19.99, "ID": 9007199254740993, "Big": 1e400,
  "Paid": true, "Coupon": null, "Date": "2026-11-25T09:00:00+07:00", "Rate": "11.5", "Code": "007", "a.b": 1,
  "Customer": {"Name": "Ay\u0075 \"Sari\"", "Phone": "+62 811"},
  "Sales": [{"Sku": "KOPI-1", "Qty": 2}, {"Sku": "TEH-9", "Qty": 10}], "Tags": ["vip", "member"], "None": []
}"#;

fn accepts(filter: &str) -> bool {
    let (channels, tags) = (["outlet-1".to_owned(), "hq".to_owned()], ["eod".to_owned()]);
    let event_type = "invoiceCreated";
    let facts = Facts { event_type, channels: &channels, tags: &tags, payload: SALE.as_bytes() };
    let filter = Filter::parse(filter).unwrap_or_else(|problem| panic!("{filter}: {problem}"));
    assert_eq!(filter.refusal(&facts).is_none(), filter.accepts(&facts), "{}", filter.text());
    filter.accepts(&facts)
}

#[test]
fn what_holds_for_a_sale() {
    for filter in [
        "event:invoice*",
        "event:invoiceCreated,invoiceUpdated",
        "-event:productCreated",
        "channel:hq",
        "tag:eod,late",
        "data.Outlet:Kemang",
        "/Outlet:Kemang",
        "data.Outlet:Senopati,Kemang",
        "data.Total:19.99",
        "data.Total:1999e-2",
        "data.Total:>19.98999999999999999999",
        "data.Total:<=19.99",
        "data.Total:19..20",
        "data.Total:..19.99",
        "data.Total:19.99..",
        "data.ID:9007199254740993",
        "-data.ID:9007199254740992",
        "data.Big:1e400",
        "data.Big:>9e399",
        "data.Paid:true",
        "data.Coupon:null",
        "-data.Coupon:*",
        "-data.Nowhere:*",
        "-data.None:*",
        "data.Customer:*",
        "data.Date:2026-11-25*",
        "data.Date:>=2026-11-25",
        "data.Date:2026-11-01..2026-12",
        "data.Rate:11.50",
        "data.Rate:>11",
        "data.Code:007",
        "data.Code:\"007\"",
        "data.Code:7..7,007",
        "data.Number:INV-2026/*",
        "data.Customer.Name:\"Ayu \\\"Sari\\\"\"",
        "data.Customer.Name:Ayu*",
        "data.Customer.Name:\"Ayu \"*",
        "\"/Customer/Phone\":\"+62 811\"",
        "\"/a.b\":1",
        "data.Sales.0.Sku:KOPI-1",
        "data.Sales.*.Sku:TEH-9",
        "data.Sales.*.Qty:>=10",
        "data.Tags:member",
        "data.*.Phone:+62*",
        "event:invoice* data.Total:>10 data.Outlet:Kemang",
        "event:productCreated or data.Total:>10",
        "event:productCreated OR (data.Total:>10 AND NOT data.Outlet:Senopati)",
        "not (event:product* or data.Total:>100)",
        "- -data.Paid:true",
    ] {
        assert!(accepts(filter), "{filter}");
        assert!(!accepts(&format!("-({filter})")), "-({filter})");
    }
}

#[test]
fn what_does_not_hold_for_a_sale() {
    for filter in [
        "event:invoice",
        "channel:outlet",
        "tag:vip",
        "data.outlet:Kemang",
        "data.Total:\"19.99\"",
        "data.Total:19*",
        "data.Total:>19.99",
        "data.Total:>abc",
        "data.Total:20..",
        "data.Paid:\"true\"",
        "data.Paid:>0",
        "data.Coupon:*",
        "data.Coupon:\"null\"",
        "data.Code:8",
        "data.Outlet:>5",
        "data.Outlet:kemang",
        "data.Customer:Ayu",
        "data.Sales.2.Sku:*",
        "data.Sales.*.Sku:KOPI",
        "data.Tags.vip:*",
        "data.Total:>10 data.Outlet:Senopati",
    ] {
        assert!(!accepts(filter), "{filter}");
    }
}

#[test]
fn what_is_wrong_is_said_where_it_is() {
    let deep = "(".repeat(DEPTH_MAX + 1) + "tag:x";
    let long = format!("tag:{}", "x".repeat(BYTES_MAX));
    let many = vec!["tag:x"; TERMS_MAX + 1].join(" ");
    let values = format!("tag:{}", vec!["x"; TESTS_MAX + 1].join(","));
    for (text, offset, words) in [
        ("", 0, "expected a term"),
        ("  ", 2, "expected a term"),
        ("Kemang", 0, "without a colon"),
        ("total:>5", 0, "data.total"),
        ("data.Total:", 11, "a value is missing"),
        ("data.Total:>", 12, "a value is missing"),
        ("data.Total:1,", 13, "a value is missing"),
        ("data.Total:..", 13, "at least one end"),
        ("data.Total:>5*", 14, "cannot be compared"),
        ("data.Total:5*..6", 15, "a range goes"),
        ("data.Outlet:K*g", 13, "end of a beginning"),
        ("data.Outlet:\"Kemang", 12, "not closed"),
        ("data.Outlet:\"Ke\\mang\"", 17, "backslash"),
        ("(tag:x", 0, "not closed"),
        ("tag:x)", 5, "closes nothing"),
        ("tag:x or", 8, "expected a term"),
        ("tag:x and", 9, "expected a term"),
        ("tag:é data.~:*)", 15, "closes nothing"),
        ("tag:x /a~2:1", 6, "~"),
        (deep.as_str(), DEPTH_MAX, "inside each other"),
        (long.as_str(), BYTES_MAX, "bytes"),
        (many.as_str(), 6 * TERMS_MAX, "16 terms"),
        (values.as_str(), 4 + 2 * TESTS_MAX, "256 values"),
    ] {
        let problem = Filter::parse(text).expect_err(text);
        assert_eq!(problem.offset, offset, "{text}: {problem}");
        assert!(problem.why.contains(words), "{text}: {problem}");
    }
    let problem = Filter::parse("tag:é tag:").expect_err("a value is missing");
    assert_eq!((problem.offset, problem.character), (11, 11));
    assert_eq!(problem.to_string(), "at character 11: a value is missing");
}

#[test]
fn a_refusal_names_its_clause_and_what_was_found() {
    let facts = Facts { event_type: "invoiceCreated", channels: &[], tags: &[], payload: SALE.as_bytes() };
    for (filter, clause, found) in [
        ("event:invoice* data.Total:>100 tag:x", "data.Total:>100", Some("19.99")),
        ("-data.Outlet:Kemang", "-data.Outlet:Kemang", Some("\"Kemang\"")),
        ("data.Nowhere:5", "data.Nowhere:5", Some("")),
        ("event:product*", "event:product*", Some("invoiceCreated")),
        ("data.Sales.*.Sku:GULA", "data.Sales.*.Sku:GULA", Some("\"KOPI-1\", \"TEH-9\"")),
        ("data.Paid:true (tag:x or channel:y)", "(tag:x or channel:y)", None),
    ] {
        let refusal = Filter::parse(filter).expect(filter).refusal(&facts).expect("it is refused");
        assert_eq!(refusal, Refusal { clause: clause.to_owned(), found: found.map(str::to_owned) }, "{filter}");
    }
}

/// A document in a form that is easy to be right about.
#[derive(Clone, Debug)]
enum Doc {
    Null,
    Bool(bool),
    Number(String),
    Text(String),
    List(Vec<Doc>),
    Object(BTreeMap<String, Doc>),
}

impl Doc {
    fn print(&self, escaped: bool) -> String {
        match self {
            Doc::Null => "null".to_owned(),
            Doc::Bool(on) => on.to_string(),
            Doc::Number(number) => number.clone(),
            Doc::Text(text) => quoted(text, escaped),
            Doc::List(docs) => {
                format!("[{}]", docs.iter().map(|doc| doc.print(!escaped)).collect::<Vec<_>>().join(" , "))
            }
            Doc::Object(members) => {
                let member =
                    |(name, doc): (&String, &Doc)| format!("{} : {}", quoted(name, escaped), doc.print(!escaped));
                format!("{{{}}}", members.iter().map(member).collect::<Vec<_>>().join(","))
            }
        }
    }

    fn at<'a>(&'a self, path: &[&str], found: &mut Vec<&'a Doc>) {
        match (self, path) {
            (Doc::List(docs), []) => found.extend(docs),
            (doc, []) => found.push(doc),
            (Doc::List(docs), ["*", rest @ ..]) => docs.iter().for_each(|doc| doc.at(rest, found)),
            (Doc::Object(docs), ["*", rest @ ..]) => docs.values().for_each(|doc| doc.at(rest, found)),
            (Doc::List(docs), [index, rest @ ..]) => {
                index.parse().ok().and_then(|at: usize| docs.get(at)).into_iter().for_each(|doc| doc.at(rest, found));
            }
            (Doc::Object(docs), [name, rest @ ..]) => {
                docs.get(*name).into_iter().for_each(|doc| doc.at(rest, found));
            }
            _ => {}
        }
    }
}

fn quoted(text: &str, escaped: bool) -> String {
    let one = |character: char| match character {
        '"' | '\\' => format!("\\{character}"),
        other if escaped => format!("\\u{:04x}", u32::from(other)),
        other => other.to_string(),
    };
    format!("\"{}\"", text.chars().map(one).collect::<String>())
}

#[derive(Clone, Debug)]
enum Asked {
    There,
    Equals(String, bool),
    Prefix(String),
    Order(&'static str, String),
    Within(String, String),
}

fn is_number(text: &str) -> bool {
    Decimal::parse(text.as_bytes()).is_some()
}

/// How a value stands to an operand, if it does.
fn stands(doc: &Doc, operand: &str, in_quotes: bool) -> Option<Ordering> {
    match doc {
        Doc::Number(number) if !in_quotes && is_number(operand) => Some(naive(number, operand)),
        Doc::Text(text) if !in_quotes && is_number(operand) => {
            if is_number(text) {
                Some(naive(text, operand))
            } else {
                None
            }
        }
        Doc::Text(text) => Some(text.as_str().cmp(operand)),
        _ => None,
    }
}

fn naive_holds(asked: &Asked, doc: &Doc) -> bool {
    match asked {
        Asked::There => !matches!(doc, Doc::Null),
        Asked::Equals(text, in_quotes) => match doc {
            Doc::Null => !in_quotes && text == "null",
            Doc::Bool(on) => !in_quotes && *text == on.to_string(),
            Doc::Text(own) if own == text => true,
            other => stands(other, text, *in_quotes) == Some(Ordering::Equal),
        },
        Asked::Prefix(text) => matches!(doc, Doc::Text(own) if own.starts_with(text.as_str())),
        Asked::Order(order, text) => stands(doc, text, false).is_some_and(|found| match *order {
            ">" => found.is_gt(),
            ">=" => found.is_ge(),
            "<" => found.is_lt(),
            _ => found.is_le(),
        }),
        Asked::Within(from, to) => {
            stands(doc, from, false).is_some_and(Ordering::is_ge) && stands(doc, to, false).is_some_and(Ordering::is_le)
        }
    }
}

fn printed(asked: &Asked) -> String {
    match asked {
        Asked::There => "*".to_owned(),
        Asked::Equals(text, true) => quoted(text, false),
        Asked::Equals(text, false) => text.clone(),
        Asked::Prefix(text) => format!("{}*", quoted(text, false)),
        Asked::Order(order, text) => format!("{order}{text}"),
        Asked::Within(from, to) => format!("{from}..{to}"),
    }
}

fn number() -> impl Strategy<Value = String> {
    prop_oneof![
        "-?[0-3]",
        "-?[1-9][0-9]{0,18}\\.[0-9]{1,3}",
        "[1-9]e-?[1-3][0-9]?",
        "1(\\.0{1,3})?",
        "-?0\\.0{1,4}[0-2]"
    ]
}

fn word() -> impl Strategy<Value = String> {
    prop_oneof!["[a-c]{1,2}", "é[a-b]", number(), Just("true".to_owned()), Just("null".to_owned()), "0[0-9]"]
}

fn document() -> impl Strategy<Value = Doc> {
    let leaf = prop_oneof![
        Just(Doc::Null),
        any::<bool>().prop_map(Doc::Bool),
        number().prop_map(Doc::Number),
        word().prop_map(Doc::Text),
        "[a-b\"\\\\ ]{0,3}".prop_map(Doc::Text),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Doc::List),
            proptest::collection::btree_map("[a-c]", inner, 0..4).prop_map(Doc::Object),
        ]
    })
}

fn asked() -> impl Strategy<Value = Asked> {
    prop_oneof![
        Just(Asked::There),
        (word(), any::<bool>()).prop_map(|(text, in_quotes)| Asked::Equals(text, in_quotes)),
        "[a-b\"\\\\ ]{1,3}".prop_map(|text| Asked::Equals(text, true)),
        "[a-cé]{1,2}".prop_map(Asked::Prefix),
        (proptest::sample::select(vec![">", ">=", "<", "<="]), word())
            .prop_map(|(order, text)| Asked::Order(order, text)),
        (number(), number()).prop_map(|(from, to)| Asked::Within(from, to)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_024))]

    #[test]
    fn terms_hold_as_the_naive_reader_says(
        doc in document(),
        path in proptest::collection::vec(proptest::sample::select(vec!["a", "b", "c", "*", "0", "1"]), 1..4),
        asked in proptest::collection::vec(asked(), 1..3),
        escaped in any::<bool>(),
        negated in any::<bool>(),
    ) {
        let tests: Vec<String> = asked.iter().map(printed).collect();
        let text = format!("{}data.{}:{}", if negated { "-" } else { "" }, path.join("."), tests.join(","));
        let payload = doc.print(escaped);
        let facts = Facts { event_type: "x", channels: &[], tags: &[], payload: payload.as_bytes() };
        let mut found = Vec::new();
        doc.at(&path, &mut found);
        let expected = found.iter().any(|doc| asked.iter().any(|asked| naive_holds(asked, doc)));
        let filter = Filter::parse(&text).map_err(|problem| TestCaseError::fail(format!("{text}: {problem}")))?;
        prop_assert_eq!(filter.accepts(&facts), expected != negated, "{} on {}", text, payload);
    }

    #[test]
    fn any_text_and_any_payload_are_survived(
        text in "([a-z.:/*(),<>\"\\\\ -]|or|data\\.|é|[0-9]){0,40}",
        payload in proptest::collection::vec(proptest::sample::select(br#"{}[]",:\ua0e. "#.to_vec()), 0..80),
    ) {
        match Filter::parse(&text) {
            Err(problem) => prop_assert!(text.is_char_boundary(problem.offset)),
            Ok(filter) => {
                let facts = Facts { event_type: "x", channels: &[], tags: &[], payload: &payload };
                prop_assert_eq!(filter.refusal(&facts).is_none(), filter.accepts(&facts));
            }
        }
    }
}
