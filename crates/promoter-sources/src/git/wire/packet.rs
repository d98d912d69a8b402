//! Packet lines: the frames in which git's protocols talk.
//!
//! Moves bytes to frames and back, and unwraps the sideband. Leaves the meaning of the frames to the conversations.
//! Source: gitprotocol-common(5), "pkt-line Format"; gitprotocol-pack(5), "Packfile Data".

use std::io::{self, Read};

/// The largest payload of one frame.
const PAYLOAD_BYTES_MAX: usize = 65_516;

/// One frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Packet {
    /// A frame with a payload (which may be empty).
    Data(Vec<u8>),
    /// `0000`: the end of a message.
    Flush,
    /// `0001`: between the sections of a message.
    Delimiter,
    /// `0002`: the end of a response on a connection without state.
    ResponseEnd,
}

impl Packet {
    /// The payload as text without its line end; `None` for the other frames.
    pub fn text(&self) -> Option<String> {
        match self {
            Self::Data(bytes) => {
                Some(String::from_utf8_lossy(bytes.strip_suffix(b"\n").unwrap_or(bytes)).into_owned())
            }
            _ => None,
        }
    }
}

/// Appends one frame with a payload.
///
/// Every payload that we send is a short line of text; a longer one is cut off here
/// rather than sent as a broken frame.
pub fn write_data(out: &mut Vec<u8>, payload: &[u8]) {
    let payload = &payload[..payload.len().min(PAYLOAD_BYTES_MAX)];
    out.extend_from_slice(format!("{:04x}", payload.len() + 4).as_bytes());
    out.extend_from_slice(payload);
}

/// Appends `0000`.
pub fn write_flush(out: &mut Vec<u8>) {
    out.extend_from_slice(b"0000");
}

/// Appends `0001`.
pub fn write_delimiter(out: &mut Vec<u8>) {
    out.extend_from_slice(b"0001");
}

/// Reads frames, and lets one frame be looked at before it is taken.
pub struct PacketReader<R> {
    inner: R,
    peeked: Option<Packet>,
}

impl<R: Read> PacketReader<R> {
    /// Reads from the beginning of a frame.
    pub fn new(inner: R) -> Self {
        Self { inner, peeked: None }
    }

    /// The next frame, taken.
    pub fn next_packet(&mut self) -> io::Result<Packet> {
        match self.peeked.take() {
            Some(packet) => Ok(packet),
            None => self.read_packet(),
        }
    }

    /// The next frame, left where it is.
    pub fn peek(&mut self) -> io::Result<&Packet> {
        let packet = match self.peeked.take() {
            Some(packet) => packet,
            None => self.read_packet()?,
        };
        Ok(self.peeked.insert(packet))
    }

    fn read_packet(&mut self) -> io::Result<Packet> {
        let mut head = [0; 4];
        self.inner.read_exact(&mut head)?;
        let length = std::str::from_utf8(&head)
            .ok()
            .filter(|it| it.bytes().all(|it| it.is_ascii_hexdigit()))
            .and_then(|it| usize::from_str_radix(it, 16).ok())
            .ok_or_else(|| invalid("an answer that is not made of packet lines"))?;
        match length {
            0 => Ok(Packet::Flush),
            1 => Ok(Packet::Delimiter),
            2 => Ok(Packet::ResponseEnd),
            3 => Err(invalid("a packet line of an impossible length")),
            _ => {
                let mut payload = vec![0; length - 4];
                self.inner.read_exact(&mut payload)?;
                Ok(Packet::Data(payload))
            }
        }
    }
}

/// An error that says that the other side does not keep to the protocol.
pub(crate) fn invalid(why: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why.into())
}

/// A message that the server sent in place of an answer: an `ERR` frame, or band 3.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct ServerSays(pub(crate) String);

/// What is kept of band 2.
const REMARKS_BYTES_MAX: usize = 8 << 10;

/// The data of band 1 of a message that ends with a flush; the beginning of band 2 (progress, the words of hooks) is
/// kept, band 3 ends it with an error.
pub struct Sideband<'a, R> {
    packets: &'a mut PacketReader<R>,
    current: io::Cursor<Vec<u8>>,
    remarks: Vec<u8>,
    ended: bool,
}

impl<'a, R: Read> Sideband<'a, R> {
    /// Reads from the first frame of the multiplexed part.
    pub fn new(packets: &'a mut PacketReader<R>) -> Self {
        Self { packets, current: io::Cursor::default(), remarks: Vec::new(), ended: false }
    }

    /// What came on band 2 so far.
    pub fn remarks(&self) -> String {
        String::from_utf8_lossy(&self.remarks).into_owned()
    }
}

impl<R: Read> Read for Sideband<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let taken = self.current.read(buffer)?;
            if taken > 0 || self.ended || buffer.is_empty() {
                return Ok(taken);
            }
            match self.packets.next_packet()? {
                Packet::Data(payload) => match payload.first() {
                    Some(1) => {
                        self.current = io::Cursor::new(payload);
                        self.current.set_position(1);
                    }
                    Some(2) => {
                        let room = REMARKS_BYTES_MAX - self.remarks.len();
                        self.remarks.extend_from_slice(&payload[1..payload.len().min(room + 1)]);
                    }
                    None => {}
                    Some(3) => {
                        let words = String::from_utf8_lossy(&payload[1..]).trim().to_owned();
                        return Err(io::Error::other(ServerSays(words)));
                    }
                    Some(_) => return Err(invalid("an unknown band")),
                },
                _ => self.ended = true,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_come_back_as_they_were_written() {
        let mut bytes = Vec::new();
        write_data(&mut bytes, b"want x\n");
        write_delimiter(&mut bytes);
        write_data(&mut bytes, b"");
        write_flush(&mut bytes);
        assert_eq!(bytes, b"000bwant x\n000100040000");
        let mut reader = PacketReader::new(&bytes[..]);
        assert_eq!(reader.peek().unwrap().text().as_deref(), Some("want x"));
        assert_eq!(reader.next_packet().unwrap().text().as_deref(), Some("want x"));
        assert_eq!(reader.next_packet().unwrap(), Packet::Delimiter);
        assert_eq!(reader.next_packet().unwrap(), Packet::Data(vec![]));
        assert_eq!(reader.next_packet().unwrap(), Packet::Flush);
        assert_eq!(reader.next_packet().unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }

    #[test]
    fn what_is_no_frame_is_refused() {
        for bytes in [&b"<htm"[..], b"0003", b"+00a123456", b"000"] {
            assert!(PacketReader::new(bytes).next_packet().is_err(), "{bytes:?}");
        }
    }

    #[test]
    fn the_sideband_gives_data_and_stops_at_errors() {
        let mut bytes = Vec::new();
        for payload in [&b"\x01pa"[..], b"\x02counting", b"\x01ck"] {
            write_data(&mut bytes, payload);
        }
        write_flush(&mut bytes);
        let mut text = String::new();
        Sideband::new(&mut PacketReader::new(&bytes[..])).read_to_string(&mut text).unwrap();
        assert_eq!(text, "pack");
        let error = Sideband::new(&mut PacketReader::new(&b"000a\x03died\n"[..]))
            .read_to_string(&mut text)
            .unwrap_err();
        assert_eq!(error.to_string(), "died");
    }
}
