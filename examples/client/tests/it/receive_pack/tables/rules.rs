//! Configuration, push options, certificates and shallow clients.

use super::super::run::Case;

/// Configuration, push options, certificates and shallow clients.
pub(in super::super) const RULES: &[Case] = &[
    Case(
        "denyDeletes true",
        "-c receive.denyDeletes=true",
        "{main~2} {zero} refs/heads/side\\0 {caps}\n{main} {new} refs/heads/main\n0000\npack:new",
    ),
    Case(
        "denyDeletes of a tag true",
        "-c receive.denyDeletes=true",
        "{v1} {zero} refs/tags/v1\\0 {caps}\n0000",
    ),
    Case(
        "denyNonFastForwards true",
        "-c receive.denyNonFastForwards=true",
        "{main} {other} refs/heads/main\\0 {caps}\n0000\npack:other",
    ),
    Case(
        "denyNonFastForwards of a tag true",
        "-c receive.denyNonFastForwards=true",
        "{v1} {newtag} refs/tags/v1\\0 {caps}\n0000\npack:tag",
    ),
    Case(
        "denyNonFastForwards forward true",
        "-c receive.denyNonFastForwards=true",
        "{main} {new} refs/heads/main\\0 {caps}\n0000\npack:new",
    ),
    Case(
        "advertiseAtomic true",
        "-c receive.advertiseAtomic=true",
        "{root} {new} refs/heads/main\\0 atomic {caps}\n{zero} {new} refs/heads/x\n0000\npack:new",
    ),
    Case(
        "updateServerInfo true",
        "-c receive.updateServerInfo=true",
        "{main} {new} refs/heads/main\\0 {caps}\n0000\npack:new",
    ),
    Case(
        "autogc true",
        "-c receive.autogc=true\n-c gc.auto=0\n-c maintenance.auto=false",
        "{main} {new} refs/heads/main\\0 {caps}\n0000\npack:new",
    ),
    Case(
        "denyDeletes false",
        "-c receive.denyDeletes=false",
        "{main~2} {zero} refs/heads/side\\0 {caps}\n{main} {new} refs/heads/main\n0000\npack:new",
    ),
    Case(
        "denyDeletes of a tag false",
        "-c receive.denyDeletes=false",
        "{v1} {zero} refs/tags/v1\\0 {caps}\n0000",
    ),
    Case(
        "denyNonFastForwards false",
        "-c receive.denyNonFastForwards=false",
        "{main} {other} refs/heads/main\\0 {caps}\n0000\npack:other",
    ),
    Case(
        "denyNonFastForwards of a tag false",
        "-c receive.denyNonFastForwards=false",
        "{v1} {newtag} refs/tags/v1\\0 {caps}\n0000\npack:tag",
    ),
    Case(
        "denyNonFastForwards forward false",
        "-c receive.denyNonFastForwards=false",
        "{main} {new} refs/heads/main\\0 {caps}\n0000\npack:new",
    ),
    Case(
        "advertiseAtomic false",
        "-c receive.advertiseAtomic=false",
        "{root} {new} refs/heads/main\\0 atomic {caps}\n{zero} {new} refs/heads/x\n0000\npack:new",
    ),
    Case(
        "updateServerInfo false",
        "-c receive.updateServerInfo=false",
        "{main} {new} refs/heads/main\\0 {caps}\n0000\npack:new",
    ),
    Case(
        "autogc false",
        "-c receive.autogc=false\n-c gc.auto=0\n-c maintenance.auto=false",
        "{main} {new} refs/heads/main\\0 {caps}\n0000\npack:new",
    ),
    Case(
        "denyDeletes that is no boolean",
        "-c receive.denyDeletes=maybe",
        "{main~2} {zero} refs/heads/side\\0 {caps}\n0000",
    ),
    Case(
        "denyDeleteCurrent refuse",
        "-c receive.denyDeleteCurrent=refuse",
        "{main} {zero} refs/heads/main\\0 {caps}\n0000",
    ),
    Case(
        "denyDeleteCurrent of a work tree refuse",
        "on worktree\n-c receive.denyDeleteCurrent=refuse",
        "{main} {zero} refs/heads/main\\0 {caps}\n0000",
    ),
    Case(
        "denyCurrentBranch refuse",
        "on worktree\n-c receive.denyCurrentBranch=refuse",
        "{main} {new} refs/heads/main\\0 {caps}\n0000\npack:new",
    ),
    Case(
        "denyCurrentBranch, another branch, refuse",
        "on worktree\n-c receive.denyCurrentBranch=refuse",
        "{main~2} {new} refs/heads/side\\0 {caps}\n0000\npack:new",
    ),
    Case(
        "denyDeleteCurrent warn",
        "-c receive.denyDeleteCurrent=warn",
        "{main} {zero} refs/heads/main\\0 {caps}\n0000",
    ),
    Case(
        "denyDeleteCurrent of a work tree warn",
        "on worktree\n-c receive.denyDeleteCurrent=warn",
        "{main} {zero} refs/heads/main\\0 {caps}\n0000",
    ),
    Case(
        "denyCurrentBranch warn",
        "on worktree\n-c receive.denyCurrentBranch=warn",
        "{main} {new} refs/heads/main\\0 {caps}\n0000\npack:new",
    ),
    Case(
        "denyCurrentBranch, another branch, warn",
        "on worktree\n-c receive.denyCurrentBranch=warn",
        "{main~2} {new} refs/heads/side\\0 {caps}\n0000\npack:new",
    ),
    Case(
        "denyDeleteCurrent ignore",
        "-c receive.denyDeleteCurrent=ignore",
        "{main} {zero} refs/heads/main\\0 {caps}\n0000",
    ),
    Case(
        "denyDeleteCurrent of a work tree ignore",
        "on worktree\n-c receive.denyDeleteCurrent=ignore",
        "{main} {zero} refs/heads/main\\0 {caps}\n0000",
    ),
    Case(
        "denyCurrentBranch ignore",
        "on worktree\n-c receive.denyCurrentBranch=ignore",
        "{main} {new} refs/heads/main\\0 {caps}\n0000\npack:new",
    ),
    Case(
        "denyCurrentBranch, another branch, ignore",
        "on worktree\n-c receive.denyCurrentBranch=ignore",
        "{main~2} {new} refs/heads/side\\0 {caps}\n0000\npack:new",
    ),
    Case(
        "denyDeleteCurrent true",
        "-c receive.denyDeleteCurrent=true",
        "{main} {zero} refs/heads/main\\0 {caps}\n0000",
    ),
    Case(
        "denyDeleteCurrent of a work tree true",
        "on worktree\n-c receive.denyDeleteCurrent=true",
        "{main} {zero} refs/heads/main\\0 {caps}\n0000",
    ),
    Case(
        "denyCurrentBranch true",
        "on worktree\n-c receive.denyCurrentBranch=true",
        "{main} {new} refs/heads/main\\0 {caps}\n0000\npack:new",
    ),
    Case(
        "denyCurrentBranch, another branch, true",
        "on worktree\n-c receive.denyCurrentBranch=true",
        "{main~2} {new} refs/heads/side\\0 {caps}\n0000\npack:new",
    ),
    Case(
        "denyDeleteCurrent false",
        "-c receive.denyDeleteCurrent=false",
        "{main} {zero} refs/heads/main\\0 {caps}\n0000",
    ),
    Case(
        "denyDeleteCurrent of a work tree false",
        "on worktree\n-c receive.denyDeleteCurrent=false",
        "{main} {zero} refs/heads/main\\0 {caps}\n0000",
    ),
    Case(
        "denyCurrentBranch false",
        "on worktree\n-c receive.denyCurrentBranch=false",
        "{main} {new} refs/heads/main\\0 {caps}\n0000\npack:new",
    ),
    Case(
        "denyCurrentBranch, another branch, false",
        "on worktree\n-c receive.denyCurrentBranch=false",
        "{main~2} {new} refs/heads/side\\0 {caps}\n0000\npack:new",
    ),
    Case(
        "denyDeleteCurrent updateInstead",
        "-c receive.denyDeleteCurrent=updateInstead",
        "{main} {zero} refs/heads/main\\0 {caps}\n0000",
    ),
    Case(
        "denyDeleteCurrent of a work tree updateInstead",
        "on worktree\n-c receive.denyDeleteCurrent=updateInstead",
        "{main} {zero} refs/heads/main\\0 {caps}\n0000",
    ),
    Case(
        "denyCurrentBranch updateInstead",
        "on worktree\n-c receive.denyCurrentBranch=updateInstead",
        "{main} {new} refs/heads/main\\0 {caps}\n0000\npack:new",
    ),
    Case(
        "denyCurrentBranch, another branch, updateInstead",
        "on worktree\n-c receive.denyCurrentBranch=updateInstead",
        "{main~2} {new} refs/heads/side\\0 {caps}\n0000\npack:new",
    ),
    Case(
        "denyDeleteCurrent nonsense",
        "-c receive.denyDeleteCurrent=nonsense",
        "{main} {zero} refs/heads/main\\0 {caps}\n0000",
    ),
    Case(
        "denyDeleteCurrent of a work tree nonsense",
        "on worktree\n-c receive.denyDeleteCurrent=nonsense",
        "{main} {zero} refs/heads/main\\0 {caps}\n0000",
    ),
    Case(
        "denyCurrentBranch nonsense",
        "on worktree\n-c receive.denyCurrentBranch=nonsense",
        "{main} {new} refs/heads/main\\0 {caps}\n0000\npack:new",
    ),
    Case(
        "denyCurrentBranch, another branch, nonsense",
        "on worktree\n-c receive.denyCurrentBranch=nonsense",
        "{main~2} {new} refs/heads/side\\0 {caps}\n0000\npack:new",
    ),
    Case("the current branch", "on worktree", "{main} {new} refs/heads/main\\0 {caps}\n0000\npack:new"),
    Case(
        "the current branch and another",
        "on worktree",
        "{main} {new} refs/heads/main\\0 {caps}\n{zero} {new} refs/heads/x\n0000\npack:new",
    ),
    Case(
        "the current branch and another, atomically",
        "on worktree",
        "{main} {new} refs/heads/main\\0 atomic {caps}\n{zero} {new} refs/heads/x\n0000\npack:new",
    ),
    Case(
        "a work tree that is dirty",
        "on worktree\n-c receive.denyCurrentBranch=updateInstead\n$ echo x >text",
        "{main} {new} refs/heads/main\\0 {caps}\n0000\npack:new",
    ),
    Case(
        "an index that is dirty",
        "on worktree\n-c receive.denyCurrentBranch=updateInstead\n$ echo x >new; git add new",
        "{main} {new} refs/heads/main\\0 {caps}\n0000\npack:new",
    ),
    Case(
        "push-to-checkout",
        "on worktree\n-c receive.denyCurrentBranch=updateInstead\npush-to-checkout: echo $* here; exit 0",
        "{main} {new} refs/heads/main\\0 {caps}\n0000\npack:new",
    ),
    Case(
        "push-to-checkout that fails",
        "on worktree\n-c receive.denyCurrentBranch=updateInstead\npush-to-checkout: exit 1",
        "{main} {new} refs/heads/main\\0 {caps}\n0000\npack:new",
    ),
    Case(
        "updateInstead without a work tree",
        "-c receive.denyCurrentBranch=updateInstead",
        "{main} {new} refs/heads/main\\0 {caps}\n0000\npack:new",
    ),
    Case(
        "a linked work tree",
        "on worktree\n$ git worktree add -q ../other side",
        "{main~2} {new} refs/heads/side\\0 {caps}\n0000\npack:new",
    ),
    Case(
        "hideRefs refs/hidden",
        "-c receive.hideRefs=refs/hidden",
        "{root} {new} refs/hidden/one\\0 {caps}\n{main} {new} refs/heads/main\n{zero} {new} refs/heads/x\n0000\npack:new",
    ),
    Case(
        "hideRefs refs/heads/main",
        "-c receive.hideRefs=refs/heads/main",
        "{root} {new} refs/hidden/one\\0 {caps}\n{main} {new} refs/heads/main\n{zero} {new} refs/heads/x\n0000\npack:new",
    ),
    Case(
        "hideRefs refs/heads",
        "-c receive.hideRefs=refs/heads",
        "{root} {new} refs/hidden/one\\0 {caps}\n{main} {new} refs/heads/main\n{zero} {new} refs/heads/x\n0000\npack:new",
    ),
    Case(
        "hideRefs ^refs/hidden",
        "-c receive.hideRefs=^refs/hidden",
        "{root} {new} refs/hidden/one\\0 {caps}\n{main} {new} refs/heads/main\n{zero} {new} refs/heads/x\n0000\npack:new",
    ),
    Case(
        "hideRefs !refs/hidden",
        "-c receive.hideRefs=!refs/hidden",
        "{root} {new} refs/hidden/one\\0 {caps}\n{main} {new} refs/heads/main\n{zero} {new} refs/heads/x\n0000\npack:new",
    ),
    Case(
        "hideRefs refs/hidden/",
        "-c receive.hideRefs=refs/hidden/",
        "{root} {new} refs/hidden/one\\0 {caps}\n{main} {new} refs/heads/main\n{zero} {new} refs/heads/x\n0000\npack:new",
    ),
    Case(
        "hideRefs refs/hid",
        "-c receive.hideRefs=refs/hid",
        "{root} {new} refs/hidden/one\\0 {caps}\n{main} {new} refs/heads/main\n{zero} {new} refs/heads/x\n0000\npack:new",
    ),
    Case(
        "hideRefs refs/hidden/one",
        "-c receive.hideRefs=refs/hidden/one",
        "{root} {new} refs/hidden/one\\0 {caps}\n{main} {new} refs/heads/main\n{zero} {new} refs/heads/x\n0000\npack:new",
    ),
    Case(
        "transfer.hideRefs",
        "-c transfer.hideRefs=refs/hidden",
        "{root} {zero} refs/hidden/one\\0 {caps}\n0000",
    ),
    Case(
        "transfer.hideRefs and back",
        "-c transfer.hideRefs=refs/hidden\n-c receive.hideRefs=!refs/hidden",
        "{root} {zero} refs/hidden/one\\0 {caps}\n0000",
    ),
    Case(
        "uploadpack.hideRefs",
        "-c uploadpack.hideRefs=refs/hidden",
        "{root} {zero} refs/hidden/one\\0 {caps}\n0000",
    ),
    Case(
        "hidden, atomically",
        "-c receive.hideRefs=refs/hidden",
        "{root} {new} refs/hidden/one\\0 atomic {caps}\n{main} {new} refs/heads/main\n0000\npack:new",
    ),
    Case(
        "a hidden ref that is made",
        "-c receive.hideRefs=refs/hidden",
        "{zero} {new} refs/hidden/two\\0 {caps}\n0000\npack:new",
    ),
    Case(
        "push options",
        "-c receive.advertisePushOptions=true",
        "{main} {new} refs/heads/main\\0 push-options {caps}\n0000\none\ntwo=2\n0000\npack:new",
    ),
    Case(
        "push options that are none",
        "-c receive.advertisePushOptions=true",
        "{main} {new} refs/heads/main\\0 push-options {caps}\n0000\n0000\npack:new",
    ),
    Case(
        "push options that do not end",
        "-c receive.advertisePushOptions=true",
        "{main} {new} refs/heads/main\\0 push-options {caps}\n0000\none",
    ),
    Case(
        "push options that are empty",
        "-c receive.advertisePushOptions=true",
        "{main} {new} refs/heads/main\\0 push-options {caps}\n0000\nraw:0004\n\\\n0000\npack:new",
    ),
    Case(
        "push options with a deletion",
        "-c receive.advertisePushOptions=true",
        "{main~2} {zero} refs/heads/side\\0 push-options {caps}\n0000\none\n0000",
    ),
    Case(
        "push options not asked for",
        "-c receive.advertisePushOptions=true",
        "{main} {new} refs/heads/main\\0 {caps}\n0000\npack:new",
    ),
    Case(
        "push options behind a delimiter",
        "-c receive.advertisePushOptions=true",
        "{main} {new} refs/heads/main\\0 push-options {caps}\n0000\none\n0001\npack:new",
    ),
    Case(
        "a session",
        "-c transfer.advertiseSID=true",
        "{main} {new} refs/heads/main\\0 {caps} session-id=there\n0000\npack:new",
    ),
    Case("keepAlive", "-c receive.keepAlive=0", "{main} {new} refs/heads/main\\0 {caps}\n0000\npack:new"),
    Case("quiet", "--quiet", "{main} {new} refs/heads/main\\0 {caps}\n0000\npack:new"),
    Case(
        "quiet by the client, hooks speak",
        "post-receive: echo hello",
        "{main} {new} refs/heads/main\\0 quiet {caps}\n0000\npack:new",
    ),
    Case(
        "a certificate with the nonce",
        "-c receive.certNonceSeed=secret\n-c gpg.program=true\n-c receive.certNonceSlop=100000",
        "push-cert\\0 {caps}\ncertificate version 0.1\npusher A U Thor <author@example.com> 1112354055 +0200\npushee there\nnonce {nonce}\nraw:0005\\n\n{main} {new} refs/heads/main\n-----BEGIN PGP SIGNATURE-----\n\n-----END PGP SIGNATURE-----\npush-cert-end\n0000\npack:new",
    ),
    Case(
        "a certificate without a nonce",
        "-c receive.certNonceSeed=secret\n-c gpg.program=true",
        "push-cert\\0 {caps}\ncertificate version 0.1\npusher A U Thor <author@example.com> 1112354055 +0200\npushee there\nraw:0005\\n\n{main} {new} refs/heads/main\n-----BEGIN PGP SIGNATURE-----\n\n-----END PGP SIGNATURE-----\npush-cert-end\n0000\npack:new",
    ),
    Case(
        "a certificate with a bad nonce",
        "-c receive.certNonceSeed=secret\n-c gpg.program=true",
        "push-cert\\0 {caps}\ncertificate version 0.1\npusher A U Thor <author@example.com> 1112354055 +0200\npushee there\nnonce 1-2\nraw:0005\\n\n{main} {new} refs/heads/main\n-----BEGIN PGP SIGNATURE-----\n\n-----END PGP SIGNATURE-----\npush-cert-end\n0000\npack:new",
    ),
    Case(
        "a certificate with a forged nonce",
        "-c receive.certNonceSeed=secret\n-c gpg.program=true",
        "push-cert\\0 {caps}\ncertificate version 0.1\npusher A U Thor <author@example.com> 1112354055 +0200\npushee there\nnonce 1112354055-0123456789012345678901234567890123456789\nraw:0005\\n\n{main} {new} refs/heads/main\n-----BEGIN PGP SIGNATURE-----\n\n-----END PGP SIGNATURE-----\npush-cert-end\n0000\npack:new",
    ),
    Case(
        "a certificate and push options",
        "-c receive.certNonceSeed=secret\n-c gpg.program=true\n-c receive.certNonceSlop=100000\n-c receive.advertisePushOptions=true",
        "push-cert\\0 push-options {caps}\ncertificate version 0.1\npusher A U Thor <author@example.com> 1112354055 +0200\npushee there\nnonce {nonce}\npush-option one\nraw:0005\\n\n{main} {new} refs/heads/main\n-----BEGIN PGP SIGNATURE-----\n\n-----END PGP SIGNATURE-----\npush-cert-end\n0000\none\n0000\npack:new",
    ),
    Case(
        "a certificate and other push options",
        "-c receive.certNonceSeed=secret\n-c gpg.program=true\n-c receive.certNonceSlop=100000\n-c receive.advertisePushOptions=true",
        "push-cert\\0 push-options {caps}\ncertificate version 0.1\npusher A U Thor <author@example.com> 1112354055 +0200\npushee there\nnonce {nonce}\npush-option one\nraw:0005\\n\n{main} {new} refs/heads/main\n-----BEGIN PGP SIGNATURE-----\n\n-----END PGP SIGNATURE-----\npush-cert-end\n0000\ntwo\n0000\npack:new",
    ),
    Case(
        "a certificate and no push options",
        "-c receive.certNonceSeed=secret\n-c gpg.program=true\n-c receive.certNonceSlop=100000\n-c receive.advertisePushOptions=true",
        "push-cert\\0 {caps}\ncertificate version 0.1\npusher A U Thor <author@example.com> 1112354055 +0200\npushee there\nnonce {nonce}\npush-option one\nraw:0005\\n\n{main} {new} refs/heads/main\n-----BEGIN PGP SIGNATURE-----\n\n-----END PGP SIGNATURE-----\npush-cert-end\n0000\npack:new",
    ),
    Case(
        "a certificate without commands",
        "-c receive.certNonceSeed=secret\n-c gpg.program=true",
        "push-cert\\0 {caps}\ncertificate version 0.1\npusher A U Thor <author@example.com> 1112354055 +0200\npushee there\nnonce {nonce}\nraw:0005\\n\n-----BEGIN PGP SIGNATURE-----\n\n-----END PGP SIGNATURE-----\npush-cert-end\n0000\npack:new",
    ),
    Case(
        "a certificate and a command",
        "-c receive.certNonceSeed=secret\n-c gpg.program=true",
        "push-cert\\0 {caps}\ncertificate version 0.1\npusher A U Thor <author@example.com> 1112354055 +0200\npushee there\nnonce {nonce}\nraw:0005\\n\n{main} {new} refs/heads/main\n-----BEGIN PGP SIGNATURE-----\n\n-----END PGP SIGNATURE-----\npush-cert-end\n{zero} {new} refs/heads/x\n0000\npack:new",
    ),
    Case(
        "a command and a certificate",
        "-c receive.certNonceSeed=secret\n-c gpg.program=true",
        "{zero} {new} refs/heads/x\\0 {caps}\npush-cert\\0 {caps}\ncertificate version 0.1\npusher A U Thor <author@example.com> 1112354055 +0200\npushee there\nnonce {nonce}\nraw:0005\\n\n{main} {new} refs/heads/main\n-----BEGIN PGP SIGNATURE-----\n\n-----END PGP SIGNATURE-----\npush-cert-end\n0000\npack:new",
    ),
    Case(
        "two certificates",
        "-c receive.certNonceSeed=secret\n-c gpg.program=true",
        "push-cert\\0 {caps}\ncertificate version 0.1\npusher A U Thor <author@example.com> 1112354055 +0200\npushee there\nnonce {nonce}\nraw:0005\\n\n{main} {new} refs/heads/main\n-----BEGIN PGP SIGNATURE-----\n\n-----END PGP SIGNATURE-----\npush-cert-end\npush-cert\\0 {caps}\ncertificate version 0.1\npusher A U Thor <author@example.com> 1112354055 +0200\npushee there\nraw:0005\\n\n{main} {new} refs/heads/main\n-----BEGIN PGP SIGNATURE-----\n\n-----END PGP SIGNATURE-----\npush-cert-end\n0000\npack:new",
    ),
    Case(
        "a certificate that does not end",
        "-c receive.certNonceSeed=secret\n-c gpg.program=true",
        "push-cert\\0 {caps}\ncertificate version 0.1\npusher A U Thor <author@example.com> 1112354055 +0200\npushee there\nnonce {nonce}\nraw:0005\\n\n{main} {new} refs/heads/main\n-----BEGIN PGP SIGNATURE-----\n\n-----END PGP SIGNATURE-----\n0000\npack:new",
    ),
    Case(
        "a certificate without a signature",
        "-c receive.certNonceSeed=secret\n-c gpg.program=true\n-c receive.certNonceSlop=100000",
        "push-cert\\0 {caps}\ncertificate version 0.1\npusher A U Thor <author@example.com> 1112354055 +0200\npushee there\nnonce {nonce}\nraw:0005\\n\n{main} {new} refs/heads/main\npush-cert-end\n0000\npack:new",
    ),
    Case(
        "a certificate without capabilities",
        "-c receive.certNonceSeed=secret\n-c gpg.program=true",
        "push-cert\ncertificate version 0.1\npusher A U Thor <author@example.com> 1112354055 +0200\npushee there\nnonce {nonce}\nraw:0005\\n\n{main} {new} refs/heads/main\n-----BEGIN PGP SIGNATURE-----\n\n-----END PGP SIGNATURE-----\npush-cert-end\n0000\npack:new",
    ),
    Case(
        "a certificate that is none",
        "-c receive.certNonceSeed=secret\n-c gpg.program=true",
        "push-cert\\0 {caps}\nhello\npush-cert-end\n0000",
    ),
    Case(
        "shallow of what comes, shallowUpdate false",
        "-c receive.shallowUpdate=false",
        "shallow {other}\n{zero} {other} refs/heads/x\\0 {caps}\n0000\npack:shallow",
    ),
    Case(
        "shallow of what comes, into the shallow one, shallowUpdate false",
        "on shallow\n-c receive.shallowUpdate=false",
        "shallow {other}\n{zero} {other} refs/heads/x\\0 {caps}\n0000\npack:shallow",
    ),
    Case(
        "shallow of what comes, shallowUpdate true",
        "-c receive.shallowUpdate=true",
        "shallow {other}\n{zero} {other} refs/heads/x\\0 {caps}\n0000\npack:shallow",
    ),
    Case(
        "shallow of what comes, into the shallow one, shallowUpdate true",
        "on shallow\n-c receive.shallowUpdate=true",
        "shallow {other}\n{zero} {other} refs/heads/x\\0 {caps}\n0000\npack:shallow",
    ),
    Case(
        "shallow of what is there, shallowUpdate false",
        "-c receive.shallowUpdate=false",
        "shallow {main}\n{zero} {other} refs/heads/x\\0 {caps}\n0000\npack:shallow",
    ),
    Case(
        "shallow of what is there, into the shallow one, shallowUpdate false",
        "on shallow\n-c receive.shallowUpdate=false",
        "shallow {main}\n{zero} {other} refs/heads/x\\0 {caps}\n0000\npack:shallow",
    ),
    Case(
        "shallow of what is there, shallowUpdate true",
        "-c receive.shallowUpdate=true",
        "shallow {main}\n{zero} {other} refs/heads/x\\0 {caps}\n0000\npack:shallow",
    ),
    Case(
        "shallow of what is there, into the shallow one, shallowUpdate true",
        "on shallow\n-c receive.shallowUpdate=true",
        "shallow {main}\n{zero} {other} refs/heads/x\\0 {caps}\n0000\npack:shallow",
    ),
    Case(
        "shallow of nothing, shallowUpdate false",
        "-c receive.shallowUpdate=false",
        "shallow {nobody}\n{zero} {other} refs/heads/x\\0 {caps}\n0000\npack:shallow",
    ),
    Case(
        "shallow of nothing, into the shallow one, shallowUpdate false",
        "on shallow\n-c receive.shallowUpdate=false",
        "shallow {nobody}\n{zero} {other} refs/heads/x\\0 {caps}\n0000\npack:shallow",
    ),
    Case(
        "shallow of nothing, shallowUpdate true",
        "-c receive.shallowUpdate=true",
        "shallow {nobody}\n{zero} {other} refs/heads/x\\0 {caps}\n0000\npack:shallow",
    ),
    Case(
        "shallow of nothing, into the shallow one, shallowUpdate true",
        "on shallow\n-c receive.shallowUpdate=true",
        "shallow {nobody}\n{zero} {other} refs/heads/x\\0 {caps}\n0000\npack:shallow",
    ),
    Case(
        "two shallow, shallowUpdate false",
        "-c receive.shallowUpdate=false",
        "shallow {other}\nshallow {main}\n{zero} {other} refs/heads/x\\0 {caps}\n0000\npack:shallow",
    ),
    Case(
        "two shallow, into the shallow one, shallowUpdate false",
        "on shallow\n-c receive.shallowUpdate=false",
        "shallow {other}\nshallow {main}\n{zero} {other} refs/heads/x\\0 {caps}\n0000\npack:shallow",
    ),
    Case(
        "two shallow, shallowUpdate true",
        "-c receive.shallowUpdate=true",
        "shallow {other}\nshallow {main}\n{zero} {other} refs/heads/x\\0 {caps}\n0000\npack:shallow",
    ),
    Case(
        "two shallow, into the shallow one, shallowUpdate true",
        "on shallow\n-c receive.shallowUpdate=true",
        "shallow {other}\nshallow {main}\n{zero} {other} refs/heads/x\\0 {caps}\n0000\npack:shallow",
    ),
    Case(
        "shallow and a deletion",
        "",
        "shallow {other}\nshallow {main}\n{main~2} {zero} refs/heads/side\\0 {caps}\n0000",
    ),
];
