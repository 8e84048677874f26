//! What of two outcomes is compared, and what is left out, with the reason.

use std::collections::BTreeMap;

use super::run::Outcome;

type Lines = BTreeMap<String, Vec<String>>;

impl Outcome {
    /// Ours and git's, as far as they have to be the same.
    pub(super) fn compared(&self, theirs: &Self, batched: bool) -> (Lines, Lines) {
        let (mut ours, mut git) = (self.lines(), theirs.lines());
        // Whoever ends a conversation says why in words of its own, and where: git on standard error alone, we on the wire as well.
        if self.exit == Some(128) && theirs.exit == Some(128) {
            let is_said = |line: &String| line.starts_with("3: ") || line.get(4..8) == Some("ERR ");
            let answer = ours.get_mut("answer").unwrap();
            if answer.last().is_some_and(is_said) {
                answer.pop();
            }
            git.get_mut("answer").unwrap().retain(|line| !line.starts_with("2: "));
            both(&mut ours, &mut git, |lines| lines.insert("errors".to_owned(), Vec::new()));
        }
        // Where the client reads bands, standard error is for whoever runs the server: git says there how its programs ended.
        if git["answer"].iter().any(|line| line.starts_with("1: ")) {
            both(&mut ours, &mut git, |lines| lines.insert("errors".to_owned(), Vec::new()));
        }
        // What is wrong with a pack we say in words of our own, with the place.
        both(&mut ours, &mut git, |lines| {
            for line in lines.get_mut("answer").unwrap() {
                if let Some(at) = line.find("unpack ").filter(|at| line[*at..] != *"unpack ok\\n") {
                    *line = format!("{}unpack failed", if at > 4 { "1: " } else { "" });
                }
            }
        });
        let is_refused = |lines: &Lines| lines["answer"].iter().any(|line| line.ends_with("unpack failed"));
        if is_refused(&ours) && is_refused(&git) {
            both(&mut ours, &mut git, |lines| {
                lines.get_mut("answer").unwrap().retain(|line| !line.starts_with("2: "));
                lines.insert("errors".to_owned(), Vec::new());
            });
        }
        // Where nothing is made we store nothing; git has taken the objects by then.
        let is_made = |line: &String| line.contains("ok refs/");
        let reports = |lines: &Lines| lines["answer"].iter().any(|line| line.contains("ng "));
        if reports(&git) && reports(&ours) && !git["answer"].iter().any(is_made) {
            both(&mut ours, &mut git, |lines| {
                ["objects", "stored"].iter().for_each(|what| drop(lines.remove(*what)));
            });
        }
        // An older git has one reason for whatever a ref stands against, and takes the commands as they come.
        if !batched {
            both(&mut ours, &mut git, |lines| {
                let answer = lines.get_mut("answer").unwrap();
                answer.iter_mut().for_each(|line| *line = with_one_reason(line));
                for said in
                    answer.chunk_by_mut(|one, other| one.starts_with("2: ") && other.starts_with("2: "))
                {
                    said.sort_unstable();
                }
                let (mut updates, mut rest): (Vec<_>, Vec<_>) =
                    lines["hooks"].clone().into_iter().partition(|line| line.starts_with("hooks/update"));
                updates.sort_unstable();
                rest.extend(updates);
                lines.insert("hooks".to_owned(), rest);
            });
        }
        // Transactions of references: git 2.47 makes one for each command, ours are those of git since 2.50; and where a ref is refused,
        // some end otherwise.
        let is_transaction = |line: &String| line.starts_with("hooks/reference-transaction");
        let is_silent = !git["answer"].iter().any(|line| line.contains("unpack "));
        if is_silent {
            // Nothing says whether the pack was taken: what is wrong with it stands in words alone.
            both(&mut ours, &mut git, |lines| {
                let is_fault =
                    |line: &String| line.starts_with("2: error: ") || line.starts_with("2: fatal: ");
                lines.get_mut("answer").unwrap().retain(|line| !is_fault(line));
            });
        }
        if reports(&git) || is_silent {
            both(&mut ours, &mut git, |lines| {
                lines.get_mut("hooks").unwrap().retain(|line| !is_transaction(line));
            });
        }
        both(&mut ours, &mut git, |lines| {
            let hooks = lines.get_mut("hooks").unwrap();
            let (mut changes, rest): (Vec<_>, Vec<_>) =
                std::mem::take(hooks).into_iter().partition(is_transaction);
            changes.retain(|line| !is_internal(line));
            changes.sort_unstable();
            changes.dedup();
            *hooks = rest;
            hooks.sort_by_key(|line| line.split('/').nth(1).map(place));
            lines.insert("transactions".to_owned(), changes);
        });
        (ours, git)
    }

    fn lines(&self) -> Lines {
        let mut lines = Lines::new();
        lines.insert("answer".to_owned(), without_advice(&self.answer));
        lines.insert("errors".to_owned(), without_advice(&self.errors));
        lines.insert("hooks".to_owned(), self.hooks.clone());
        lines.insert("exit".to_owned(), vec![format!("{:?}", self.exit)]);
        for (hook, variables) in &self.environments {
            lines.insert(hook.clone(), variables.iter().cloned().collect());
        }
        for (what, text) in &self.state {
            lines.insert((*what).to_owned(), text.lines().map(str::to_owned).collect());
        }
        lines
    }
}

fn both<T>(ours: &mut Lines, git: &mut Lines, mut change: impl FnMut(&mut Lines) -> T) {
    change(ours);
    change(git);
    // A hook that only one of them calls shows among the calls.
    let only = |one: &Lines, other: &Lines| {
        one.keys().filter(|what| !other.contains_key(*what)).cloned().collect::<Vec<_>>()
    };
    only(ours, git).iter().for_each(|what| drop(ours.remove(what)));
    only(git, ours).iter().for_each(|what| drop(git.remove(what)));
}

fn with_one_reason(line: &str) -> String {
    const REASONS: [&str; 4] = [
        " incorrect old value provided\\n",
        " reference already exists\\n",
        " reference does not exist\\n",
        " refname conflict\\n",
    ];
    match (line.split_once("ng "), REASONS.iter().find_map(|reason| line.strip_suffix(reason))) {
        (Some(_), Some(front)) => {
            format!("1: ng {} failed to update ref", front.split("ng ").nth(1).unwrap_or_default())
        }
        (Some((_, rest)), None) if line.ends_with(" failed to update ref\\n") => {
            format!("1: ng {}", rest.trim_end_matches("\\n"))
        }
        _ => line.to_owned(),
    }
}

/// git gives hooks its own bookkeeping too: `packed-refs` without what goes, `HEAD` beside the branch that it names (2.46 to 2.49).
fn is_internal(line: &str) -> bool {
    let mut words = line.split(' ').skip(1);
    let (old, new, name) = (words.next(), words.next(), words.next());
    let is_zero = |word: Option<&str>| word.is_some_and(|word| word.bytes().all(|byte| byte == b'0'));
    line.contains('[') || is_zero(old) && is_zero(new) || name == Some("HEAD")
}

/// Since git 2.50 hooks run in this order whatever the number of commands; before it `update` ran between transactions.
fn place(hook: &str) -> usize {
    const ORDER: [&str; 6] =
        ["pre-receive", "proc-receive", "update", "push-to-checkout", "post-receive", "post-update"];
    ORDER.iter().position(|name| hook.starts_with(&format!("{name}:"))).unwrap_or(ORDER.len())
}

/// Without git's advice, and without what a process of its own says of objects that lack before the report says it.
fn without_advice(lines: &[String]) -> Vec<String> {
    const STARTS: [&str; 5] = [
        "fatal: bad object ",
        "fatal: bad tree object ",
        "fatal: missing ",
        "error: Could not read ",
        "fatal: Failed to traverse parents",
    ];
    let mut is_advice = false;
    let said = |line: &&String| {
        let line = line.strip_prefix("2: ").unwrap_or(line);
        is_advice |= line.starts_with("error: By default, ");
        let is_missing = line.starts_with("error: ") && line.ends_with(" is missing");
        let leaves_out = is_advice || is_missing || STARTS.iter().any(|start| line.starts_with(start));
        is_advice &= !line.ends_with("\\'refuse\\'.");
        !leaves_out
    };
    lines.iter().filter(said).cloned().collect()
}
