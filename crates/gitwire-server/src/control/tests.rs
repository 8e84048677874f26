use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::*;

/// Where the object ends, whole and byte by byte.
#[track_caller]
fn ends(input: &[u8], expected: Result<Option<usize>, &str>) {
    let limits = ControlLimits::default();
    let expected = expected.map_err(str::to_owned);
    let whole = ObjectEnd::default().find(input, &limits).map_err(|error| error.to_string());
    assert_eq!(whole, expected, "{}", input.escape_ascii());
    let mut end = ObjectEnd::default();
    let mut found = Ok(None);
    for len in 0..=input.len() {
        found = end.find(&input[..len], &limits).map_err(|error| error.to_string());
        if !matches!(found, Ok(None)) {
            break;
        }
    }
    assert_eq!(found, expected, "{} by bytes", input.escape_ascii());
}

#[test]
fn where_an_object_ends() {
    ends(b"", Ok(None));
    ends(b" \r\n\t", Ok(None));
    ends(b"{}", Ok(Some(2)));
    ends(b" {} {}", Ok(Some(3)));
    ends(br#"{"a":"}"}x"#, Ok(Some(9)));
    ends(br#"{"a":"\"}"}"#, Ok(Some(11)));
    ends(br#"{"a":"\\"}"#, Ok(Some(10)));
    ends(br#"{"a":[{"b":1.5e-3},true,null]}"#, Ok(Some(30)));
    ends(b"{\"a\":\"\xff\"}", Ok(Some(9)));
    ends(br#"{"a""#, Ok(None));
    ends(br#"{"a":"#, Ok(None));
    ends(b"GET / HTTP/1.1\r\n", Err("not a JSON object: unexpected 'G' at byte 0"));
    ends(b"[]", Err("not a JSON object: unexpected '[' at byte 0"));
    ends(b"\"x\"", Err("not a JSON object: unexpected '\\\"' at byte 0"));
    ends(b"{]", Err("not a JSON object: unexpected ']' at byte 1"));
    ends(b"}", Err("not a JSON object: unexpected '}' at byte 0"));
    ends(b"{'a':1}", Err("not a JSON object: unexpected '\\'' at byte 1"));
    ends(b"{\0", Err("not a JSON object: unexpected '\\x00' at byte 1"));
    ends(b"{\"\0\"}", Err("not a JSON object: unexpected '\\x00' at byte 2"));
    ends(b"{\"a\nb\"}", Err("not a JSON object: unexpected '\\n' at byte 3"));
    ends(b"{\"\\\n\"}", Err("not a JSON object: unexpected '\\n' at byte 3"));
    ends(b"\xef\xbb\xbf{}", Err("not a JSON object: unexpected '\\xef' at byte 0"));
    ends(b"{\xff}", Err("not a JSON object: unexpected '\\xff' at byte 1"));
}

#[test]
fn as_deep_and_as_long_as_allowed() {
    let nested = |depth: usize| [vec![b'{'], vec![b'['; depth - 1]].concat();
    ends(&nested(8), Ok(None));
    ends(&nested(9), Err("too many objects and lists in each other: at most 8"));
    ends(&nested(100_000), Err("too many objects and lists in each other: at most 8"));
    let long = |len: usize| [b"{\"a\":\"", vec![b'x'; len - 8].as_slice(), b"\"}"].concat();
    ends(&long(16 << 10), Ok(Some(16 << 10)));
    ends(&long((16 << 10) + 1), Err("too many bytes: at most 16384"));
    ends(&vec![b' '; (16 << 10) + 1], Err("too many bytes: at most 16384"));
    let limits = ControlLimits { depth_max: 1, request_bytes_max: 4, ..ControlLimits::default() };
    assert_eq!(ObjectEnd::default().find(b"{ }", &limits), Ok(Some(3)));
    assert!(ObjectEnd::default().find(b"{[", &limits).is_err());
    assert!(ObjectEnd::default().find(b"{   }", &limits).is_err());
    assert!(
        ControlCommand::parse(b"{   }", &limits).is_err_and(|error| error.to_string().contains("at most 4"))
    );
}

#[track_caller]
fn parses(json: &str, expected: Result<&[&str], &str>) {
    let command = ControlCommand::parse(json.as_bytes(), &ControlLimits::default());
    let words = command.map(|command| [vec![command.name], command.args].concat());
    let expected = expected.map(|words| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>());
    let shown: String = json.chars().take(200).collect();
    assert_eq!(words.map_err(|error| error.to_string()), expected.map_err(str::to_owned), "{shown}");
}

#[test]
fn requests() {
    let git = |command: &str| format!(r#"{{"type":"git","command":"{command}"}}"#);
    parses(&git("git clone git://h/x.git"), Ok(&["clone", "git://h/x.git"]));
    parses(&git("  list  "), Ok(&["list"]));
    parses(&git("git git"), Ok(&["git"]));
    parses(r#"{"command":"git list","id":7,"type":"git"}"#, Ok(&["list"]));
    parses(&git(r"git init \u00e9"), Ok(&["init", "é"]));
    parses("{}", Err("'type' is missing"));
    parses(r#"{"type":"git"}"#, Err("'command' is missing"));
    parses(r#"{"type":1,"command":"x"}"#, Err("'type' is no string"));
    parses(r#"{"type":"git","command":["x"]}"#, Err("'command' is no string"));
    parses(r#"{"type":"svn","command":"x"}"#, Err("unknown type 'svn'"));
    parses(&git("git"), Err("the command is empty"));
    parses(&git(""), Err("the command is empty"));
    parses(&git(r"git list\u0000"), Err("the command has control characters"));
    parses(&git(r"git list\ngit list"), Err("the command has control characters"));
    parses(r#"{"type":"git",}"#, Err("not a JSON object: trailing comma at byte 14"));
    parses(r#"{"type":tru}"#, Err("not a JSON object: expected ident at byte 11"));
    parses("{\n\"type\":x}", Err("not a JSON object: expected value at byte 9"));
    parses(r#"{"type":1e999}"#, Err("not a JSON object: number out of range at byte 12"));
    parses(r#"{"type":"\ud800"}"#, Err("not a JSON object: unexpected end of hex escape at byte 15"));
    let long = format!(r#"{{"type":"git","command":"list","n":{}}}"#, "9".repeat(10_000));
    parses(&long, Err("not a JSON object: number out of range at byte 10034"));
    let invalid = ControlCommand::parse(b"{\"type\":\"\xff\"}", &ControlLimits::default());
    assert_eq!(invalid.unwrap_err().to_string(), "not a JSON object: invalid unicode code point at byte 9");
}

fn command(args: &[&str]) -> ControlCommand {
    let args = args.iter().map(|arg| (*arg).to_owned()).collect();
    ControlCommand { kind: "git".to_owned(), name: "clone".to_owned(), args }
}

#[test]
fn answers() {
    let good = ControlAnswer::Success { command: command(&["git://h/x"]), message: "a\n\"b\"".to_owned() };
    assert_eq!(
        good.to_json(1024),
        r#"{"type":"git","command":"clone","args":["git://h/x"],"status":"success","message":"a\n\"b\""}"#
    );
    assert_eq!(ControlAnswer::Error("no \\".to_owned()).to_json(1024), r#"{"error":"no \\"}"#);
}

#[test]
fn answers_are_cut_with_sense() {
    let lines: String = (0..100).map(|line| format!("line {line}\n")).collect();
    let good = ControlAnswer::Success { command: command(&["x"]), message: lines.clone() };
    let whole = good.to_json(1 << 20);
    assert_eq!(good.to_json(whole.len()), whole);
    let text = good.to_json(whole.len() - 1);
    assert!(text.contains("more lines; send a line feed after the request to get all"), "{text}");
    for max in 256..1200 {
        let text = good.to_json(max);
        assert!(text.len() <= max, "{max}: {}", text.len());
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert!(value["message"].as_str().unwrap().starts_with("line 0\n"), "{text}");
        assert_eq!(value["args"][0], "x");
    }
    let hostile = "\u{1}\"é\u{1f600}\\".repeat(1000);
    for answer in [
        ControlAnswer::Error(hostile.clone()),
        ControlAnswer::Success { command: command(&[&hostile]), message: hostile.clone() },
        ControlAnswer::Success { command: command(&["x"; 5000]), message: lines.clone() },
        ControlAnswer::Success { command: command(&[hostile.as_str(); 7]), message: String::new() },
    ] {
        for max in [0, 256, 300, 1024] {
            let text = answer.to_json(max);
            assert!(text.len() <= max.max(256), "{max}: {}", text.len());
            assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok(), "{text}");
        }
    }
    let error = ControlAnswer::Error("x".repeat(2000)).to_json(1024);
    assert_eq!((error.len(), error.ends_with("x...\"}")), (1024, true));
}

/// What the tests tell the channel to do.
struct Echo {
    running: AtomicUsize,
    most: AtomicUsize,
    met: Barrier,
}

impl Commands for Echo {
    fn run(&self, command: &ControlCommand, stop: &dyn Interrupt) -> Result<String, String> {
        match command.name.as_str() {
            "echo" => Ok(command.args.join(" ")),
            "long" => Ok("0123456789\n".repeat(command.args[0].parse().unwrap())),
            "meet" => {
                self.met.wait();
                Ok("met".to_owned())
            }
            "count" => {
                self.most.fetch_max(
                    self.running.fetch_add(1, Ordering::SeqCst).saturating_add(1),
                    Ordering::SeqCst,
                );
                thread::sleep(Duration::from_millis(20));
                self.running.fetch_sub(1, Ordering::SeqCst);
                Ok(String::new())
            }
            "hang" => {
                while stop.check().is_ok() {
                    thread::sleep(Duration::from_millis(2));
                }
                Err("stopped".to_owned())
            }
            "panic" => panic!("as asked"),
            other => Err(format!("unknown command '{other}'")),
        }
    }
}

struct Server {
    address: std::net::SocketAddr,
    echo: Arc<Echo>,
    meter: Arc<Meter>,
    stop: oneshot::Sender<()>,
    served: tokio::task::JoinHandle<io::Result<()>>,
}

async fn server(limits: ControlLimits) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let echo =
        Arc::new(Echo { running: AtomicUsize::new(0), most: AtomicUsize::new(0), met: Barrier::new(20) });
    let options = ControlOptions { limits, grace: Duration::from_secs(2), meter: Arc::default() };
    let meter = Arc::clone(&options.meter);
    let (stop, stopped) = oneshot::channel();
    let until = async { drop(stopped.await) };
    let served = tokio::spawn(serve(listener, Arc::clone(&echo) as _, options, until));
    Server { address, echo, meter, stop, served }
}

impl Server {
    /// What comes back for these bytes, until the end, without an end on this side.
    async fn say(&self, bytes: &[u8]) -> String {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        rest(stream).await
    }
}

async fn rest(mut stream: TcpStream) -> String {
    let mut text = String::new();
    timeout(Duration::from_secs(20), stream.read_to_string(&mut text)).await.unwrap().unwrap();
    text
}

/// Reads up to a line feed and no further.
async fn line(stream: &mut TcpStream) {
    while stream.read_u8().await.unwrap() != b'\n' {}
}

fn request(command: &str) -> String {
    format!(r#"{{"type":"git","command":"{command}"}}"#)
}

#[tokio::test]
async fn without_a_line_feed_there_is_one_answer() {
    let server = server(ControlLimits::default()).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(request("git long 500").as_bytes()).await.unwrap();
    let mut room = [0; 1024];
    let read = stream.read(&mut room).await.unwrap();
    let value: serde_json::Value = serde_json::from_slice(&room[..read]).unwrap();
    assert_eq!(value["status"], "success");
    assert!(value["message"].as_str().unwrap().ends_with("to get all"));
    assert_eq!(stream.read(&mut room).await.unwrap(), 0);
    for bad in ["git nothing", "git"] {
        assert!(server.say(request(bad).as_bytes()).await.starts_with("{\"error\":\""));
    }
    assert_eq!(
        server.say((request("echo a") + &request("echo b")).as_bytes()).await.matches("type").count(),
        1
    );
    let counts = server.meter.counts();
    assert_eq!((counts.connections, counts.served, counts.refused, counts.failed), (4, 2, 2, 0));
    assert!(counts.bytes_in > 100 && counts.bytes_out > 1000);
}

#[tokio::test]
async fn with_line_feeds_there_are_many_lines() {
    let limits = ControlLimits { requests_max: 4, line_bytes_max: 4096, ..ControlLimits::default() };
    let server = server(limits).await;
    let lines: String = ["echo a", "long 330", "long 370", "no", "echo not"]
        .iter()
        .map(|command| request(command) + " \r\n")
        .collect();
    let text = server.say(lines.as_bytes()).await;
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 4, "{text}");
    assert!(lines[0].contains("\"message\":\"a\""));
    assert!(lines[1].ends_with("0123456789\\n\"}") && lines[1].len() < 4096);
    assert!(lines[2].contains("more lines") && lines[2].len() < 4096);
    assert_eq!(lines[3], r#"{"error":"unknown command 'no'"}"#);
    assert!(text.ends_with('\n'));
}

#[tokio::test]
async fn a_request_is_whole_however_it_is_cut() {
    let server = server(ControlLimits::default()).await;
    let bytes = request("echo a") + "\n" + &request("echo b");
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    for byte in bytes.bytes() {
        stream.write_all(&[byte]).await.unwrap();
        tokio::task::yield_now().await;
    }
    let text = rest(stream).await;
    assert!(text.contains("\"a\"}\n{") && text.ends_with("\"message\":\"b\"}"), "{text}");
}

#[tokio::test]
async fn what_is_no_request_has_an_answer_too() {
    let limits = ControlLimits { request_timeout: Duration::from_secs(1), ..ControlLimits::default() };
    let server = server(limits).await;
    for (bytes, answer) in [
        (&b""[..], r#"{"error":"No data received"}"#),
        (b" \n", r#"{"error":"No data received"}"#),
        (b"{\"type\":", r#"{"error":"the request is not whole"}"#),
        (b"GET / HTTP/1.1\r\n\r\n", r#"{"error":"not a JSON object: unexpected 'G' at byte 0"}"#),
        (b"\0\0", r#"{"error":"not a JSON object: unexpected '\\x00' at byte 0"}"#),
        (
            b"{\"type\":\"git\",\"command\":\"panic\"}",
            r#"{"error":"internal error: a command has panicked"}"#,
        ),
    ] {
        // Silence, and an end.
        assert_eq!(server.say(bytes).await, answer);
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        stream.shutdown().await.unwrap();
        assert_eq!(rest(stream).await, answer);
    }
    let deep = server.say(&vec![b'{'; 1 << 20]).await;
    assert!(deep.contains("at most 8"), "{deep}");
    assert!(server.say(request("echo on").as_bytes()).await.contains("on"));
}

#[tokio::test]
async fn silence_ends_a_connection() {
    let limits = ControlLimits {
        idle_timeout: Duration::from_secs(3),
        request_timeout: Duration::from_millis(500),
        ..ControlLimits::default()
    };
    let server = server(limits).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all((request("echo a") + "\n").as_bytes()).await.unwrap();
    line(&mut stream).await;
    // Longer than a request may take, shorter than silence may last.
    tokio::time::sleep(Duration::from_secs(1)).await;
    stream.write_all((request("echo b") + "\n").as_bytes()).await.unwrap();
    line(&mut stream).await;
    assert_eq!(rest(stream).await, "");
}

#[tokio::test]
async fn the_line_feed_may_come_a_little_later() {
    let limits = ControlLimits { line_feed_wait: Duration::from_millis(500), ..ControlLimits::default() };
    let server = server(limits).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(request("echo a").as_bytes()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    stream.write_all(b"\n").await.unwrap();
    stream.shutdown().await.unwrap();
    assert!(rest(stream).await.ends_with("}\n"));
    let limits = ControlLimits { line_feed_wait: Duration::ZERO, ..ControlLimits::default() };
    let server = self::server(limits).await;
    assert!(server.say(request("echo a").as_bytes()).await.ends_with('}'));
}

#[tokio::test]
async fn twenty_at_once() {
    let server = Arc::new(server(ControlLimits::default()).await);
    let mut all = JoinSet::new();
    for _ in 0..20 {
        // Each waits for the nineteen others.
        let server = Arc::clone(&server);
        all.spawn(async move { server.say(request("meet").as_bytes()).await });
    }
    for answer in all.join_all().await {
        assert!(answer.contains("\"met\""), "{answer}");
    }
}

#[tokio::test]
async fn so_many_commands_and_connections_at_once() {
    let limits = ControlLimits { commands_max: 2, connections_max: 10, ..ControlLimits::default() };
    let server = Arc::new(server(limits).await);
    let mut all = JoinSet::new();
    for _ in 0..10 {
        let server = Arc::clone(&server);
        all.spawn(async move { server.say(request("count").as_bytes()).await });
    }
    assert!(all.join_all().await.iter().all(|answer| answer.contains("success")));
    assert_eq!(server.echo.most.load(Ordering::SeqCst), 2);
    let mut held = Vec::new();
    while held.len() < 10 {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream.write_all((request("echo x") + "\n").as_bytes()).await.unwrap();
        let mut begun = [0; 7];
        stream.read_exact(&mut begun).await.unwrap();
        // One that came before has perhaps not quite gone.
        if &begun == b"{\"type\"" {
            held.push(stream);
        }
    }
    assert_eq!(server.say(b"").await, r#"{"error":"server busy, try again later"}"#);
    assert!(server.meter.counts().open >= 10);
}

#[tokio::test]
async fn a_command_that_takes_too_long_is_stopped() {
    let limits = ControlLimits {
        command_timeout: Duration::from_secs(1),
        commands_max: 1,
        ..ControlLimits::default()
    };
    let server = server(limits).await;
    let answer = server.say(request("hang").as_bytes()).await;
    assert_eq!(answer, r#"{"error":"the command took longer than 1 s"}"#);
    // Its turn has come back.
    assert!(server.say(request("echo a").as_bytes()).await.contains("success"));
}

#[tokio::test]
async fn a_shutdown_lets_commands_end_and_connections_go() {
    let server = server(ControlLimits::default()).await;
    let mut idle = TcpStream::connect(server.address).await.unwrap();
    idle.write_all((request("echo a") + "\n").as_bytes()).await.unwrap();
    line(&mut idle).await;
    let mut busy = TcpStream::connect(server.address).await.unwrap();
    busy.write_all(request("count").as_bytes()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(10)).await;
    server.stop.send(()).unwrap();
    assert_eq!(rest(idle).await, r#"{"error":"the server is shutting down"}"#);
    assert!(rest(busy).await.contains("success"));
    server.served.await.unwrap().unwrap();
    assert!(TcpStream::connect(server.address).await.is_err());
}
