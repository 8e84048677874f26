#!/usr/bin/env python3
"""Other people's clients against gitwired: each clones, and dulwich pushes; what one side has is what the other one had.

usage: run.py GITWIRED GIX-CLONE     with dulwich on the Python path
"""

import os
import re
import subprocess
import sys
import tempfile

from dulwich import porcelain

ENVIRONMENT = dict(
    os.environ,
    GIT_CONFIG_NOSYSTEM="1",
    GIT_CONFIG_GLOBAL="/dev/null",
    GIT_AUTHOR_NAME="A U Thor",
    GIT_AUTHOR_EMAIL="author@example.com",
    GIT_COMMITTER_NAME="A U Thor",
    GIT_COMMITTER_EMAIL="author@example.com",
)


def git(folder, *words, stdin=None):
    """What git says in a folder."""
    done = subprocess.run(
        ["git", *words], cwd=folder, env=ENVIRONMENT, input=stdin, capture_output=True, check=False
    )
    if done.returncode != 0:
        sys.exit(f"git {' '.join(words)}: {done.stderr.decode()}")
    return done.stdout


def make(root):
    """A repository with two branches, a merge and a tag of a tag."""
    git(root, "init", "-q", "--bare", "-b", "main", "project.git")
    path = os.path.join(root, "project.git")
    stream = []
    for number in range(1, 61):
        branch = "side" if number % 3 == 0 else "main"
        stream.append(f"commit refs/heads/{branch}\nmark :{number}\n")
        stream.append(f"committer A <a@example.com> {1700000000 + number} +0000\ndata 2\nx\n")
        if number == 3:
            stream.append("from :2\n")
        if number == 50:
            stream.append("from :49\nmerge :48\n")
        text = "".join(f"line {line} of {number // 7}\n" for line in range(200))
        stream.append(f"M 100644 inline dir/file{number % 5}\ndata {len(text)}\n{text}\n")
    git(path, "fast-import", "--quiet", stdin="".join(stream).encode())
    git(path, "tag", "-a", "-m", "one", "v1", "main~3")
    git(path, "tag", "-a", "-m", "again", "v1-again", "v1")
    return path


def start(gitwired, root):
    """A server, and its doors by their schemes."""
    server = subprocess.Popen(
        [gitwired, "--root", root, "--listen", "git://127.0.0.1:0", "--allow-push=anyone"],
        stdout=subprocess.PIPE,
        text=True,
    )
    line = server.stdout.readline()
    found = re.match(r"listening ((\w+)://\S+)", line)
    if not found:
        server.kill()
        sys.exit(f"gitwired says: {line!r}")
    return server, {found[2]: found[1].rstrip("/")}


def by_dulwich(url, path):
    """dulwich reads pkt-lines, side-bands and packs with code of its own."""
    with open(os.devnull, "wb") as nowhere:
        porcelain.clone(url, path, bare=True, checkout=False, errstream=nowhere).close()


def push_by_dulwich(source, url):
    """All branches and tags, then one branch away."""
    refs = git(source, "for-each-ref", "--format=%(refname)", "refs/heads", "refs/tags").decode().split()
    with open(os.devnull, "wb") as nowhere:
        porcelain.push(source, url, [f"{name}:{name}" for name in refs], outstream=nowhere, errstream=nowhere)
        porcelain.push(source, url, ["refs/heads/side:refs/heads/gone"], outstream=nowhere, errstream=nowhere)
        porcelain.push(source, url, [":refs/heads/gone"], outstream=nowhere, errstream=nowhere)


def by_gix(gix):
    """gitoxide's client."""
    return lambda url, path: subprocess.run([gix, url, path], check=True)


def check(name, source, clone):
    """Branches and tags of the source are in the clone, under their names or a remote's, with all that they reach."""
    shown = git(source, "for-each-ref", "--format=%(objectname) %(refname)", "refs/heads", "refs/tags").decode()
    held = git(clone, "for-each-ref", "--format=%(objectname) %(refname)").decode().splitlines()
    for line in shown.splitlines():
        as_remote = line.replace(" refs/heads/", " refs/remotes/origin/")
        if line not in held and as_remote not in held:
            sys.exit(f"{name}: {line} is not in its clone: {held}")
    if "refs/heads/gone" in "".join(held):
        sys.exit(f"{name}: a branch that was deleted is there")
    git(clone, "fsck", "--strict", "--no-dangling")


def main():
    gitwired, gix = sys.argv[1:]
    clients = {"dulwich": by_dulwich, "gix": by_gix(gix)}
    with tempfile.TemporaryDirectory() as folder:
        source = make(folder)
        server, doors = start(gitwired, folder)
        try:
            for scheme, door in doors.items():
                for name, clone in clients.items():
                    path = os.path.join(folder, f"{name}-{scheme}")
                    clone(f"{door}/project.git", path)
                    check(f"{name} over {scheme}", source, path)
                    print(f"{name} clones over {scheme}")
                name = f"pushed-{scheme}.git"
                git(folder, "init", "-q", "--bare", "-b", "main", name)
                push_by_dulwich(source, f"{door}/{name}")
                check(f"dulwich's push over {scheme}", source, os.path.join(folder, name))
                print(f"dulwich pushes over {scheme}")
        finally:
            server.terminate()
            server.wait()


main()
