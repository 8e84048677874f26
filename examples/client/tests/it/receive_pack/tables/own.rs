//! Where we do something else than git.

use super::super::run::{Own, Which};

/// Pushes of which something else comes than git makes of them, by what the names of the cases begin with, and why.
pub(in super::super) const OWN: &[Own] = &[
    Own {
        name: "the same ref twice",
        which: Which::Perhaps,
        why: "git takes the commands one after the other, or fails after the hooks: two changes of one ref contradict each other, so both are refused before anybody is asked.",
    },
    Own {
        name: "a deletion and a change of one ref",
        which: Which::All,
        why: "git takes the commands one after the other, or fails after the hooks: two changes of one ref contradict each other, so both are refused before anybody is asked.",
    },
    Own {
        name: "two names of which one",
        which: Which::Perhaps,
        why: "Which of the two git takes differs from version to version: we take the first.",
    },
    Own {
        name: "through a symref",
        which: Which::Perhaps,
        why: "git tells hooks of the symbolic ref and of its target: we tell them of the name that was given.",
    },
    Own { name: "bare: through a symref", which: Which::Perhaps, why: "The same." },
    Own { name: "detached: through a symref", which: Which::Perhaps, why: "The same." },
    Own { name: "unborn: through a symref", which: Which::Perhaps, why: "The same." },
    Own { name: "reftable: through a symref", which: Which::Perhaps, why: "The same." },
    Own { name: "borrower: through a symref", which: Which::Perhaps, why: "The same." },
    Own {
        name: "a symref and its target, otherwise",
        which: Which::All,
        why: "git shortens the ids in its words.",
    },
    Own {
        name: "deletion of a symref",
        which: Which::All,
        why: "git deletes what the symbolic ref leads to, past the rules that protect it under its own name: we delete the ref that is named.",
    },
    Own {
        name: "an empty name",
        which: Which::All,
        why: "git reports a name that no report can hold: the request is malformed.",
    },
    Own {
        name: "a line feed behind the name",
        which: Which::All,
        why: "git reports a name that no report can hold: the request is malformed.",
    },
    Own { name: "a name of 4 KiB", which: Which::Perhaps, why: "The words are the operating system's." },
    Own {
        name: "a tag as a branch",
        which: Which::All,
        why: "git asks the update hook first: nobody needs to be asked.",
    },
    Own {
        name: "a blob as a branch",
        which: Which::All,
        why: "git asks the update hook first: nobody needs to be asked.",
    },
    Own {
        name: "a tag that is the branch's",
        which: Which::All,
        why: "git asks the update hook first: nobody needs to be asked.",
    },
    Own {
        name: "one of two is not there, atomically",
        which: Which::All,
        why: "git makes the others of an atomic push: all of it is refused.",
    },
    Own {
        name: "hidden, atomically",
        which: Which::All,
        why: "git makes the others of an atomic push: all of it is refused.",
    },
    Own {
        name: "a delimiter",
        which: Which::All,
        why: "git takes packets that no push has for its end: they are refused.",
    },
    Own {
        name: "a response end",
        which: Which::All,
        why: "git takes packets that no push has for its end: they are refused.",
    },
    Own {
        name: "push options behind a delimiter",
        which: Which::All,
        why: "git takes packets that no push has for its end: they are refused.",
    },
    Own {
        name: "a second NUL",
        which: Which::Perhaps,
        why: "git reads as far as it understands: what is malformed is refused.",
    },
    Own {
        name: "unknown capabilities",
        which: Which::Perhaps,
        why: "git reads as far as it understands: what is malformed is refused.",
    },
    Own {
        name: "a hash function that is none",
        which: Which::Perhaps,
        why: "git reads as far as it understands: what is malformed is refused.",
    },
    Own {
        name: "a shallow line with more",
        which: Which::Perhaps,
        why: "git reads as far as it understands: what is malformed is refused.",
    },
    Own {
        name: "a hash function that is",
        which: Which::Perhaps,
        why: "git reads as far as it understands: what is malformed is refused.",
    },
    Own {
        name: "no capabilities",
        which: Which::Perhaps,
        why: "Without a word on the hash function git assumes SHA-1 where a line has capabilities, and anything where none has: we assume SHA-1.",
    },
    Own {
        name: "capabilities that are empty",
        which: Which::Perhaps,
        why: "Without a word on the hash function git assumes SHA-1 where a line has capabilities, and anything where none has: we assume SHA-1.",
    },
    Own {
        name: "a report alone",
        which: Which::Perhaps,
        why: "Without a word on the hash function git assumes SHA-1 where a line has capabilities, and anything where none has: we assume SHA-1.",
    },
    Own {
        name: "the second report alone",
        which: Which::Perhaps,
        why: "Without a word on the hash function git assumes SHA-1 where a line has capabilities, and anything where none has: we assume SHA-1.",
    },
    Own {
        name: "capabilities on both",
        which: Which::Perhaps,
        why: "Without a word on the hash function git assumes SHA-1 where a line has capabilities, and anything where none has: we assume SHA-1.",
    },
    Own {
        name: "bands alone",
        which: Which::Perhaps,
        why: "Without a word on the hash function git assumes SHA-1 where a line has capabilities, and anything where none has: we assume SHA-1.",
    },
    Own {
        name: "a small side-band",
        which: Which::Perhaps,
        why: "Without a word on the hash function git assumes SHA-1 where a line has capabilities, and anything where none has: we assume SHA-1.",
    },
    Own {
        name: "the beginning of a capability",
        which: Which::Perhaps,
        why: "Without a word on the hash function git assumes SHA-1 where a line has capabilities, and anything where none has: we assume SHA-1.",
    },
    Own {
        name: "a capability within a word",
        which: Which::Perhaps,
        why: "Without a word on the hash function git assumes SHA-1 where a line has capabilities, and anything where none has: we assume SHA-1.",
    },
    Own {
        name: "a value where none is",
        which: Which::Perhaps,
        why: "Without a word on the hash function git assumes SHA-1 where a line has capabilities, and anything where none has: we assume SHA-1.",
    },
    Own {
        name: "many blanks",
        which: Which::Perhaps,
        why: "Without a word on the hash function git assumes SHA-1 where a line has capabilities, and anything where none has: we assume SHA-1.",
    },
    Own {
        name: "tabs between",
        which: Which::Perhaps,
        why: "Without a word on the hash function git assumes SHA-1 where a line has capabilities, and anything where none has: we assume SHA-1.",
    },
    Own {
        name: "both reports",
        which: Which::Perhaps,
        why: "Without a word on the hash function git assumes SHA-1 where a line has capabilities, and anything where none has: we assume SHA-1.",
    },
    Own {
        name: "atomic on the second",
        which: Which::Perhaps,
        why: "Without a word on the hash function git assumes SHA-1 where a line has capabilities, and anything where none has: we assume SHA-1.",
    },
    Own {
        name: "an error line behind a command without bands",
        which: Which::Perhaps,
        why: "Without a word on the hash function git assumes SHA-1 where a line has capabilities, and anything where none has: we assume SHA-1.",
    },
    Own {
        name: "a thin pack where none is taken",
        which: Which::Perhaps,
        why: "git heeds the option for packs that stay packs alone.",
    },
    Own {
        name: "something behind the pack",
        which: Which::Perhaps,
        why: "git leaves what is behind a small pack unread: it is refused.",
    },
    Own {
        name: "a second pack",
        which: Which::Perhaps,
        why: "git leaves what is behind a small pack unread: it is refused.",
    },
    Own {
        name: "a severity that is none",
        which: Which::Perhaps,
        why: "git says on its standard error what is wrong with the configuration, or ends at once: we tell the pusher, where a pack comes.",
    },
    Own {
        name: "a finding that nobody knows",
        which: Which::Perhaps,
        why: "git says on its standard error what is wrong with the configuration, or ends at once: we tell the pusher, where a pack comes.",
    },
    Own {
        name: "what must be an error",
        which: Which::Perhaps,
        why: "git says on its standard error what is wrong with the configuration, or ends at once: we tell the pusher, where a pack comes.",
    },
    Own {
        name: "a list that is not there",
        which: Which::Perhaps,
        why: "git says on its standard error what is wrong with the configuration, or ends at once: we tell the pusher, where a pack comes.",
    },
    Own {
        name: "a list of what is none",
        which: Which::Perhaps,
        why: "git says on its standard error what is wrong with the configuration, or ends at once: we tell the pusher, where a pack comes.",
    },
    Own {
        name: "objects that lack, not asked",
        which: Which::Perhaps,
        why: "An older git does not know the option.",
    },
    Own {
        name: "a tip that lacks, not asked",
        which: Which::Perhaps,
        why: "An older git does not know the option.",
    },
    Own {
        name: "denyDeleteCurrent warn",
        which: Which::All,
        why: "git writes the deletion into the reflog of HEAD, which leads to nothing by then: we end with the last value.",
    },
    Own {
        name: "denyDeleteCurrent ignore",
        which: Which::All,
        why: "git writes the deletion into the reflog of HEAD, which leads to nothing by then: we end with the last value.",
    },
    Own {
        name: "denyDeleteCurrent false",
        which: Which::All,
        why: "git writes the deletion into the reflog of HEAD, which leads to nothing by then: we end with the last value.",
    },
    Own {
        name: "in a namespace, its current branch",
        which: Which::All,
        why: "git writes the deletion into the reflog of HEAD, which leads to nothing by then: we end with the last value.",
    },
    Own {
        name: "a certificate without commands",
        which: Which::Perhaps,
        why: "git takes commands that nobody signed, and half a certificate: both are refused; without a signature the hooks decide.",
    },
    Own {
        name: "a certificate and a command",
        which: Which::Perhaps,
        why: "git takes commands that nobody signed, and half a certificate: both are refused; without a signature the hooks decide.",
    },
    Own {
        name: "a command and a certificate",
        which: Which::Perhaps,
        why: "git takes commands that nobody signed, and half a certificate: both are refused; without a signature the hooks decide.",
    },
    Own {
        name: "two certificates",
        which: Which::Perhaps,
        why: "git takes commands that nobody signed, and half a certificate: both are refused; without a signature the hooks decide.",
    },
    Own {
        name: "a certificate that does not end",
        which: Which::Perhaps,
        why: "git takes commands that nobody signed, and half a certificate: both are refused; without a signature the hooks decide.",
    },
    Own {
        name: "a certificate without a signature",
        which: Which::Perhaps,
        why: "git takes commands that nobody signed, and half a certificate: both are refused; without a signature the hooks decide.",
    },
    Own {
        name: "a certificate without capabilities",
        which: Which::Perhaps,
        why: "git takes commands that nobody signed, and half a certificate: both are refused; without a signature the hooks decide.",
    },
    Own {
        name: "a certificate that is none",
        which: Which::Perhaps,
        why: "git takes commands that nobody signed, and half a certificate: both are refused; without a signature the hooks decide.",
    },
    Own {
        name: "shallow of what is there",
        which: Which::Perhaps,
        why: "git leads hooks to a list of the new ends by GIT_SHALLOW_FILE, and stumbles over ends that it cannot read: they are refused.",
    },
    Own {
        name: "two shallow",
        which: Which::Perhaps,
        why: "git leads hooks to a list of the new ends by GIT_SHALLOW_FILE, and stumbles over ends that it cannot read: they are refused.",
    },
    Own {
        name: "shallow of nothing",
        which: Which::Perhaps,
        why: "git leads hooks to a list of the new ends by GIT_SHALLOW_FILE, and stumbles over ends that it cannot read: they are refused.",
    },
    Own {
        name: "shallow of what comes",
        which: Which::Perhaps,
        why: "git leads hooks to a list of the new ends by GIT_SHALLOW_FILE, and stumbles over ends that it cannot read: they are refused.",
    },
    Own {
        name: "reference-transaction: exit 1",
        which: Which::Perhaps,
        why: "git ends without a report where this hook declines: we report it.",
    },
    Own {
        name: "reference-transaction: test \"$1\" != prepared",
        which: Which::Perhaps,
        why: "git ends without a report where this hook declines: we report it.",
    },
    Own {
        name: "reference-transaction: echo",
        which: Which::Perhaps,
        why: "An older git does not know the state \"preparing\".",
    },
    Own {
        name: "a hook that is no program",
        which: Which::Perhaps,
        why: "The words are the operating system's; git gives a file without an interpreter to a shell.",
    },
    Own {
        name: "a hook that cannot run",
        which: Which::Perhaps,
        why: "The words are the operating system's; git gives a file without an interpreter to a shell.",
    },
    Own {
        name: "push-to-checkout",
        which: Which::Perhaps,
        why: "git writes what this hook says to its standard error: the pusher hears it.",
    },
    Own {
        name: "proc-receive",
        which: Which::Perhaps,
        why: "A hook that ends early breaks the pipe at another moment each time.",
    },
    Own {
        name: "procReceiveRefs",
        which: Which::Perhaps,
        why: "A hook that ends early breaks the pipe at another moment each time.",
    },
    Own {
        name: "empty: all of them",
        which: Which::Perhaps,
        why: "A deletion of nothing makes nothing: we store nothing for it.",
    },
    Own {
        name: "borrower:",
        which: Which::Perhaps,
        why: "git leaves out what a lender has: a push stands without the lender.",
    },
    Own {
        name: "what a lender has",
        which: Which::Perhaps,
        why: "git leaves out what a lender has: a push stands without the lender.",
    },
    Own {
        name: "broken",
        which: Which::All,
        why: "git shows broken refs with zeros, and counts every push as incomplete as long as one is broken: only what a push brings counts.",
    },
    Own {
        name: "a broken ref",
        which: Which::All,
        why: "git shows broken refs with zeros, and counts every push as incomplete as long as one is broken: only what a push brings counts.",
    },
    Own {
        name: "in a namespace",
        which: Which::Perhaps,
        why: "git shows the HEAD of a namespace, what is outside of it first, and tells hooks of transactions the whole names.",
    },
    Own {
        name: "advertised: GIT_NAMESPACE=ns",
        which: Which::Perhaps,
        why: "git shows the HEAD of a namespace, what is outside of it first, and tells hooks of transactions the whole names.",
    },
    Own {
        name: "advertised: on borrower -c core.alternateRefsCommand='echo",
        which: Which::Perhaps,
        why: "git takes a command with blanks for one name.",
    },
    Own {
        name: "a lock",
        which: Which::Perhaps,
        why: "How long a lock is waited for, and in which words it is told, is ours.",
    },
    Own {
        name: "pre-receive: git",
        which: Which::Perhaps,
        why: "What git's programs say depends on their version.",
    },
    Own {
        name: "update: git",
        which: Which::Perhaps,
        why: "What git's programs say depends on their version.",
    },
    Own {
        name: "post-receive: git",
        which: Which::Perhaps,
        why: "What git's programs say depends on their version.",
    },
    Own {
        name: "post-update: git",
        which: Which::Perhaps,
        why: "What git's programs say depends on their version.",
    },
    Own {
        name: "bad pack and no report",
        which: Which::Perhaps,
        why: "What is wrong with a pack we say in words of our own.",
    },
    Own {
        name: "pre-receive: kill",
        which: Which::Perhaps,
        why: "git says on standard error how its programs ended.",
    },
    Own {
        name: "reftable: conflicts",
        which: Which::Perhaps,
        why: "An older git leaves out what could not be locked.",
    },
];
