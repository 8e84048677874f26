//! Hooks that fail at each place, and what they see and say.

use super::super::run::Case;

/// Hooks that fail at each place, and what they see and say.
pub(in super::super) const HOOKS: &[Case] = &[
    Case(
        "pre-receive: exit 1",
        "pre-receive: exit 1",
        "{main} {new} refs/heads/main\\0 {caps}\n{zero} {new} refs/heads/x\n0000\npack:new",
    ),
    Case(
        "pre-receive: exit 1, atomic",
        "pre-receive: exit 1",
        "{main} {new} refs/heads/main\\0 atomic {caps}\n{zero} {new} refs/heads/x\n0000\npack:new",
    ),
    Case(
        "pre-receive: exit 1, without bands",
        "pre-receive: exit 1",
        "{main} {new} refs/heads/main\\0 report-status object-format={format}\n{zero} {new} refs/heads/x\n0000\npack:new",
    ),
    Case(
        "pre-receive: echo no; echo nono >&2; exit 1",
        "pre-receive: echo no; echo nono >&2; exit 1",
        "{main} {new} refs/heads/main\\0 {caps}\n{zero} {new} refs/heads/x\n0000\npack:new",
    ),
    Case(
        "pre-receive: echo no; echo nono >&2; exit 1, atomic",
        "pre-receive: echo no; echo nono >&2; exit 1",
        "{main} {new} refs/heads/main\\0 atomic {caps}\n{zero} {new} refs/heads/x\n0000\npack:new",
    ),
    Case(
        "pre-receive: echo no; echo nono >&2; exit 1, without bands",
        "pre-receive: echo no; echo nono >&2; exit 1",
        "{main} {new} refs/heads/main\\0 report-status object-format={format}\n{zero} {new} refs/heads/x\n0000\npack:new",
    ),
    Case(
        "update: exit 1",
        "update: exit 1",
        "{main} {new} refs/heads/main\\0 {caps}\n{zero} {new} refs/heads/x\n0000\npack:new",
    ),
    Case(
        "update: exit 1, atomic",
        "update: exit 1",
        "{main} {new} refs/heads/main\\0 atomic {caps}\n{zero} {new} refs/heads/x\n0000\npack:new",
    ),
    Case(
        "update: exit 1, without bands",
        "update: exit 1",
        "{main} {new} refs/heads/main\\0 report-status object-format={format}\n{zero} {new} refs/heads/x\n0000\npack:new",
    ),
    Case(
        "update: test \"$1\" != refs/heads/main",
        "update: test \"$1\" != refs/heads/main",
        "{main} {new} refs/heads/main\\0 {caps}\n{zero} {new} refs/heads/x\n0000\npack:new",
    ),
    Case(
        "update: test \"$1\" != refs/heads/main, atomic",
        "update: test \"$1\" != refs/heads/main",
        "{main} {new} refs/heads/main\\0 atomic {caps}\n{zero} {new} refs/heads/x\n0000\npack:new",
    ),
    Case(
        "update: test \"$1\" != refs/heads/main, without bands",
        "update: test \"$1\" != refs/heads/main",
        "{main} {new} refs/heads/main\\0 report-status object-format={format}\n{zero} {new} refs/heads/x\n0000\npack:new",
    ),
    Case(
        "update: echo $1; exit 1",
        "update: echo $1; exit 1",
        "{main} {new} refs/heads/main\\0 {caps}\n{zero} {new} refs/heads/x\n0000\npack:new",
    ),
    Case(
        "update: echo $1; exit 1, atomic",
        "update: echo $1; exit 1",
        "{main} {new} refs/heads/main\\0 atomic {caps}\n{zero} {new} refs/heads/x\n0000\npack:new",
    ),
    Case(
        "update: echo $1; exit 1, without bands",
        "update: echo $1; exit 1",
        "{main} {new} refs/heads/main\\0 report-status object-format={format}\n{zero} {new} refs/heads/x\n0000\npack:new",
    ),
    Case(
        "reference-transaction: exit 1",
        "reference-transaction: exit 1",
        "{main} {new} refs/heads/main\\0 {caps}\n{zero} {new} refs/heads/x\n0000\npack:new",
    ),
    Case(
        "reference-transaction: exit 1, atomic",
        "reference-transaction: exit 1",
        "{main} {new} refs/heads/main\\0 atomic {caps}\n{zero} {new} refs/heads/x\n0000\npack:new",
    ),
    Case(
        "reference-transaction: exit 1, without bands",
        "reference-transaction: exit 1",
        "{main} {new} refs/heads/main\\0 report-status object-format={format}\n{zero} {new} refs/heads/x\n0000\npack:new",
    ),
    Case(
        "reference-transaction: test \"$1\" != prepared",
        "reference-transaction: test \"$1\" != prepared",
        "{main} {new} refs/heads/main\\0 {caps}\n{zero} {new} refs/heads/x\n0000\npack:new",
    ),
    Case(
        "reference-transaction: test \"$1\" != prepared, atomic",
        "reference-transaction: test \"$1\" != prepared",
        "{main} {new} refs/heads/main\\0 atomic {caps}\n{zero} {new} refs/heads/x\n0000\npack:new",
    ),
    Case(
        "reference-transaction: test \"$1\" != prepared, without bands",
        "reference-transaction: test \"$1\" != prepared",
        "{main} {new} refs/heads/main\\0 report-status object-format={format}\n{zero} {new} refs/heads/x\n0000\npack:new",
    ),
    Case(
        "reference-transaction: echo $1 says",
        "reference-transaction: echo $1 says",
        "{main} {new} refs/heads/main\\0 {caps}\n{zero} {new} refs/heads/x\n0000\npack:new",
    ),
    Case(
        "reference-transaction: echo $1 says, atomic",
        "reference-transaction: echo $1 says",
        "{main} {new} refs/heads/main\\0 atomic {caps}\n{zero} {new} refs/heads/x\n0000\npack:new",
    ),
    Case(
        "reference-transaction: echo $1 says, without bands",
        "reference-transaction: echo $1 says",
        "{main} {new} refs/heads/main\\0 report-status object-format={format}\n{zero} {new} refs/heads/x\n0000\npack:new",
    ),
    Case(
        "reference-transaction: test \"$1\" != committed",
        "reference-transaction: test \"$1\" != committed",
        "{main} {new} refs/heads/main\\0 {caps}\n{zero} {new} refs/heads/x\n0000\npack:new",
    ),
    Case(
        "reference-transaction: test \"$1\" != committed, atomic",
        "reference-transaction: test \"$1\" != committed",
        "{main} {new} refs/heads/main\\0 atomic {caps}\n{zero} {new} refs/heads/x\n0000\npack:new",
    ),
    Case(
        "reference-transaction: test \"$1\" != committed, without bands",
        "reference-transaction: test \"$1\" != committed",
        "{main} {new} refs/heads/main\\0 report-status object-format={format}\n{zero} {new} refs/heads/x\n0000\npack:new",
    ),
    Case(
        "post-receive: echo bye; exit 1",
        "post-receive: echo bye; exit 1",
        "{main} {new} refs/heads/main\\0 {caps}\n{zero} {new} refs/heads/x\n0000\npack:new",
    ),
    Case(
        "post-receive: echo bye; exit 1, atomic",
        "post-receive: echo bye; exit 1",
        "{main} {new} refs/heads/main\\0 atomic {caps}\n{zero} {new} refs/heads/x\n0000\npack:new",
    ),
    Case(
        "post-receive: echo bye; exit 1, without bands",
        "post-receive: echo bye; exit 1",
        "{main} {new} refs/heads/main\\0 report-status object-format={format}\n{zero} {new} refs/heads/x\n0000\npack:new",
    ),
    Case(
        "post-update: echo $*; exit 1",
        "post-update: echo $*; exit 1",
        "{main} {new} refs/heads/main\\0 {caps}\n{zero} {new} refs/heads/x\n0000\npack:new",
    ),
    Case(
        "post-update: echo $*; exit 1, atomic",
        "post-update: echo $*; exit 1",
        "{main} {new} refs/heads/main\\0 atomic {caps}\n{zero} {new} refs/heads/x\n0000\npack:new",
    ),
    Case(
        "post-update: echo $*; exit 1, without bands",
        "post-update: echo $*; exit 1",
        "{main} {new} refs/heads/main\\0 report-status object-format={format}\n{zero} {new} refs/heads/x\n0000\npack:new",
    ),
    Case(
        "pre-receive: kill -9 $$",
        "pre-receive: kill -9 $$",
        "{main} {new} refs/heads/main\\0 {caps}\n{zero} {new} refs/heads/x\n0000\npack:new",
    ),
    Case(
        "pre-receive: kill -9 $$, atomic",
        "pre-receive: kill -9 $$",
        "{main} {new} refs/heads/main\\0 atomic {caps}\n{zero} {new} refs/heads/x\n0000\npack:new",
    ),
    Case(
        "pre-receive: kill -9 $$, without bands",
        "pre-receive: kill -9 $$",
        "{main} {new} refs/heads/main\\0 report-status object-format={format}\n{zero} {new} refs/heads/x\n0000\npack:new",
    ),
    Case(
        "post-receive: printf half",
        "post-receive: printf half",
        "{main} {new} refs/heads/main\\0 {caps}\n{zero} {new} refs/heads/x\n0000\npack:new",
    ),
    Case(
        "post-receive: printf half, atomic",
        "post-receive: printf half",
        "{main} {new} refs/heads/main\\0 atomic {caps}\n{zero} {new} refs/heads/x\n0000\npack:new",
    ),
    Case(
        "post-receive: printf half, without bands",
        "post-receive: printf half",
        "{main} {new} refs/heads/main\\0 report-status object-format={format}\n{zero} {new} refs/heads/x\n0000\npack:new",
    ),
    Case(
        "pre-receive: git cat-file -e {new} && echo there",
        "pre-receive: git cat-file -e {new} && echo there",
        "{main} {new} refs/heads/main\\0 {caps}\n{zero} {new} refs/heads/x\n0000\npack:new",
    ),
    Case(
        "pre-receive: git cat-file -e {new} && echo there, atomic",
        "pre-receive: git cat-file -e {new} && echo there",
        "{main} {new} refs/heads/main\\0 atomic {caps}\n{zero} {new} refs/heads/x\n0000\npack:new",
    ),
    Case(
        "pre-receive: git cat-file -e {new} && echo there, without bands",
        "pre-receive: git cat-file -e {new} && echo there",
        "{main} {new} refs/heads/main\\0 report-status object-format={format}\n{zero} {new} refs/heads/x\n0000\npack:new",
    ),
    Case(
        "pre-receive: git update-ref refs/heads/y {main} || echo refused",
        "pre-receive: git update-ref refs/heads/y {main} || echo refused",
        "{main} {new} refs/heads/main\\0 {caps}\n{zero} {new} refs/heads/x\n0000\npack:new",
    ),
    Case(
        "pre-receive: git update-ref refs/heads/y {main} || echo refused, atomic",
        "pre-receive: git update-ref refs/heads/y {main} || echo refused",
        "{main} {new} refs/heads/main\\0 atomic {caps}\n{zero} {new} refs/heads/x\n0000\npack:new",
    ),
    Case(
        "pre-receive: git update-ref refs/heads/y {main} || echo refused, without bands",
        "pre-receive: git update-ref refs/heads/y {main} || echo refused",
        "{main} {new} refs/heads/main\\0 report-status object-format={format}\n{zero} {new} refs/heads/x\n0000\npack:new",
    ),
    Case(
        "post-receive: git rev-parse refs/heads/main",
        "post-receive: git rev-parse refs/heads/main",
        "{main} {new} refs/heads/main\\0 {caps}\n{zero} {new} refs/heads/x\n0000\npack:new",
    ),
    Case(
        "post-receive: git rev-parse refs/heads/main, atomic",
        "post-receive: git rev-parse refs/heads/main",
        "{main} {new} refs/heads/main\\0 atomic {caps}\n{zero} {new} refs/heads/x\n0000\npack:new",
    ),
    Case(
        "post-receive: git rev-parse refs/heads/main, without bands",
        "post-receive: git rev-parse refs/heads/main",
        "{main} {new} refs/heads/main\\0 report-status object-format={format}\n{zero} {new} refs/heads/x\n0000\npack:new",
    ),
    Case(
        "update: git cat-file -t $3",
        "update: git cat-file -t $3",
        "{main} {new} refs/heads/main\\0 {caps}\n{zero} {new} refs/heads/x\n0000\npack:new",
    ),
    Case(
        "update: git cat-file -t $3, atomic",
        "update: git cat-file -t $3",
        "{main} {new} refs/heads/main\\0 atomic {caps}\n{zero} {new} refs/heads/x\n0000\npack:new",
    ),
    Case(
        "update: git cat-file -t $3, without bands",
        "update: git cat-file -t $3",
        "{main} {new} refs/heads/main\\0 report-status object-format={format}\n{zero} {new} refs/heads/x\n0000\npack:new",
    ),
    Case(
        "pre-receive: git rev-parse --git-dir",
        "pre-receive: git rev-parse --git-dir",
        "{main} {new} refs/heads/main\\0 {caps}\n{zero} {new} refs/heads/x\n0000\npack:new",
    ),
    Case(
        "pre-receive: git rev-parse --git-dir, atomic",
        "pre-receive: git rev-parse --git-dir",
        "{main} {new} refs/heads/main\\0 atomic {caps}\n{zero} {new} refs/heads/x\n0000\npack:new",
    ),
    Case(
        "pre-receive: git rev-parse --git-dir, without bands",
        "pre-receive: git rev-parse --git-dir",
        "{main} {new} refs/heads/main\\0 report-status object-format={format}\n{zero} {new} refs/heads/x\n0000\npack:new",
    ),
    Case(
        "pre-receive: git config x.y z",
        "pre-receive: git config x.y z",
        "{main} {new} refs/heads/main\\0 {caps}\n{zero} {new} refs/heads/x\n0000\npack:new",
    ),
    Case(
        "pre-receive: git config x.y z, atomic",
        "pre-receive: git config x.y z",
        "{main} {new} refs/heads/main\\0 atomic {caps}\n{zero} {new} refs/heads/x\n0000\npack:new",
    ),
    Case(
        "pre-receive: git config x.y z, without bands",
        "pre-receive: git config x.y z",
        "{main} {new} refs/heads/main\\0 report-status object-format={format}\n{zero} {new} refs/heads/x\n0000\npack:new",
    ),
    Case(
        "post-update: git for-each-ref refs/heads/main --format='%(refname)'",
        "post-update: git for-each-ref refs/heads/main --format='%(refname)'",
        "{main} {new} refs/heads/main\\0 {caps}\n{zero} {new} refs/heads/x\n0000\npack:new",
    ),
    Case(
        "post-update: git for-each-ref refs/heads/main --format='%(refname)', atomic",
        "post-update: git for-each-ref refs/heads/main --format='%(refname)'",
        "{main} {new} refs/heads/main\\0 atomic {caps}\n{zero} {new} refs/heads/x\n0000\npack:new",
    ),
    Case(
        "post-update: git for-each-ref refs/heads/main --format='%(refname)', without bands",
        "post-update: git for-each-ref refs/heads/main --format='%(refname)'",
        "{main} {new} refs/heads/main\\0 report-status object-format={format}\n{zero} {new} refs/heads/x\n0000\npack:new",
    ),
    Case(
        "pre-receive: exit 3",
        "pre-receive: exit 3",
        "{main} {new} refs/heads/main\\0 {caps}\n{zero} {new} refs/heads/x\n0000\npack:new",
    ),
    Case(
        "pre-receive: exit 3, atomic",
        "pre-receive: exit 3",
        "{main} {new} refs/heads/main\\0 atomic {caps}\n{zero} {new} refs/heads/x\n0000\npack:new",
    ),
    Case(
        "pre-receive: exit 3, without bands",
        "pre-receive: exit 3",
        "{main} {new} refs/heads/main\\0 report-status object-format={format}\n{zero} {new} refs/heads/x\n0000\npack:new",
    ),
    Case(
        "a hook that is no program",
        "$ echo hello >hooks/pre-receive; chmod 755 hooks/pre-receive",
        "{main} {new} refs/heads/main\\0 {caps}\n0000\npack:new",
    ),
    Case(
        "a hook that cannot run",
        "$ printf '#!/nowhere\\n' >hooks/pre-receive; chmod 755 hooks/pre-receive",
        "{main} {new} refs/heads/main\\0 {caps}\n0000\npack:new",
    ),
    Case(
        "a hook that is not executable",
        "$ chmod 644 hooks/pre-receive",
        "{main} {new} refs/heads/main\\0 {caps}\n0000\npack:new",
    ),
    Case(
        "hooks elsewhere",
        "-c core.hooksPath=elsewhere\n$ mkdir elsewhere; printf '#!/bin/sh\\necho elsewhere\\n' >elsewhere/pre-receive; chmod 755 elsewhere/pre-receive",
        "{main} {new} refs/heads/main\\0 {caps}\n0000\npack:new",
    ),
    Case(
        "hooks nowhere",
        "-c core.hooksPath=/dev/null",
        "{main} {new} refs/heads/main\\0 {caps}\n0000\npack:new",
    ),
    Case(
        "one fails of three, deletion first",
        "update: test \"$1\" != refs/heads/side",
        "{main} {new} refs/heads/main\\0 {caps}\n{main~2} {zero} refs/heads/side\n{zero} {new} refs/heads/x\n0000\npack:new",
    ),
    Case(
        "one fails of three, atomically",
        "update: test \"$1\" != refs/heads/side",
        "{main} {new} refs/heads/main\\0 atomic {caps}\n{main~2} {zero} refs/heads/side\n{zero} {new} refs/heads/x\n0000\npack:new",
    ),
    Case(
        "procReceiveRefs refs/for, a hook that ok",
        "-c receive.procReceiveRefs=refs/for\nproc-receive: exec 3<&0; timeout 0.1 cat <&3 >/dev/null & printf '000dversion=100000011ok refs/for/x0000'; wait",
        "{main} {new} refs/heads/main\\0 {caps}\n{zero} {new} refs/for/x\n0000\npack:new",
    ),
    Case(
        "procReceiveRefs refs/for, a hook that fails",
        "-c receive.procReceiveRefs=refs/for\nproc-receive: exit 1",
        "{main} {new} refs/heads/main\\0 {caps}\n{zero} {new} refs/for/x\n0000\npack:new",
    ),
    Case(
        "procReceiveRefs m:refs/for, a hook that ok",
        "-c receive.procReceiveRefs=m:refs/for\nproc-receive: exec 3<&0; timeout 0.1 cat <&3 >/dev/null & printf '000dversion=100000011ok refs/for/x0000'; wait",
        "{main} {new} refs/heads/main\\0 {caps}\n{zero} {new} refs/for/x\n0000\npack:new",
    ),
    Case(
        "procReceiveRefs m:refs/for, a hook that fails",
        "-c receive.procReceiveRefs=m:refs/for\nproc-receive: exit 1",
        "{main} {new} refs/heads/main\\0 {caps}\n{zero} {new} refs/for/x\n0000\npack:new",
    ),
    Case(
        "procReceiveRefs a:refs/for, a hook that ok",
        "-c receive.procReceiveRefs=a:refs/for\nproc-receive: exec 3<&0; timeout 0.1 cat <&3 >/dev/null & printf '000dversion=100000011ok refs/for/x0000'; wait",
        "{main} {new} refs/heads/main\\0 {caps}\n{zero} {new} refs/for/x\n0000\npack:new",
    ),
    Case(
        "procReceiveRefs a:refs/for, a hook that fails",
        "-c receive.procReceiveRefs=a:refs/for\nproc-receive: exit 1",
        "{main} {new} refs/heads/main\\0 {caps}\n{zero} {new} refs/for/x\n0000\npack:new",
    ),
    Case(
        "procReceiveRefs ad:refs/for, a hook that ok",
        "-c receive.procReceiveRefs=ad:refs/for\nproc-receive: exec 3<&0; timeout 0.1 cat <&3 >/dev/null & printf '000dversion=100000011ok refs/for/x0000'; wait",
        "{main} {new} refs/heads/main\\0 {caps}\n{zero} {new} refs/for/x\n0000\npack:new",
    ),
    Case(
        "procReceiveRefs ad:refs/for, a hook that fails",
        "-c receive.procReceiveRefs=ad:refs/for\nproc-receive: exit 1",
        "{main} {new} refs/heads/main\\0 {caps}\n{zero} {new} refs/for/x\n0000\npack:new",
    ),
    Case(
        "procReceiveRefs !:refs/heads, a hook that ok",
        "-c receive.procReceiveRefs=!:refs/heads\nproc-receive: exec 3<&0; timeout 0.1 cat <&3 >/dev/null & printf '000dversion=100000011ok refs/for/x0000'; wait",
        "{main} {new} refs/heads/main\\0 {caps}\n{zero} {new} refs/for/x\n0000\npack:new",
    ),
    Case(
        "procReceiveRefs !:refs/heads, a hook that fails",
        "-c receive.procReceiveRefs=!:refs/heads\nproc-receive: exit 1",
        "{main} {new} refs/heads/main\\0 {caps}\n{zero} {new} refs/for/x\n0000\npack:new",
    ),
    Case(
        "procReceiveRefs !a:refs/heads/main, a hook that ok",
        "-c receive.procReceiveRefs=!a:refs/heads/main\nproc-receive: exec 3<&0; timeout 0.1 cat <&3 >/dev/null & printf '000dversion=100000011ok refs/for/x0000'; wait",
        "{main} {new} refs/heads/main\\0 {caps}\n{zero} {new} refs/for/x\n0000\npack:new",
    ),
    Case(
        "procReceiveRefs !a:refs/heads/main, a hook that fails",
        "-c receive.procReceiveRefs=!a:refs/heads/main\nproc-receive: exit 1",
        "{main} {new} refs/heads/main\\0 {caps}\n{zero} {new} refs/for/x\n0000\npack:new",
    ),
    Case(
        "procReceiveRefs :refs/for, a hook that ok",
        "-c receive.procReceiveRefs=:refs/for\nproc-receive: exec 3<&0; timeout 0.1 cat <&3 >/dev/null & printf '000dversion=100000011ok refs/for/x0000'; wait",
        "{main} {new} refs/heads/main\\0 {caps}\n{zero} {new} refs/for/x\n0000\npack:new",
    ),
    Case(
        "procReceiveRefs :refs/for, a hook that fails",
        "-c receive.procReceiveRefs=:refs/for\nproc-receive: exit 1",
        "{main} {new} refs/heads/main\\0 {caps}\n{zero} {new} refs/for/x\n0000\npack:new",
    ),
    Case(
        "procReceiveRefs refs/for/, a hook that ok",
        "-c receive.procReceiveRefs=refs/for/\nproc-receive: exec 3<&0; timeout 0.1 cat <&3 >/dev/null & printf '000dversion=100000011ok refs/for/x0000'; wait",
        "{main} {new} refs/heads/main\\0 {caps}\n{zero} {new} refs/for/x\n0000\npack:new",
    ),
    Case(
        "procReceiveRefs refs/for/, a hook that fails",
        "-c receive.procReceiveRefs=refs/for/\nproc-receive: exit 1",
        "{main} {new} refs/heads/main\\0 {caps}\n{zero} {new} refs/for/x\n0000\npack:new",
    ),
    Case(
        "procReceiveRefs refs/heads/main, a hook that ok",
        "-c receive.procReceiveRefs=refs/heads/main\nproc-receive: exec 3<&0; timeout 0.1 cat <&3 >/dev/null & printf '000dversion=100000011ok refs/for/x0000'; wait",
        "{main} {new} refs/heads/main\\0 {caps}\n{zero} {new} refs/for/x\n0000\npack:new",
    ),
    Case(
        "procReceiveRefs refs/heads/main, a hook that fails",
        "-c receive.procReceiveRefs=refs/heads/main\nproc-receive: exit 1",
        "{main} {new} refs/heads/main\\0 {caps}\n{zero} {new} refs/for/x\n0000\npack:new",
    ),
    Case(
        "procReceiveRefs m:refs/heads, a hook that ok",
        "-c receive.procReceiveRefs=m:refs/heads\nproc-receive: exec 3<&0; timeout 0.1 cat <&3 >/dev/null & printf '000dversion=100000011ok refs/for/x0000'; wait",
        "{main} {new} refs/heads/main\\0 {caps}\n{zero} {new} refs/for/x\n0000\npack:new",
    ),
    Case(
        "procReceiveRefs m:refs/heads, a hook that fails",
        "-c receive.procReceiveRefs=m:refs/heads\nproc-receive: exit 1",
        "{main} {new} refs/heads/main\\0 {caps}\n{zero} {new} refs/for/x\n0000\npack:new",
    ),
    Case(
        "proc-receive says ok",
        "-c receive.procReceiveRefs=refs/for\nproc-receive: exec 3<&0; timeout 0.1 cat <&3 >/dev/null & printf '000dversion=100000011ok refs/for/x0000'; wait",
        "{zero} {new} refs/for/x\\0 {caps}\n{main} {new} refs/heads/main\n0000\npack:new",
    ),
    Case(
        "proc-receive says ok, second report",
        "-c receive.procReceiveRefs=refs/for\nproc-receive: exec 3<&0; timeout 0.1 cat <&3 >/dev/null & printf '000dversion=100000011ok refs/for/x0000'; wait",
        "{zero} {new} refs/for/x\\0 report-status-v2 side-band-64k object-format={format}\n{main} {new} refs/heads/main\n0000\npack:new",
    ),
    Case(
        "proc-receive says no",
        "-c receive.procReceiveRefs=refs/for\nproc-receive: exec 3<&0; timeout 0.1 cat <&3 >/dev/null & printf '000dversion=100000019ng refs/for/x because0000'; wait",
        "{zero} {new} refs/for/x\\0 {caps}\n{main} {new} refs/heads/main\n0000\npack:new",
    ),
    Case(
        "proc-receive says no without a reason",
        "-c receive.procReceiveRefs=refs/for\nproc-receive: exec 3<&0; timeout 0.1 cat <&3 >/dev/null & printf '000dversion=100000011ng refs/for/x0000'; wait",
        "{zero} {new} refs/for/x\\0 {caps}\n{main} {new} refs/heads/main\n0000\npack:new",
    ),
    Case(
        "proc-receive says nothing",
        "-c receive.procReceiveRefs=refs/for\nproc-receive: exec 3<&0; timeout 0.1 cat <&3 >/dev/null & printf '000dversion=100000000'; wait",
        "{zero} {new} refs/for/x\\0 {caps}\n{main} {new} refs/heads/main\n0000\npack:new",
    ),
    Case(
        "proc-receive names another",
        "-c receive.procReceiveRefs=refs/for\nproc-receive: exec 3<&0; timeout 0.1 cat <&3 >/dev/null & printf '000dversion=100000011ok refs/for/y0000'; wait",
        "{zero} {new} refs/for/x\\0 {caps}\n{main} {new} refs/heads/main\n0000\npack:new",
    ),
    Case(
        "proc-receive names one that is not its own",
        "-c receive.procReceiveRefs=refs/for\nproc-receive: exec 3<&0; timeout 0.1 cat <&3 >/dev/null & printf '000dversion=100000016ok refs/heads/main0000'; wait",
        "{zero} {new} refs/for/x\\0 {caps}\n{main} {new} refs/heads/main\n0000\npack:new",
    ),
    Case(
        "proc-receive says it twice",
        "-c receive.procReceiveRefs=refs/for\nproc-receive: exec 3<&0; timeout 0.1 cat <&3 >/dev/null & printf '000dversion=100000011ok refs/for/x0011ok refs/for/x0000'; wait",
        "{zero} {new} refs/for/x\\0 {caps}\n{main} {new} refs/heads/main\n0000\npack:new",
    ),
    Case(
        "proc-receive falls through",
        "-c receive.procReceiveRefs=refs/for\nproc-receive: exec 3<&0; timeout 0.1 cat <&3 >/dev/null & printf '000dversion=100000011ok refs/for/x0017option fall-through0000'; wait",
        "{zero} {new} refs/for/x\\0 {caps}\n{main} {new} refs/heads/main\n0000\npack:new",
    ),
    Case(
        "proc-receive gives another name",
        "-c receive.procReceiveRefs=refs/for\nproc-receive: exec 3<&0; timeout 0.1 cat <&3 >/dev/null & printf '000dversion=100000011ok refs/for/x0023option refname refs/heads/other0000'; wait",
        "{zero} {new} refs/for/x\\0 report-status-v2 side-band-64k object-format={format}\n{main} {new} refs/heads/main\n0000\npack:new",
    ),
    Case(
        "proc-receive gives everything",
        "-c receive.procReceiveRefs=refs/for\nproc-receive: exec 3<&0; timeout 0.1 cat <&3 >/dev/null & printf '000dversion=100000011ok refs/for/x0023option refname refs/heads/other0019option old-oid {main}0018option new-oid {new}0018option forced-update0000'; wait",
        "{zero} {new} refs/for/x\\0 report-status-v2 side-band-64k object-format={format}\n{main} {new} refs/heads/main\n0000\npack:new",
    ),
    Case(
        "proc-receive gives two",
        "-c receive.procReceiveRefs=refs/for\nproc-receive: exec 3<&0; timeout 0.1 cat <&3 >/dev/null & printf '000dversion=100000011ok refs/for/x001foption refname refs/heads/a0011ok refs/for/x001foption refname refs/heads/b0000'; wait",
        "{zero} {new} refs/for/x\\0 report-status-v2 side-band-64k object-format={format}\n{main} {new} refs/heads/main\n0000\npack:new",
    ),
    Case(
        "proc-receive gives options to a first report",
        "-c receive.procReceiveRefs=refs/for\nproc-receive: exec 3<&0; timeout 0.1 cat <&3 >/dev/null & printf '000dversion=100000011ok refs/for/x0023option refname refs/heads/other0000'; wait",
        "{zero} {new} refs/for/x\\0 {caps}\n{main} {new} refs/heads/main\n0000\npack:new",
    ),
    Case(
        "proc-receive gives an option first",
        "-c receive.procReceiveRefs=refs/for\nproc-receive: exec 3<&0; timeout 0.1 cat <&3 >/dev/null & printf '000dversion=10000001foption refname refs/heads/a0011ok refs/for/x0000'; wait",
        "{zero} {new} refs/for/x\\0 report-status-v2 side-band-64k object-format={format}\n{main} {new} refs/heads/main\n0000\npack:new",
    ),
    Case(
        "proc-receive gives an option that is none",
        "-c receive.procReceiveRefs=refs/for\nproc-receive: exec 3<&0; timeout 0.1 cat <&3 >/dev/null & printf '000dversion=100000011ok refs/for/x0013option whatever0000'; wait",
        "{zero} {new} refs/for/x\\0 report-status-v2 side-band-64k object-format={format}\n{main} {new} refs/heads/main\n0000\npack:new",
    ),
    Case(
        "proc-receive gives an id that is none",
        "-c receive.procReceiveRefs=refs/for\nproc-receive: exec 3<&0; timeout 0.1 cat <&3 >/dev/null & printf '000dversion=100000011ok refs/for/x0015option old-oid zz0000'; wait",
        "{zero} {new} refs/for/x\\0 report-status-v2 side-band-64k object-format={format}\n{main} {new} refs/heads/main\n0000\npack:new",
    ),
    Case(
        "proc-receive says something else",
        "-c receive.procReceiveRefs=refs/for\nproc-receive: exec 3<&0; timeout 0.1 cat <&3 >/dev/null & printf '000dversion=100000014maybe refs/for/x0000'; wait",
        "{zero} {new} refs/for/x\\0 {caps}\n{main} {new} refs/heads/main\n0000\npack:new",
    ),
    Case(
        "proc-receive says no, atomically",
        "-c receive.procReceiveRefs=refs/for\nproc-receive: exec 3<&0; timeout 0.1 cat <&3 >/dev/null & printf '000dversion=100000019ng refs/for/x because0000'; wait",
        "{zero} {new} refs/for/x\\0 atomic {caps}\n{main} {new} refs/heads/main\n0000\npack:new",
    ),
    Case(
        "proc-receive says ok, atomically",
        "-c receive.procReceiveRefs=refs/for\nproc-receive: exec 3<&0; timeout 0.1 cat <&3 >/dev/null & printf '000dversion=100000011ok refs/for/x0000'; wait",
        "{zero} {new} refs/for/x\\0 atomic {caps}\n{main} {new} refs/heads/main\n0000\npack:new",
    ),
    Case(
        "proc-receive has no version",
        "-c receive.procReceiveRefs=refs/for\nproc-receive: exec 3<&0; timeout 0.1 cat <&3 >/dev/null & printf '00000011ok refs/for/x0000'; wait",
        "{zero} {new} refs/for/x\\0 {caps}\n{main} {new} refs/heads/main\n0000\npack:new",
    ),
    Case(
        "proc-receive has another version",
        "-c receive.procReceiveRefs=refs/for\nproc-receive: exec 3<&0; timeout 0.1 cat <&3 >/dev/null & printf '000dversion=200000011ok refs/for/x0000'; wait",
        "{zero} {new} refs/for/x\\0 {caps}\n{main} {new} refs/heads/main\n0000\npack:new",
    ),
    Case(
        "proc-receive with two commands",
        "-c receive.procReceiveRefs=refs/for\nproc-receive: exec 3<&0; timeout 0.1 cat <&3 >/dev/null & printf '000dversion=100000011ok refs/for/x0014ng refs/for/y no0000'; wait",
        "{zero} {new} refs/for/x\\0 {caps}\n{zero} {main} refs/for/y\n0000\npack:new",
    ),
    Case(
        "proc-receive forgets one of two",
        "-c receive.procReceiveRefs=refs/for\nproc-receive: exec 3<&0; timeout 0.1 cat <&3 >/dev/null & printf '000dversion=100000011ok refs/for/x0000'; wait",
        "{zero} {new} refs/for/x\\0 {caps}\n{zero} {main} refs/for/y\n0000\npack:new",
    ),
    Case(
        "proc-receive is not there",
        "-c receive.procReceiveRefs=refs/for\n",
        "{zero} {new} refs/for/x\\0 {caps}\n{main} {new} refs/heads/main\n0000\npack:new",
    ),
    Case(
        "proc-receive is not there, atomically",
        "-c receive.procReceiveRefs=refs/for\n",
        "{zero} {new} refs/for/x\\0 atomic {caps}\n{main} {new} refs/heads/main\n0000\npack:new",
    ),
    Case(
        "proc-receive and no commands for it",
        "-c receive.procReceiveRefs=refs/for\nproc-receive: exit 1",
        "{main} {new} refs/heads/main\\0 {caps}\n0000\npack:new",
    ),
    Case(
        "proc-receive deletes",
        "-c receive.procReceiveRefs=refs/for\nproc-receive: exec 3<&0; timeout 0.1 cat <&3 >/dev/null & printf '000dversion=100000011ok refs/for/x0000'; wait",
        "{zero} {zero} refs/for/x\\0 {caps}\n0000",
    ),
];
