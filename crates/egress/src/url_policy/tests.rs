use ipnet::IpNet;
use proptest::prelude::*;

use super::*;

fn https_only() -> EgressPlan {
    EgressPlan::default()
}

fn lenient() -> EgressPlan {
    EgressPlan { allow_http: true, ..EgressPlan::default() }
}

fn allowing(networks: &[&str]) -> EgressPlan {
    let allow_networks = networks.iter().map(|text| text.parse::<IpNet>().expect("a network")).collect();
    EgressPlan { allow_networks, allow_http: true, ..EgressPlan::default() }
}

fn rule(text: &str, plan: &EgressPlan) -> &'static str {
    check(text, plan).map_or_else(|problem| problem.rule(), |_| "called")
}

/// Spellings of loopback, private, link-local and metadata addresses: host parts, tried with both schemes and a port.
fn forbidden_hosts() -> impl Iterator<Item = &'static str> {
    include_str!("forbidden_hosts.txt").lines().filter(|line| !line.is_empty() && !line.starts_with('#'))
}

/// Spellings that are refused for their shape, with the rule that says so.
const REFUSED: &[(&str, &str)] = &[
    ("", "url_shape"),
    ("/", "url_shape"),
    ("//example.com/", "url_shape"),
    ("example.com", "url_shape"),
    ("www.example.com/x", "url_shape"),
    ("example.com:443", "url_scheme"),
    ("https", "url_shape"),
    ("https:", "url_shape"),
    ("https:/", "url_shape"),
    ("https://", "url_host"),
    ("https:///", "url_shape"),
    ("https:///example.com", "url_shape"),
    ("https:////example.com", "url_shape"),
    ("https:/example.com", "url_shape"),
    ("https:example.com", "url_shape"),
    ("https://?x", "url_host"),
    ("https://:443/", "url_host"),
    ("ftp://example.com", "url_scheme"),
    ("file:///etc/passwd", "url_scheme"),
    ("gopher://example.com/", "url_scheme"),
    ("ws://example.com", "url_scheme"),
    ("wss://example.com", "url_scheme"),
    ("javascript:alert(1)", "url_scheme"),
    ("data:text/html,x", "url_scheme"),
    ("unix:/var/run/docker.sock", "url_scheme"),
    ("http+unix://%2fvar%2frun", "url_scheme"),
    ("jar:https://example.com!/", "url_scheme"),
    ("ldap://example.com", "url_scheme"),
    ("dict://example.com:11211/", "url_scheme"),
    ("https+x://example.com", "url_scheme"),
    ("httpss://example.com", "url_scheme"),
    (" https://example.com", "url_control_character"),
    ("https://example.com ", "url_control_character"),
    ("https://example.com/a b", "url_control_character"),
    ("ht\ntps://example.com", "url_control_character"),
    ("https://exam\tple.com", "url_control_character"),
    ("https://example.com/\r\nHost: evil", "url_control_character"),
    ("https://example.com\n", "url_control_character"),
    ("https://example.com/\0", "url_control_character"),
    ("https://example.com/\u{7f}", "url_control_character"),
    ("https://example.com/\u{85}", "url_control_character"),
    ("https://exa\u{a0}mple.com", "url_control_character"),
    ("https://example.com/\u{2028}", "url_control_character"),
    ("https://example\u{3000}.com", "url_control_character"),
    ("\u{feff}https://example.com", "url_control_character"),
    ("\u{1}https://example.com", "url_control_character"),
    ("https:\\\\example.com", "url_backslash"),
    ("https://example.com\\@evil.example", "url_backslash"),
    ("https://evil.example\\.example.com", "url_backslash"),
    ("https://example.com/a\\b", "url_backslash"),
    ("https://user@example.com", "url_userinfo"),
    ("https://user:pass@example.com", "url_userinfo"),
    ("https://:pass@example.com", "url_userinfo"),
    ("https://@example.com", "url_userinfo"),
    ("https://:@example.com", "url_userinfo"),
    ("https://example.com@127.0.0.1", "url_userinfo"),
    ("https://example.com:80@127.0.0.1:80/", "url_userinfo"),
    ("https://a@b@example.com", "url_userinfo"),
    ("https://example.com%40@evil.example", "url_userinfo"),
    ("https://example.com%40evil.example", "url_host"),
    ("https://example.com#", "url_fragment"),
    ("https://example.com/#x", "url_fragment"),
    ("https://example.com/?a#b", "url_fragment"),
    ("https://example.com#@127.0.0.1/", "url_fragment"),
    ("https://example.com./", "url_trailing_dot"),
    ("https://localhost./", "url_trailing_dot"),
    ("https://foo.localhost.", "url_trailing_dot"),
    ("https://example.com。/", "url_trailing_dot"),
    ("https://example.com%2e/", "url_trailing_dot"),
    ("https://example.com../", "url_trailing_dot"),
    ("https://./", "url_trailing_dot"),
    ("https://../", "url_trailing_dot"),
    ("https://a..b/", "url_host"),
    ("https://.example.com/", "url_host"),
    ("https://-example.com/", "url_host"),
    ("https://exa<mple.com/", "url_host"),
    ("https://exa%mple.com/", "url_host"),
    ("https://exa%00mple.com/", "url_host"),
    ("https://exa%0ample.com/", "url_host"),
    ("https://exa%2fmple.com/", "url_host"),
    ("https://exa%20mple.com/", "url_host"),
    ("https://exa!mple.com/", "url_host"),
    ("https://ex*mple.com/", "url_host"),
    ("https://[::1", "url_host"),
    ("https://[::1]x/", "url_host"),
    ("https://[fe80::1%25eth0]/", "url_host"),
    ("https://[fe80::1%eth0]/", "url_host"),
    ("https://[::1%25lo]/", "url_host"),
    ("https://[1.2.3.4]/", "url_host"),
    ("https://[::ffff:0177.0.0.1]/", "url_host"),
    ("https://[::ffff:127.1]/", "url_host"),
    ("https://[v1.x]/", "url_host"),
    ("https://[]/", "url_host"),
    ("https://::1/", "url_host"),
    ("https://256.256.256.256/", "url_host"),
    ("https://127.0.0.256/", "url_host"),
    ("https://1.2.3.4.5/", "url_host"),
    ("https://4294967296/", "url_host"),
    ("https://0x100000000/", "url_host"),
    ("https://1.2.3.08/", "url_host"),
    ("https://09.0.0.1/", "url_host"),
    ("https://example.1/", "url_host"),
    ("https://foo.0x7f/", "url_host"),
    ("https://xn--/", "url_host"),
    ("https://example.com:0/", "url_port"),
    ("https://example.com:65536/", "url_port"),
    ("https://example.com:-1/", "url_port"),
    ("https://example.com:http/", "url_port"),
    ("https://example.com:80:80/", "url_port"),
    ("https://example.com:４４３/", "url_port"),
];

#[test]
fn forbidden_addresses_are_refused_in_every_spelling() {
    assert!(forbidden_hosts().count() > 150, "the list is not read");
    for host in forbidden_hosts() {
        for text in [
            format!("https://{host}/"),
            format!("http://{host}/hook?x=1"),
            format!("HTTPS://{host}:8443"),
            format!("http://{host}:80/a/../b"),
        ] {
            let rule = rule(&text, &lenient());
            // A number with a dot at its end is parsed as the number; a name with one is refused for the dot.
            assert!(matches!(rule, "forbidden_address" | "url_trailing_dot"), "{text}: {rule}");
        }
    }
}

#[test]
fn odd_shapes_are_refused_by_their_rule() {
    for (text, expected) in REFUSED {
        assert_eq!(rule(text, &lenient()), *expected, "{text:?}");
    }
    let long = format!("https://example.com/{}", "x".repeat(URL_BYTES_MAX));
    assert_eq!(rule(&long, &lenient()), "url_too_long");
    let long_name = format!("https://{}.com/", "x".repeat(64));
    assert_eq!(rule(&long_name, &lenient()), "url_host");
}

#[test]
fn public_receivers_are_called_as_written() {
    for (text, authority, target) in [
        ("https://example.com", "example.com", "/"),
        ("https://EXAMPLE.com:443/Hook", "example.com", "/Hook"),
        ("https://example.com:8443/a?b=c&d=%20", "example.com:8443", "/a?b=c&d=%20"),
        ("https://example.com?x", "example.com", "/?x"),
        ("https://hooks.example.co.uk/a/./b/../c", "hooks.example.co.uk", "/a/c"),
        ("https://8.8.8.8/x", "8.8.8.8", "/x"),
        ("https://134744072/x", "8.8.8.8", "/x"),
        ("https://[2606:4700::1111]/x", "[2606:4700::1111]", "/x"),
        ("https://[2606:4700::1111]:8443/", "[2606:4700::1111]:8443", "/"),
        ("https://[::ffff:8.8.8.8]/", "[::ffff:808:808]", "/"),
        ("https://bücher.example/ä?ö", "xn--bcher-kva.example", "/%C3%A4?%C3%B6"),
        ("https://my_host.example/", "my_host.example", "/"),
        ("https://example.com/a|b{c}^`\"<>[]?q='|{}^`", "example.com", "/a|b%7Bc%7D^%60%22%3C%3E[]?q=%27|{}^`"),
        ("https://localhost.example.com/", "localhost.example.com", "/"),
        ("https://notlocalhost/", "notlocalhost", "/"),
        ("https://example.com/@user", "example.com", "/@user"),
        ("https://example.com/http://127.0.0.1/", "example.com", "/http://127.0.0.1/"),
    ] {
        let checked = check(text, &https_only()).unwrap_or_else(|problem| panic!("{text}: {problem}"));
        let parts = checked.parts();
        assert_eq!((checked.authority(), parts.target.to_string().as_str()), (authority, target), "{text}");
        assert!(parts.https);
        // What is stored and checked again means the same.
        let again = check(checked.as_str(), &https_only()).unwrap_or_else(|problem| panic!("{checked}: {problem}"));
        assert_eq!(again, checked);
    }
}

#[test]
fn plain_http_needs_the_operators_word() {
    assert_eq!(rule("http://example.com/", &https_only()), "plain_http");
    assert_eq!(rule("HTTP://example.com/", &https_only()), "plain_http");
    assert_eq!(rule("http://example.com/", &lenient()), "called");
    let checked = check("http://example.com/", &lenient()).expect("http is allowed");
    assert_eq!(checked.permitted(&https_only()), Err(UrlProblem::PlainHttp));
    assert_eq!(UrlProblem::PlainHttp.blocked_by(), BlockedBy::Scheme);
}

#[test]
fn exceptions_open_literal_addresses_and_localhost() {
    let plan = allowing(&["127.0.0.0/8"]);
    for text in ["http://127.0.0.1:9000/", "http://0x7f.1/", "http://localhost:9000/", "http://[::ffff:127.0.0.1]/"] {
        assert_eq!(rule(text, &plan), "called", "{text}");
    }
    for text in ["http://10.0.0.1/", "http://[::1]/", "http://0.0.0.0/", "http://169.254.169.254/"] {
        assert_eq!(rule(text, &plan), "forbidden_address", "{text}");
    }
    assert_eq!(rule("http://localhost/", &allowing(&["::1/128"])), "called");
    let checked = check("http://127.0.0.1/", &plan).expect("loopback is allowed");
    assert_eq!(checked.permitted(&lenient()).map_err(|p| p.rule()), Err("forbidden_address"));
}

#[test]
fn our_own_addresses_are_refused() {
    let mut plan = allowing(&["127.0.0.0/8", "10.0.0.0/8", "::1/128"]);
    plan.own_addresses = ["127.0.0.1:8080", "0.0.0.0:9090"].map(|text| text.parse().expect("an address")).to_vec();
    for (text, expected) in [
        ("http://127.0.0.1:8080/", "own_address"),
        ("http://[::ffff:127.0.0.1]:8080/", "own_address"),
        ("http://127.0.0.1:8081/", "called"),
        ("http://127.0.0.2:8080/", "called"),
        ("http://127.0.0.2:9090/", "own_address"),
        ("http://localhost:8080/", "called"),
        ("http://localhost:9090/", "own_address"),
        ("http://10.0.0.1:9090/", "called"),
    ] {
        assert_eq!(rule(text, &plan), expected, "{text}");
    }
}

#[test]
fn every_port_but_zero_is_one() {
    for port in 1..=u16::MAX {
        let checked = check(&format!("https://example.com:{port}/"), &https_only()).expect("a port");
        assert_eq!(checked.parts().port, port);
    }
}

#[test]
fn a_problem_says_what_to_do_and_hides_passwords() {
    let problem = check("https://till:s3cret@example.com/", &https_only()).expect_err("user name");
    let words = problem.to_string();
    assert!(words.contains("authorisation settings") && !words.contains("s3cret"), "{words}");
    let problem = check("http://169.254.169.254/latest", &lenient()).expect_err("metadata");
    assert_eq!(problem.to_string(), "the address is not called: cloud metadata (169.254.169.254/32)");
    assert_eq!(problem.blocked_by(), BlockedBy::Address);
}

/// Pieces that parsers disagree on, put together at random.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        prop::sample::select(vec![
            "http://",
            "https://",
            "HTTPS://",
            "//",
            "/",
            "@",
            ":",
            "#",
            "?",
            "[",
            "]",
            "%",
            "%2e",
            "%00",
            "\\",
            ".",
            "..",
            "127.0.0.1",
            "127.1",
            "0x7f",
            "017700000001",
            "2130706433",
            "localhost",
            "example.com",
            "::1",
            "::ffff:",
            "169.254.169.254",
            "fe80::1%eth0",
            "xn--",
            "\u{ad}",
            "。",
            "①",
            ":80",
            ":0",
            "user:pass@",
            "\t",
            "\r\n",
        ])
        .prop_map(str::to_owned),
        "[ -~]{0,4}",
        any::<char>().prop_map(String::from),
    ];
    prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20_000, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_called_is_plain_and_stays_so(scheme in prop::sample::select(vec!["", "http://", "https://"]), rest in pieces()) {
        let text = format!("{scheme}{rest}");
        if let Ok(checked) = check(&text, &lenient()) {
            match &checked.parts().host {
                Host::Address(ip) => prop_assert_eq!(guard::forbidden(*ip, &[]), None, "{}", text),
                Host::Name(name) => {
                    prop_assert!(!is_localhost(name) && !name.ends_with('.') && name.is_ascii(), "{}", text);
                    prop_assert!(name.parse::<IpAddr>().is_err(), "{}", text);
                }
            }
            let target = checked.parts().target.to_string();
            prop_assert!(target.starts_with('/') && target.bytes().all(|b| b.is_ascii_graphic()), "{}", text);
            prop_assert_eq!(check(checked.as_str(), &lenient()), Ok(checked), "{}", text);
        }
    }
}
