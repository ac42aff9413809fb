//! `ringup loyalty` as a stranger meets it: the app it plays, the check of an app, and wrong words.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
};

use anyhow::{Context, Result};
use ringup_testkit::{server::OPERATOR_KEY, tempdir::TempDir};
use serde_json::{Value, json};

use crate::stage::{ACCOUNT, Stage};

const SECRET: &str = "whsec_b2YgbW9jayBhbmQgY2hlY2sgYWxvbmUh";

fn ringup() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ringup"));
    command.env_clear().stdin(Stdio::null());
    command
}

/// How a command ended, and what it printed.
fn run(args: &[&str]) -> Result<(Option<i32>, String, String)> {
    let output = ringup().args(args).output()?;
    Ok((output.status.code(), String::from_utf8(output.stdout)?, String::from_utf8(output.stderr)?))
}

/// `ringup loyalty mock` on a free port; killed at the end.
struct App {
    child: Child,
    url: String,
}

impl App {
    fn start(args: &[&str]) -> Result<App> {
        let mut command = ringup();
        command.args(["loyalty", "mock", "--listen", "127.0.0.1:0"]).args(args);
        let mut child = command.stdout(Stdio::piped()).spawn()?;
        let mut lines = BufReader::new(child.stdout.take().context("piped")?).lines();
        let first = lines.next().context("a greeting")??;
        // Whoever does not read must not stop the app.
        std::thread::spawn(move || lines.for_each(drop));
        let url = first.split(' ').find(|word| word.starts_with("http://")).context("its URL")?;
        Ok(App { url: url.trim_end_matches(';').to_owned(), child })
    }
}

impl Drop for App {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn the_app_that_is_played_passes_the_check_and_a_fault_is_named() -> Result<()> {
    let dir = TempDir::new("loyalty-check")?;
    let secret = dir.join("secret.txt");
    std::fs::write(&secret, format!("{SECRET}\n"))?;
    let secret = format!("@{}", secret.display());

    let app = App::start(&["--secret", &secret])?;
    let (code, text, stderr) = run(&["loyalty", "check", &app.url, "--local", "--secret", &secret])?;
    assert_eq!(code, Some(0), "{text}{stderr}");
    assert!(text.ends_with("(100 %); nothing is wrong\n"), "{text}");
    let older = ["loyalty", "check", &app.url, "--local", "--secret", SECRET, "--generation", "older"];
    assert_eq!(run(&older)?.0, Some(0));

    let app = App::start(&["--fault", "redeems-while-validating"])?;
    let report = dir.join("report.xml");
    let report_name = report.display().to_string();
    let (code, text, _) =
        run(&["loyalty", "check", &app.url, "--local", "--format", "junit", "--output", &report_name])?;
    assert_eq!(code, Some(1), "{text}");
    assert!(text.lines().count() == 1 && text.ends_with("; redeems-while-validating\n"), "{text}");
    let xml = std::fs::read_to_string(&report)?;
    assert!(xml.contains("<failure type=\"redeems-while-validating\""), "{xml}");

    // The coupon is gone now: a check of that hook alone says so.
    let url = format!("{}/coupon?key=1", app.url);
    let (code, text, _) = run(&["loyalty", "check", "--validate-coupon", &url, "--local", "--format", "json"])?;
    let report: Value = serde_json::from_str(&text)?;
    assert_eq!((code, report["faults"][0]["name"].as_str()), (Some(1), Some("refuses-valid-coupon")), "{report}");
    assert_eq!(report["hooks"].as_array().map(Vec::len), Some(1));
    Ok(())
}

#[test]
fn members_and_coupons_are_those_of_a_file() -> Result<()> {
    let dir = TempDir::new("loyalty-table")?;
    let (code, table, _) = run(&["loyalty", "mock", "--print-table"])?;
    assert_eq!(code, Some(0));
    let file = dir.join("members.json");
    std::fs::write(&file, table.replace("+628110000222", "0812").replace("MINUS-25K", "LESS"))?;
    let name = file.display().to_string();
    let app = App::start(&["--file", &name, "--delay", "10ms"])?;
    let own = ["--phone", "0812", "--value-coupon", "LESS"];
    let (code, text, _) = run(&[&["loyalty", "check", &app.url, "--local"][..], &own].concat())?;
    assert_eq!(code, Some(0), "{text}");
    std::fs::write(&file, "{\"members\":[{\"phone\":\"1\",\"points\":2}]}")?;
    let (code, _, stderr) = run(&["loyalty", "mock", "--file", &name])?;
    assert_eq!(code, Some(2));
    assert!(stderr.contains("members.json") && stderr.contains("points"), "{stderr}");
    Ok(())
}

#[test]
fn wrong_words_are_answered_with_what_would_be_right() -> Result<()> {
    for (line, words) in [
        ("loyalty", &["mock", "check", "call"][..]),
        ("loyalty check", &["URL-PREFIX"]),
        ("loyalty check http://127.0.0.1:9/", &["plain http is not allowed", "--local"]),
        ("loyalty check https://10.0.0.1/", &["--local"]),
        ("loyalty check https://a.example/?x=1", &["each hook's URL"]),
        ("loyalty check points.example", &["https://example.com/webhook"]),
        ("loyalty check https://a.example --secret hunter2", &["--secret", "whsec_"]),
        ("loyalty check https://a.example --header nonsense", &["--header", "colon"]),
        ("loyalty check https://a.example --header webhook-id:1", &["--header", "webhook-id"]),
        ("loyalty check https://a.example --format yaml", &["text", "json", "junit"]),
        ("loyalty check https://a.example --generation oldest", &["newer", "older"]),
        ("loyalty check https://a.example --deadline 5", &["--deadline", "unit"]),
        ("loyalty check https://a.example --deadline 31s", &["100ms to 30s"]),
        ("loyalty mock --fault slwo", &["there is no such fault", "slow, silent"]),
        ("loyalty mock --fault unreachable", &["there is no such fault"]),
        ("loyalty mock --listen 8099", &["--listen", "127.0.0.1:8099"]),
        ("loyalty mock --secret hunter2", &["--secret", "whsec_"]),
        ("loyalty mock --delay soon", &["--delay", "300ms"]),
        ("loyalty call", &["fetch-member-point", "validate-coupon", "order-complete"]),
        ("loyalty call fetch-member-point", &["--account"]),
        ("loyalty call validate-coupon --account a", &["--code"]),
        ("loyalty call validate-coupon --account a --code c --amount 1,5", &["--amount", "12.50"]),
        ("loyalty call order-complete --account a --json []", &["--json", "object"]),
    ] {
        let (code, stdout, stderr) = run(&line.split(' ').collect::<Vec<_>>())?;
        assert_eq!((code, stdout.as_str()), (Some(2), ""), "{line}: {stderr}");
        for word in words {
            assert!(stderr.contains(word), "{line}: {word} is not in\n{stderr}");
        }
        assert!(!stderr.contains("hunter2"), "a secret is not repeated: {stderr}");
    }
    let (code, _, stderr) = run(&["loyalty", "mock", "--file", "/nowhere/members.json"])?;
    assert_eq!(code, Some(1));
    assert!(stderr.contains("reading /nowhere/members.json"), "{stderr}");
    Ok(())
}

#[tokio::test]
async fn a_question_on_the_command_line_gets_what_the_till_would_get() -> Result<()> {
    let stage = Stage::open("loyalty-call").await?;
    let app = App::start(&[])?;
    for hook in ["fetchMemberPoint", "validateCoupon"] {
        let settings = format!("/api/v1/app/{ACCOUNT}/hook/{hook}/settings");
        let asked = json!({"url": format!("{}/{hook}", app.url), "generation": "older"});
        stage.client.put(&settings, &asked).await?.expect(200)?;
    }
    let server = format!("http://{}", stage.server.address());
    let call = |line: &str, more: &[&str]| -> Result<(Option<i32>, String, String)> {
        let mut command = ringup();
        command.args(["loyalty", "call"]).args(line.split(' ')).args(more);
        command.args(["--account", ACCOUNT, "--url", &server]).env("RINGUP_KEY", OPERATOR_KEY);
        let output = command.output()?;
        Ok((output.status.code(), String::from_utf8(output.stdout)?, String::from_utf8(output.stderr)?))
    };
    let (code, text, stderr) = call("fetch-member-point --phone +628110000222 --outlet Kemang", &[])?;
    assert_eq!(code, Some(0), "{stderr}");
    assert!(
        text.contains("kind    live") && text.contains("{\"Point\":1240}") && text.contains("call    msg_"),
        "{text}"
    );
    let (code, text, _) = call("fetch-member-point --phone +628110000222 --outlet Kemang", &[])?;
    assert!(code == Some(0) && text.contains("kind    cache") && text.contains("\nage "), "{text}");
    let (code, text, _) = call("fetch-member-point --phone 0 --deadline 20s", &[])?;
    assert!(code == Some(1) && text.contains("cause   status: the app answered with status 404"), "{text}");

    let (code, text, _) = call("validate-coupon --code SPRING-7Q2 --amount 84000.50 --format json", &[])?;
    let answer: Value = serde_json::from_str(&text)?;
    assert_eq!((code, &answer["kind"], &answer["answer"]["Amount"]), (Some(0), &json!("live"), &json!(15)), "{text}");
    let question = r#"{"Code":"USED-1AX","Outlet":"Kemang"}"#;
    let (code, text, _) = call("validate-coupon --json", &[question])?;
    assert!(code == Some(0) && text.contains("kind    refused") && text.contains("used already"), "{text}");
    let (code, _, stderr) = call("validate-coupon --code A --deadline 31s", &[])?;
    assert_eq!(code, Some(1));
    assert!(stderr.contains("1 to 30000"), "{stderr}");
    Ok(())
}
