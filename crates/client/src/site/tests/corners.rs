//! What faults before a site may lead to: each of these answers was wrong once, late, or none. The chaos
//! found one, and reading the code with it in mind the others.

use super::*;

const STACK: &str = "sanity_cms_tier";

#[tokio::test(start_paused = true)]
async fn a_document_that_changed_and_cant_be_read_is_answered_as_it_was() {
    let key = signer(1);
    let source = Moody::new(site_of(99 * DAY_US, 65, &key, Vec::new()));
    let reader = SiteReader::new(vec![source.clone()], options(&key));
    assert_eq!(price(&reader.get(SANITY).await.unwrap()), Some(65));
    source.shows(site_of(99 * DAY_US + 1, 70, &key, Vec::new()));
    source.is(Mood::Hollow);
    advance(Duration::from_secs(301)).await;
    let answer = reader.get(SANITY).await.unwrap();
    let found = (answer.tier, price(&answer), answer.version.as_str());
    assert_eq!(found, (Tier::Stale, Some(65), "65"));
    source.is(Mood::Healthy);
    advance(Duration::from_secs(400)).await;
    assert_eq!(price(&reader.get(SANITY).await.unwrap()), Some(70));
    // Where an error is wanted instead, there is one.
    let strict = SiteOptions { fallback_enabled: false, ..options(&key) };
    let reader = SiteReader::new(vec![source.clone()], strict);
    reader.get(SANITY).await.unwrap();
    source.shows(site_of(99 * DAY_US + 2, 80, &key, Vec::new()));
    source.is(Mood::Hollow);
    advance(Duration::from_secs(301)).await;
    assert!(matches!(reader.get(SANITY).await, Err(SiteError::Unreachable { .. })));
}

#[tokio::test(start_paused = true)]
async fn a_stack_of_a_site_that_cant_be_read_is_from_the_snapshot_or_degraded_but_not_absent() {
    let key = signer(1);
    let files = site_of(99 * DAY_US, 65, &key, Vec::new());
    for (snapshot, is_strict, expect) in [
        (None, false, Ok(Tier::Degraded)),
        (Some(snapshot(&files)), false, Ok(Tier::Embedded)),
        (None, true, Err(())),
    ] {
        let source = Moody::new(files.clone());
        source.is(Mood::Failing);
        let fallback_enabled = !is_strict;
        let options = SiteOptions { snapshot, fallback_enabled, ..options(&key) };
        let reader = SiteReader::new(vec![source], options);
        match (reader.get_stack_metadata(STACK).await, expect) {
            (Ok(answer), Ok(tier)) => assert_eq!(answer.tier, tier, "{answer:?}"),
            (Err(SiteError::Unreachable { .. }), Err(())) => {}
            (answer, expect) => panic!("{answer:?} instead of {expect:?}"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_stack_takes_no_longer_than_any_other_document() {
    let key = signer(1);
    let source = Moody::new(site_of(99 * DAY_US, 65, &key, Vec::new()));
    let reader = SiteReader::new(vec![source.clone()], options(&key));
    reader.get_manifest().await.unwrap();
    advance(Duration::from_secs(301)).await;
    // Each try takes too long, and the source wishes for no pause.
    source.is(Mood::Tiring);
    let began = Instant::now();
    let _ = reader.get_stack_metadata(STACK).await;
    assert!(began.elapsed() <= Duration::from_secs(30), "{:?}", began.elapsed());
}

/// A disk that is read slowly, as the first reader finds it.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_shown_an_earlier_state_while_another_one_reads_the_disk() {
    let key = signer(1);
    let folder = tempfile::tempdir().unwrap();
    filled_disk(folder.path(), &site_of(99 * DAY_US + 1, 70, &key, Vec::new()));
    let earlier = site_of(99 * DAY_US, 65, &key, Vec::new());
    for _ in 0..200 {
        let disk = Some(folder.path().to_owned());
        let source = Moody::new(earlier.clone());
        let options = SiteOptions { disk, max_retries: 1, ..options(&key) };
        let reader = SiteReader::new(vec![source], options);
        let mut asking = tokio::task::JoinSet::new();
        for _ in 0..4 {
            let reader = reader.clone();
            asking.spawn(async move { reader.get(SANITY).await.unwrap() });
        }
        while let Some(answer) = asking.join_next().await {
            let answer = answer.unwrap();
            assert_eq!((answer.tier, price(&answer)), (Tier::Disk, Some(70)));
        }
    }
}

#[test]
fn many_writers_of_one_disk_leave_a_whole_manifest() {
    let key = signer(1);
    let folder = tempfile::tempdir().unwrap();
    let states: Vec<_> = (0..8)
        .map(|number| site_of(99 * DAY_US + number, number * 1_000_000, &key, Vec::new()))
        .collect();
    std::thread::scope(|scope| {
        for files in &states {
            let disk = disk::Disk::new(folder.path().to_owned());
            scope.spawn(move || {
                let bytes = &files[MANIFEST_PATH];
                let read = VerifiedManifest::read(bytes.clone(), None, None).unwrap();
                for _ in 0..200 {
                    disk.keep_manifest(bytes, &read.manifest);
                    let found = disk.manifest().unwrap();
                    VerifiedManifest::read(found, None, None).unwrap();
                }
            });
        }
    });
}
