//! `gitwire http-backend` beside `git http-backend`: the same request, the same answer.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use gitwire_testkit::git::{Folder, Git};

/// Head and body of what a program answers to a request.
fn ask(mut program: Command, root: &Path, variables: &[(&str, &str)], body: &[u8]) -> (Vec<String>, Vec<u8>) {
    program.env("GIT_PROJECT_ROOT", root).env("SERVER_PROTOCOL", "HTTP/1.1").env("REMOTE_ADDR", "10.0.0.1");
    program.envs(variables.iter().copied()).env("CONTENT_LENGTH", body.len().to_string());
    let mut child =
        program.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), body).ok();
    let Output { stdout, .. } = child.wait_with_output().unwrap();
    let end = stdout.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
    let (head, body) = (&stdout[..end], stdout[end + 4..].to_vec());
    (String::from_utf8_lossy(head).split("\r\n").map(ToOwned::to_owned).collect(), body)
}

#[test]
fn it_answers_as_gits_does() {
    let Some(git) = Git::find() else { return };
    let folder = Folder::new("http-backend");
    git.ok(folder.path(), ["init", "-q", "--bare", "--initial-branch=main", "r.git"]);
    let path = folder.path().join("r.git");
    let tree = String::from_utf8(git.feed(&path, ["mktree"], b"").stdout).unwrap();
    let id = String::from_utf8(git.ok(&path, ["commit-tree", "-m", "one", tree.trim()])).unwrap();
    git.ok(&path, ["update-ref", "refs/heads/main", id.trim()]);
    git.ok(&path, ["tag", "-a", "-m", "x", "tag", "main"]);
    git.ok(&path, ["repack", "-q", "-a"]);
    let (fan, rest) = id.trim().split_at(2);
    let loose = format!("objects/{fan}/{rest}");
    let pack = fs::read_dir(path.join("objects/pack")).unwrap().map(|entry| entry.unwrap().file_name());
    let pack = pack.map(|name| name.into_string().unwrap()).find(|name| name.ends_with(".pack")).unwrap();
    let check = |method: &str, path: &str, more: &[(&str, &str)], body: &[u8]| {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let mut variables = vec![("REQUEST_METHOD", method), ("PATH_INFO", path), ("QUERY_STRING", query)];
        variables.extend(more);
        let theirs = git.command(folder.path(), ["http-backend"]);
        let mut ours = git.command(folder.path(), [""; 0]);
        ours = {
            let mut command = Command::new(env!("CARGO_BIN_EXE_gitwire"));
            command.arg("http-backend").env_clear().current_dir(folder.path());
            for (name, value) in ours.get_envs() {
                command.env(name, value.unwrap_or_default());
            }
            command
        };
        let (our_head, our_body) = ask(ours, folder.path(), &variables, body);
        let (their_head, their_body) = ask(theirs, folder.path(), &variables, body);
        let status = |head: &[String]| head.iter().find(|line| line.starts_with("Status")).cloned();
        assert_eq!(status(&our_head), status(&their_head), "{method} {path}");
        // git lets others keep for a year that a file is not there.
        for line in their_head.iter().filter(|_| status(&their_head).is_none()) {
            // Time has passed; the length of what is refused is nobody's business; git writes dates as mail does.
            let changes = ["Date:", "Expires: ", "Last-Modified: ", "Content-Length: 0"];
            if !changes.iter().any(|change| line.starts_with(change)) {
                assert!(our_head.contains(line), "{method} {path}: {line} {our_head:?}");
            }
        }
        // Agents have different names; the lists of files are the same to the byte.
        if query.is_empty() && method == "GET" {
            assert_eq!(our_body, their_body, "{method} {path}");
        }
    };
    let all = [("GIT_HTTP_EXPORT_ALL", "1")];
    let signed_in = [("GIT_HTTP_EXPORT_ALL", "1"), ("REMOTE_USER", "ann")];
    let files = ["info/refs", "HEAD", "objects/info/packs", &loose, &format!("objects/pack/{pack}")];
    let index = format!("objects/pack/{}", pack.replace(".pack", ".idx"));
    for file in files.into_iter().chain([index.as_str()]) {
        check("GET", &format!("/r.git/{file}"), &all, b"");
        check("GET", &format!("/r.git/{file}"), &[], b"");
        check("POST", &format!("/r.git/{file}"), &all, b"");
        check("GET", &format!("/none.git/{file}"), &all, b"");
    }
    check("GET", "/r.git/objects/00/00000000000000000000000000000000000000", &all, b"");
    check("GET", "/r.git/config", &all, b"");
    check("GET", "/r/HEAD", &all, b"");
    let refs = "/r.git/info/refs?service=git";
    for (name, more) in [
        ("upload-pack", &all[..]),
        ("upload-pack", &[]),
        ("receive-pack", &all),
        ("receive-pack", &signed_in),
        ("upload-archive", &all),
        ("other", &all),
    ] {
        check("GET", &format!("{refs}-{name}"), more, b"");
    }
    for name in ["upload-pack", "receive-pack"] {
        let kind = format!("application/x-git-{name}-request");
        let service = format!("/r.git/git-{name}");
        for more in [&signed_in[..], &all] {
            check("POST", &service, &[more, &[("CONTENT_TYPE", &kind)]].concat(), b"0000");
            check("POST", &service, &[more, &[("CONTENT_TYPE", "text/plain")]].concat(), b"0000");
            check("GET", &service, more, b"");
        }
    }
    for (key, refused) in [("getanyfile", "HEAD"), ("uploadpack", "info/refs?service=git-upload-pack")] {
        git.ok(&path, ["config", &format!("http.{key}"), "false"]);
        check("GET", &format!("/r.git/{refused}"), &all, b"");
    }
    for value in ["true", "false"] {
        git.ok(&path, ["config", "http.receivepack", value]);
        check("GET", &format!("{refs}-receive-pack"), &all, b"");
        check("GET", &format!("{refs}-receive-pack"), &signed_in, b"");
    }
}
