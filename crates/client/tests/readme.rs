//! What README.md prints for Rust, as it stands there.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
#![expect(clippy::print_stdout, reason = "the lines of the readme print")]

use std::{error::Error, sync::Arc, time::Duration};

use muster_client::{
    TrustedRoots,
    site::{SiteOptions, SiteReader, UrlSource},
};

#[rustfmt::skip]
async fn three_lines() -> Result<(), Box<dyn Error>> {
    let source = UrlSource::new("http://127.0.0.1:19104", Duration::from_secs(10), &TrustedRoots::System)?;
    let reader = SiteReader::new(vec![Arc::new(source)], SiteOptions::default());
    println!("{}", reader.get_provider("cms", "sanity").await?.value["monthly_cost_range"]);
    Ok(())
}

#[test]
fn the_lines_of_the_readme_are_these() {
    let block = include_str!("../../../README.md").split("```rust\n").nth(1).unwrap();
    let lines: Vec<&str> = block.split("```").next().unwrap().lines().collect();
    assert_eq!(lines.len(), 3);
    for line in lines {
        assert!(include_str!("readme.rs").contains(&format!("    {line}\n")), "{line}");
    }
    // They are a future that nobody polls: what they do without a server is `degraded`.
    drop(three_lines());
}
