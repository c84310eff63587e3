//! async-tftp as a server: `async-tftp-server ADDRESS:PORT FOLDER`. Everything is as the crate has
//! it by itself.

use std::error::Error;
use std::net::SocketAddr;

use async_tftp::server::TftpServerBuilder;

fn main() -> Result<(), Box<dyn Error>> {
    let mut words = std::env::args().skip(1);
    let usage = "usage: async-tftp-server ADDRESS:PORT FOLDER";
    let address: SocketAddr = words.next().ok_or(usage)?.parse()?;
    let folder = words.next().ok_or(usage)?;
    async_io::block_on(async {
        let server = TftpServerBuilder::with_dir_ro(folder)?;
        let server = server.bind(address).build().await?;
        println!("listening on {}", server.listen_addr()?);
        server.serve().await
    })?;
    Ok(())
}
