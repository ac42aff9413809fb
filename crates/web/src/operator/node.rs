//! `/op/nodes`: who does the work, and who has which part of it.

use std::collections::BTreeSet;
use std::time::Duration;

use askama::Template;
use axum::extract::State;
use ringup_app::fleet::{NodeLine, NodeState, Nodes, ShardLine};
use ringup_core::time::Timestamp;

use super::age;
use crate::Shared;
use crate::error_page::Answer;
use crate::menu::Menu;
use crate::ui::{Ui, html};
use crate::visit::Visit;

/// Tints that tell nodes apart; further ones begin anew, and the letter tells.
const TINTS: [&str; 6] = ["n0", "n1", "n2", "n3", "n4", "n5"];

#[derive(Template)]
#[template(path = "op_nodes.html")]
struct NodesPage {
    is_shared: bool,
    /// The worst there is, in one line.
    shape: &'static str,
    verdict: String,
    /// What else is to be known, with shapes.
    more: Vec<(&'static str, String)>,
    rows: Vec<Row>,
    cells: Vec<Cell>,
    ui: Ui,
}

struct Row {
    mark: String,
    tint: &'static str,
    name: String,
    is_this: bool,
    shape: &'static str,
    state: String,
    heard_at: Timestamp,
    shards: u64,
    up: String,
    version: String,
    schema: Option<u32>,
    commits: Option<u64>,
}

struct Cell {
    number: usize,
    mark: String,
    tint: &'static str,
    /// All of it in words.
    words: String,
    node: String,
    epoch: u64,
}

/// `GET /op/nodes`
pub async fn page(State(web): Shared, visit: Visit) -> Answer {
    let nodes = web.app.nodes(&visit.who).await?;
    Ok(html(&NodesPage::of(&nodes, visit.ui(Menu::Nodes, "op-nodes"))))
}

impl NodesPage {
    fn of(nodes: &Nodes, ui: Ui) -> NodesPage {
        let (shape, verdict) = verdict(&ui, nodes);
        NodesPage {
            is_shared: nodes.is_shared,
            shape,
            verdict,
            more: more(&ui, nodes),
            rows: nodes.nodes.iter().enumerate().map(|(place, node)| Row::of(&ui, place, node)).collect(),
            cells: nodes.shards.iter().map(|shard| Cell::of(&ui, nodes, shard)).collect(),
            ui,
        }
    }
}

impl Row {
    fn of(ui: &Ui, place: usize, node: &NodeLine) -> Row {
        let is_gone = node.state == NodeState::Gone;
        Row {
            mark: mark(place),
            tint: if is_gone { "unowned" } else { tint(place) },
            name: node.name.clone().unwrap_or_else(|| ui.t("op-node-single")),
            is_this: node.is_this && node.name.is_some(),
            shape: match node.state {
                NodeState::Heard => "ok",
                NodeState::Quiet => "warn",
                NodeState::Gone if node.shards > 0 => "fail",
                NodeState::Gone => "skip",
            },
            state: ui.t(format!("op-node-{}", node.state.word())),
            heard_at: node.heard_at,
            shards: node.shards as u64,
            up: if is_gone { "–".to_owned() } else { age(ui, node.started_at) },
            version: node.version.clone(),
            schema: node.schema,
            commits: node.commits,
        }
    }
}

impl Cell {
    fn of(ui: &Ui, nodes: &Nodes, shard: &ShardLine) -> Cell {
        let owner = shard.node.filter(|_| shard.is_served);
        let node = match owner {
            Some(place) => called(nodes, place),
            None => ui.t("op-shard-nobody"),
        };
        Cell {
            number: shard.number,
            mark: owner.map_or_else(|| "–".to_owned(), mark),
            tint: owner.map_or("unowned", tint),
            words: ui.b("op-shard-words", "shard", shard.number.to_string(), "node", &node),
            node,
            epoch: shard.epoch,
        }
    }
}

/// The worst there is.
fn verdict(ui: &Ui, nodes: &Nodes) -> (&'static str, String) {
    if !nodes.is_shared {
        return ("ok", ui.t("op-nodes-single"));
    }
    let count = |state| nodes.in_state(state).count() as u64;
    let (heard, quiet, gone) = (count(NodeState::Heard), count(NodeState::Quiet), count(NodeState::Gone));
    let (waiting, moving) = (nodes.waiting() as u64, nodes.moving() as u64);
    let told = |key, number: u64, other: u64| {
        let values = [("count", number.into()), ("n", ui.num(&number).into()), ("other", ui.num(&other).into())];
        ui.lang.text_with(key, &values)
    };
    if waiting > 0 {
        return ("fail", told("op-nodes-waiting", waiting, heard + quiet));
    }
    if quiet > 0 {
        return ("warn", told("op-nodes-quiet", quiet, heard));
    }
    match (moving, gone) {
        (1.., _) => ("wait", told("op-nodes-moving", heard, moving)),
        (0, 1..) => ("ok", told("op-nodes-some", heard, gone)),
        (0, 0) => ("ok", told("op-nodes-all", heard, 0)),
    }
}

/// Whose shards wait, who is quiet, what is gone, and whether an upgrade is under way.
fn more(ui: &Ui, nodes: &Nodes) -> Vec<(&'static str, String)> {
    let mut more = Vec::new();
    for (place, node) in nodes.nodes.iter().enumerate().filter(|(_, node)| nodes.is_shared && node.shards > 0) {
        let (shape, key) = match node.state {
            NodeState::Heard => continue,
            NodeState::Quiet => ("warn", "op-nodes-is-quiet"),
            NodeState::Gone => ("fail", "op-nodes-is-lost"),
        };
        let shards = node.shards as u64;
        let values = [
            ("node", called(nodes, place).into()),
            ("span", age(ui, node.heard_at).into()),
            ("lease", ui.span(&Duration::from_secs(nodes.lease.as_secs())).into()),
            ("count", shards.into()),
            ("n", ui.num(&shards).into()),
        ];
        more.push((shape, ui.lang.text_with(key, &values)));
    }
    let gone = nodes.in_state(NodeState::Gone).filter(|node| node.shards == 0).count() as u64;
    if gone > 0 {
        more.push(("skip", ui.n("op-nodes-gone", &gone)));
    }
    let at_work = nodes.nodes.iter().filter(|node| node.state != NodeState::Gone);
    let versions: BTreeSet<&str> = at_work.map(|node| node.version.as_str()).collect();
    if versions.len() > 1 {
        let versions = versions.into_iter().collect::<Vec<_>>().join(", ");
        more.push(("wait", ui.a("op-nodes-versions", "versions", versions)));
    }
    more
}

/// A letter and the name.
fn called(nodes: &Nodes, place: usize) -> String {
    let name = nodes.nodes.get(place).and_then(|node| node.name.as_deref()).unwrap_or_default();
    format!("{} ({name})", mark(place))
}

/// A letter for each node, in the order of names, so that it is the same on every node; numbers behind Z.
fn mark(place: usize) -> String {
    match u8::try_from(place) {
        Ok(place @ 0..26) => char::from(b'A' + place).to_string(),
        _ => (place + 1).to_string(),
    }
}

fn tint(place: usize) -> &'static str {
    TINTS.get(place % TINTS.len()).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;
    use crate::lang::Lang;
    use crate::prefs::Prefs;

    const NOW: Timestamp = Timestamp::from_secs(1_795_422_630);

    fn node(name: &str, state: NodeState, unheard: u64, shards: usize) -> NodeLine {
        let ago = |secs| NOW.saturating_sub(Duration::from_secs(secs));
        NodeLine {
            name: Some(name.to_owned()),
            is_this: name == "aa",
            state,
            heard_at: ago(unheard),
            version: "1.2.0".to_owned(),
            schema: Some(4),
            started_at: ago(7_200),
            shards,
            commits: Some(12_345),
        }
    }

    /// The first node has all shards but the last ones, which are the second one's.
    fn page(nodes: Vec<NodeLine>, lang: Lang) -> String {
        let (first, is_gone) = (nodes[0].shards, nodes[1].state == NodeState::Gone);
        let shards = (0..64).map(|number| {
            let node = Some(usize::from(number >= first));
            ShardLine { number, node, is_served: number < first || !is_gone, is_moving: false, epoch: 9 }
        });
        let nodes = Nodes { at: NOW, is_shared: true, lease: Duration::from_secs(8), shards: shards.collect(), nodes };
        let prefs = Prefs { lang, ..Prefs::of(&HeaderMap::new()) };
        NodesPage::of(&nodes, Ui::guest(&prefs, NOW, Menu::Nodes, "op-nodes")).render().expect("it is rendered")
    }

    #[track_caller]
    fn check(second: NodeLine, first_shards: usize, shown: &[&str]) {
        for lang in Lang::ALL {
            let text = page(vec![node("aa", NodeState::Heard, 0, first_shards), second.clone()], lang);
            // A key without a text shows itself.
            assert!(!text.contains("[op-"), "{text}");
            for one in shown.iter().filter(|_| lang == Lang::English) {
                assert!(text.contains(one), "{one:?} is not in {text}");
            }
        }
    }

    #[test]
    fn all_is_well() {
        let shown = ["2 nodes, all heard of; all 64 shards have an owner.", "Shard 63: B (bb)", "12,345", "this one"];
        check(node("bb", NodeState::Heard, 1, 30), 34, &shown);
    }

    #[test]
    fn a_node_that_is_lost_is_named_with_what_waits_for_it() {
        let shown = [
            "21 of 64 shards have no node",
            "Node B (bb) was not heard of for 12 s; 21 shards that it had wait for another one.",
            "Shard 63: nobody",
        ];
        check(node("bb", NodeState::Gone, 12, 21), 43, &shown);
        check(node("bb", NodeState::Gone, 90, 0), 64, &["1 node is heard of, and all 64 shards are its own"]);
    }

    #[test]
    fn a_node_that_is_quiet_is_named_before_it_is_lost() {
        let shown = ["1 node is quiet", "Node B (bb) was not heard of for 5 s; after 8 s others take its 21 shards."];
        check(node("bb", NodeState::Quiet, 5, 21), 43, &shown);
    }

    #[test]
    fn an_upgrade_is_told() {
        let newer = NodeLine { version: "1.3.0".to_owned(), ..node("bb", NodeState::Heard, 0, 30) };
        check(newer, 34, &["Versions 1.2.0, 1.3.0 are at work: an upgrade is under way."]);
    }

    #[test]
    fn letters_do_not_end() {
        assert_eq!([0, 25, 26].map(mark), ["A", "Z", "27"]);
    }
}
