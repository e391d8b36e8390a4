//! Connections that can be cut: what a fault needs below HTTP, where an answer can no longer be a polite one.

use axum::{
    extract::{ConnectInfo, Request, connect_info::Connected},
    middleware::Next,
    response::Response,
    serve::{IncomingStream, Listener},
};
use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
};

/// A hand on one connection.
#[derive(Clone, Debug, Default)]
pub(super) struct Wire(Arc<AtomicBool>);

/// In the extensions of a response: its first byte is never sent, and the connection ends.
#[derive(Clone, Copy, Debug)]
pub(super) struct HangUp;

/// In the extensions of a response: it is sent so much later.
#[derive(Clone, Copy, Debug)]
pub(super) struct Late(pub(super) Duration);

/// Does what the extensions of a response say.
pub(super) async fn on_the_wire(ConnectInfo(wire): ConnectInfo<Wire>, request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    if let Some(Late(delay)) = response.extensions().get() {
        tokio::time::sleep(*delay).await;
    }
    if response.extensions().get::<HangUp>().is_some() {
        wire.0.store(true, Relaxed);
    }
    response
}

/// Listens, and keeps a hand on each connection.
pub(super) struct Wires(pub(super) TcpListener);

impl Listener for Wires {
    type Io = Cuttable;
    type Addr = Wire;

    async fn accept(&mut self) -> (Cuttable, Wire) {
        let (stream, _) = Listener::accept(&mut self.0).await;
        let wire = Wire::default();
        (Cuttable { stream, wire: wire.clone() }, wire)
    }

    fn local_addr(&self) -> io::Result<Wire> {
        Ok(Wire::default())
    }
}

impl Connected<IncomingStream<'_, Wires>> for Wire {
    fn connect_info(stream: IncomingStream<'_, Wires>) -> Wire {
        stream.remote_addr().clone()
    }
}

/// A connection that fails once it is cut.
pub(super) struct Cuttable {
    stream: TcpStream,
    wire: Wire,
}

impl Cuttable {
    fn whole(&mut self) -> io::Result<Pin<&mut TcpStream>> {
        match self.wire.0.load(Relaxed) {
            true => Err(io::ErrorKind::ConnectionReset.into()),
            false => Ok(Pin::new(&mut self.stream)),
        }
    }
}

impl AsyncRead for Cuttable {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.whole()?.poll_read(cx, buf)
    }
}

impl AsyncWrite for Cuttable {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.whole()?.poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.whole()?.poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.whole()?.poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
