use std::collections::HashSet;

use super::*;

#[track_caller]
fn check(line: &str, expected: Command) -> Cli {
    let cli = Cli::read(line.split(' ')).expect(line);
    assert_eq!(cli.command, expected, "for {line:?}");
    cli
}

#[test]
fn the_definition_is_consistent() {
    definition().debug_assert();
}

#[test]
fn lines_are_understood() {
    check("ringup serve", Command::Serve);
    check("ringup version", Command::Version);
    check("ringup openapi", Command::Openapi);
    check("ringup health", Command::Health { url: None });
    check("ringup health --url http://h", Command::Health { url: Some("http://h".to_owned()) });
    check("ringup config show", Command::Config(ConfigCommand::Show { origin: false }));
    check("ringup config show --origin", Command::Config(ConfigCommand::Show { origin: true }));
    check("ringup config docs", Command::Config(ConfigCommand::Docs));
    let create = |scope, read_only, expires| {
        let (environment, name) = ("live".to_owned(), Some("till".to_owned()));
        Command::Key(KeyCommand::Create { environment, name, scope, read_only, expires })
    };
    let line = "ringup key create --environment live --name till";
    check(line, create(Vec::new(), false, None));
    check(&format!("{line} --read-only"), create(Vec::new(), true, None));
    let days = Expiry::After(Duration::from_hours(24 * 90));
    check(&format!("{line} --expires 90d"), create(Vec::new(), false, Some(days)));
    let at = Expiry::At(Timestamp::from_secs(1_800_000_000));
    check(&format!("{line} --expires 2027-01-15T15:00:00+07:00"), create(Vec::new(), false, Some(at)));
    for scopes in ["--scope publish --scope event_types", "--scope publish,event_types"] {
        check(&format!("{line} {scopes}"), create(vec![Scope::Publish, Scope::EventTypes], false, None));
    }
    check("ringup key list", Command::Key(KeyCommand::List));
    check("ringup key revoke k1", Command::Key(KeyCommand::Revoke { id: "k1".to_owned() }));
    let create = EnvironmentCommand::Create { name: "sandbox".to_owned(), strict: true };
    check("ringup environment create sandbox --strict", Command::Environment(create));
    let rotate = EncryptionCommand::Rotate { new_key_file: Some(PathBuf::from("f")) };
    check("ringup encryption rotate --new-key-file f", Command::Encryption(rotate));
    let remote = Remote { account: "kopi".to_owned(), url: None, environment: None, key_file: None };
    let query = "status:failed".to_owned();
    let replay = ReplayArguments { remote: remote.clone(), query: query.clone(), rate: Some(5), dry_run: true };
    check("ringup replay --account kopi --query status:failed --rate 5 --dry-run", Command::Replay(replay));
    let logs = LogsArguments { remote: remote.clone(), query, limit: 50, json: false };
    check("ringup logs --account kopi --query status:failed", Command::Logs(logs));
    let tail = TailArguments { remote, query: String::new(), json: true };
    check("ringup tail --account kopi --json", Command::Tail(tail));
    check("ringup environment list", Command::Environment(EnvironmentCommand::List));
}

#[test]
fn other_lines_are_usage_errors() {
    for line in [
        "ringup",
        "ringup srve",
        "ringup serve now",
        "ringup config",
        "ringup key create",
        "ringup key create --environment live --scope everything",
        "ringup key create --environment live --scope read,",
        "ringup key create --environment live --scope read --read-only",
        "ringup key create --environment live --expires soon",
        "ringup key create --environment live --expires 90",
        "ringup key create --environment live --expires 0",
        "ringup key create --environment live --expires -1d",
        "ringup key create --environment live --expires 2027-01-31",
        "ringup key revoke",
        "ringup environment create",
        "ringup --origin config show",
        "ringup logs",
        "ringup replay --account kopi",
    ] {
        let error = Cli::read(line.split(' ')).expect_err(line);
        assert_eq!(error.exit_code(), 2, "for {line:?}");
    }
}

#[test]
fn a_wrong_scope_or_end_is_told_what_would_be_right() {
    for (line, told) in [
        ("--scope everything", "there are: read, publish, accounts"),
        ("--scope Read", "there are: read, publish, accounts"),
        ("--expires soon", "2027-01-31T00:00:00Z"),
        ("--expires 90", "has no unit"),
        ("--expires 0", "already over"),
        ("--scope read --read-only", "cannot be used with"),
    ] {
        let line = format!("ringup key create --environment live {line}");
        let error = Cli::read(line.split(' ')).expect_err(&line).to_string();
        assert!(error.contains(told), "{line}: {error}");
    }
}

#[test]
fn configuration_flags_stand_before_or_after_any_command() {
    let expected = [
        Flag::Set("delivery.retry=3".to_owned()),
        Flag::Set("log.format=json".to_owned()),
        Flag::DataDir("d".to_owned()),
        Flag::Listen("l".to_owned()),
    ];
    let flags = "--listen l --data-dir d --set delivery.retry=3 --set log.format=json --config c";
    for (command, parsed) in [
        ("serve", Command::Serve),
        ("config show", Command::Config(ConfigCommand::Show { origin: false })),
        ("key list", Command::Key(KeyCommand::List)),
    ] {
        for line in [format!("ringup {flags} {command}"), format!("ringup {command} {flags}")] {
            let sources = check(&line, parsed.clone()).sources(Environment::new());
            assert_eq!(sources.flags, expected, "for {line:?}");
            assert_eq!(sources.config_file, Some(PathBuf::from("c")), "for {line:?}");
        }
    }
}

#[test]
fn settings_on_both_sides_of_a_command_all_count() {
    let cli = check("ringup --set a.b=1 serve --set c.d=2", Command::Serve);
    let expected = [Flag::Set("a.b=1".to_owned()), Flag::Set("c.d=2".to_owned())];
    assert_eq!(cli.sources(Environment::new()).flags, expected);
}

#[test]
fn every_command_is_explained_and_shows_an_example() {
    fn visit(command: &clap::Command, path: &str, abouts: &mut HashSet<String>) {
        let path = format!("{path} {}", command.get_name());
        let about = command.get_about().map(ToString::to_string).unwrap_or_default();
        assert!(abouts.insert(about.clone()) && !about.is_empty(), "`{}` has no help of its own", path.trim());
        for inner in command.get_subcommands() {
            visit(inner, &path, abouts);
        }
        if !command.has_subcommands() {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(help.contains(path.trim()), "the help of `{}` has no example", path.trim());
        }
    }
    visit(&definition(), "", &mut HashSet::new());
}
