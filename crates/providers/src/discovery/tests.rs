#![expect(clippy::unwrap_used, reason = "a test may")]

use super::*;
use crate::{EnvironmentSecrets, RegistryOptions};

fn environment(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn finds_what_the_environment_names() {
    for (pairs, opt_in, names, warning) in [
        (&[("OPENAI_API_KEY", "sk-x")][..], &[][..], &["openai"][..], None),
        (&[("OPENAI_API_KEY", "  ")], &[], &[], None),
        (&[("GEMINI_API_KEY", "a"), ("GOOGLE_API_KEY", "b")], &[], &["gemini"], None),
        (&[("AZURE_API_KEY", "a")], &[], &[], None),
        (&[("AZURE_API_KEY", "a"), ("AZURE_RESOURCE_NAME", "r")], &[], &["azure"], None),
        (&[("HF_TOKEN", "hf_a")], &[], &[], Some("opt in")),
        (&[("HF_TOKEN", "hf_a")], &["huggingface"], &["huggingface"], None),
        (
            &[("OPENAI_API_KEY", "sk-ant-x")],
            &[],
            &["openai"],
            Some("looks like a key of Anthropic"),
        ),
        (&[("MISTRAL_API_KEY", "gsk_x")], &[], &["mistral"], Some("looks like a key of Groq")),
        (&[("XAI_API_KEY", "xai-1")], &["nothing"], &["xai"], Some("no type \"nothing\"")),
    ] {
        let opt_in: Vec<String> = opt_in.iter().map(|one: &&str| (*one).to_owned()).collect();
        let found = providers_in_environment(&environment(pairs), &opt_in);
        let declared: Vec<&str> = found.declared.keys().map(ProviderName::as_str).collect();
        assert_eq!(declared, names, "{pairs:?}");
        assert_eq!(found.warnings.len(), usize::from(warning.is_some()), "{:?}", found.warnings);
        assert!(found.warnings.iter().all(|said| said.contains(warning.unwrap())));
        assert!(found.declared.values().all(|one| one.config.is_ok()), "{found:?}");
    }
    let pairs = [("OPENAI_API_KEY", "x"), ("OPENAI_BASE_URL", "http://127.0.0.1:1/v1")];
    let found = providers_in_environment(&environment(&pairs), &[]);
    let config = found.declared["openai"].config.as_ref().unwrap();
    assert_eq!(config.base_url, "http://127.0.0.1:1/v1");
}

#[test]
fn reads_files_in_three_notations_and_of_two_other_gateways() {
    let environment = environment(&[("HOST", "models.example")]);
    let toml = "[health]\ncheckInterval = \"5s\"\n[providers.a]\ntype = \"ollama\"\n\
        [providers.b]\ntype = \"vllm\"\nbase_url = \"https://${HOST}/v1\"\nenabled = false\n";
    let yaml = "providers:\n  a: {type: ollama}\n  b: {type: vllm, base_url: 'http://${NO}/v1'}\n  9c: {type: ollama}\n";
    let json = r#"{"providers": {"a": {"type": "openai", "credentials": "env:K"}}}"#;
    let litellm = "model_list:\n- model_name: x\n  litellm_params: {model: openai/gpt-x, api_key: os.environ/OPENAI_API_KEY}\n\
        - model_name: y\n  litellm_params: {model: hosted_vllm/m, api_base: 'http://127.0.0.1:8000/v1'}\n\
        - model_name: z\n  litellm_params: {model: openai/gpt-y, api_key: sk-written-out}\n";
    let bifrost = r#"{"providers": {"groq": {"keys": [{"value": "env.GROQ_API_KEY", "models": ["m"], "weight": 1}]}}}"#;
    for (file, text, names, good) in [
        ("p.toml", toml, &["a", "b"][..], 2),
        ("p.yaml", yaml, &["a", "b"], 1),
        ("p.json", json, &["a"], 1),
        ("l.yml", litellm, &["hosted_vllm", "openai", "openai-2"], 2),
        ("b.json", bifrost, &["groq"], 1),
    ] {
        let found = providers_in_file(Path::new(file), text.as_bytes(), &environment).unwrap();
        let declared: Vec<&str> = found.declared.keys().map(ProviderName::as_str).collect();
        assert_eq!(declared, names, "{file}");
        let usable = found.declared.values().filter(|one| one.config.is_ok()).count();
        assert_eq!(usable, good, "{file}: {found:?}");
    }
    let found = providers_in_file(Path::new("p.toml"), toml.as_bytes(), &environment).unwrap();
    let b = found.declared["b"].config.as_ref().unwrap();
    assert_eq!(b.base_url, "https://models.example/v1");
    assert_eq!((b.health.check_interval, b.enabled), (Duration::from_secs(5), false));
    for (file, text) in [("p.toml", "providers ="), ("p.ini", ""), ("p.json", "[]")] {
        assert!(providers_in_file(Path::new(file), text.as_bytes(), &environment).is_err());
    }
}

#[tokio::test]
async fn keeps_what_is_live_when_the_file_is_broken_or_gone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("providers.json");
    let registry = ProviderRegistry::new(RegistryOptions::new(Arc::new(EnvironmentSecrets::new(
        BTreeMap::new(),
    ))));
    let options =
        DiscoveryOptions { config_path: Some(path.clone()), ..DiscoveryOptions::default() };
    let discovery = Discovery::new(registry.clone(), options);
    let text =
        r#"{"providers": {"a": {"type": "ollama"}, "b": {"type": "vllm"}, "c": {"type": 1}}}"#;
    std::fs::write(&path, text).unwrap();
    let done = discovery.discover_all(false).await;
    let outcomes: Vec<_> = done.lines.iter().map(|line| line.outcome.name()).collect();
    assert_eq!(outcomes, ["registered", "registered", "refused"]);
    for broken in ["{\"providers\": {\"a\":", "{}", r#"{"providers": {}}"#] {
        std::fs::write(&path, broken).unwrap();
        let done = discovery.discover_all(false).await;
        assert_eq!((done.warnings.len(), registry.count()), (1, 2), "{broken} {done:?}");
    }
    std::fs::remove_file(&path).unwrap();
    std::os::unix::fs::symlink(&path, &path).unwrap();
    assert_eq!(discovery.discover_all(false).await.warnings.len(), 1);
    assert_eq!(registry.count(), 2);
}

#[tokio::test]
async fn judges_each_entry_of_a_file_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("providers.yaml");
    let registry = ProviderRegistry::new(RegistryOptions::new(Arc::new(EnvironmentSecrets::new(
        BTreeMap::new(),
    ))));
    let options =
        DiscoveryOptions { config_path: Some(path.clone()), ..DiscoveryOptions::default() };
    let discovery = Discovery::new(registry.clone(), options);
    let good = "providers:\n  a: {type: ollama}\n  b: {type: vllm}\n";
    // Once when nothing is live yet, and once when it is.
    for _ in 0..2 {
        for bad in [
            "  c: {type: nothing}",
            "  c: {type: ollama, priority: high}",
            "  c: {type: ollama, health: {checkInterval: 1ms}}",
            "  c: {type: vllm, base_url: 'http://${UNSET}/v1'}",
            "  c: {type: openai, credentials: sk-written-out}",
            "  c: {type: ollama, headers: {Authorization: Bearer x}}",
            "  c: {type: vllm, base_url: 'https://a..b/v1'}",
            "  c: {type: 1}",
            "  c: {keys: []}",
            "  c: ollama",
            "  c:",
            "  9c: {type: ollama}",
            "  select: {type: ollama}",
            "  1: {type: ollama}",
            "  a: {type: vllm}",
            "  a: [",
            "  c: &x {type: *x}",
        ] {
            std::fs::write(&path, format!("{good}{bad}\n")).unwrap();
            let done = discovery.discover_all(false).await;
            let live: Vec<String> =
                registry.get_provider_names().iter().map(ToString::to_string).collect();
            assert_eq!(live, ["a", "b"], "{bad}: {done:?}");
            let said = format!("{:?} {:?}", registry.refused(), done.warnings);
            assert!(!said.contains("written-out"), "{said}");
            // A file that can't be read as a whole changes nothing.
            let whole = if done.warnings.is_empty() { registry.refused().len() } else { 1 };
            assert_eq!((whole, done.warnings.len() < 2), (1, true), "{bad}: {said}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn applies_a_file_that_changed_once_it_is_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("providers.json");
    std::fs::write(&path, r#"{"providers": {"a": {"type": "ollama"}}}"#).unwrap();
    let registry = ProviderRegistry::new(RegistryOptions::new(Arc::new(EnvironmentSecrets::new(
        BTreeMap::new(),
    ))));
    let options =
        DiscoveryOptions { config_path: Some(path.clone()), ..DiscoveryOptions::default() };
    let discovery = Discovery::new(registry.clone(), options);
    discovery.start_auto_refresh(Duration::from_secs(1));
    for (text, count) in [
        (r#"{"providers": {"a": {"type": "ollama"}}}"#, 1),
        (r#"{"providers": {"a": {"type": "ollama"}, "b": {"type": "vllm"}}}"#, 2),
    ] {
        std::fs::write(&path, text).unwrap();
        for _ in 0..100 {
            // sleeps: the time is simulated; files are read by other threads meanwhile
            tokio::time::sleep(Duration::from_secs(1)).await;
            std::thread::yield_now();
            if registry.count() == count {
                break;
            }
        }
        assert_eq!(registry.count(), count);
    }
    discovery.stop_auto_refresh();
}
