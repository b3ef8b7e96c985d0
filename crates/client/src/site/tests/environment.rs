use super::*;

#[tokio::test(start_paused = true)]
async fn the_environment_turns_the_source_off_or_the_fallbacks() {
    let key = signer(1);
    let files = site_of(99 * DAY_US, 65, &key, Vec::new());
    let set = |names: &'static [(&str, &str)]| {
        SiteOptions::from_environment("APP", move |name| {
            names.iter().find(|(one, _)| *one == name).map(|(_, value)| (*value).to_owned())
        })
    };
    let options_of = |mut options: SiteOptions| {
        options.now = Arc::new(|| time(100 * DAY_US));
        options.fallback_data = [(SANITY.to_owned(), json!({"price": 1}))].into();
        options
    };
    let source = Moody::new(files);
    let off = options_of(set(&[("USE_REGISTRY", "false"), ("APP_REGISTRY_CACHE_TTL", "1.5")]));
    assert_eq!(off.cache_ttl, Duration::from_millis(1_500));
    let reader = SiteReader::new(vec![source.clone()], off);
    let answer = reader.get(SANITY).await.unwrap();
    assert_eq!((answer.tier, price(&answer)), (Tier::Embedded, Some(1)));
    assert_eq!(source.asked.load(Ordering::SeqCst), 0);
    source.is(Mood::Failing);
    let strict = options_of(set(&[
        ("REGISTRY_FALLBACK_ENABLED", "0"),
        ("APP_REGISTRY_MAX_RETRIES", "1"),
        ("APP_REGISTRY_TIMEOUT", "nonsense"),
    ]));
    assert_eq!((strict.max_retries, strict.timeout), (1, Duration::from_secs(10)));
    let refused = SiteReader::new(vec![source], strict).get(SANITY).await.unwrap_err();
    assert!(matches!(refused, SiteError::Unreachable { .. }), "{refused}");
}
