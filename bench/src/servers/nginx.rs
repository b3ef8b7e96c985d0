//! nginx with one worker, serving the same bytes from a file, twice: with sendfile and without.

use std::{fs, net::SocketAddr, path::Path, time::Duration};

use crate::{
    Outcome,
    machine::{self, NGINX},
    order::Order,
    process::{Running, Start, free_address},
    servers::Pair,
};

/// The server, and the address of each of its two ways.
pub(crate) struct Nginx {
    pub running: Running,
    pub with_sendfile: SocketAddr,
    pub without_sendfile: SocketAddr,
    pub within_tls: Option<SocketAddr>,
}

/// Starts it in front of a file; its path is the file's name.
pub(crate) fn start(
    order: &Order,
    file: &Path,
    pair: Option<&Pair>,
    core: Option<usize>,
) -> Outcome<Nginx> {
    let program = NGINX.find()?;
    let folder = order.scratch.join("nginx");
    fs::create_dir_all(&folder)?;
    let (with_sendfile, without_sendfile) = (free_address()?, free_address()?);
    let within_tls = pair.map(|_| free_address()).transpose()?;
    let root = file.parent().ok_or("a file without a folder")?;
    let name = file.file_name().and_then(|name| name.to_str()).ok_or("a file without a name")?;
    let configuration = folder.join("nginx.conf");
    let secure = pair.zip(within_tls).map(|(pair, address)| secure(pair, address));
    let servers = format!(
        "server {{ listen {with_sendfile}; sendfile on; }}
  server {{ listen {without_sendfile}; sendfile off; }}
  {}",
        secure.unwrap_or_default()
    );
    fs::write(&configuration, configure(&folder, root, &servers))?;
    let log = folder.join("error.log").display().to_string();
    let running = Start {
        program: &program,
        arguments: vec![
            "-e".to_owned(),
            log,
            "-p".to_owned(),
            folder.display().to_string(),
            "-c".to_owned(),
            configuration.display().to_string(),
        ],
        address: with_sendfile,
        probe: Some(&format!("/{name}")),
        core,
        log: order.scratch.join("nginx.log"),
        patience: Duration::from_secs(10),
    }
    .run()?;
    Ok(Nginx { running, with_sendfile, without_sendfile, within_tls })
}

/// The same within TLS, with what our server offers.
fn secure(pair: &Pair, address: SocketAddr) -> String {
    let (certificate, key) = (pair.certificate.display(), pair.key.display());
    format!(
        "server {{ listen {address} ssl; sendfile off; ssl_certificate {certificate}; \
         ssl_certificate_key {key}; ssl_protocols TLSv1.2 TLSv1.3; }}"
    )
}

fn configure(folder: &Path, root: &Path, servers: &str) -> String {
    // Its worker would be nobody, who may not read what lies in a folder of root's.
    let user = if machine::is_root() { "user root root;" } else { "" };
    let (folder, root) = (folder.display(), root.display());
    format!(
        "{user}
daemon off;
worker_processes 1;
pid {folder}/pid;
error_log {folder}/error.log error;
events {{ worker_connections 1024; }}
http {{
  types {{ application/json json; }}
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  open_file_cache max=1000 inactive=1h;
  open_file_cache_valid 1h;
  keepalive_requests 2000000000;
  root {root};
  {servers}
}}
"
    )
}
