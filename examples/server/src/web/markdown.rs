//! READMEs, laid out.
//!
//! Whoever pushes writes them, so nothing of them is trusted. HTML in them is not taken over: its tags are left out and its text is text. Links
//! lead to files of the repository, to places in the text, or by http, https and mail elsewhere; images are those of the repository. What is
//! written into the page is made by the markdown library alone, which escapes all text.

use std::collections::HashMap;

use percent_encoding::percent_decode_str;
use pulldown_cmark::{CowStr, Event, LinkType, Options, Parser, Tag, TagEnd, html};

use super::limits::Limits;
use super::repository::Revision;
use super::route::encoded_path;

/// Where a text stands, for its links.
#[derive(Debug, Clone)]
pub(crate) struct Place<'a> {
    /// The path of the repository in URLs.
    pub(crate) repository: &'a str,
    pub(crate) revision: &'a Revision,
    /// The directory that the text lies in.
    pub(crate) directory: &'a [Vec<u8>],
}

/// Lays a text out; `None` where it is too large or nests too deep, and should be shown as it stands.
pub(crate) fn lay_out(text: &str, place: &Place<'_>, limits: &Limits) -> Option<String> {
    if text.len() > limits.markdown_bytes_max {
        return None;
    }
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
    let mut writer =
        Writer { place, events: Vec::new(), open: Vec::new(), links: 0, anchors: HashMap::new(), html: None };
    let mut written = 0_usize;
    for event in Parser::new_ext(text, options) {
        written = written.saturating_add(weight(&event));
        writer.take(event);
        if writer.open.len() > limits.markdown_depth_max || written > WRITTEN_MAX {
            return None;
        }
    }
    writer.anchor_headings();
    let mut out = String::new();
    html::push_html(&mut out, writer.events.into_iter());
    Some(out)
}

/// Whether a file of this name is markdown.
pub(crate) fn is_markdown(name: &[u8]) -> bool {
    let name = name.to_ascii_lowercase();
    name.ends_with(b".md") || name.ends_with(b".markdown")
}

/// About how many bytes an event becomes: references can name the same long link again and again.
fn weight(event: &Event<'_>) -> usize {
    16 + match event {
        Event::Start(Tag::Link { dest_url, title, .. } | Tag::Image { dest_url, title, .. }) => {
            dest_url.len() + title.len()
        }
        Event::Text(text) | Event::Code(text) => text.len(),
        _ => 0,
    }
}

struct Writer<'a, 'p> {
    place: &'p Place<'p>,
    events: Vec<Event<'a>>,
    /// What is open, and what its end is to be.
    open: Vec<Open>,
    /// Links that are open: one in another is none.
    links: usize,
    anchors: HashMap<String, usize>,
    /// A block of HTML, which comes line by line.
    html: Option<String>,
}

/// How something that is open ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Open {
    AsItIs,
    AsLink,
    Not,
}

impl<'a> Writer<'a, '_> {
    fn take(&mut self, event: Event<'a>) {
        match event {
            Event::Start(tag) => self.start(tag),
            Event::End(end) => self.end(end),
            Event::Html(html) | Event::InlineHtml(html) => match &mut self.html {
                Some(block) => block.push_str(&html),
                None => self.html_text(&html),
            },
            event @ (Event::Text(_)
            | Event::Code(_)
            | Event::SoftBreak
            | Event::HardBreak
            | Event::Rule
            | Event::TaskListMarker(_)) => self.events.push(event),
            // What was not asked for does not come.
            Event::InlineMath(text) | Event::DisplayMath(text) | Event::FootnoteReference(text) => {
                self.events.push(Event::Text(text));
            }
        }
    }

    fn start(&mut self, tag: Tag<'a>) {
        let (open, tag) = match tag {
            Tag::Link { link_type: LinkType::Email, dest_url, title, id } if self.links == 0 => {
                (Open::AsLink, Some(link(format!("mailto:{dest_url}"), title, id)))
            }
            Tag::Link { dest_url, title, id, .. } => match self.link(&dest_url) {
                Some(url) if self.links == 0 => (Open::AsLink, Some(link(url, title, id))),
                _ => (Open::Not, None),
            },
            Tag::Image { dest_url, title, id, .. } => match target(&dest_url) {
                Target::File { path, .. } => {
                    let url = self.file("raw", &path, "");
                    let image = Tag::Image { link_type: LinkType::Inline, dest_url: url.into(), title, id };
                    (Open::AsItIs, Some(image))
                }
                // Another server would learn who reads this; its image can be gone to.
                Target::Elsewhere(url) if self.links == 0 => (Open::AsLink, Some(link(url, title, id))),
                _ => (Open::Not, None),
            },
            Tag::HtmlBlock => {
                self.html = Some(String::new());
                (Open::AsItIs, Some(Tag::Paragraph))
            }
            // Columns are aligned by styles within the page, which it does not take.
            Tag::Table(columns) => {
                (Open::AsItIs, Some(Tag::Table(vec![pulldown_cmark::Alignment::None; columns.len()])))
            }
            // Anchors are ours to give.
            Tag::Heading { level, .. } => {
                (Open::AsItIs, Some(Tag::Heading { level, id: None, classes: Vec::new(), attrs: Vec::new() }))
            }
            tag => (Open::AsItIs, Some(tag)),
        };
        self.links += usize::from(open == Open::AsLink);
        self.open.push(open);
        self.events.extend(tag.map(Event::Start));
    }

    fn html_text(&mut self, html: &str) {
        let text = text_of_html(html);
        if !text.trim().is_empty() {
            self.events.push(Event::Text(text.into()));
        }
    }

    fn end(&mut self, end: TagEnd) {
        if let Some(html) = self.html.take_if(|_| end == TagEnd::HtmlBlock) {
            self.html_text(html.trim());
        }
        match self.open.pop() {
            Some(Open::AsLink) => {
                self.links = self.links.saturating_sub(1);
                self.events.push(Event::End(TagEnd::Link));
            }
            Some(Open::AsItIs) => {
                let end = if end == TagEnd::HtmlBlock { TagEnd::Paragraph } else { end };
                self.events.push(Event::End(end));
            }
            Some(Open::Not) | None => {}
        }
    }

    /// Where a link leads; `None` where it may not.
    fn link(&self, url: &str) -> Option<String> {
        match target(url) {
            Target::Anchor(name) => Some(format!("#{ANCHOR}{}", slug(&name))),
            Target::Elsewhere(url) => Some(url),
            Target::File { path, anchor } => {
                let anchor = if anchor.is_empty() { anchor } else { format!("#{ANCHOR}{}", slug(&anchor)) };
                Some(self.file("files", &path, &anchor))
            }
            Target::Nowhere => None,
        }
    }

    /// The URL of a file that a text names from where it stands.
    fn file(&self, page: &str, path: &[u8], anchor: &str) -> String {
        let mut parts: Vec<&[u8]> = Vec::new();
        if !path.starts_with(b"/") {
            parts.extend(self.place.directory.iter().map(Vec::as_slice));
        }
        for part in path.split(|byte| *byte == b'/') {
            match part {
                b"" | b"." => {}
                b".." => drop(parts.pop()),
                part => parts.push(part),
            }
        }
        let path = encoded_path(&parts.join(&b'/'));
        format!("{}/-/{page}/{path}{}{anchor}", self.place.repository, self.place.revision.query())
    }

    /// Gives each heading a name, as links to it expect.
    fn anchor_headings(&mut self) {
        let mut at = 0;
        while at < self.events.len() {
            let is_heading = |event: &Event<'_>| matches!(event, Event::Start(Tag::Heading { .. }));
            if !self.events.get(at).is_some_and(is_heading) {
                at += 1;
                continue;
            }
            let inside = self
                .events
                .iter()
                .skip(at)
                .take_while(|event| !matches!(event, Event::End(TagEnd::Heading(_))));
            let text: String = inside
                .filter_map(|event| match event {
                    Event::Text(text) | Event::Code(text) => Some(text.as_ref()),
                    _ => None,
                })
                .collect();
            let mut name = format!("{ANCHOR}{}", slug(&text));
            let count = self.anchors.entry(name.clone()).or_default();
            if *count > 0 {
                name = format!("{name}-{count}");
            }
            *count += 1;
            if let Some(Event::Start(Tag::Heading { id, .. })) = self.events.get_mut(at) {
                *id = Some(name.into());
            }
            at += 1;
        }
    }
}

fn link<'a>(url: String, title: CowStr<'a>, id: CowStr<'a>) -> Tag<'a> {
    Tag::Link { link_type: LinkType::Inline, dest_url: url.into(), title, id }
}

/// Where a URL of a text leads.
#[derive(Debug, PartialEq, Eq)]
enum Target {
    Anchor(String),
    File { path: Vec<u8>, anchor: String },
    Elsewhere(String),
    Nowhere,
}

/// What a URL of a text means. Browsers leave out line ends and tabs and what stands around; so must we before we look.
fn target(url: &str) -> Target {
    let url: String = url.trim_matches(|c: char| c <= ' ').chars().filter(|c| !c.is_control()).collect();
    if let Some(anchor) = url.strip_prefix('#') {
        return Target::Anchor(anchor.to_owned());
    }
    if url.starts_with("//") || url.starts_with('\\') || url.starts_with("/\\") {
        return Target::Nowhere;
    }
    let scheme_end = url.find([':', '/', '?', '#']).filter(|at| url.as_bytes().get(*at) == Some(&b':'));
    if let Some((scheme, _)) = scheme_end.and_then(|at| url.split_at_checked(at)) {
        let known = ["http", "https", "mailto"].iter().any(|known| scheme.eq_ignore_ascii_case(known));
        return if known { Target::Elsewhere(url) } else { Target::Nowhere };
    }
    let (path, anchor) = url.split_once('#').unwrap_or((&url, ""));
    let path = path.split_once('?').map_or(path, |(path, _)| path);
    if path.is_empty() {
        return Target::Nowhere;
    }
    let path: Vec<u8> = percent_decode_str(path).filter(|byte| *byte != 0).collect();
    Target::File { path, anchor: anchor.to_owned() }
}

/// The text of HTML: what stands outside of its tags and comments.
fn text_of_html(html: &str) -> String {
    let mut text = String::new();
    let mut rest = html;
    while let Some((before, tag)) = rest.split_once('<') {
        text.push_str(before);
        let end = if tag.starts_with("!--") { "-->" } else { ">" };
        rest = tag.split_once(end).map_or("", |(_, rest)| rest);
    }
    text.push_str(rest);
    text
}

/// The name of a heading in links: letters and digits in lower case, dashes for spaces.
fn slug(text: &str) -> String {
    let kept = text.trim().chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    let mut slug: String =
        kept.flat_map(char::to_lowercase).map(|c| if c == ' ' { '-' } else { c }).collect();
    if let Some((end, _)) = slug.char_indices().nth(SLUG_MAX) {
        slug.truncate(end);
    }
    slug
}

/// How names of headings begin, so that none is a name of the page's own.
const ANCHOR: &str = "doc-";

/// Letters of a name of a heading.
const SLUG_MAX: usize = 100;

/// Bytes that a text becomes at most: sixteen times the largest that is laid out.
const WRITTEN_MAX: usize = 4 << 20;

#[cfg(test)]
mod tests;
