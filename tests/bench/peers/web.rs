//! nginx, serving a folder by HTTP and HTTPS.

use std::fs;
use std::path::Path;

use super::{START, pinned, unpacked};
use crate::support::lan::Host;
use crate::support::poll;
use crate::support::process::Process;

/// Where it listens for HTTP.
pub const PORT: u16 = 8080;
/// Where it listens for HTTPS.
pub const TLS_PORT: u16 = 8443;

/// One worker, without an access log, with this certificate and key.
pub fn nginx(host: &Host, folder: &Path, cert: &Path, key: &Path) -> Process {
    let scratch = host.file("nginx");
    fs::create_dir_all(&scratch).expect("the lab's folder");
    let config = scratch.join("nginx.conf");
    let text = configured(&scratch, folder, &tls(cert, key));
    fs::write(&config, text).expect("the lab's folder");
    let mut command = pinned(host, &unpacked("usr/sbin/nginx"));
    command.arg("-e").arg(scratch.join("error.log"));
    command.arg("-c").arg(config);
    let process = host.start("nginx", command);
    poll::expect("nginx listens", START, || {
        host.run("ss", &["-lnt"]).contains(&format!(":{TLS_PORT} "))
    });
    process
}

/// Debian's settings where they concern speed, with a worker a processor and long keep-alive.
fn configured(scratch: &Path, folder: &Path, tls: &str) -> String {
    let scratch = scratch.display();
    let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("  {kind}_temp_path {scratch}/{kind};\n"));
    format!(
        "daemon off;\nuser nobody nogroup;\nworker_processes 1;\npid {scratch}/pid;\n\
         events {{ worker_connections 768; }}\nhttp {{\n  access_log off;\n  sendfile on;\n  \
         tcp_nopush on;\n  keepalive_requests 100000000;\n{}{tls}  \
         server {{ listen {PORT}; listen {TLS_PORT} ssl; root {}; }}\n}}\n",
        temporary.concat(),
        folder.display()
    )
}

/// The kernel encrypts where it can: nginx then sends files as it does without TLS.
fn tls(cert: &Path, key: &Path) -> String {
    format!(
        "  ssl_protocols TLSv1.2 TLSv1.3;\n  ssl_conf_command Options KTLS;\n  ssl_certificate {};\n  \
         ssl_certificate_key {};\n",
        cert.display(),
        key.display()
    )
}
