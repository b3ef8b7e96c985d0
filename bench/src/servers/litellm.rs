//! LiteLLM's proxy, from PyPI (`pip install 'litellm[proxy]'`), with one worker and without a
//! database, as its page on production says for one core.

use std::{fs, net::SocketAddr, path::Path, time::Duration};

use crate::{
    Outcome,
    order::Order,
    process::{Running, Start, free_address},
};

/// Starts it in front of a provider.
pub(crate) fn start(
    order: &Order,
    program: &Path,
    upstream: SocketAddr,
    core: Option<usize>,
) -> Outcome<Running> {
    let address = free_address()?;
    let file = order.scratch.join("litellm.yaml");
    fs::write(
        &file,
        format!(
            "model_list:\n  - model_name: tiny\n    litellm_params:\n      model: openai/tiny\n      \
             api_base: http://{upstream}/v1\n      api_key: sk-bench\nlitellm_settings:\n  \
             telemetry: false\n  set_verbose: false\n"
        ),
    )?;
    Start {
        program: Path::new("/usr/bin/env"),
        arguments: vec![
            // It refuses to start without a key of its own, and asks the internet for prices.
            "LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY=true".to_owned(),
            "LITELLM_LOCAL_MODEL_COST_MAP=True".to_owned(),
            program.display().to_string(),
            "--config".to_owned(),
            file.display().to_string(),
            "--host".to_owned(),
            "127.0.0.1".to_owned(),
            "--port".to_owned(),
            address.port().to_string(),
        ],
        address,
        probe: Some("/health/liveliness"),
        core,
        log: order.scratch.join("litellm.log"),
        patience: Duration::from_secs(120),
    }
    .run()
}
