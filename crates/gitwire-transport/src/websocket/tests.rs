use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};

use super::*;

/// A server's end, and the bytes below it.
async fn server(message_bytes_max: usize) -> (WebSocket<DuplexStream>, DuplexStream) {
    let (ours, theirs) = duplex(1 << 20);
    let limits = WebSocketLimits { message_bytes_max };
    (WebSocket::new(ours, Side::Server, limits).await, theirs)
}

/// A frame of a client whose mask is zero.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match u16::try_from(payload.len()) {
        Ok(len) if len < 126 => frame.push(0x80 | u8::try_from(len).unwrap()),
        Ok(len) => {
            frame.push(0x80 | 126);
            frame.extend_from_slice(&len.to_be_bytes());
        }
        Err(_) => {
            frame.push(0x80 | 127);
            frame.extend_from_slice(&(payload.len() as u64).to_be_bytes());
        }
    }
    frame.extend_from_slice(&[0; 4]);
    frame.extend_from_slice(payload);
    frame
}

const BINARY: u8 = 0x82;

/// What a server reads of these bytes, or why not; and the bytes that it answers with once it is shut down.
async fn heard(message_bytes_max: usize, bytes: &[u8]) -> (Result<Vec<u8>, String>, Vec<u8>) {
    let (mut server, mut peer) = server(message_bytes_max).await;
    peer.write_all(bytes).await.unwrap();
    peer.shutdown().await.unwrap();
    let mut data = Vec::new();
    let read = server.read_to_end(&mut data).await.map_err(|error| error.to_string());
    let _ = server.shutdown().await;
    drop(server);
    let mut answer = Vec::new();
    peer.read_to_end(&mut answer).await.unwrap();
    (read.map(|_| data), answer)
}

#[track_caller]
fn check(name: &str, actual: (Result<Vec<u8>, String>, Vec<u8>), data: Result<&[u8], &str>, answer: &[u8]) {
    assert_eq!(actual.0, data.map(<[u8]>::to_vec).map_err(str::to_owned), "{name}");
    assert_eq!(actual.1, answer, "{name}");
}

fn closed(code: u16) -> Vec<u8> {
    [&[0x88, 2][..], &code.to_be_bytes()].concat()
}

#[tokio::test]
async fn messages_are_one_stream_however_they_are_cut() {
    let whole = frame(BINARY, b"hello world");
    let pieces = [frame(BINARY, b"he"), frame(BINARY, b"llo world")].concat();
    let fragments =
        [frame(0x02, b"hel"), frame(0x89, b"ping"), frame(0x00, b""), frame(0x80, b"lo world")].concat();
    let end = frame(BINARY, b"");
    for (name, bytes, pong) in
        [("whole", whole, &b""[..]), ("pieces", pieces, b""), ("fragments", fragments, b"\x8a\x04ping")]
    {
        let expected = [pong, &closed(1000)].concat();
        check(name, heard(99, &[&bytes[..], &end].concat()).await, Ok(b"hello world"), &expected);
    }
}

#[tokio::test]
async fn a_close_frame_is_the_end_and_is_answered() {
    let close = |code: u16| frame(0x88, &code.to_be_bytes());
    let bytes = [frame(BINARY, b"x"), close(1000), frame(BINARY, b"y")].concat();
    check("close", heard(99, &bytes).await, Ok(b"x"), &closed(1000));
    check("bare close", heard(99, &frame(0x88, b"")).await, Ok(b""), &[0x88, 0]);
}

#[tokio::test]
async fn what_is_not_the_protocol_is_refused_with_its_code() {
    let text = "the peer sent a text message";
    check("text", heard(99, &frame(0x81, b"hi")).await, Err(text), &closed(1003));
    check("not even text", heard(99, &frame(0x81, b"\xff")).await, Err(text), &closed(1003));
    check(
        "unmasked",
        heard(99, &[BINARY, 1, b'x']).await,
        Err(
            "the peer broke the protocol of WebSocket: WebSocket protocol error: Received an unmasked frame from client",
        ),
        &closed(1002),
    );
    check(
        "reserved bits",
        heard(99, &frame(0xc2, b"x")).await,
        Err("the peer broke the protocol of WebSocket: WebSocket protocol error: Reserved bits are non-zero"),
        &closed(1002),
    );
    check(
        "continues nothing",
        heard(99, &frame(0x80, b"x")).await,
        Err(
            "the peer broke the protocol of WebSocket: WebSocket protocol error: Continue frame but nothing to continue",
        ),
        &closed(1002),
    );
    check(
        "a large ping",
        heard(999, &frame(0x89, &[0; 126])).await,
        Err(
            "the peer broke the protocol of WebSocket: WebSocket protocol error: Control frame too big (payload must be 125 bytes or less)",
        ),
        &closed(1002),
    );
    check("cut", heard(99, &frame(BINARY, b"hello")[..8]).await, Err("unexpected end of file"), b"");
    check("gone", heard(99, &frame(BINARY, b"hello")).await, Err("unexpected end of file"), b"");
}

#[tokio::test]
async fn message_bytes_max() {
    let end = frame(BINARY, b"");
    let largest = [frame(BINARY, &[b'x'; 300]), end.clone()].concat();
    check("max", heard(300, &largest).await, Ok(&[b'x'; 300]), &closed(1000));
    let too_large = Err("the peer sent a message of more than 300 bytes");
    check("max + 1", heard(300, &frame(BINARY, &[b'x'; 301])).await, too_large, &closed(1009));
    let fragments = [frame(0x02, &[b'x'; 150]), frame(0x80, &[b'x'; 151])].concat();
    check("max + 1 in fragments", heard(300, &fragments).await, too_large, &closed(1009));
    // The size alone, before anything of it has come.
    let head = [&[BINARY, 0x80 | 127][..], &u64::MAX.to_be_bytes(), &[0; 4]].concat();
    check("the largest there is", heard(300, &head).await, too_large, &closed(1009));
}

#[tokio::test]
async fn both_ends_carry_more_than_fits_anywhere_at_once() {
    let (ours, theirs) = duplex(1000);
    let client = WebSocket::new(ours, Side::Client, WebSocketLimits::default()).await;
    let server = WebSocket::new(theirs, Side::Server, WebSocketLimits::default()).await;
    let data: Vec<u8> = (0..1_000_000_u32).flat_map(u32::to_le_bytes).collect();
    let send = |end: WebSocket<DuplexStream>, data: Vec<u8>| async move {
        let (mut reader, mut writer) = tokio::io::split(end);
        let write = async {
            writer.write_all(&data).await.unwrap();
            writer.flush().await.unwrap();
        };
        let mut heard = vec![0; data.len()];
        let (_, read) = tokio::join!(write, reader.read_exact(&mut heard));
        read.unwrap();
        assert!(heard == data);
        let mut end = reader.unsplit(writer);
        end.shutdown().await.unwrap();
        end.read_to_end(&mut Vec::new()).await.unwrap();
    };
    tokio::join!(send(client, data.clone()), send(server, data));
}

#[tokio::test]
async fn a_relay_passes_on_the_end_of_one_side_alone() {
    let (ours, theirs) = duplex(1 << 20);
    let relay = WebSocket::new(ours, Side::Client, WebSocketLimits::default()).await.ending_input_alone();
    let mut server = WebSocket::new(theirs, Side::Server, WebSocketLimits::default()).await;
    let (mut reader, mut writer) = tokio::io::split(relay);
    writer.write_all(b"push").await.unwrap();
    writer.shutdown().await.unwrap();
    writer.shutdown().await.unwrap();
    assert_eq!(writer.write_all(b"more").await.unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    let mut heard = Vec::new();
    server.read_to_end(&mut heard).await.unwrap();
    assert_eq!(heard, b"push");
    server.write_all(b"report").await.unwrap();
    server.shutdown().await.unwrap();
    let mut report = Vec::new();
    reader.read_to_end(&mut report).await.unwrap();
    assert_eq!(report, b"report");
    // It has answered the close frame.
    assert_eq!(server.read_to_end(&mut heard).await.unwrap(), 0);
}

#[tokio::test]
async fn who_has_ended_its_side_still_hears_and_is_heeded() {
    let (mut server, mut peer) = server(99).await;
    peer.write_all(&frame(BINARY, b"")).await.unwrap();
    assert_eq!(server.read_to_end(&mut Vec::new()).await.unwrap(), 0);
    server.write_all(b"report").await.unwrap();
    server.flush().await.unwrap();
    let mut answer = [0; 8];
    peer.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"\x82\x06report");
    peer.write_all(&frame(BINARY, b"more")).await.unwrap();
    let error = server.write_all(b"report").await.unwrap_err();
    assert_eq!(error.to_string(), "the peer sent more after its end of input");
    let mut answer = [0; 4];
    peer.read_exact(&mut answer).await.unwrap();
    assert_eq!(answer[..], closed(1002));
    assert_eq!(server.write_all(b"x").await.unwrap_err().kind(), io::ErrorKind::BrokenPipe);
}
