//! The client of a connection: notices that it has left while the server still computes its answer.

use std::io::{self, Write as _};
use std::time::Duration;

use hyper::Version;
use tokio::net::TcpStream;

/// Time between two checks of the client.
const CHECK_INTERVAL: Duration = Duration::from_millis(20);

/// A second handle of a connection's socket; `hyper` owns the first one.
#[derive(Debug)]
pub(super) struct Client {
    /// Nonblocking, because it shares its state with the first handle.
    socket: std::net::TcpStream,
}

impl Client {
    /// Splits a handle off a connection.
    pub(super) fn of(stream: TcpStream) -> io::Result<(TcpStream, Self)> {
        let stream = stream.into_std()?;
        let socket = stream.try_clone()?;
        Ok((TcpStream::from_std(stream)?, Self { socket }))
    }

    /// Resolves when the client has left, as editors do when the user types on.
    ///
    /// A client that closes only its sending side (`nc -N`, some HTTP/1.0 clients) still waits for
    /// its answer. A read cannot tell this from a closed connection, and `hyper` does not try: it
    /// either drops both or waits for both. A write can: a closed socket rejects the data, and the
    /// next check finds the error. The written data is an interim response, which every HTTP/1.1 client
    /// skips (RFC 9110, section 15.2). An HTTP/1.0 client does not know interim responses and gets
    /// none.
    ///
    /// Poll this only while no response is being written, so that the interim response is between
    /// two others.
    pub(super) async fn left(&self, version: Version) {
        let mut was_probed = version < Version::HTTP_11;
        loop {
            tokio::time::sleep(CHECK_INTERVAL).await;
            let has_ended = match self.socket.peek(&mut [0]) {
                Ok(n_bytes) => n_bytes == 0,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => false,
                Err(_) => return,
            };
            // Linux reports the rejected data here only: a read keeps returning the end.
            if !matches!(self.socket.take_error(), Ok(None)) {
                return;
            }
            if has_ended && !std::mem::replace(&mut was_probed, true) {
                match (&self.socket).write(b"HTTP/1.1 100 Continue\r\n\r\n") {
                    Ok(_) => {}
                    // The client has not read its earlier answers, so it is still there.
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    Err(_) => return,
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    /// A client's stream, the server's, and the handle.
    async fn connected() -> (TcpStream, TcpStream, Client) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let far = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (near, client) = Client::of(listener.accept().await.unwrap().0).unwrap();
        (far, near, client)
    }

    #[tokio::test]
    async fn closed_client_has_left() {
        let (far, _near, client) = connected().await;
        drop(far);
        let left = tokio::time::timeout(Duration::from_mins(2), client.left(Version::HTTP_11));
        assert!(left.await.is_ok());
    }

    #[tokio::test]
    async fn half_closed_client_has_not_left() {
        for (version, interim) in
            [(Version::HTTP_11, "HTTP/1.1 100 Continue\r\n\r\n"), (Version::HTTP_10, "")]
        {
            let (mut far, mut near, client) = connected().await;
            far.shutdown().await.unwrap();
            // Enough checks to send the interim response and to find no error.
            let checks = tokio::time::timeout(10 * CHECK_INTERVAL, client.left(version));
            assert!(checks.await.is_err(), "{version:?}");
            near.write_all(b"answer").await.unwrap();
            drop((near, client));
            let mut answer = String::new();
            far.read_to_string(&mut answer).await.unwrap();
            assert_eq!(answer, format!("{interim}answer"));
        }
    }
}
