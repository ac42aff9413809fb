//! Searching the log of an account.

use std::time::Duration;

use ringup_core::delivery::{After, Ended};
use ringup_store::log_entry::{AttemptResult, OutcomeWord};

use crate::desk::{Desk, Reply};

const DELIVERED: AttemptResult = AttemptResult { outcome: OutcomeWord::Delivered, status: Some(200), detail: None };
const BUSY: AttemptResult = AttemptResult { outcome: OutcomeWord::Refused, status: Some(503), detail: None };

/// Seven events to two endpoints each: the first three delivered, the others refused, the last of these to be repeated.
async fn desk() -> Desk {
    let desk = Desk::open().await;
    desk.account("kopi").await;
    desk.endpoint("kopi", "erp", r#","description":"ERP sync""#).await;
    desk.endpoint("kopi", "shop", "").await;
    for number in 0..7 {
        desk.clock.advance(Duration::from_secs(60));
        desk.publish(
            "kopi",
            if number % 2 == 0 { "invoiceCreated" } else { "closeShift" },
            &format!("{{\"Total\":{number}.50}}"),
        )
        .await;
        let due_at = desk.clock_now().saturating_add(Duration::from_secs(7));
        let (result, after) = match number {
            0..3 => (DELIVERED, After::Delivered),
            3..6 => (BUSY, After::Ended(Ended::Exhausted)),
            _ => (BUSY, After::Retry { due_at, attempts_made: 1 }),
        };
        desk.attempt_last(2, result, after, "").await;
    }
    desk
}

async fn search(desk: &Desk, query: &str) -> Reply {
    let query: String = url::form_urlencoded::byte_serialize(query.as_bytes()).collect();
    desk.get(&format!("/app/kopi/log?query={query}")).await
}

#[tokio::test]
async fn attempts_to_all_endpoints_are_found() {
    let desk = desk().await;
    for (query, count) in [
        ("", 14),
        ("status:failed", 6),
        ("status:failed,retrying", 8),
        ("code:2xx url:\"ERP sync\"", 3),
        ("event:invoice* -status:delivered url:erp", 2),
        ("data.Total:>=4.50 data.Total:<6.5 url:shop", 2),
        ("after:-150s", 6),
        ("code:404", 0),
    ] {
        let page = search(&desk, query).await.is(200).json();
        assert_eq!(page["data"].as_array().unwrap().len(), count, "{query}: {page:#}");
        assert_eq!((&page["done"], &page["stopped"]), (&true.into(), &false.into()), "{query}");
    }
    let line = search(&desk, "status:retrying url:erp").await.is(200).at("/data/0");
    assert_eq!((&line["standing"], &line["outcome"]), (&"retrying".into(), &"refused".into()));
    assert_eq!((&line["eventType"], &line["responseStatusCode"]), (&"invoiceCreated".into(), &503.into()));
}

#[tokio::test]
async fn pages_follow_each_other_and_end() {
    let desk = desk().await;
    let (mut seen, mut iterator) = (Vec::new(), String::new());
    loop {
        let page = desk.get(&format!("/app/kopi/log?limit=4&query=status:error{iterator}")).await.is(200).json();
        seen.extend(page["data"].as_array().unwrap().iter().map(|line| line["id"].as_str().unwrap().to_owned()));
        iterator = format!("&iterator={}", page["iterator"].as_str().unwrap());
        if page["done"] == true {
            break;
        }
    }
    assert_eq!(seen.len(), 8);
    assert!(seen.is_sorted_by(|newer, older| newer > older), "newest first, none twice: {seen:?}");
    let of_erp = desk.get("/app/kopi/log?endpoint_id=erp&order=ascending").await.is(200).at("/data");
    assert_eq!(of_erp.as_array().unwrap().len(), 7);
    desk.get("/app/kopi/log?iterator=-atmpt_0000000000000000000000000AA").await.misfit(
        "query.iterator",
        "iterator",
        "",
    );
}

#[tokio::test]
async fn a_search_that_cannot_be_read_says_where_and_why() {
    let desk = desk().await;
    let reply = search(&desk, "code:5xx stauts:failed").await;
    reply.misfit("query.query.10", "search", "at character 10");
    reply.misfit("query.query.10", "search", "did you mean status:");
    search(&desk, "took:>2").await.misfit("query.query.6", "search", "500ms");
}

#[tokio::test]
async fn what_is_found_can_be_sent_again_after_a_look_at_what_that_means() {
    let desk = desk().await;
    let dry = |body: &'static str| desk.post("/app/kopi/log/resend?dry_run=true", body);
    let estimate = dry(r#"{"query":"status:failed"}"#).await.is(200).json();
    assert_eq!((&estimate["count"], &estimate["delivered"]), (&6.into(), &0.into()));
    assert_eq!((&estimate["approximated"], &estimate["estimatedSeconds"]), (&false.into(), &1.into()));
    assert_eq!(estimate["endpoints"].as_array().unwrap().len(), 2);
    let estimate = dry(r#"{"query":"url:erp","rate":2}"#).await.is(200).json();
    assert_eq!((&estimate["count"], &estimate["delivered"]), (&7.into(), &3.into()));
    assert_eq!(estimate["estimatedSeconds"], 4);
    dry(r#"{"query":""}"#).await.misfit("body.query", "required", "everything");
    dry(r#"{"query":"code:5x"}"#).await.misfit("body.query.6", "search", "at character 6");
    dry(r#"{"query":"code:5xx","rate":0}"#).await.misfit("body.rate", "range", "1 to");
    let begun = desk.post("/app/kopi/log/resend", r#"{"query":"status:failed after:-1h"}"#).await.is(202).id();
    let task = desk.get(&format!("/background-task/{begun}")).await.is(200).json();
    assert_eq!((&task["status"], &task["data"]["messagesExpected"]), (&"running".into(), &6.into()));
    let query = task["data"]["query"].as_str().unwrap();
    assert!(query.starts_with("status:failed after:20") && query.ends_with('Z'), "its time is fixed: {query}");
}

#[tokio::test]
async fn whoever_waits_is_told_what_comes() {
    let desk = desk().await;
    let horizon = search(&desk, "").await.at("/horizon").as_str().unwrap().to_owned();
    let path = format!("/app/kopi/log?order=ascending&query=status:failed&iterator={horizon}");
    let empty = desk.get(&path).await.is(200);
    assert_eq!((empty.at("/data"), empty.at("/done")), (serde_json::json!([]), true.into()));
    desk.publish("kopi", "invoiceCreated", "{}").await;
    desk.attempt_last(2, BUSY, After::Ended(Ended::Exhausted), "").await;
    let came = desk.get(&format!("{path}&wait=20")).await.is(200).json();
    assert_eq!(came["data"].as_array().unwrap().len(), 2);
    let iterator = came["iterator"].as_str().unwrap();
    let after = desk.get(&format!("/app/kopi/log?order=ascending&iterator={iterator}")).await.is(200);
    assert_eq!(after.at("/data"), serde_json::json!([]));
}
