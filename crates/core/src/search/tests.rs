use proptest::prelude::*;

use super::*;
use crate::time::Tick;

const SALE: &[u8] = br#"{"Number": "INV-7", "Outlet": "Kemang", "Total": 100000.01, "ID": 9007199254740993}"#;

fn now() -> Timestamp {
    Timestamp::from_secs(1_795_471_200)
}

fn endpoints() -> Vec<Called> {
    let called = |key, names: &[&str]| Called {
        key: EndpointKey(key),
        names: names.iter().map(|name| (*name).to_owned()).collect(),
    };
    vec![
        called(1, &["ep_1", "erp", "ERP sync", "https://erp.example/hooks", "erp.example"]),
        called(2, &["ep_2", "Webshop"]),
    ]
}

/// A second attempt that was answered 503 five minutes ago, after two and a half seconds.
fn facts<'a>(channels: &'a [String], tags: &'a [String]) -> Facts<'a> {
    let at = now().saturating_sub(Duration::from_mins(5));
    Facts {
        outcome: "refused",
        status: Some(Status::Retrying),
        code: Some(503),
        event_type: "invoiceCreated",
        channels,
        tags,
        endpoint: EndpointKey(1),
        number: 2,
        took: Duration::from_millis(2_500),
        started_at: at,
        attempt: AttemptId::of_tick(Tick::at(at), [3; 12]),
        event: EventId::of_tick(Tick::at(at), [4; 12]),
        uid: Some("INV-7/kemang"),
        payload: Some(Some(SALE)),
    }
}

fn bound(text: &str) -> Bound {
    Search::parse(text).unwrap_or_else(|problem| panic!("{text}: {problem}")).bind(now(), &endpoints())
}

fn finds(text: &str) -> bool {
    let (channels, tags) = (["kemang".to_owned()], ["eod".to_owned(), TEST_TAG.to_owned()]);
    bound(text).finds(&facts(&channels, &tags)).expect("everything is known")
}

#[test]
fn what_finds_a_retrying_sale() {
    for text in [
        "",
        "  ",
        "status:retrying",
        "status:failed,retrying",
        "status:error",
        "status:refused",
        "-status:delivered",
        "code:503",
        "code:5xx",
        "code:2xx,5xx",
        "code:>=500",
        "code:500..503",
        "event:invoice*",
        "-event:closeShift",
        "url:\"ERP sync\"",
        "url:ERP*",
        "url:erp",
        "endpoint:erp.example",
        "url:https://erp*",
        "try:2",
        "try:>1",
        "try:2..5",
        "took:>2s",
        "took:2s..3s",
        "took:>=2.5s",
        "took:<2501ms",
        "after:-1h",
        "after:-1h before:-1m",
        "after:2026-11-23",
        "before:2027-01-01T00:00",
        "before:now",
        "id:INV-7*",
        "id:msg_*",
        "id:atmpt_*",
        "channel:kemang",
        "tag:eod",
        "test:true",
        "data.Total:>100000",
        "data.Total:100000.01",
        "data.ID:9007199254740993",
        "inv-7",
        "Kemang status:retrying or status:delivered",
        "status:retrying code:5xx event:invoice* url:\"ERP sync\" try:>1 took:>2s after:-1h data.Total:>100000 test:true",
    ] {
        assert!(finds(text), "{text}");
        if !text.trim().is_empty() {
            assert!(!finds(&format!("-({text})")), "not {text}");
        }
    }
}

#[test]
fn what_does_not_find_it() {
    for text in [
        "status:delivered",
        "status:failed",
        "status:recovered,interrupted",
        "status:timed_out",
        "code:504",
        "code:none",
        "code:4xx",
        "event:close*",
        "url:Webshop",
        "url:nobody",
        "try:1",
        "took:<1s",
        "took:>2.5s",
        "after:-1m",
        "before:-1h",
        "id:INV-8*",
        "tag:late",
        "test:false",
        "data.Total:>100000.01",
        "data.ID:9007199254740992",
        "data.Nowhere:*",
        "senopati",
    ] {
        assert!(!finds(text), "{text}");
    }
}

#[track_caller]
fn check_problem(text: &str, character: usize, says: &str) {
    let problem = Search::parse(text).expect_err(text);
    assert_eq!(problem.character, character, "{text}: {problem}");
    assert!(problem.why.contains(says), "{text}: {problem}");
}

#[test]
fn mistakes_have_a_place_and_a_suggestion() {
    check_problem("code:5xx stauts:failed", 10, "did you mean status:");
    check_problem("status:failled", 8, "did you mean failed?");
    check_problem("status:pending", 8, "retrying");
    check_problem("outlet:Kemang", 1, "data.Outlet:Kemang");
    check_problem("code:999", 6, "no status code");
    check_problem("took:2", 6, "no two attempts");
    check_problem("took:>2", 6, "500ms");
    check_problem("took:>2s after:yesterday", 16, "after:-1h");
    check_problem("after:-1h,-2h", 7, "one time");
    check_problem("try:many", 5, "number");
    check_problem("test:yes", 6, "true or test:false");
    check_problem("nonsense:1", 1, "data.nonsense");
    check_problem("event:\"open", 7, "not closed");
    check_problem("é status:(x", 10, "a value is missing");
}

#[test]
fn what_is_not_known_yet_is_asked_for_only_where_it_matters() {
    let (channels, tags) = ([], []);
    let blind = Facts { status: None, payload: None, ..facts(&channels, &tags) };
    for (text, answer) in [
        ("code:503", Some(true)),
        ("status:error", Some(true)),
        ("status:delivered", Some(false)),
        ("status:failed", None),
        ("status:failed code:404", Some(false)),
        ("status:failed or code:503", Some(true)),
        ("data.Total:1", None),
        ("-data.Total:1 try:2", None),
        ("data.Total:1 try:1", Some(false)),
        ("something", None),
        ("invoice", Some(true)),
    ] {
        assert_eq!(bound(text).finds(&blind), answer, "{text}");
    }
    let gone = Facts { payload: Some(None), ..blind };
    assert_eq!(bound("data.Total:*").finds(&gone), Some(false));
}

#[test]
fn hints_say_what_need_not_be_looked_at() {
    let hints = |text: &str| bound(text).hints;
    assert_eq!(hints("status:failed,retrying").delivered, Some(false));
    assert_eq!(hints("status:delivered code:200").delivered, Some(true));
    assert_eq!(hints("status:failed,delivered").delivered, None);
    assert_eq!(hints("code:5xx,none").delivered, Some(false));
    assert_eq!(hints("code:>=200").delivered, None);
    assert_eq!(hints("-status:failed").delivered, None);
    assert_eq!(hints("status:failed or code:2xx").delivered, None);
    assert_eq!(hints("url:erp").endpoints, Some(BTreeSet::from([EndpointKey(1)])));
    assert_eq!(hints("url:erp url:Webshop").endpoints, Some(BTreeSet::new()));
    let times = hints("after:-1h after:-2h before:-1m before:-5m");
    assert_eq!(times.after, Some(now().saturating_sub(Duration::from_hours(1))));
    assert_eq!(times.before, Some(now().saturating_sub(Duration::from_mins(5))));
}

#[test]
fn a_fixed_search_means_the_same_for_ever() {
    let search = Search::parse("status:failed after:-1h (before:now or try:1)").expect("it reads").fixed(now());
    let later = now().saturating_add(Duration::from_hours(5));
    assert_eq!(search.to_string(), search.text());
    assert_eq!(search.bind(now(), &[]), search.bind(later, &[]));
    assert_eq!(search.bind(later, &[]).hints.after, Some(now().saturating_sub(Duration::from_hours(1))));
}

#[test]
fn times_are_read_as_they_are_written() {
    let at = |text: &str| match Moment::parse(text) {
        Some(Moment::At(at)) => Some(utc(at)),
        _ => None,
    };
    assert_eq!(at("2026-11-23").as_deref(), Some("2026-11-23T00:00:00.000000Z"));
    assert_eq!(at("2026-11-23T10:00").as_deref(), Some("2026-11-23T10:00:00.000000Z"));
    assert_eq!(at("2026-11-23T10:00:05.25Z").as_deref(), Some("2026-11-23T10:00:05.250000Z"));
    assert_eq!(at("2026-11-23T02:00+07:00").as_deref(), Some("2026-11-22T19:00:00.000000Z"));
    assert_eq!(at("2026-11-23T23:30-03:30").as_deref(), Some("2026-11-24T03:00:00.000000Z"));
    for text in ["2026-11-31", "2026-11-23 10:00", "2026-11-23T1:00", "2026-11-23T24:00", "10:00", "", "-", "-1x", "é"]
    {
        assert_eq!(Moment::parse(text), None, "{text}");
    }
    assert_eq!(Moment::parse("-1.5h"), Some(Moment::Ago(Duration::from_mins(90))));
}

#[test]
fn terms_can_be_taken_out_one_by_one() {
    let search = Search::parse("status:failed (code:404 or code:410) -event:\"close shift\"").expect("it reads");
    let terms = search.terms();
    let written: Vec<&str> = terms.iter().map(|(term, _)| term.as_str()).collect();
    assert_eq!(written, ["status:failed", "(code:404 or code:410)", "-event:\"close shift\""]);
    assert_eq!(terms[1].1, "status:failed -event:\"close shift\"");
    assert_eq!(Search::parse("try:1").expect("it reads").terms(), [("try:1".to_owned(), String::new())]);
    let either = Search::parse("try:1 or try:2").expect("it reads").and("code:500").expect("it fits");
    assert_eq!(either.to_string(), "(try:1 or try:2) code:500");
}

#[test]
fn completions_go_on_from_what_is_written() {
    let known = Known {
        event_types: vec!["invoiceCreated".to_owned(), "invoiceUpdated".to_owned(), "closeShift".to_owned()],
        urls: vec!["ERP sync".to_owned()],
        paths: vec!["Total".to_owned(), "Outlet".to_owned()],
        ..Known::default()
    };
    let texts = |text: &str| complete(text, &known).into_iter().map(|found| found.text).collect::<Vec<_>>();
    assert_eq!(texts("code:5xx st"), ["code:5xx status:"]);
    assert_eq!(texts("status:failed,ret"), ["status:failed,retrying"]);
    assert_eq!(texts("-event:inv"), ["-event:invoiceCreated", "-event:invoiceUpdated"]);
    assert_eq!(texts("try:2 url:er"), ["try:2 url:\"ERP sync\""]);
    assert_eq!(texts("url:\"ERP s"), ["url:\"ERP sync\""]);
    assert_eq!(texts("data.To"), ["data.Total:"]);
    assert!(texts("").contains(&"status:".to_owned()));
    assert!(texts("status:failed").is_empty());
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused_with_a_place(text in "\\PC{0,60}") {
        if let Err(problem) = Search::parse(&text) {
            prop_assert!(problem.offset <= text.len() && text.is_char_boundary(problem.offset));
            prop_assert!(problem.character <= text.chars().count() + 1);
        }
        complete(&text, &Known::default());
    }

    #[test]
    fn what_is_nearly_a_search_is_read_or_refused(
        text in "([-(]{0,2}(status|code|took|after|try|id|data\\.A|/a|or|not|event|\"x y\")(:|: |,|\\.\\.|>|=|\\*|-1h|5xx|failed|\"q\\\\\"|2s|7){0,5}[) ]{0,2}){0,6}",
    ) {
        if let Ok(search) = Search::parse(&text) {
            let written = search.to_string();
            let again = Search::parse(&written);
            prop_assert!(again.is_ok(), "{text:?} was written as {written:?}");
            let again = again.expect("printed text is read");
            prop_assert_eq!(again.to_string(), written);
            prop_assert_eq!(again.bind(now(), &endpoints()).hints, search.bind(now(), &endpoints()).hints);
        }
    }

    #[test]
    fn what_is_printed_is_read_as_the_same(search in searches()) {
        let text = filter::write(&search);
        let again = filter::parse(&text);
        prop_assert!(again.is_ok(), "{text:?}: {again:?}");
        prop_assert_eq!(bare(again.expect("printed text is read")), bare(search), "{}", text);
    }
}

/// Without places.
fn bare(node: Node<String>) -> Node<String> {
    let kind = match node.kind {
        Kind::All(nodes) => Kind::All(nodes.into_iter().map(bare).collect()),
        Kind::Any(nodes) => Kind::Any(nodes.into_iter().map(bare).collect()),
        Kind::Not(inner) => Kind::Not(Box::new(bare(*inner))),
        leaf => leaf,
    };
    Node { span: 0..0, kind }
}

fn searches() -> impl Strategy<Value = Node<String>> {
    let word = || prop_oneof!["[a-z0-9./_-]{1,6}", "[ a-z\"\\\\,():*.>-]{0,6}", Just("or".to_owned()), "\\PC{1,4}"];
    let operand = || {
        let bare = "[a-zA-Z0-9_:/=+-]{1,8}".prop_map(|text| Operand::new(text, false));
        prop_oneof![bare, word().prop_map(|text| Operand::new(text, true))]
    };
    let test = prop_oneof![
        Just(Test::There),
        operand().prop_map(Test::Equals),
        "[a-z ,\"é]{1,5}".prop_map(Test::Prefix),
        (0..4_usize, operand()).prop_map(|(order, operand)| {
            // `>` before `=` would be another order.
            let operand = if operand.text().starts_with('=') { Operand::new("1".to_owned(), false) } else { operand };
            Test::Compares(
                [
                    crate::filter::Order::Less,
                    crate::filter::Order::AtMost,
                    crate::filter::Order::More,
                    crate::filter::Order::AtLeast,
                ][order],
                operand,
            )
        }),
        (operand(), proptest::option::of(operand())).prop_map(|(from, to)| Test::Within(Some(from), to)),
        operand().prop_map(|to| Test::Within(None, Some(to))),
    ];
    let key = word().prop_filter("a key is not empty", |key| !key.is_empty());
    let term = (key, proptest::collection::vec(test, 1..3)).prop_map(|(key, tests)| Kind::Term { key, tests });
    let free = word().prop_filter("a word is not empty", |free| !free.is_empty()).prop_map(Kind::Free);
    let node = |kind| Node { span: 0..0, kind };
    let leaf = prop_oneof![3 => term, 1 => free].prop_map(node);
    leaf.prop_recursive(3, 12, 3, move |inner| {
        let several = proptest::collection::vec(inner.clone(), 2..4);
        prop_oneof![
            several.clone().prop_map(move |nodes| node(Kind::All(nodes))),
            several.prop_map(move |nodes| node(Kind::Any(nodes))),
            inner.prop_map(move |inner| node(Kind::Not(Box::new(inner)))),
        ]
    })
}
