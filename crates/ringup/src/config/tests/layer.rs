//! Which layer wins, and where a value says it comes from.

use std::path::Path;
use std::time::Duration;

use super::super::Flag;
use super::Scene;

#[test]
fn a_later_layer_wins_and_says_so() {
    let key = "delivery.retry";
    let mut scene = Scene::new();
    assert_eq!(scene.shown(key), "delivery.retry = 1 # default");
    assert!(!scene.load().settings.is_set(key));

    scene.file("system.toml", "# the system's\n[delivery]\nretry = 2\n");
    assert_eq!(scene.shown(key), "delivery.retry = 2 # file DIR/system.toml:3");
    assert!(scene.load().settings.is_set(key));

    let path = scene.file("variable.toml", "delivery.retry = 3");
    scene = scene.variable("RINGUP_CONFIG", path);
    assert_eq!(scene.shown(key), "delivery.retry = 3 # file DIR/variable.toml:1");

    scene = scene.config_file("\n\n[delivery]\n\nretry = 4 # own\n");
    assert_eq!(scene.shown(key), "delivery.retry = 4 # file DIR/ringup.toml:5");

    scene = scene.variable("RINGUP__DELIVERY__RETRY", "5");
    assert_eq!(scene.shown(key), "delivery.retry = 5 # environment RINGUP__DELIVERY__RETRY");

    scene = scene.set("delivery.retry=6").set("delivery.retry=7");
    assert_eq!(scene.shown(key), "delivery.retry = 7 # flag --set");
    assert_eq!(scene.load().config.delivery.retry, 7);
}

#[test]
fn the_short_flags_win_over_everything() {
    let scene = Scene::new()
        .variable("RINGUP__SERVER__LISTEN", "127.0.0.1:1")
        .variable("RINGUP__STORE__DATA_DIR", "elsewhere")
        .set("server.listen=127.0.0.1:2")
        .flag(Flag::Listen("[::1]:3".to_owned()))
        .flag(Flag::DataDir("here".to_owned()));
    assert_eq!(scene.shown("server.listen"), r#"server.listen = "[::1]:3" # flag --listen"#);
    assert_eq!(scene.shown("store.data_dir"), r#"store.data_dir = "here" # flag --data-dir"#);
}

#[test]
fn zero_is_zero_and_none_unsets() {
    let scene = Scene::new()
        .config_file(
            "[delivery]\nretry = 0\ncooldown = 0\npause_after = 'none'\n[egress]\nallow_networks = ['10.0.0.0/8']",
        )
        .variable("RINGUP__EGRESS__ALLOW_NETWORKS", "")
        .set("server.shutdown_grace=0s");
    let config = scene.load().config;
    assert_eq!((config.delivery.retry, config.delivery.cooldown), (0, Duration::ZERO));
    assert_eq!(config.delivery.pause_after, None);
    assert!(config.egress.allow_networks.is_empty());
    assert_eq!(config.server.shutdown_grace, Duration::ZERO);
}

#[test]
fn lists_come_from_arrays_and_from_commas() {
    let file = "[egress]\nallow_networks = [\n  '127.0.0.0/8', # loopback\n  '::1',\n]\ndns_servers = '10.0.0.53:53'";
    let scene = Scene::new().config_file(file).variable("RINGUP__EGRESS__CA_FILES", "/a.pem, /b.pem");
    assert_eq!(
        scene.shown("egress.allow_networks"),
        r#"egress.allow_networks = ["127.0.0.0/8", "::1/128"] # file DIR/ringup.toml:2"#
    );
    let config = scene.load().config;
    assert_eq!(config.egress.dns_servers, ["10.0.0.53:53".parse().unwrap()]);
    assert_eq!(config.egress.ca_files, [Path::new("/a.pem"), Path::new("/b.pem")]);
}

#[test]
fn what_is_shown_can_be_read_again() {
    let shown = Scene::new().set("delivery.cooldown=90m").set("egress.ca_files=/a b.pem,/c.pem").load().settings;
    let again = Scene::new().config_file(shown.show(true)).load().settings;
    assert_eq!(again.show(false), shown.show(false));
}

#[test]
fn variables_of_others_are_left_alone() {
    let scene = Scene::new()
        .variable("RINGUP_SERVICE_HOST", "10.0.0.1")
        .variable("ringup__server__listen", "x")
        .variable("PATH", "/bin");
    assert_eq!(scene.shown("server.listen"), r#"server.listen = "127.0.0.1:8080" # default"#);
}
