#!/usr/bin/env python3
"""Other people's clients against gitwired: each clones, those that can push do; what one side has is what the other one had.

usage: run.py GITWIRED GIX-CLONE ISOMORPHIC-GIT-CLIENT     with dulwich and pygit2 on the Python path

JGIT, a command that takes jgit's words, is tried too where it is set.
"""

import os
import re
import shlex
import subprocess
import sys
import tempfile

import pygit2
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


def start(gitwired, root, schemes, *options):
    """A server, and its doors by their schemes."""
    doors = [f"--listen={scheme}://127.0.0.1:0" for scheme in schemes]
    command = [gitwired, "--root", root, *doors, *options]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    urls = {}
    for _ in schemes:
        line = server.stdout.readline()
        found = re.match(r"listening ((\w+)://\S+)", line)
        if not found:
            server.kill()
            sys.exit(f"gitwired says: {line!r}")
        urls[found[2]] = found[1].rstrip("/")
    return server, urls


class Dulwich:
    """Reads pkt-lines, side-bands and packs with code of its own."""

    schemes = ["git", "http"]

    def clone(self, url, path):
        with open(os.devnull, "wb") as nowhere:
            porcelain.clone(url, path, bare=True, checkout=False, errstream=nowhere).close()

    def push(self, source, url, *refspecs):
        with open(os.devnull, "wb") as nowhere:
            porcelain.push(source, url, refspecs, outstream=nowhere, errstream=nowhere)


class Libgit2:
    """libgit2, through its Python binding."""

    schemes = ["git", "http"]

    def clone(self, url, path):
        pygit2.clone_repository(url, path, bare=True)

    def push(self, source, url, *refspecs):
        pygit2.Repository(source).remotes.create_anonymous(url).push(list(refspecs))


class Jgit:
    """The Java library's own commands."""

    schemes = ["git", "http"]

    def __init__(self, command):
        self.command = command

    def clone(self, url, path):
        self.run(".", "clone", "--bare", url, path)
        # It has no refs of others in a bare clone, but for what it was told to fetch.
        self.run(path, "fetch", url, "refs/heads/*:refs/heads/*", "refs/tags/*:refs/tags/*")

    def push(self, source, url, *refspecs):
        self.run(source, "push", url, *refspecs)

    def run(self, folder, *words):
        subprocess.run([*self.command, *words], cwd=folder, check=True, capture_output=True)


class Isomorphic:
    """isomorphic-git: HTTP alone."""

    schemes = ["http"]

    def __init__(self, client):
        self.client = client

    def clone(self, url, path):
        git(".", "init", "-q", "--bare", path)
        subprocess.run(["node", self.client, "clone", url, path], check=True)

    def push(self, source, url, *refspecs):
        subprocess.run(["node", self.client, "push", url, source, *refspecs], check=True)


class Gix:
    """gitoxide's client, which does not push."""

    schemes = ["git", "http"]
    push = None

    def __init__(self, gix):
        self.gix = gix

    def clone(self, url, path):
        subprocess.run([self.gix, url, path], check=True)


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


def try_clone(client, scheme, door, source):
    name = f"{type(client).__name__} clones over {scheme}"
    path = os.path.join(os.path.dirname(source), name.replace(" ", "-"))
    client.clone(f"{door}/{os.path.basename(source)}", path)
    check(name, source, path)
    print(name)


def try_push(client, scheme, door, source, how=""):
    """All branches and tags, then a branch more, and that one away again."""
    name = f"{type(client).__name__} pushes over {scheme}{how}"
    path = os.path.join(os.path.dirname(source), name.replace(" ", "-") + ".git")
    url = f"{door}/{os.path.basename(path)}"
    git(".", "init", "-q", "--bare", "-b", "main", path)
    refs = git(source, "for-each-ref", "--format=%(refname)", "refs/heads", "refs/tags").decode().split()
    client.push(source, url, *[f"{name}:{name}" for name in refs])
    client.push(source, url, "refs/heads/side:refs/heads/gone")
    if "refs/heads/gone" not in git(path, "for-each-ref", "--format=%(refname)").decode().split():
        sys.exit(f"{name}: a new branch has not come")
    client.push(source, url, ":refs/heads/gone")
    check(name, source, path)
    print(name)


def main():
    gitwired, gix, isomorphic = sys.argv[1:]
    clients = [Dulwich(), Libgit2(), Isomorphic(isomorphic), Gix(gix)]
    if jgit := shlex.split(os.environ.get("JGIT", "")):
        clients.append(Jgit(jgit))
    with tempfile.TemporaryDirectory() as folder:
        source = make(folder)
        server, doors = start(gitwired, folder, ["git", "http"], "--allow-push=anyone")
        try:
            for client in clients:
                for scheme in client.schemes:
                    try_clone(client, scheme, doors[scheme], source)
                    if client.push:
                        try_push(client, scheme, doors[scheme], source)
        finally:
            server.terminate()
            server.wait()
        # jgit's commands ask a terminal for passwords.
        signing_in = [client for client in clients if client.push and not isinstance(client, Jgit)]
        with_a_user(gitwired, folder, source, signing_in)


def with_a_user(gitwired, folder, source, clients):
    """Who pushes says a name and a password."""
    users = os.path.join(folder, "users")
    add = [gitwired, "user", "--users", users, "add", "ann", "write=**"]
    subprocess.run(add, input=b"secret\n", check=True)
    options = [f"--users={users}", "--allow-push=auth", "--allow-read=auth"]
    server, doors = start(gitwired, folder, ["http"], *options)
    try:
        for client in clients:
            door = doors["http"].replace("://", "://ann:secret@")
            try_push(client, "http", door, source, " as a user")
    finally:
        server.terminate()
        server.wait()


main()
