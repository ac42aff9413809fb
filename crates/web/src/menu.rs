//! The menu, with the guide's names. One list for the page's frame; a place is lit by its [`Menu`].

/// The places of the menu.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Menu {
    Accounts,
    Overview,
    Urls,
    Logs,
    Configuration,
    Catalog,
    Keys,
    Reference,
    Audit,
    Hooks,
    Calls,
    Send,
    Catcher,
    Verify,
    /// Of everything, for an operator.
    AuditOfAll,
    Person,
    Fleet,
    Queues,
    Nodes,
    Loads,
    Problems,
    System,
    /// A page that no menu leads to.
    Nowhere,
}

/// One line of the menu.
pub struct Item {
    pub menu: Menu,
    /// The key of its text.
    pub key: &'static str,
    pub icon: &'static str,
    /// Behind the account's path.
    pub path: &'static str,
}

/// Lines under one heading.
pub struct Group {
    /// The key of its text.
    pub key: &'static str,
    pub items: &'static [Item],
}

const fn item(menu: Menu, key: &'static str, icon: &'static str, path: &'static str) -> Item {
    Item { menu, key, icon, path }
}

/// Searches of the log that come built in: the key of the text, and where it is behind the account's path.
pub const VIEWS: &[(&str, &str)] = &[
    ("view-failing", "/logs?query=status%3Afailed%2Cretrying+after%3A-24h"),
    ("view-slow", "/logs?query=took%3A%3E2s+after%3A-24h"),
    ("view-test", "/logs?query=test%3Atrue"),
];

/// The one place of an account that lies outside of it.
pub const REFERENCE: &str = "/docs/api";

/// For operators; the paths are whole.
pub const OPERATOR: &[Item] = &[
    item(Menu::Fleet, "op-fleet", "overview", "/op"),
    item(Menu::Queues, "op-queues", "logs", "/op/queues"),
    item(Menu::Loads, "op-accounts", "accounts", "/op/accounts"),
    item(Menu::Problems, "op-problems", "alert", "/op/problems"),
    item(Menu::Nodes, "op-nodes", "nodes", "/op/nodes"),
    item(Menu::System, "op-system", "configuration", "/op/system"),
];

/// Within an account.
pub const GROUPS: &[Group] = &[
    Group {
        key: "group-developer",
        items: &[
            item(Menu::Overview, "item-overview", "overview", ""),
            item(Menu::Urls, "item-urls", "urls", "/urls"),
            item(Menu::Logs, "item-logs", "logs", "/logs"),
            item(Menu::Configuration, "item-configuration", "configuration", "/configuration"),
            item(Menu::Catalog, "item-catalog", "catalog", "/catalog"),
            item(Menu::Keys, "item-keys", "keys", "/keys"),
            item(Menu::Reference, "item-reference", "reference", REFERENCE),
            item(Menu::Audit, "item-audit", "audit", "/audit"),
        ],
    },
    Group {
        key: "group-loyalty",
        items: &[
            item(Menu::Hooks, "item-hooks", "loyalty", "/loyalty"),
            item(Menu::Calls, "item-calls", "logs", "/loyalty-calls"),
        ],
    },
    Group {
        key: "group-test",
        items: &[
            item(Menu::Send, "item-send", "send", "/test/send"),
            item(Menu::Catcher, "item-catcher", "catcher", "/test/catchers"),
            item(Menu::Verify, "item-verify", "verify", "/test/verify"),
        ],
    },
];
