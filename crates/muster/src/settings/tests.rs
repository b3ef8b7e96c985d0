#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

use super::*;

fn environment(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn resolve(file: &str, variables: &[(&str, &str)]) -> Result<Settings, SettingsError> {
    Settings::resolve(Some(("muster.toml", file)), &environment(variables))
}

#[test]
fn defaults_are_those_of_the_default_file() {
    assert_eq!(Settings::resolve(None, &BTreeMap::new()), Ok(Settings::default()));
    let mut named = Settings::default();
    named.client.is_named = true;
    // What the file sets comes from it, also where it says what the default says.
    named.effective.values_mut().for_each(|one| one.source = Some("muster.toml".to_owned()));
    assert_eq!(resolve(DEFAULT, &[]), Ok(named));
    assert_eq!(resolve(&default_file(), &[]), Ok(Settings::default()));
}

#[test]
fn the_default_file_shows_every_setting_commented_out() {
    let shown = default_file();
    for (area, keys) in defaults() {
        assert!(shown.contains(&format!("\n[{area}]\n")), "{area}");
        for key in keys.as_table().unwrap().keys() {
            assert!(shown.contains(&format!("\n#{key} = ")), "{area}.{key}");
        }
    }
}

#[test]
fn a_list_is_written_in_brackets_in_the_file_and_with_commas_in_the_environment() {
    let name = "MUSTER_HTTP_ALLOWED_ORIGINS";
    for (file, variables, expect) in [
        ("", &[][..], Ok(&[][..])),
        ("[http]\nallowed_origins = [\"https://a\"]", &[], Ok(&["https://a"])),
        ("", &[(name, "https://a, https://b")], Ok(&["https://a", "https://b"])),
        ("[http]\nallowed_origins = [\"https://a\"]", &[(name, "")], Ok(&[])),
        ("[http]\nallowed_origins = \"https://a\"", &[], Err("a list of texts in quotes")),
        ("[http]\nallowed_origins = [1]", &[], Err("a list of texts in quotes, not integer")),
    ] {
        match (resolve(file, variables), expect) {
            (Ok(settings), Ok(expect)) => assert_eq!(settings.http.allowed_origins, expect),
            (Err(error), Err(expect)) => assert!(error.to_string().contains(expect), "{error}"),
            (found, _) => panic!("{file}: {found:?}"),
        }
    }
}

#[test]
fn the_environment_wins_over_the_file_and_the_file_over_the_default() {
    let file = "[server]\nlisten = \"a\"\ndata = \"b\"\n[limits]\nconnections = 5\n";
    let settings = resolve(
        file,
        &[
            ("MUSTER_SERVER_LISTEN", "c"),
            ("MUSTER_SERVER", "http://d"),
            ("MUSTER_LIMITS_CACHE_BYTES", " 7 "),
            ("LOG_LEVEL", "debug"),
            ("MUSTER_API_KEY", "secret"),
            ("PATH", "/bin"),
            ("MUSTER_OF_SOMEBODY_ELSE", "1"),
            ("MUSTER_TEST_DATA", "folder"),
            // Kubernetes sets this in every container if there is a service named muster.
            ("MUSTER_SERVICE_HOST", "10.0.0.1"),
            ("MUSTER_SERVICE_PORT", "8080"),
            ("MUSTER_PORT", "tcp://10.0.0.1:8080"),
            ("MUSTER_PORT_8080_TCP", "tcp://10.0.0.1:8080"),
            ("MUSTER_PORT_8080_TCP_ADDR", "10.0.0.1"),
        ],
    )
    .unwrap();
    assert_eq!(settings.server.listen, "c");
    assert_eq!(settings.server.data, "b");
    assert_eq!(settings.client.server, "http://d");
    assert_eq!((settings.limits.connections, settings.limits.cache_bytes), (5, 7));
    assert_eq!(settings.log.level, "debug");
    assert_eq!(settings.timeouts, TimeoutsArea::default());
}

#[test]
fn refuses_what_there_is_not_and_names_the_nearest() {
    let nearest_of = |result: Result<Settings, SettingsError>| match result.unwrap_err() {
        SettingsError::Unknown { name, nearest, .. } => (name, nearest.unwrap_or_default()),
        other => (other.to_string(), String::new()),
    };
    for (file, variables, name, nearest) in [
        ("[sever]\n", &[] as &[_], "sever", "server"),
        ("[server]\nlisen = \"a\"\n", &[], "server.lisen", "server.listen"),
        ("", &[("MUSTER_SERVER_LISTN", "a")], "MUSTER_SERVER_LISTN", "MUSTER_SERVER_LISTEN"),
        ("", &[("MUSTER_DAT", "a")], "MUSTER_DAT", "MUSTER_DATA"),
    ] {
        let expect = (name.to_owned(), nearest.to_owned());
        assert_eq!(nearest_of(resolve(file, variables)), expect, "{file}{variables:?}");
    }
}

#[test]
fn refuses_values_of_another_kind() {
    for (file, variables, expect) in [
        (
            "[limits]\nconnections = \"5\"\n",
            &[] as &[_],
            "muster.toml: limits.connections is a whole number, not string",
        ),
        ("server = 1\n", &[], "muster.toml: server is an area, as in [server], not integer"),
        (
            "",
            &[("MUSTER_TIMEOUTS_IDLE_S", "1.5")],
            "the environment: MUSTER_TIMEOUTS_IDLE_S is a whole number, not 1.5",
        ),
    ] {
        assert_eq!(resolve(file, variables).unwrap_err().to_string(), expect);
    }
    assert!(matches!(resolve("[server\n", &[]), Err(SettingsError::Syntax { .. })));
    assert!(matches!(
        resolve("[limits]\nconnections = -1\n", &[]),
        Err(SettingsError::Range { found: -1, .. })
    ));
}

#[test]
fn reads_the_file_in_the_folder_or_the_one_that_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let read = |named: Option<&str>| {
        let named = named.map(|name| folder.path().join(name));
        Settings::read(named.as_deref(), folder.path(), &BTreeMap::new())
            .map(|settings| settings.server.listen)
    };
    assert_eq!(read(None).unwrap(), "127.0.0.1:8080");
    std::fs::write(folder.path().join("muster.toml"), "[server]\nlisten = \"a\"\n").unwrap();
    std::fs::write(folder.path().join("other.toml"), "[server]\nlisten = \"b\"\n").unwrap();
    assert_eq!(read(None).unwrap(), "a");
    assert_eq!(read(Some("other.toml")).unwrap(), "b");
    assert!(matches!(read(Some("none.toml")), Err(SettingsError::File { .. })));
}

#[test]
fn finds_the_users_data_folder() {
    for (variables, expect) in [
        (&[("HOME", "/home/a")] as &[_], "/home/a/.local/share/muster"),
        (&[("HOME", "/home/a"), ("XDG_DATA_HOME", "/d")], "/d/muster"),
        (&[("HOME", "/home/a"), ("XDG_DATA_HOME", "relative")], "/home/a/.local/share/muster"),
        (&[], "muster"),
    ] {
        assert_eq!(data_folder(&environment(variables)), Path::new(expect));
    }
}

#[test]
fn refuses_numbers_and_words_with_which_nothing_works() {
    for (name, value, expect) in [
        ("MUSTER_LIMITS_CONNECTIONS", "0", Some("limits.connections must be a number from 1 to")),
        ("MUSTER_LIMITS_CONNECTIONS", "-1", Some("to 4294967295, not -1")),
        ("MUSTER_LIMITS_CONNECTIONS", "4294967296", Some("not 4294967296")),
        ("MUSTER_TIMEOUTS_HEAD_S", "0", Some("timeouts.head_s must be a number from 1")),
        ("MUSTER_TIMEOUTS_STOP_S", "0", None),
        ("MUSTER_LIMITS_CACHE_BYTES", "0", None),
        ("MUSTER_LIMITS_CACHE_BYTES", "-1", Some("limits.cache_bytes must be a number from 0")),
        ("LOG_LEVEL", "inof", Some("log.level is one of error, warn, info, debug, trace, off")),
        ("LOG_LEVEL", "INFO", None),
        ("LOG_LEVEL", "info,muster_http=debug", None),
        ("MUSTER_LOG_FORMAT", "xml", Some("log.format is one of text, json, auto, not \"xml\"")),
    ] {
        let environment = BTreeMap::from([(name.to_owned(), value.to_owned())]);
        let checked = Settings::resolve(None, &environment)
            .and_then(|settings| settings.check_log().map(|()| settings));
        let told = checked.err().map(|error| error.to_string());
        match expect {
            Some(expect) => {
                assert!(told.as_ref().is_some_and(|told| told.contains(expect)), "{told:?}")
            }
            None => assert_eq!(told, None, "{name}={value}"),
        }
    }
}
