//! Packs as they are sent: every object whole, none as a difference.
//!
//! Source: gitformat-pack(5).

use std::io::{self, Write};

use flate2::Compression;
use flate2::write::ZlibEncoder;
use promoter_sources::git::ObjectKind;

/// The bytes of a pack with these objects.
pub(super) fn write(objects: &[(ObjectKind, Vec<u8>)]) -> io::Result<Vec<u8>> {
    let count = u32::try_from(objects.len()).map_err(io::Error::other)?;
    let mut pack = Vec::new();
    pack.extend_from_slice(b"PACK\0\0\0\x02");
    pack.extend_from_slice(&count.to_be_bytes());
    for (kind, bytes) in objects {
        write_head(&mut pack, *kind, bytes.len());
        let mut encoder = ZlibEncoder::new(&mut pack, Compression::fast());
        encoder.write_all(bytes)?;
        encoder.finish()?;
    }
    let mut hasher = gix::hash::hasher(gix::hash::Kind::Sha1);
    hasher.update(&pack);
    let checksum = hasher.try_finalize().map_err(|it| io::Error::other(it.to_string()))?;
    pack.extend_from_slice(checksum.as_slice());
    Ok(pack)
}

/// Kind and size: four bits of the size beside the kind, then seven bits a byte, the lowest first.
fn write_head(pack: &mut Vec<u8>, kind: ObjectKind, size: usize) {
    let kind: u8 = match kind {
        ObjectKind::Commit => 1,
        ObjectKind::Tree => 2,
        ObjectKind::Blob => 3,
        ObjectKind::Tag => 4,
    };
    let mut byte = kind << 4 | (size & 0x0f) as u8;
    let mut rest = size >> 4;
    while rest > 0 {
        pack.push(byte | 0x80);
        byte = (rest & 0x7f) as u8;
        rest >>= 7;
    }
    pack.push(byte);
}
