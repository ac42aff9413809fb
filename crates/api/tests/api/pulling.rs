//! Events pulled instead of pushed, by position and as a consumer.

use serde_json::{Value, json};

use crate::desk::{Desk, Reply};

/// Five events; the odd ones went to `erp`.
async fn told() -> (Desk, Vec<String>) {
    let desk = Desk::open().await;
    desk.account("shop").await;
    desk.endpoint("shop", "erp", r#","eventTypes":["sale"]"#).await;
    let mut ids = Vec::new();
    for number in 1..=5 {
        let event_type = if number % 2 == 1 { "sale" } else { "stock" };
        ids.push(desk.publish("shop", event_type, &format!(r#"{{"number":{number}}}"#)).await);
    }
    (desk, ids)
}

fn ids(reply: &Reply) -> Vec<Value> {
    reply.at("/data").as_array().expect("a list").iter().map(|row| row["id"].clone()).collect()
}

fn of(all: &[String], numbers: &[usize]) -> Vec<Value> {
    numbers.iter().map(|number| json!(all[number - 1])).collect()
}

#[tokio::test]
async fn an_accounts_events_are_read_in_their_order_and_on_from_there() {
    let (desk, all) = told().await;
    let first = desk.get("/app/shop/events?limit=2").await.is(200);
    assert_eq!((ids(&first), first.at("/done")), (of(&all, &[1, 2]), json!(false)));
    let next = first.at("/iterator").as_str().expect("a text").to_owned();
    let second = desk.get(&format!("/app/shop/events?limit=9&iterator={next}")).await.is(200);
    assert_eq!((ids(&second), second.at("/done")), (of(&all, &[3, 4, 5]), json!(true)));
    let end = second.at("/iterator").as_str().expect("a text").to_owned();
    let nothing = desk.get(&format!("/app/shop/events?iterator={end}")).await.is(200);
    assert_eq!((ids(&nothing), nothing.at("/iterator")), (vec![], json!(end)), "whoever is at the end stays there");
    let late = desk.publish("shop", "sale", "{}").await;
    assert_eq!(ids(&desk.get(&format!("/app/shop/events?iterator={end}")).await), [json!(late)]);
    assert_eq!(ids(&desk.get("/app/shop/events?event_types=stock").await), of(&all, &[2, 4]));
    assert_eq!(ids(&desk.get("/app/shop/events?channels=outlet-1").await), Vec::<Value>::new());
    desk.get("/app/shop/events?iterator=x").await.misfit("query.iterator", "iterator", "an earlier answer");
}

#[tokio::test]
async fn an_endpoints_events_are_those_that_went_there() {
    let (desk, all) = told().await;
    let polled = desk.get("/app/shop/poller/erp").await.is(200);
    assert_eq!((ids(&polled), polled.at("/done")), (of(&all, &[1, 3, 5]), json!(true)));
    assert_eq!(polled.at("/data/0/payload"), json!({"number": 1}));
    let future = desk.get("/app/shop/poller/erp?after=2030-01-01T00:00:00Z").await.is(200);
    assert_eq!(ids(&future), Vec::<Value>::new());
    desk.get("/app/shop/poller/none").await.refused(404, "not_found", "none");
}

#[tokio::test]
async fn a_consumer_goes_on_where_it_confirmed_and_others_do_not_mind() {
    let (desk, all) = told().await;
    let own = "/app/shop/poller/erp/consumer/bi";
    let first = desk.get(&format!("{own}?limit=1")).await.is(200);
    assert_eq!(ids(&first), of(&all, &[1]));
    assert_eq!(ids(&desk.get(&format!("{own}?limit=1")).await), of(&all, &[1]), "not confirmed, so it comes again");
    let next = first.at("/iterator").as_str().expect("a text").to_owned();
    assert_eq!(ids(&desk.get(&format!("{own}?limit=1&iterator={next}")).await), of(&all, &[3]));
    assert_eq!(ids(&desk.get(own).await), of(&all, &[3, 5]), "it is remembered");
    assert_eq!(ids(&desk.get("/app/shop/poller/erp/consumer/other").await), of(&all, &[1, 3, 5]));
    let sought = desk.post(&format!("{own}/seek"), r#"{"after":"2020-01-01T00:00:00Z"}"#).await.is(200);
    assert!(sought.at("/iterator").is_string());
    assert_eq!(ids(&desk.get(own).await), of(&all, &[1, 3, 5]), "and back");
    desk.post(&format!("{own}/seek"), r#"{"after":"2030-01-01T00:00:00Z"}"#).await.is(200);
    assert_eq!(ids(&desk.get(own).await), Vec::<Value>::new());
    desk.get("/app/shop/poller/erp/consumer/a%20b").await.misfit("body.consumerId", "name", "letters");
}
