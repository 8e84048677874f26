//! What the pages of one repository have in common.

use super::super::Inner;
use super::super::failure::Failure;
use super::super::history::{Commit, Person};
use super::super::now;
use super::super::reply::Keep;
use super::super::repository::{At, Reference, References, Revision, Shown, abbreviated, shown_name};
use super::super::route::encoded_path;
use super::super::text::{When, line, number, short};
use super::Shell;

/// What stands around the pages of one repository.
pub(in super::super) struct Frame {
    pub(super) shell: Shell,
    pub(super) keep: Keep,
    /// The parameters of the URL.
    pub(super) asked: String,
    pub(super) tab: &'static str,
    pub(super) name: String,
    pub(super) group: Option<String>,
    pub(super) short_name: String,
    pub(super) description: Option<String>,
    pub(super) link: String,
    /// The revision as links have it behind their paths.
    pub(super) query: String,
    pub(super) urls: Vec<CloneUrl>,
    pub(super) branch_count: String,
    pub(super) tag_count: String,
    pub(super) branches: References,
    pub(super) tags: References,
}

/// A URL to clone from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CloneUrl {
    pub(super) label: String,
    pub(super) url: String,
}

/// A commit in a list.
#[derive(Debug, Clone)]
pub(super) struct CommitRow {
    pub(super) link: String,
    pub(super) id: String,
    pub(super) short_id: String,
    pub(super) subject: String,
    pub(super) author: String,
    pub(super) when: When,
}

/// A choice of branches and tags.
pub(super) struct Picker {
    pub(super) icon: &'static str,
    pub(super) kind: &'static str,
    pub(super) label: String,
    pub(super) branches: Vec<Choice>,
    pub(super) tags: Vec<Choice>,
    pub(super) has_more: bool,
}

/// One of them.
pub(super) struct Choice {
    pub(super) name: String,
    pub(super) url: String,
    pub(super) is_current: bool,
}

/// A part of a path, with a link where it is not the last.
pub(super) struct Crumb {
    pub(super) name: String,
    pub(super) url: Option<String>,
}

impl Frame {
    pub(in super::super) fn new(
        inner: &Inner,
        shell: Shell,
        shown: &Shown<'_>,
        query: &str,
        origin: Option<(&'static str, String)>,
        keep: Keep,
    ) -> Result<Self, Failure> {
        let (branches, tags) = (shown.branches()?, shown.tags()?);
        let count = |found: &References| {
            format!("{}{}", number(found.list.len()), if found.is_cut { "+" } else { "" })
        };
        let (group, short_name) = group_and_name(&shown.path);
        Ok(Self {
            shell,
            keep,
            asked: query.to_owned(),
            tab: "code",
            name: shown.name(),
            group,
            short_name,
            description: shown.description.clone(),
            link: shown.link(),
            query: String::new(),
            urls: clone_urls(&inner.site.doors, origin.as_ref(), &shown.path),
            branch_count: count(&branches),
            tag_count: count(&tags),
            branches,
            tags,
        })
    }

    /// The same for a page of a tab and a revision.
    pub(super) fn at(mut self, tab: &'static str, revision: &Revision) -> Self {
        (self.tab, self.query) = (tab, revision.query());
        self
    }

    /// The URL that commands are shown with.
    pub(super) fn first_url(&self) -> &str {
        self.urls.first().map_or("URL", |first| &first.url)
    }

    /// A choice of branches and tags for `page`, as `/-/files`.
    pub(super) fn picker(&self, at: &At, page: &str) -> Picker {
        let (icon, kind) = match at.revision {
            Revision::Default | Revision::Branch(_) => ("branch", "Branch"),
            Revision::Tag(_) => ("tag", "Tag"),
            Revision::Commit(_) => ("commit", "Commit"),
        };
        Picker {
            icon,
            kind,
            label: at.label.clone(),
            has_more: self.branches.list.len().max(self.tags.list.len()) > CHOICES_MAX,
            branches: self.choices(self.branches.list.iter(), Revision::Branch, at, page),
            // Versions go up, and people look for the last one.
            tags: self.choices(self.tags.list.iter().rev(), Revision::Tag, at, page),
        }
    }

    fn choices<'a>(
        &self,
        found: impl Iterator<Item = &'a Reference>,
        revision: fn(Vec<u8>) -> Revision,
        at: &At,
        page: &str,
    ) -> Vec<Choice> {
        let choice = |reference: &Reference| {
            let name = line(&reference.name);
            let revision = revision(reference.name.clone());
            let is_default = at.revision == Revision::Default && matches!(revision, Revision::Branch(_));
            Choice {
                url: format!("{}{page}{}", self.link, revision.query()),
                is_current: revision == at.revision || (is_default && name == at.label),
                name,
            }
        };
        found.take(CHOICES_MAX).map(choice).collect()
    }

    /// A commit in a list.
    pub(super) fn row(&self, commit: &Commit) -> CommitRow {
        CommitRow {
            link: format!("{}/-/commit/{}", self.link, commit.id),
            id: commit.id.to_string(),
            short_id: abbreviated(&commit.id),
            subject: short(&commit.subject, SUBJECT_MAX),
            author: short(&commit.author.name, NAME_MAX),
            when: when(&commit.committer),
        }
    }
}

/// When somebody did something.
pub(super) fn when(person: &Person) -> When {
    When::new(person.time, now())
}

/// The name of a repository, and what stands before it.
pub(super) fn group_and_name(path: &[u8]) -> (Option<String>, String) {
    let name = shown_name(path);
    match name.rsplit_once('/') {
        Some((group, name)) => (Some(group.to_owned()), name.to_owned()),
        None => (None, name),
    }
}

/// The URLs of all doors, by the host that the browser knows us by.
fn clone_urls(doors: &[String], origin: Option<&(&'static str, String)>, path: &[u8]) -> Vec<CloneUrl> {
    // The door that the browser came through comes first, under the name that led here.
    let mut known: Vec<(&str, String)> =
        origin.iter().map(|(scheme, authority)| (*scheme, authority.clone())).collect();
    for door in doors {
        let Some((scheme, authority)) = door.split_once("://") else { continue };
        let (host, port) = split_port(authority);
        let authority = match origin {
            // Another door of the same kind is the same door behind a proxy, or one that is not for this visitor.
            Some((first, _)) if *first == scheme => continue,
            Some((_, first)) if is_local(host) => with_port(split_port(first).0, port),
            _ => authority.to_owned(),
        };
        known.push((scheme, authority));
    }
    // Behind each HTTP door there is a WebSocket.
    let tunnels: Vec<(&str, String)> = known
        .iter()
        .filter_map(|(scheme, authority)| match *scheme {
            "http" => Some(("ws", authority.clone())),
            "https" => Some(("wss", authority.clone())),
            _ => None,
        })
        .collect();
    let path = encoded_path(path);
    let url = |(scheme, authority): (&str, String)| CloneUrl {
        label: match scheme {
            "ws" | "wss" => "WebSocket, with gitwire".to_owned(),
            scheme => scheme.to_uppercase(),
        },
        url: format!("{scheme}://{authority}/{path}"),
    };
    known.into_iter().chain(tunnels).map(url).collect()
}

/// Whether a host is this machine's own or stands for all of its addresses: the browser knows a better name.
fn is_local(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback() || address.is_unspecified())
}

fn split_port(authority: &str) -> (&str, Option<&str>) {
    let is_port = |port: &str| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    match authority.rsplit_once(':') {
        Some((host, port)) if is_port(port) => (host, Some(port)),
        _ => (authority, None),
    }
}

fn with_port(host: &str, port: Option<&str>) -> String {
    port.map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// Branches, and tags, in a menu.
const CHOICES_MAX: usize = 20;

/// Letters of a commit's first line in a list.
const SUBJECT_MAX: usize = 120;

/// Letters of a person's name in a list.
const NAME_MAX: usize = 60;

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(doors: &[&str], origin: Option<(&'static str, &str)>, expected: &[&str]) {
        let doors: Vec<String> = doors.iter().map(|door| (*door).to_owned()).collect();
        let origin = origin.map(|(scheme, authority)| (scheme, authority.to_owned()));
        let urls = clone_urls(&doors, origin.as_ref(), b"a b.git");
        let urls: Vec<&str> = urls.iter().map(|clone| clone.url.as_str()).collect();
        assert_eq!(urls, expected);
    }

    #[test]
    fn clone_urls_have_the_name_that_led_here() {
        let doors = ["git://127.0.0.1:9418", "http://127.0.0.1:8418"];
        let all = [
            "git://127.0.0.1:9418/a%20b.git",
            "http://127.0.0.1:8418/a%20b.git",
            "ws://127.0.0.1:8418/a%20b.git",
        ];
        check(&doors, None, &all);
        let seen = [
            "http://forge.example/a%20b.git",
            "git://forge.example:9418/a%20b.git",
            "ws://forge.example/a%20b.git",
        ];
        check(&doors, Some(("http", "forge.example")), &seen);
        let seen = ["http://[::1]:8418/a%20b.git", "git://[::1]:9418/a%20b.git", "ws://[::1]:8418/a%20b.git"];
        check(&["git://0.0.0.0:9418", "http://[::]:8418"], Some(("http", "[::1]:8418")), &seen);
        let seen = ["https://h:1/a%20b.git", "git://192.0.2.1:9418/a%20b.git", "wss://h:1/a%20b.git"];
        check(&["git://192.0.2.1:9418", "https://h:1"], Some(("https", "h:1")), &seen);
    }
}
