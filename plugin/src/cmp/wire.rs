//! Makes stock grpc-go clients acceptable to h2: mends the `:authority` of incoming requests on the byte level.
//!
//! Argo CD dials `passthrough:<socket path>`, so grpc-go sends the percent-encoded path as `:authority`. The `http`
//! crate refuses `%` in a host and h2 resets every stream. [`AuthorityFilter`] sits between socket and h2, finds the
//! header blocks and turns each `%` of a literal `:authority` value into `-`. Both have six bits in HPACK's Huffman
//! code, so no length changes and the header tables of both ends keep agreeing about sizes; later references to the
//! entry find the mended value. Everything else passes untouched, malformed frames too: judging them is h2's part.

use std::io;
use std::ops::Range;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tonic::transport::server::Connected;

use super::hpack::mend_block;

const PREFACE_BYTES: usize = 24; // "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
const FRAME_HEAD_BYTES: usize = 9;
/// A header block is held back until it is whole; one that is longer than this passes as it is.
const BLOCK_BYTES_MAX: usize = 64 << 10;

const HEADERS: u8 = 1;
const CONTINUATION: u8 = 9;
const END_HEADERS: u8 = 0x4;
const PADDED: u8 = 0x8;
const PRIORITY: u8 = 0x20;

/// A connection whose incoming bytes are mended.
#[derive(Debug)]
pub(crate) struct AuthorityFilter<T> {
    inner: T,
    scanner: Scanner,
    /// Bytes that were read but not handed on: a frame head or a header block that is not whole yet.
    held: Vec<u8>,
    /// How many of the held bytes may be handed on.
    released: usize,
}

impl<T> AuthorityFilter<T> {
    /// Wraps a fresh connection; nothing may have been read from it.
    pub(crate) fn new(inner: T) -> Self {
        Self { inner, scanner: Scanner { pass: PREFACE_BYTES }, held: Vec::new(), released: 0 }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for AuthorityFilter<T> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        loop {
            if this.released > 0 {
                let count = this.released.min(buf.remaining());
                buf.put_slice(&this.held[..count]);
                this.held.drain(..count);
                this.released -= count;
                return Poll::Ready(Ok(()));
            }
            if this.held.is_empty() {
                let start = buf.filled().len();
                ready!(Pin::new(&mut this.inner).poll_read(cx, buf))?;
                let fresh = &mut buf.filled_mut()[start..];
                let released = this.scanner.scan(fresh);
                let end_of_stream = fresh.is_empty();
                this.held.extend_from_slice(&fresh[released..]);
                buf.set_filled(start + released);
                if released > 0 || end_of_stream {
                    return Poll::Ready(Ok(()));
                }
            } else {
                let mut more = [0; 4096];
                let mut more = ReadBuf::new(&mut more);
                ready!(Pin::new(&mut this.inner).poll_read(cx, &mut more))?;
                this.held.extend_from_slice(more.filled());
                let end_of_stream = more.filled().is_empty();
                this.released =
                    if end_of_stream { this.held.len() } else { this.scanner.scan(&mut this.held) };
            }
        }
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for AuthorityFilter<T> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().inner).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().inner).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_shutdown(cx)
    }
}

impl<T> Connected for AuthorityFilter<T> {
    type ConnectInfo = ();

    fn connect_info(&self) {}
}

/// Where the scan stands: how many bytes pass before the next frame head.
#[derive(Debug)]
struct Scanner {
    pass: usize,
}

impl Scanner {
    /// Mends what is whole in `bytes` and returns how many of them may go on; the rest must come again with more behind.
    fn scan(&mut self, bytes: &mut [u8]) -> usize {
        let mut at = 0;
        while at < bytes.len() {
            if self.pass > 0 {
                let count = self.pass.min(bytes.len() - at);
                self.pass -= count;
                at += count;
                continue;
            }
            let Some(frame) = Frame::read(&bytes[at..]) else {
                break;
            };
            match Block::read(&bytes[at..], &frame) {
                Block::Whole { frames_bytes, fragments } => {
                    mend_fragments(&mut bytes[at..at + frames_bytes], &fragments);
                    self.pass = frames_bytes;
                }
                Block::Partial => break,
                Block::None => self.pass = FRAME_HEAD_BYTES + frame.length,
            }
        }
        at
    }
}

/// The head of a frame.
struct Frame {
    length: usize,
    kind: u8,
    flags: u8,
}

impl Frame {
    fn read(bytes: &[u8]) -> Option<Self> {
        let head = bytes.get(..FRAME_HEAD_BYTES)?;
        let length = usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2]);
        Some(Self { length, kind: head[3], flags: head[4] })
    }

    /// Where this frame's piece of the header block lies, from the start of the frame.
    fn fragment(&self, frame: &[u8]) -> Option<Range<usize>> {
        let mut start = FRAME_HEAD_BYTES;
        let mut end = start + self.length;
        if self.kind == HEADERS && self.flags & PADDED != 0 {
            end = end.checked_sub(usize::from(*frame.get(start)?))?;
            start += 1;
        }
        if self.kind == HEADERS && self.flags & PRIORITY != 0 {
            start += 5;
        }
        (start <= end).then_some(start..end)
    }
}

/// What stands at a frame boundary.
enum Block {
    /// All frames of one header block, and where its pieces lie in them.
    Whole { frames_bytes: usize, fragments: Vec<Range<usize>> },
    /// The beginning of a header block.
    Partial,
    /// Something else, or a header block that no peer of ours sends.
    None,
}

impl Block {
    fn read(bytes: &[u8], first: &Frame) -> Self {
        if first.kind != HEADERS {
            return Self::None;
        }
        let mut fragments = Vec::new();
        let mut at = 0;
        loop {
            let Some(frame) = Frame::read(&bytes[at..]) else {
                return Self::Partial;
            };
            let end = at + FRAME_HEAD_BYTES + frame.length;
            if end > BLOCK_BYTES_MAX || (at > 0 && frame.kind != CONTINUATION) {
                return Self::None;
            }
            if end > bytes.len() {
                return Self::Partial;
            }
            let Some(fragment) = frame.fragment(&bytes[at..end]) else {
                return Self::None;
            };
            fragments.push(at + fragment.start..at + fragment.end);
            at = end;
            if frame.flags & END_HEADERS != 0 {
                return Self::Whole { frames_bytes: at, fragments };
            }
        }
    }
}

/// Mends a header block that lies in pieces.
fn mend_fragments(frames: &mut [u8], fragments: &[Range<usize>]) {
    let mut block: Vec<u8> = fragments.iter().flat_map(|it| &frames[it.clone()]).copied().collect();
    mend_block(&mut block);
    let mut rest = &block[..];
    for fragment in fragments {
        let (piece, after) = rest.split_at(fragment.len());
        frames[fragment.clone()].copy_from_slice(piece);
        rest = after;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use proptest::prelude::*;
    use tokio::io::AsyncReadExt as _;

    use super::*;

    const RECORDED: &[u8] = include_bytes!("../../../testdata/cmp/grpc-go-1.83.0-named-plugin-flow.h2.bin");
    const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

    /// A reader that gives one piece at a time, as a socket does.
    struct Pieces(VecDeque<Vec<u8>>);

    impl AsyncRead for Pieces {
        fn poll_read(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            buf: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            if let Some(mut piece) = self.0.pop_front() {
                let rest = piece.split_off(piece.len().min(buf.remaining()));
                buf.put_slice(&piece);
                if !rest.is_empty() {
                    self.0.push_front(rest);
                }
            }
            Poll::Ready(Ok(()))
        }
    }

    /// What comes out of the filter when the bytes arrive in pieces of one size.
    fn filtered(bytes: &[u8], piece_bytes: usize) -> Vec<u8> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let mut filter =
            AuthorityFilter::new(Pieces(bytes.chunks(piece_bytes).map(<[u8]>::to_vec).collect()));
        let mut out = Vec::new();
        runtime.block_on(filter.read_to_end(&mut out)).unwrap();
        out
    }

    fn frame(kind: u8, flags: u8, payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        [&length[1..], &[kind, flags, 0, 0, 0, 1], payload].concat()
    }

    #[test]
    fn the_recorded_authority_is_mended_however_it_arrives() {
        let whole = filtered(RECORDED, RECORDED.len());
        assert_eq!(whole.len(), RECORDED.len());
        let changed = whole.iter().zip(RECORDED).filter(|(a, b)| a != b).count();
        assert!((4..=8).contains(&changed), "{changed} bytes changed for four escapes");
        for piece_bytes in [1, 2, 7, 9, 23, 24, 25, 1000, 4096] {
            assert!(filtered(RECORDED, piece_bytes) == whole, "pieces of {piece_bytes}");
        }
    }

    #[test]
    fn padding_priority_and_continuation_are_seen_through() {
        // `:authority` by static index and by name, plain; a `%` elsewhere stays.
        let block = [&b"\x82\x41\x05a%2Fb"[..], b"\x00\x0a:authority\x03c%d", b"\x00\x01x\x03e%f"].concat();
        let mended = [&b"\x82\x41\x05a-2Fb"[..], b"\x00\x0a:authority\x03c-d", b"\x00\x01x\x03e%f"].concat();
        let frames = |block: &[u8]| {
            let first = [&[3, 0, 0, 0, 0, 9][..], &block[..4], &[0, 0, 0]].concat();
            let frames = [
                frame(4, 0, &[]),
                frame(HEADERS, PADDED | PRIORITY, &first),
                frame(CONTINUATION, 0, &block[4..12]),
                frame(CONTINUATION, END_HEADERS, &block[12..]),
                frame(0, 0, b"41%41"),
            ];
            [PREFACE.to_vec(), frames.concat()].concat()
        };
        for piece_bytes in [1, 30, 1000] {
            assert_eq!(filtered(&frames(&block), piece_bytes), frames(&mended));
        }
    }

    #[test]
    fn what_is_malformed_passes_as_it_is() {
        for frames in [
            frame(HEADERS, END_HEADERS | PADDED, &[200, 0x41, 1, b'%']),
            frame(HEADERS, END_HEADERS, &[0x41, 9, b'%']),
            [frame(HEADERS, 0, &[0x41, 1, b'%']), frame(0, 0, b"x")].concat(),
            frame(HEADERS, 0, &[0x41, 1, b'%']),
            frame(HEADERS, END_HEADERS, &[0x41, 0xff, 0xff, 0xff, 0xff, 0xff]),
            frame(HEADERS, END_HEADERS, &vec![b'%'; BLOCK_BYTES_MAX]),
        ] {
            let bytes = [PREFACE, &frames].concat();
            assert_eq!(filtered(&bytes, 1000), bytes);
        }
    }

    proptest! {
        #[test]
        fn no_byte_is_lost_and_pieces_make_no_difference(
            frames in proptest::collection::vec((0..12_u8, any::<u8>(), proptest::collection::vec(any::<u8>(), 0..40)), 0..6),
            piece_bytes in 1..50_usize,
        ) {
            let frames: Vec<u8> = frames.iter().flat_map(|(kind, flags, payload)| frame(*kind, *flags, payload)).collect();
            let bytes = [PREFACE, &frames].concat();
            let whole = filtered(&bytes, bytes.len());
            prop_assert_eq!(whole.len(), bytes.len());
            prop_assert_eq!(filtered(&bytes, piece_bytes), whole);
        }
    }
}
