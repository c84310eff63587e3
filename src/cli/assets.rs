//! `bootjack assets`: what is embedded, from where, under which licence, with which digest.
//!
//! It reads the table that is served, so that what it prints is what a client gets. Deliberately
//! absent: an operator's replacements of single assets, which are files on a disk.

use std::io::{self, Write};

use serde::Serialize;

use crate::assets::{self, Asset, Verified};

/// Prints every embedded asset: a block of lines each, or one JSON array.
pub fn print(out: &mut impl Write, json: bool) -> io::Result<()> {
    if json {
        print_json(out)
    } else {
        assets::all()
            .iter()
            .try_for_each(|asset| print_text(out, asset))
    }
}

/// An asset with what is computed of it.
#[derive(Serialize)]
struct Row {
    #[serde(flatten)]
    asset: &'static Asset,
    source_url: String,
}

fn print_json(out: &mut impl Write) -> io::Result<()> {
    let rows: Vec<Row> = assets::all().iter().map(row).collect();
    serde_json::to_writer_pretty(&mut *out, &rows)?;
    writeln!(out)
}

fn row(asset: &'static Asset) -> Row {
    Row {
        asset,
        source_url: asset.source_url(),
    }
}

fn print_text(out: &mut impl Write, asset: &Asset) -> io::Result<()> {
    writeln!(
        out,
        "{}  {} bytes, {}",
        asset.name,
        asset.bytes.len(),
        asset.about
    )?;
    writeln!(
        out,
        "  from     {} {}, {}",
        asset.package, asset.version, asset.path
    )?;
    writeln!(
        out,
        "  sha256   {}  ({})",
        asset.sha256,
        vouched(asset.verified)
    )?;
    writeln!(out, "  licence  {}", asset.licence)?;
    writeln!(out, "  source   {}", asset.source_url())
}

fn vouched(verified: Verified) -> &'static str {
    match verified {
        Verified::Record => "as on record",
        Verified::Apt => "newer than on record, by apt's signature",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(json: bool) -> String {
        let mut out = Vec::new();
        print(&mut out, json).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_text_names_origin_digest_licence_and_source() {
        let text = printed(false);
        for asset in assets::all() {
            let start = text.find(&format!("{}  {} bytes", asset.name, asset.bytes.len()));
            let block: Vec<&str> = text[start.unwrap()..].lines().take(5).collect();
            assert!(block[1].contains(asset.package) && block[1].contains(asset.version));
            assert!(block[2].contains(asset.sha256));
            assert!(block[3].ends_with(asset.licence));
            assert!(block[4].contains("https://"));
        }
    }

    #[test]
    fn the_json_is_one_array_with_sizes_and_no_bytes() {
        let rows: Vec<serde_json::Value> = serde_json::from_str(&printed(true)).unwrap();
        assert_eq!(rows.len(), assets::all().len());
        for (row, asset) in rows.iter().zip(assets::all()) {
            assert_eq!(row["name"], asset.name);
            assert_eq!(row["size"], asset.bytes.len());
            assert_eq!(row["source_url"], asset.source_url());
            assert!(row.get("bytes").is_none());
        }
    }
}
