//! Pages and iterators, forward and back.

use serde_json::{Value, json};

use crate::desk::Desk;

fn names(page: &Value, field: &str) -> Vec<String> {
    page["data"].as_array().unwrap().iter().map(|row| row[field].as_str().unwrap().to_owned()).collect()
}

/// All rows of a list, page by page, and the way back.
async fn walk(desk: &Desk, path: &str, field: &str, rows: usize) -> (Vec<Vec<String>>, Vec<Vec<String>>) {
    let joint = if path.contains('?') { '&' } else { '?' };
    let page = async |iterator: Option<String>| {
        let iterator = iterator.map_or_else(String::new, |text| format!("&iterator={text}"));
        desk.get(&format!("{path}{joint}limit={rows}{iterator}")).await.is(200).json()
    };
    let (mut there, mut back) = (Vec::new(), Vec::new());
    let mut last = page(None).await;
    there.push(names(&last, field));
    while last["done"] == json!(false) {
        last = page(last["iterator"].as_str().map(str::to_owned)).await;
        there.push(names(&last, field));
    }
    loop {
        last = page(last["prevIterator"].as_str().map(str::to_owned)).await;
        if names(&last, field).is_empty() {
            return (there, back);
        }
        back.push(names(&last, field));
    }
}

#[tokio::test]
async fn accounts_are_walked_both_ways_without_gaps() {
    let desk = Desk::open().await;
    let mut ids = Vec::new();
    for number in 0..7 {
        ids.push(desk.account(&format!("shop-{number}")).await);
    }
    ids.sort();
    for (order, expected) in [("ascending", ids.clone()), ("descending", ids.iter().rev().cloned().collect())] {
        let (there, back) = walk(&desk, &format!("/app?order={order}"), "id", 3).await;
        assert_eq!(there.concat(), expected, "{order}");
        assert_eq!(there.iter().map(Vec::len).collect::<Vec<_>>(), [3, 3, 1]);
        let back: Vec<String> = back.into_iter().rev().collect::<Vec<_>>().concat();
        assert_eq!(back, expected[..6], "{order}: what lies before the last page");
    }
}

#[tokio::test]
async fn events_are_newest_first_and_walked_both_ways() {
    let desk = Desk::open().await;
    desk.account("shop").await;
    let mut ids = Vec::new();
    for _ in 0..7 {
        ids.insert(0, desk.publish("shop", "sale", "{}").await);
    }
    let (there, back) = walk(&desk, "/app/shop/msg", "id", 3).await;
    assert_eq!(there.concat(), ids);
    assert_eq!(back.into_iter().rev().collect::<Vec<_>>().concat(), ids[..6]);
    let (there, _) = walk(&desk, "/app/shop/msg?order=ascending", "id", 2).await;
    assert_eq!(there.concat(), ids.iter().rev().cloned().collect::<Vec<_>>());
}

#[tokio::test]
async fn a_walk_goes_on_when_its_rows_are_removed() {
    let desk = Desk::open().await;
    for number in 0..5 {
        desk.account(&format!("shop-{number}")).await;
    }
    let (mut removed, mut iterator) = (0, String::new());
    loop {
        let page = desk.get(&format!("/app?limit=2{iterator}")).await.is(200).json();
        for id in names(&page, "id") {
            desk.call("DELETE", &format!("/app/{id}"), "").await.is(204);
            removed += 1;
        }
        if page["done"] == json!(true) {
            break;
        }
        iterator = format!("&iterator={}", page["iterator"].as_str().unwrap());
    }
    assert_eq!(removed, 5);
}

#[tokio::test]
async fn an_empty_list_has_all_its_keys() {
    let desk = Desk::open().await;
    desk.account("shop").await;
    let empty = json!({"data": [], "iterator": null, "prevIterator": null, "done": true});
    for path in ["/event-type", "/app/shop/endpoint", "/app/shop/msg"] {
        assert_eq!(desk.get(path).await.is(200).json(), empty, "{path}");
    }
    let id = desk.publish("shop", "sale", "{}").await;
    let after = desk.get(&format!("/app/shop/msg?order=ascending&iterator={id}")).await.is(200);
    assert_eq!((after.at("/iterator"), after.at("/done")), (json!(id), json!(true)), "one may ask again from here");
}

#[tokio::test]
async fn event_types_go_by_name() {
    let desk = Desk::open().await;
    for name in ["sale", "refund", "stock.changed"] {
        desk.post("/event-type", json!({"name": name, "description": ""}).to_string()).await.made();
    }
    let (there, back) = walk(&desk, "/event-type", "name", 1).await;
    assert_eq!(there.concat(), ["refund", "sale", "stock.changed"]);
    assert_eq!(back.concat(), ["sale", "refund"]);
}

#[tokio::test]
async fn filters_narrow_the_list() {
    let desk = Desk::open().await;
    desk.account("shop").await;
    let post = async |body: &str| desk.post("/app/shop/msg", body.to_owned()).await.is(202).id();
    let sale = post(r#"{"eventType":"sale","channels":["north"],"payload":{"a":1}}"#).await;
    desk.clock.advance(std::time::Duration::from_mins(10));
    let refund = post(r#"{"eventType":"refund","payload":{}}"#).await;
    desk.clock.advance(std::time::Duration::from_mins(10));
    let stock = post(r#"{"eventType":"stock","payload":{}}"#).await;
    for (query, expected) in [
        ("", vec![&stock, &refund, &sale]),
        ("event_types=sale", vec![&sale]),
        ("event_types=sale&event_types=stock", vec![&stock, &sale]),
        ("event_types=sale,stock", vec![&stock, &sale]),
        ("event_types[]=sale", vec![&sale]),
        ("channel=north", vec![&sale]),
        ("after=2026-11-23T08:35:00Z", vec![&stock, &refund]),
        ("before=2026-11-23T15:45:00%2B07:00", vec![&refund, &sale]),
        ("before=2026-11-23T08:45:00Z&after=2026-11-23T08:35:00Z", vec![&refund]),
    ] {
        let page = desk.get(&format!("/app/shop/msg?{query}")).await.is(200).json();
        assert_eq!(names(&page, "id"), expected.into_iter().cloned().collect::<Vec<_>>(), "{query}");
    }
    let withheld = desk.get("/app/shop/msg?with_content=false").await.is(200);
    assert_eq!(withheld.at("/data/2/payload"), json!({}));
    assert_eq!(desk.get("/app/shop/msg").await.at("/data/2/payload"), json!({"a": 1}));
}

#[tokio::test]
async fn mistakes_are_named() {
    let desk = Desk::open().await;
    desk.account("shop").await;
    for (query, field) in [
        ("limit=0", "limit"),
        ("limit=251", "limit"),
        ("limit=x", "limit"),
        ("limit=-1", "limit"),
        ("limit=250&limit=", "limit"),
        ("before=", "before"),
        ("order=", "order"),
        ("order=up", "order"),
        ("iterator=nonsense", "iterator"),
        ("iterator=app_2srOrx2ZWZBpBUvZwXKQmoEYga2", "iterator"),
        ("before=yesterday", "before"),
        ("with_content=maybe", "with_content"),
    ] {
        let reply = desk.get(&format!("/app/shop/msg?{query}")).await;
        assert_eq!((reply.status, reply.at("/detail/0/loc")), (422, json!(["query", field])), "{query}");
    }
    desk.get("/app/shop/msg?limit=250&iterator=&channel=&somethingElse=%ff").await.is(200);
}
