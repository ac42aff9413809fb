//! What is said about a configuration that is wrong.

use std::ffi::OsString;

use super::Scene;

#[test]
fn unknown_names_are_refused_with_the_nearest() {
    let cases = [
        ("server.lisen=x", "server.lisen", "did you mean server.listen?"),
        ("listen=x", "listen", "did you mean server.listen?"),
        ("retri=x", "retri", "did you mean delivery.retry?"),
        ("delivery.retries=x", "delivery.retries", "did you mean delivery.retry?"),
        ("server.data_dir=x", "server.data_dir", "did you mean store.data_dir?"),
        ("delivery.Cooldown=x", "delivery.Cooldown", "did you mean delivery.cooldown?"),
        ("log.colour=x", "log.colour", "the keys of log are format, requests, filter"),
        (
            "metrics.port=x",
            "metrics.port",
            "the sections are server, store, egress, delivery, smtp, bootstrap, log, console, catcher, events",
        ),
    ];
    for (text, name, next) in cases {
        let expected = format!("{name}: there is no such key\nset in    flag --set\nnext      {next}");
        assert_eq!(Scene::new().set(text).only_mistake(), expected);
    }
    for (variable, nearest) in [
        ("RINGUP__SERVER__LISEN", "RINGUP__SERVER__LISTEN"),
        ("RINGUP__SERVER_LISTEN", "RINGUP__SERVER__LISTEN"),
        ("RINGUP__server__listen", "RINGUP__SERVER__LISTEN"),
        ("RINGUP__DELIVERY__COOL_DOWN", "RINGUP__DELIVERY__COOLDOWN"),
        ("RINGUP__BOOTSTRAP__KEYFILE", "RINGUP__BOOTSTRAP__KEY"),
    ] {
        let expected = format!(
            "{variable}: there is no such key\nset in    environment {variable}\nnext      did you mean {nearest}?"
        );
        assert_eq!(Scene::new().variable(variable, "x").only_mistake(), expected);
    }
}

#[test]
fn bad_values_are_refused_with_key_origin_and_expectation() {
    let cases = [
        (
            "delivery.cooldown=7",
            "delivery.cooldown: \"7\" has no unit",
            r#"a duration such as "500ms", "7s", "5m", "1h30m" or "3d"; from 0s to 1d"#,
        ),
        (
            "delivery.cooldown=2d",
            "delivery.cooldown: \"2d\" is above the most allowed, 1d",
            r#"a duration such as "500ms", "7s", "5m", "1h30m" or "3d"; from 0s to 1d"#,
        ),
        (
            "delivery.time_limit=0",
            "delivery.time_limit: \"0s\" is below the least allowed, 100ms",
            r#"a duration such as "500ms", "7s", "5m", "1h30m" or "3d"; from 100ms to 2m"#,
        ),
        (
            "server.body_bytes_max=17MiB",
            "server.body_bytes_max: \"17MiB\" is above the most allowed, 16MiB",
            r#"a size such as "64KiB", "1MiB", "256KB" or a number of bytes; from 1KiB to 16MiB"#,
        ),
        (
            "server.threads=0",
            "server.threads: 0 is below the least allowed, 1",
            r#"a whole number such as 1, or "none"; from 1 to 1024"#,
        ),
        (
            "server.listen=8080",
            "server.listen: \"8080\" is not an address and a port",
            r#"an address and a port such as "127.0.0.1:8080" or "[::1]:8080""#,
        ),
        (
            "egress.allow_networks=127.0.0.0/8,intranet",
            "egress.allow_networks: \"intranet\" is not a network",
            r#"a list, each item a network such as "10.20.0.0/16" or "fd00::/8", or a single address"#,
        ),
        (
            "delivery.log_mode=verbose",
            "delivery.log_mode: \"verbose\" is none of none, error, full",
            r#""full", "error" or "none""#,
        ),
    ];
    for (text, what, expected) in cases {
        let expected = format!("{what}\nset in    flag --set\nexpected  {expected}");
        assert_eq!(Scene::new().set(text).only_mistake(), expected);
    }
    let long = format!("delivery.retry={}", "9".repeat(1_000));
    assert!(Scene::new().set(&long).only_mistake().starts_with(&format!("delivery.retry: \"{}\"… is", "9".repeat(80))));
    assert_eq!(
        Scene::new().set("delivery.retry").only_mistake(),
        "delivery.retry: --set has no value\nset in    flag --set\n\
         expected  --set section.key=value, such as --set delivery.cooldown=7s"
    );
}

#[test]
fn a_file_is_checked_for_shape_and_names_the_line() {
    let cases: &[(&str, &str)] = &[
        (
            "[delivery]\nretry = 1.5",
            "delivery.retry: this is a number with a fraction\nset in    file DIR/ringup.toml:2",
        ),
        ("[store.data_dir]\nx = 1", "store.data_dir: this is a table\nset in    file DIR/ringup.toml:1"),
        ("delivery.retry = [1]", "delivery.retry: this is a list, but there can be only one value\nset in    file"),
        (
            "\nserver = 1",
            "server: this is a section, not a key\nset in    file DIR/ringup.toml:2\nnext      write [server]",
        ),
        (
            "[servr]\nlisten = 'x'",
            "[servr]: there is no such section\nset in    file DIR/ringup.toml:1\nnext      did you mean [server]?",
        ),
        (
            "[x]\ny = 1",
            "[x]: there is no such key\nset in    file DIR/ringup.toml:1\nnext      the sections are server,",
        ),
        (
            "[server]\n\nlisen = 'x'",
            "server.lisen: there is no such key\nset in    file DIR/ringup.toml:3\nnext      did you mean server.listen?",
        ),
        ("[delivery]\nretry = 1\nretry = 2", "this is not TOML: duplicate key\nset in    file DIR/ringup.toml:3"),
        ("[delivery]\nretry = 0x", "delivery.retry: this is no number\nset in    file DIR/ringup.toml:2"),
        ("[delivery]\nretry = ", "this is not TOML: "),
        ("delivery.retry = 99999999999999999999", "delivery.retry: this is a number too large to hold"),
        ("delivery.retry = 0x1F4", "delivery.retry: 500 is above the most allowed, 100"),
    ];
    for (text, start) in cases {
        let said = Scene::new().config_file(text).only_mistake();
        assert!(said.starts_with(start), "for {text:?}: {said}");
    }
}

#[test]
fn a_file_that_is_named_must_be_readable() {
    let mut scene = Scene::new();
    scene.sources.config_file = Some(scene.folder.join("absent.toml"));
    assert!(scene.only_mistake().starts_with("the configuration file DIR/absent.toml cannot be read: No such file"));
    let scene = Scene::new().variable("RINGUP_CONFIG", "");
    assert!(scene.only_mistake().starts_with("RINGUP_CONFIG is empty"));
    let said = Scene::new().config_file(b"# \xff").only_mistake();
    assert!(said.starts_with("the configuration file DIR/ringup.toml is not UTF-8 text"), "{said}");
    let said = Scene::new().config_file(vec![b'#'; 1024 * 1024 + 1]).only_mistake();
    assert!(said.starts_with("the configuration file DIR/ringup.toml is longer than 1048576 bytes"), "{said}");
    let mut scene = Scene::new();
    scene.sources.system_file = scene.folder.clone();
    assert!(scene.only_mistake().starts_with("the configuration file DIR cannot be read"));
}

#[test]
fn all_mistakes_of_all_layers_are_reported_together() {
    let complaint = Scene::new()
        .config_file("[server]\nlisten = 'x'\n[delivery]\nretri = 1\ncooldown = 'soon'")
        .variable("RINGUP__DELIVERY__RETRY", "many")
        .variable("RINGUP__EGRESS__ALLOW_HTTPS", "true")
        .set("delivery.cooldown=7s")
        .set("store.data_dir=")
        .complaint();
    assert!(complaint.starts_with("the configuration has 6 mistakes; nothing was started\n"), "{complaint}");
    for part in [
        "server.listen: \"x\"",
        "delivery.retri: ",
        // Overridden by the flag, and still wrong.
        "delivery.cooldown: \"soon\"",
        "delivery.retry: \"many\"",
        "RINGUP__EGRESS__ALLOW_HTTPS: ",
        "did you mean RINGUP__EGRESS__ALLOW_HTTP?",
        "store.data_dir: \"\"",
    ] {
        assert!(complaint.contains(part), "{part:?} is missing from: {complaint}");
    }
}

#[test]
fn values_that_contradict_each_other_are_refused() {
    let scene = Scene::new().set("store.payload_retention=12h");
    assert_eq!(
        scene.only_mistake(),
        "store.idempotency_window: \"1d\" is longer than store.payload_retention, \"12h\" (flag --set)\n\
         set in    default\nnext      lower store.idempotency_window or raise store.payload_retention"
    );
    scene.set("store.idempotency_window=12h").load();
}

#[cfg(unix)]
#[test]
fn a_variable_that_is_not_text_is_refused() {
    use std::os::unix::ffi::OsStringExt as _;

    let scene = Scene::new().variable("RINGUP__STORE__DATA_DIR", OsString::from_vec(vec![b'/', 0xff]));
    assert!(scene.only_mistake().starts_with("RINGUP__STORE__DATA_DIR: the value is not UTF-8 text"));
}
