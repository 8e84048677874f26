//! The conversation with a `proc-receive` hook (`githooks`): a version, the commands, the push options, and then what came of them.

use bytes::{Buf as _, Bytes, BytesMut};
use gitwire_pktline::{Decoded, Packet, decode, encode_data, encode_flush, text};
use gitwire_protocol::{PushCommand, UpdateOptions};
use gitwire_types::{Interrupt, ObjectFormat, ObjectId};

use super::ProgramHooks;
use super::process::{Heard, Next, Process};
use crate::receive::{Processed, Proposal, Refusal};

impl ProgramHooks {
    pub(super) fn process(
        &self,
        proposal: &Proposal<'_>,
        commands: &[PushCommand],
        answer: &mut dyn FnMut(usize, Processed),
        say: &mut dyn FnMut(&[u8]),
    ) -> Result<(), Refusal> {
        let Some(mut command) = self.programs("proc-receive").into_iter().next() else {
            say(b"error: cannot find hook 'proc-receive'\n");
            return Err(Refusal::new());
        };
        self.prepare(&mut command, proposal);
        let group = self.surroundings == super::Surroundings::Cleaned;
        let process = Process::converse(command, group).map_err(|error| {
            say(format!("error: cannot run proc-receive: {error}\n").as_bytes());
            Refusal::new()
        })?;
        let mut hook = Hook { process, stop: proposal.stop, input: BytesMut::new(), ended: false };
        let conversed = hook.converse(proposal, commands, self.repository_format(), answer, say);
        // What it still says comes before what is said of it.
        let ended = hook.process.finish(proposal.stop, say);
        match conversed {
            Err(Some(what)) => {
                say(format!("error: {what}\n").as_bytes());
                Err(Refusal::new())
            }
            Err(None) => Err(Refusal::new()),
            Ok(faults) => {
                if !faults.is_empty() {
                    say(format!("error: {}\n", faults.join("\n")).as_bytes());
                }
                match ended {
                    Ok(Some(true)) => Ok(()),
                    _ => Err(Refusal::new()),
                }
            }
        }
    }

    fn repository_format(&self) -> ObjectFormat {
        use gitwire_storage::Repository as _;
        self.repository.format()
    }
}

/// A hook that is asked.
struct Hook<'a> {
    process: Process,
    stop: &'a dyn Interrupt,
    input: BytesMut,
    ended: bool,
}

/// Why the conversation ended early; `None` where nothing can be said of it.
type Broken = Option<String>;

impl Hook<'_> {
    /// What was wrong with the report, a line each.
    fn converse(
        &mut self,
        proposal: &Proposal<'_>,
        commands: &[PushCommand],
        format: ObjectFormat,
        answer: &mut dyn FnMut(usize, Processed),
        say: &mut dyn FnMut(&[u8]),
    ) -> Result<Vec<String>, Broken> {
        let takes_options = self.agree(proposal, say)?;
        let mut output = BytesMut::new();
        let mut line = |line: &[u8]| encode_data(line, &mut output).map_err(|error| Some(error.to_string()));
        for command in commands {
            let (old, new) = (command.old.to_hex(), command.new.to_hex());
            line(&[old.as_bytes(), b" ", new.as_bytes(), b" ", &command.name].concat())?;
        }
        encode_flush(&mut output);
        if takes_options {
            for option in proposal.options {
                encode_data(option, &mut output).map_err(|error| Some(error.to_string()))?;
            }
            encode_flush(&mut output);
        }
        self.process.send(output.to_vec());
        let answered = vec![false; commands.len()];
        let all = proposal.commands;
        let mut report = Report { commands, all, format, answered, at: None, faults: Vec::new() };
        let ended = loop {
            match self.packet(say) {
                Some(Some(line)) => report.line(&line, answer),
                Some(None) => break true,
                None => break false,
            }
        };
        report.end(answer);
        // A hook that died may have had more to say.
        if ended {
            report.answer_for_it(answer);
        }
        if ended || !report.faults.is_empty() { Ok(report.faults) } else { Err(None) }
    }

    /// Agrees on the version; whether the hook takes push options.
    fn agree(&mut self, proposal: &Proposal<'_>, say: &mut dyn FnMut(&[u8])) -> Result<bool, Broken> {
        let failed = || Some("fail to negotiate version with proc-receive hook".to_owned());
        let mut features = Vec::new();
        if !proposal.options.is_empty() {
            features.push("push-options");
        }
        if proposal.atomic {
            features.push("atomic");
        }
        let mut hello = b"version=1".to_vec();
        if !features.is_empty() {
            hello.push(0);
            hello.extend_from_slice(features.join(" ").as_bytes());
        }
        hello.push(b'\n');
        let mut output = BytesMut::new();
        encode_data(&hello, &mut output).map_err(|_| failed())?;
        encode_flush(&mut output);
        self.process.send(output.to_vec());
        let (mut version, mut takes_options, mut first) = (0_u64, false, true);
        loop {
            let line = match self.packet(say) {
                Some(Some(line)) => line,
                Some(None) => break,
                None => return Err(failed()),
            };
            if !std::mem::take(&mut first) {
                continue;
            }
            let mut parts = line.splitn(2, |byte| *byte == 0);
            let number = parts.next().and_then(|part| part.strip_prefix(b"version="));
            let number = number.and_then(|number| std::str::from_utf8(number).ok());
            version = number.and_then(|number| number.parse().ok()).unwrap_or(0);
            let mut words = parts.next().unwrap_or_default().split(|byte| *byte == b' ');
            takes_options = words.any(|word| word == b"push-options");
        }
        match version {
            0 | 1 => Ok(takes_options && !proposal.options.is_empty()),
            other => Err(Some(format!("proc-receive version '{other}' is not supported"))),
        }
    }

    /// The next packet: a line, or a flush. `None` where the hook says nothing more, or nothing proper.
    #[allow(clippy::option_option, reason = "no packet, a flush packet, a line")]
    fn packet(&mut self, say: &mut dyn FnMut(&[u8])) -> Option<Option<Vec<u8>>> {
        loop {
            match decode(&self.input) {
                Ok(Decoded::Packet { packet, consumed }) => {
                    let line = match packet {
                        Packet::Data(data) => Some(text(data).to_vec()),
                        _ => None,
                    };
                    self.input.advance(consumed);
                    return Some(line);
                }
                Ok(Decoded::Incomplete { .. }) if !self.ended => {}
                _ => return None,
            }
            match self.process.next(self.stop) {
                Next::Heard(Heard::Said(text)) => say(&text),
                Next::Heard(Heard::Answer(data)) => self.input.extend_from_slice(&data),
                Next::Heard(Heard::AnswerEnd) | Next::Over => self.ended = true,
                Next::Late => return None,
            }
        }
    }
}

/// What the hook reports.
struct Report<'a> {
    commands: &'a [PushCommand],
    /// Those of the push, also those that are not the hook's.
    all: &'a [PushCommand],
    format: ObjectFormat,
    answered: Vec<bool>,
    /// The command whose `ok` was read last, what was said of it before, and the change that its options now tell of.
    at: Option<Reported>,
    faults: Vec<String>,
}

struct Reported {
    at: usize,
    changes: Vec<UpdateOptions>,
    change: Option<UpdateOptions>,
    falls_through: bool,
}

impl Report<'_> {
    fn line(&mut self, line: &[u8], answer: &mut dyn FnMut(usize, Processed)) {
        let mut words = line.splitn(3, |byte| *byte == b' ');
        let (word, name, rest) = (words.next().unwrap_or_default(), words.next(), words.next());
        let Some(name) = name else {
            self.faults
                .push(format!("proc-receive reported incomplete status line: '{}'", word.escape_ascii()));
            return;
        };
        match word {
            b"option" => self.option(name, rest),
            b"ok" => self.ok(name, answer),
            b"ng" => {
                if let Some(at) = self.find(name) {
                    self.end(answer);
                    let reason = rest.filter(|rest| !rest.is_empty()).unwrap_or(b"failed");
                    answer(at, Processed::Rejected(Bytes::copy_from_slice(reason)));
                }
            }
            other => {
                let (other, name) = (other.escape_ascii(), name.escape_ascii());
                self.faults.push(format!("proc-receive reported bad status '{other}' on ref '{name}'"));
            }
        }
    }

    fn ok(&mut self, name: &[u8], answer: &mut dyn FnMut(usize, Processed)) {
        let Some(at) = self.find(name) else { return };
        match &mut self.at {
            // One more change in place of the same command.
            Some(reported) if reported.at == at => reported.changes.extend(reported.change.take()),
            _ => {
                self.end(answer);
                self.at = Some(Reported { at, changes: Vec::new(), change: None, falls_through: false });
            }
        }
    }

    fn option(&mut self, key: &[u8], value: Option<&[u8]>) {
        let Some(reported) = &mut self.at else {
            let fault = "proc-receive reported 'option' without a matching 'ok/ng' directive".to_owned();
            if !self.faults.contains(&fault) {
                self.faults.push(fault);
            }
            return;
        };
        if key == b"fall-through" {
            reported.falls_through = true;
            return;
        }
        let change = reported.change.get_or_insert_default();
        let id = || ObjectId::from_hex(self.format, value?).ok();
        match key {
            b"refname" => change.name = value.map(Bytes::copy_from_slice),
            b"old-oid" => change.old = id(),
            b"new-oid" => change.new = id(),
            b"forced-update" => change.forced = true,
            _ => {}
        }
    }

    /// The command of a name that the hook was asked for.
    fn find(&mut self, name: &[u8]) -> Option<usize> {
        let found = self.commands.iter().position(|command| command.name == name);
        if let Some(answered) = found.and_then(|at| self.answered.get_mut(at)) {
            *answered = true;
        } else {
            let is_known = self.all.iter().any(|command| command.name == name);
            let which = if is_known { "unexpected" } else { "unknown" };
            self.faults.push(format!("proc-receive reported status on {which} ref: {}", name.escape_ascii()));
        }
        found
    }

    /// What it should have said something of, and did not.
    fn answer_for_it(&self, answer: &mut dyn FnMut(usize, Processed)) {
        let silent = self.answered.iter().enumerate().filter(|(_, answered)| !**answered);
        for (at, _) in silent {
            let reason = Bytes::from_static(b"proc-receive failed to report status");
            answer(at, Processed::Rejected(reason));
        }
    }

    /// Nothing more is said of the last command.
    fn end(&mut self, answer: &mut dyn FnMut(usize, Processed)) {
        let Some(mut reported) = self.at.take() else { return };
        reported.changes.extend(reported.change.take());
        let processed = match reported.falls_through {
            true => Processed::FallThrough,
            false => Processed::Done(reported.changes),
        };
        answer(reported.at, processed);
    }
}
