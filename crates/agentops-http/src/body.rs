//! Bodies that are read while they pass: the same frames, when they come.

use std::any::type_name;
use std::io::IoSlice;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Buf;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use crate::call::{Call, Copied};

pin_project! {
    /// A request's body, copied while it passes.
    #[derive(Debug)]
    pub struct RequestBody<B> {
        #[pin]
        inner: B,
        copied: Option<Copied>,
    }
}

impl<B> RequestBody<B> {
    pub(crate) fn new(inner: B, copied: Option<Copied>) -> Self {
        Self { inner, copied }
    }
}

impl<B: Body> Body for RequestBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let this = self.project();
        let frame = ready!(this.inner.poll_frame(context));
        if let (Some(copied), Some(Ok(frame))) = (this.copied, &frame)
            && let Some(data) = frame.data_ref()
        {
            pieces(data, &mut |piece| copied.push(piece));
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

pin_project! {
    /// A response's body, read while it passes.
    #[derive(Debug)]
    pub struct ResponseBody<B>
    where
        B: Body,
    {
        #[pin]
        inner: B,
        call: Option<Box<Call>>,
        // What is still to come, where the length was announced: a server stops asking there.
        left: Option<u64>,
        describe: fn(&B::Error) -> String,
    }
}

impl<B: Body> ResponseBody<B> {
    /// `describe` says what an error of the body is, with no URL's query in it.
    pub(crate) fn new(
        inner: B,
        call: Option<Box<Call>>,
        describe: fn(&B::Error) -> String,
    ) -> Self {
        let left = inner.size_hint().exact();
        Self {
            inner,
            call,
            left,
            describe,
        }
    }

    #[cfg(feature = "recorder")]
    /// The length that the response's head announced, which a body that could be compressed does not tell.
    pub(crate) fn of_length(mut self, announced: Option<u64>) -> Self {
        self.left = self.left.or(announced);
        self
    }
}

impl<B: Body> Body for ResponseBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let mut this = self.project();
        let frame = ready!(this.inner.as_mut().poll_frame(context));
        let Some(call) = this.call else {
            return Poll::Ready(frame);
        };
        match &frame {
            Some(Ok(frame)) => {
                if let Some(data) = frame.data_ref() {
                    pieces(data, &mut |piece| call.push(piece));
                    let come = data.remaining() as u64;
                    *this.left = this.left.map(|left| left.saturating_sub(come));
                }
                // Nobody asks a body again that says it has ended, or that has given all it announced.
                if *this.left == Some(0) || this.inner.is_end_stream() {
                    call.end();
                }
            }
            Some(Err(error)) => call.fail(type_name::<B::Error>(), (this.describe)(error)),
            None => call.end(),
        }
        if call.has_ended() {
            *this.call = None;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// Most stretches of memory that one frame's data is looked at in; almost all have one.
const STRETCHES: usize = 16;

/// The bytes of a buffer, which is not consumed.
fn pieces(data: &impl Buf, each: &mut dyn FnMut(&[u8])) {
    let mut slices = [IoSlice::new(&[]); STRETCHES];
    let filled = data.chunks_vectored(&mut slices);
    for slice in &slices[..filled] {
        each(slice);
    }
}
