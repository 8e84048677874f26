//! `gitwire rpc`.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use serde_json::{Value, json};

use crate::failure::Failure;

/// Tells the control channel of gitwired what to do, and prints its answer. The exit code is 0 for success and 1 for an error.
#[derive(Debug, Args)]
pub(crate) struct Rpc {
    /// Where the channel is.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8029")]
    connect: String,
    /// The command, as `git clone URL`, or a whole request in JSON.
    #[arg(required = true, trailing_var_arg = true)]
    command: Vec<String>,
}

impl Rpc {
    pub(crate) fn run(&self) -> Result<ExitCode, Failure> {
        let place = self.connect.strip_prefix("control://").unwrap_or(&self.connect);
        let unreachable = |why: String| Failure::fatal(format!("unable to connect to {place}: {why}"));
        let addresses = place.to_socket_addrs().map_err(|error| unreachable(error.to_string()))?;
        let mut last = unreachable("it has no address".to_owned());
        for address in addresses {
            match TcpStream::connect_timeout(&address, CONNECT_TIMEOUT) {
                Ok(stream) => return self.ask(&stream),
                Err(error) => last = unreachable(error.to_string()),
            }
        }
        Err(last)
    }

    fn ask(&self, mut stream: &TcpStream) -> Result<ExitCode, Failure> {
        // The line feed asks for all of the answer, and whoever sent a request that is not whole must not wait for the rest.
        stream.write_all((self.request() + "\n").as_bytes())?;
        stream.shutdown(std::net::Shutdown::Write)?;
        let mut line = String::new();
        BufReader::new(stream.take(ANSWER_BYTES_MAX)).read_line(&mut line)?;
        let answer: Value = serde_json::from_str(&line)
            .map_err(|error| Failure::fatal(format!("the answer is no JSON object: {error}")))?;
        println!("{}", line.trim_end());
        let is_good = answer.get("status").and_then(Value::as_str) == Some("success");
        Ok(ExitCode::from(u8::from(!is_good)))
    }

    fn request(&self) -> String {
        let text = self.command.join(" ");
        if text.trim_start().starts_with('{') {
            return text.replace('\n', " ");
        }
        json!({ "type": "git", "command": text }).to_string()
    }
}

/// The channel is on this machine, or nearly so.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Twice what a channel sends that nobody has told otherwise.
const ANSWER_BYTES_MAX: u64 = 2 << 20;
