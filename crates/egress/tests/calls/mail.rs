//! Letters to a relay, over real sockets.

use std::time::Duration;

use ringup_core::outcome::{BlockedBy, Cause, Outcome, Phase};
use ringup_egress::mail::MailPlan;
use ringup_egress::{Caller, CheckedUrl, Egress, EgressPlan, Request, UrlProblem, url_policy};
use ringup_testkit::mail_server::MailServer;
use tokio::net::TcpListener;

use crate::support::{plan, request};

const TO: &str = "mailto:ops@shop.example";

fn mail_plan(relay: &str) -> EgressPlan {
    let from = "Ringup <ringup@till.example>".parse().unwrap();
    let mail = MailPlan::new(&relay.parse().unwrap(), &from, "https://ringup.example".to_owned(), &[]).unwrap();
    EgressPlan { mail: Some(mail), ..plan() }
}

fn checked(plan: &EgressPlan) -> CheckedUrl {
    url_policy::check_receiver(TO, plan).unwrap()
}

async fn called(relay: &str, time_limit: Duration) -> Outcome {
    let plan = mail_plan(relay);
    let url = checked(&plan);
    let egress = Egress::new(plan).unwrap();
    egress.call(Request { url, time_limit, ..request("http://127.0.0.1/") }).await.outcome
}

const LONG: Duration = Duration::from_secs(20);

#[tokio::test]
async fn a_letter_reaches_the_relay_with_a_name_that_stays() {
    let relay = MailServer::start().await.unwrap();
    let plan = mail_plan(&relay.url());
    let request = Request { url: checked(&plan), ..request("http://127.0.0.1/") };
    let id = request.webhook.id;
    let egress = Egress::new(plan).unwrap();
    for _ in 0..2 {
        let Outcome::Delivered(answer) = egress.call(request.clone()).await.outcome else { panic!("not delivered") };
        assert_eq!(answer.status, 250);
        assert!(answer.body.starts_with(b"2.0.0 queued as"), "{:?}", answer.body);
    }
    let letters = relay.letters();
    assert_eq!(letters.len(), 2);
    for letter in letters {
        assert!(letter.from.contains("<ringup@till.example>"), "{letter:?}");
        assert_eq!(letter.to, ["RCPT TO:<ops@shop.example>"]);
        assert_eq!(letter.header("Message-ID"), Some(format!("<{id}@till.example>").as_str()));
        assert_eq!(letter.header("Auto-Submitted"), Some("auto-generated"));
        assert_eq!(letter.header("Subject"), Some("Ringup: invoiceCreated"));
        assert!(letter.text.contains("12.30"), "{}", letter.text);
    }
}

#[tokio::test]
async fn what_may_go_later_is_told_from_what_never_will() {
    let relay = MailServer::start().await.unwrap();
    for (line, status) in [("451 4.7.1 greylisted", 503), ("550 5.1.1 nobody here", 400)] {
        relay.refuse(line);
        let outcome = called(&relay.url(), LONG).await;
        let Outcome::Refused(answer) = &outcome else { panic!("{line}: {outcome:?}") };
        assert_eq!(answer.status, status);
        let body = String::from_utf8_lossy(&answer.body).into_owned();
        assert!(body.contains(&line[..3]) && body.contains(&line[4..]), "{body}");
    }
}

#[tokio::test]
async fn a_relay_that_is_not_there_is_an_outcome_like_any() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("smtp://{}", silent.local_addr().unwrap());
    assert_eq!(called(&url, Duration::from_millis(300)).await, Outcome::TimedOut(Phase::Send));
    drop(silent);
    assert_eq!(called(&url, LONG).await, Outcome::Unreachable(Cause::Refused));
    assert_eq!(called("smtp://relay.invalid", LONG).await, Outcome::Unreachable(Cause::Dns));
    // One that does not speak TLS is not told a password.
    let plain = MailServer::start().await.unwrap();
    let url = plain.url().replace("smtp://", "smtps://user:hunter22@");
    assert_eq!(called(&url, LONG).await, Outcome::Unreachable(Cause::Tls));
    let url = format!("{}?tls=required", plain.url().replace("smtp://", "smtp://user:hunter22@"));
    let outcome = called(&url, LONG).await;
    assert!(matches!(outcome, Outcome::Unreachable(_)), "{outcome:?}");
    assert!(plain.letters().is_empty());
}

#[tokio::test]
async fn without_a_relay_nothing_is_sent_and_only_who_may_writes_letters() {
    let with = mail_plan("smtp://127.0.0.1");
    assert_eq!(url_policy::check_receiver(TO, &plan()).unwrap_err(), UrlProblem::NoRelay);
    assert!(matches!(url_policy::check(TO, &with), Err(UrlProblem::Scheme(_))));
    for wrong in ["mailto:", "mailto:ops", "mailto:a@b.example?bcc=c@d.example", "mailto://ops@shop.example"] {
        assert_eq!(url_policy::check_receiver(wrong, &with).unwrap_err(), UrlProblem::Recipient, "{wrong}");
    }
    // A relay that was taken away since.
    let egress = Egress::new(plan()).unwrap();
    let outcome = egress.call(Request { url: checked(&with), ..request("http://127.0.0.1/") }).await.outcome;
    assert_eq!(outcome, Outcome::Blocked(BlockedBy::Scheme));
}
