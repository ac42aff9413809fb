//! The menu, with the guide's names. One list for the page's frame; a place is lit by its [`Menu`].

/// The places of the menu.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Menu {
    Accounts,
    Overview,
    Person,
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

/// Within an account.
pub const GROUPS: &[Group] = &[Group {
    key: "group-developer",
    items: &[Item { menu: Menu::Overview, key: "item-overview", icon: "overview", path: "" }],
}];
