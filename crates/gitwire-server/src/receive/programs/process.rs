//! One program that is talked to while it runs, and killed when its time is over.

use std::io::{self, PipeReader, Read as _, Write as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, channel, sync_channel};
use std::thread;
use std::time::Duration;

use gitwire_types::Interrupt;
use rustix::process::{Pid, Signal, kill_process_group};

/// A program that runs. Dropped before its end, it is killed.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    heard: Receiver<Heard>,
    input: Option<Sender<Vec<u8>>>,
    /// Whether it leads a group of its own, which is killed with it.
    group: bool,
    ended: bool,
}

/// What comes from a program.
#[derive(Debug)]
pub(super) enum Heard {
    /// What it says to people.
    Said(Vec<u8>),
    /// What it answers.
    Answer(Vec<u8>),
    /// It answers nothing more.
    AnswerEnd,
}

/// What happens next.
#[derive(Debug)]
pub(super) enum Next {
    Heard(Heard),
    /// All its streams have ended.
    Over,
    /// It was told to stop.
    Late,
}

type Hear = fn(Vec<u8>) -> Heard;

impl Process {
    /// Starts a program that reads `input`, and whose output is all for people.
    pub(super) fn start(mut command: Command, input: Vec<u8>, group: bool) -> io::Result<Self> {
        let (reader, writer) = io::pipe()?;
        command.stdout(writer.try_clone()?).stderr(writer);
        let mut process = Self::spawn(command, vec![(reader, Heard::Said)], group)?;
        process.send(input);
        process.end_of_input();
        Ok(process)
    }

    /// Starts a program that is asked, and answers on its standard output.
    pub(super) fn converse(mut command: Command, group: bool) -> io::Result<Self> {
        let ((reader, writer), (answers, answer)) = (io::pipe()?, io::pipe()?);
        command.stdout(answer).stderr(writer);
        Self::spawn(command, vec![(reader, Heard::Said), (answers, Heard::Answer)], group)
    }

    fn spawn(mut command: Command, streams: Vec<(PipeReader, Hear)>, group: bool) -> io::Result<Self> {
        if group {
            command.process_group(0);
        }
        let mut child = command.stdin(Stdio::piped()).spawn()?;
        // It holds the writing ends: what is left open here would keep the readers waiting.
        drop(command);
        let (input, inputs) = channel();
        if let Some(stdin) = child.stdin.take() {
            // A program may say much before it reads, and may end without having read anything.
            thread::spawn(move || feed(stdin, &inputs));
        }
        let (sender, heard) = sync_channel(PIECES_MAX);
        for (reader, hear) in streams {
            let sender = sender.clone();
            thread::spawn(move || pass_on(reader, hear, &sender));
        }
        Ok(Self { child, heard, input: Some(input), group, ended: false })
    }

    /// Writes to it. One that does not read any more is not told.
    pub(super) fn send(&self, input: Vec<u8>) {
        if let Some(inputs) = &self.input {
            let _ = inputs.send(input);
        }
    }

    pub(super) fn end_of_input(&mut self) {
        self.input = None;
    }

    pub(super) fn next(&self, stop: &dyn Interrupt) -> Next {
        loop {
            if stop.check().is_err() {
                return Next::Late;
            }
            match self.heard.recv_timeout(STEP) {
                Ok(heard) => return Next::Heard(heard),
                Err(RecvTimeoutError::Disconnected) => return Next::Over,
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }

    /// Hears it to its end; whether it succeeded, `None` where it was stopped.
    pub(super) fn finish(
        mut self,
        stop: &dyn Interrupt,
        say: &mut dyn FnMut(&[u8]),
    ) -> io::Result<Option<bool>> {
        self.end_of_input();
        loop {
            match self.next(stop) {
                Next::Heard(Heard::Said(text)) => say(&text),
                Next::Heard(_) => {}
                Next::Over => break,
                Next::Late => return Ok(None),
            }
        }
        let mut pause = Duration::from_micros(100);
        loop {
            if let Some(status) = self.child.try_wait()? {
                self.ended = true;
                return Ok(Some(status.success()));
            }
            if stop.check().is_err() {
                return Ok(None);
            }
            thread::sleep(pause);
            pause = pause.saturating_mul(2).min(STEP);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        // Both fail only where it has ended meanwhile.
        if self.group {
            let _ = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a program that needs no input; what it writes to standard output, if it succeeds.
pub(super) fn output(mut command: Command) -> io::Result<Vec<u8>> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output()?;
    if output.status.success() { Ok(output.stdout) } else { Ok(Vec::new()) }
}

fn feed(mut stdin: ChildStdin, inputs: &Receiver<Vec<u8>>) {
    while let Ok(input) = inputs.recv() {
        if stdin.write_all(&input).is_err() {
            return;
        }
    }
}

fn pass_on(mut reader: PipeReader, hear: Hear, sender: &SyncSender<Heard>) {
    let mut room = [0; 4096];
    loop {
        match reader.read(&mut room) {
            Ok(0) | Err(_) => break,
            Ok(len) => {
                let piece = room.get(..len).unwrap_or_default().to_vec();
                if sender.send(hear(piece)).is_err() {
                    return;
                }
            }
        }
    }
    if matches!(hear(Vec::new()), Heard::Answer(_)) {
        let _ = sender.send(Heard::AnswerEnd);
    }
}

/// Pieces of 4 KiB that wait: behind them the program waits.
const PIECES_MAX: usize = 16;

/// How long is waited before it is looked whether to stop.
const STEP: Duration = Duration::from_millis(20);
