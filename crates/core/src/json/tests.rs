use proptest::prelude::*;

use super::*;

#[track_caller]
fn located(document: &str, pointer: &str, expected: Option<&str>) {
    let pointer: Pointer = pointer.parse().expect("a pointer");
    let range = locate(document.as_bytes(), &pointer);
    assert_eq!(range.map(|range| &document[range]), expected, "{document}");
}

#[track_caller]
fn struck(document: &str, pointers: &[&str], expected: Option<&str>) {
    let pointers: Vec<String> = pointers.iter().map(|pointer| (*pointer).to_owned()).collect();
    let copy = strike(document.as_bytes(), &pointers).map(|copy| String::from_utf8(copy).expect("was text before"));
    assert_eq!(copy.as_deref(), expected, "{document}");
}

/// Source: RFC 6901 §5.
const RFC_6901: &str = r#"{
  "foo": ["bar", "baz"], "": 0, "a/b": 1, "c%d": 2, "e^f": 3, "g|h": 4, "i\\j": 5, "k\"l": 6, " ": 7, "m~n": 8
}"#;

#[test]
fn the_examples_of_the_rfc() {
    located(RFC_6901, "", Some(RFC_6901));
    located(RFC_6901, "/foo", Some(r#"["bar", "baz"]"#));
    located(RFC_6901, "/foo/0", Some(r#""bar""#));
    for (pointer, value) in [
        ("/", "0"),
        ("/a~1b", "1"),
        ("/c%d", "2"),
        ("/e^f", "3"),
        ("/g|h", "4"),
        ("/i\\j", "5"),
        ("/k\"l", "6"),
        ("/ ", "7"),
        ("/m~0n", "8"),
    ] {
        located(RFC_6901, pointer, Some(value));
    }
    for nowhere in ["/foo/2", "/foo/-", "/foo/00", "/foo/bar", "/fo", "/fooo", "/foo/0/x"] {
        located(RFC_6901, nowhere, None);
    }
}

#[test]
fn values_come_with_their_own_bytes() {
    located(" {\"total\" : 1.50 }", "/total", Some("1.50"));
    located(r#"{"total":-1e-7,"b":2}"#, "/total", Some("-1e-7"));
    located("[1 , true\t,null]", "/1", Some("true"));
    located("[1,[2,[3]]]", "/1/1/0", Some("3"));
    located(r#"{"a":"}\",]","b":{}}"#, "/b", Some("{}"));
    located("17", "", Some("17"));
    located("", "", None);
}

#[test]
fn of_duplicate_names_the_last_counts() {
    located(r#"{"a":1,"a":2}"#, "/a", Some("2"));
    located(r#"{"a":{"b":1},"a":{"c":2}}"#, "/a/b", None);
    located(r#"{"a":1,"\u0061":2}"#, "/a", Some("2"));
}

#[test]
fn names_are_compared_as_what_they_spell() {
    for spelled in ["phone", r"p\u0068one", r"\u0070\u0068\u006f\u006e\u0065", r"phon\u0065"] {
        located(&format!(r#"{{"{spelled}":1}}"#), "/phone", Some("1"));
    }
    located(r#"{"\ud83d\ude00":1}"#, "/😀", Some("1"));
    located(r#"{"\b\f\n\r\t\"\\\/":1}"#, "/\u{8}\u{c}\n\r\t\"\\~1", Some("1"));
    for other in [r"phone\u0000", r"\ud83d", r"\ud83dx", r"\ud83d\u0041", r"\u00", r"\x70hone", r"phone\"] {
        located(&format!(r#"{{"{other}":1}}"#), "/phone", None);
    }
}

#[test]
fn nesting_is_counted_outside_of_strings() {
    for (document, levels) in [("", 0), ("1", 0), ("{}", 1), ("[[],[[]]]", 3), (r#"{"[[[[":"\"{{{"}"#, 1)] {
        assert_eq!(depth(document.as_bytes()), levels, "{document}");
    }
    assert_eq!(depth("[".repeat(1_000_000).as_bytes()), 1_000_000);
}

#[test]
fn an_object_starts_with_a_brace() {
    for (document, expected) in [("{}", true), (" \r\n\t{", true), ("[]", false), ("", false), ("\u{a0}{}", false)] {
        assert_eq!(is_object(document.as_bytes()), expected, "{document:?}");
    }
}

const SALE: &str = r#"{ "id":7, "customer" : {"name":"Ayu", "phone":"+62 811"},
  "items":[{"sku":"A", "note":null},{"sku":"B"}], "total": 1.50 }"#;

#[test]
fn struck_values_are_gone_and_the_rest_is_untouched() {
    struck(SALE, &["/customer/phone"], Some(&SALE.replace("\"+62 811\"", "\"[redacted]\"")));
    struck(
        SALE,
        &["/total", "/customer/name"],
        Some(&SALE.replace("1.50", "\"[redacted]\"").replace("\"Ayu\"", "\"[redacted]\"")),
    );
    struck(SALE, &["/items/1"], Some(&SALE.replace(r#"{"sku":"B"}"#, "\"[redacted]\"")));
    struck(SALE, &[""], Some("\"[redacted]\""));
    for nowhere in ["/phone", "/customer/phone/0", "/items/2", "/customer/x", "no pointer"] {
        struck(SALE, &[nowhere], None);
    }
    struck(SALE, &[], None);
    struck("", &[""], None);
}

#[test]
fn a_star_strikes_everywhere() {
    let expected = r#"{"items":[{"sku":"[redacted]","n":1},{"n":2},{"sku":"[redacted]"}]}"#;
    struck(r#"{"items":[{"sku":"A","n":1},{"n":2},{"sku":{"x":[]}}]}"#, &["/items/*/sku"], Some(expected));
    struck(
        r#"{"a":{"x":1},"b":[2,{"x":3}]}"#,
        &["/*/x", "/*/*/x"],
        Some(r#"{"a":{"x":"[redacted]"},"b":[2,{"x":"[redacted]"}]}"#),
    );
    struck("[1,2]", &["/*"], Some(r#"["[redacted]","[redacted]"]"#));
}

#[test]
fn no_spelling_hides_a_value() {
    struck(
        r#"{"phone":1,"p\u0068one":{"deep":[2]},"phone":3}"#,
        &["/phone"],
        Some(r#"{"phone":"[redacted]","p\u0068one":"[redacted]","phone":"[redacted]"}"#),
    );
    struck(r#"{"c":{"p":1},"c":{"p":2}}"#, &["/c/p"], Some(r#"{"c":{"p":"[redacted]"},"c":{"p":"[redacted]"}}"#));
}

#[test]
fn a_pointer_that_left_the_path_stays_away() {
    let document = r#"{"a":{"x":1,"y":2},"b":{"x":3,"y":4}}"#;
    struck(document, &["/a/x", "/b/y"], Some(r#"{"a":{"x":"[redacted]","y":2},"b":{"x":3,"y":"[redacted]"}}"#));
}

#[test]
fn pointers_inside_each_other_strike_once() {
    struck(r#"{"c":{"p":1},"d":2}"#, &["/c/p", "/c", "/c/p"], Some(r#"{"c":"[redacted]","d":2}"#));
    let many: Vec<String> = (0..200).map(|number| format!("/n{number}/x")).chain(["/n5".to_owned()]).collect();
    let copy = strike(br#"{"n5":{"x":1},"n199":{"x":2}}"#, &many).expect("two are there");
    assert_eq!(copy, br#"{"n5":"[redacted]","n199":{"x":"[redacted]"}}"#);
}

/// A document as text, with the pointers of all its values and their texts.
fn document() -> impl Strategy<Value = (String, Vec<(String, String)>)> {
    let scalar = prop_oneof![
        Just("null".to_owned()),
        (-1_000_i64..1_000).prop_map(|number| format!("{number}.50e1")),
        r#"[ -!#-\[\]-~é]{0,6}"#.prop_map(|text| format!("\"{text}\\\"\\u00e9\"")),
    ];
    let leaf = scalar.prop_map(|text| (text.clone(), vec![(String::new(), text)]));
    leaf.prop_recursive(5, 40, 5, |inner| {
        let space = || prop_oneof![Just(""), Just(" "), Just("\n\t")];
        let members = proptest::collection::btree_map("[a-z~/]{0,3}", inner.clone(), 0..5);
        let object = (members, space()).prop_map(|(members, space)| {
            let parts: Vec<(String, _)> = members
                .into_iter()
                .map(|(key, value)| (format!("\"{key}\":{space}"), value, key))
                .map(|(head, value, key)| (head, (key.replace('~', "~0").replace('/', "~1"), value)))
                .collect();
            joined('{', '}', space, parts)
        });
        let array = (proptest::collection::vec(inner, 0..5), space()).prop_map(|(elements, space)| {
            let parts = elements.into_iter().enumerate().map(|(at, value)| (String::new(), (at.to_string(), value)));
            joined('[', ']', space, parts.collect())
        });
        prop_oneof![object, array]
    })
}

type Value = (String, Vec<(String, String)>);

fn joined(open: char, close: char, space: &str, parts: Vec<(String, (String, Value))>) -> Value {
    let texts: Vec<String> = parts.iter().map(|(head, (_, (text, _)))| format!("{space}{head}{text}{space}")).collect();
    let text = format!("{open}{}{close}", texts.join(","));
    let mut places = vec![(String::new(), text.clone())];
    for (_, (segment, (_, inner))) in parts {
        places.extend(inner.into_iter().map(|(below, text)| (format!("/{segment}{below}"), text)));
    }
    (text, places)
}

proptest! {
    #[test]
    fn every_value_is_found_and_struck_where_it_is((text, places) in document()) {
        for (place, value) in places {
            let pointer: Pointer = place.parse().expect("built as one");
            let range = locate(text.as_bytes(), &pointer).expect("it is there");
            prop_assert_eq!(&text[range.clone()], &value);
            let expected = format!("{}\"[redacted]\"{}", &text[..range.start], &text[range.end..]);
            prop_assert_eq!(strike(text.as_bytes(), std::slice::from_ref(&place)), Some(expected.into_bytes()));
        }
    }

    #[test]
    fn any_bytes_are_survived(bytes in proptest::collection::vec(prop_oneof![
        any::<u8>(), proptest::sample::select(br#"{}[]",:\ua019 "#.to_vec())
    ], 0..200), pointer in "(/[a*01~]{0,3}){0,4}") {
        depth(&bytes);
        is_object(&bytes);
        if let Ok(parsed) = pointer.parse::<Pointer>() && let Some(range) = locate(&bytes, &parsed) {
            prop_assert!(!range.is_empty() && range.end <= bytes.len());
        }
        if let Some(copy) = strike(&bytes, &[pointer]) {
            prop_assert!(copy.len() >= REDACTED_BYTES);
        }
    }
}

/// The shortest a struck document can be.
const REDACTED_BYTES: usize = "\"[redacted]\"".len();
