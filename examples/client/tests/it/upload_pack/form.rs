//! The forms that a request may have, and one of each from dice.

use gitwire_testkit::Dice;

use super::answer::Answer;
use super::random::Objects;
use super::run::{Served, Start};

/// What a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// Nothing beyond wants and haves.
    Plain,
    BlobNone,
    BlobLimit,
    TreeDepth,
    ObjectType,
    Combine,
    Nested,
    Depth,
    Since,
    Not,
    SinceAndNot,
    Relative,
    Unshallow,
    /// Each of them again, by a client whose history has ends.
    DepthAgain,
    SinceAgain,
    NotAgain,
    /// The ends alone.
    Keep,
    /// A depth with a filter.
    DepthAndFilter,
    /// Only what a sparse checkout holds.
    SparseOid,
}

/// A request, and what of it the comparison needs.
#[derive(Debug, Default)]
pub(super) struct Request {
    pub(super) protocol: &'static str,
    pub(super) lines: String,
    /// The same request in version 2 with each part of its filter alone, where it has several.
    pub(super) parts: Vec<String>,
    /// The same request for a git that counts relative depths from each end.
    pub(super) in_other_words: Option<String>,
    pub(super) thin: bool,
    pub(super) haves: Vec<String>,
    pub(super) shallow: Vec<String>,
}

impl Form {
    pub(super) const ALL: [Self; 19] = [
        Self::Plain,
        Self::BlobNone,
        Self::BlobLimit,
        Self::TreeDepth,
        Self::ObjectType,
        Self::Combine,
        Self::Nested,
        Self::Depth,
        Self::Since,
        Self::Not,
        Self::SinceAndNot,
        Self::Relative,
        Self::Unshallow,
        Self::DepthAgain,
        Self::SinceAgain,
        Self::NotAgain,
        Self::Keep,
        Self::DepthAndFilter,
        Self::SparseOid,
    ];

    /// One request; `None` where the dice ask for what this repository has not.
    pub(super) fn request(self, dice: &mut Dice, served: &Served<'_>, objects: &Objects) -> Option<Request> {
        let mut draft = Draft::new(dice, objects);
        match self {
            Self::Plain => draft.have_some(dice, objects),
            Self::SparseOid if objects.patterns.is_empty() => return None,
            Self::SparseOid => {
                draft.filter = Some(format!("sparse:oid={}", dice.pick(&objects.patterns)));
                if dice.one_in(3) {
                    draft.depth = vec![format!("deepen {}", 1 + dice.below(3))];
                } else {
                    draft.have_some(dice, objects);
                }
            }
            Self::BlobNone
            | Self::BlobLimit
            | Self::TreeDepth
            | Self::ObjectType
            | Self::Combine
            | Self::Nested => {
                draft.filter(self, dice);
                match dice.below(4) {
                    0 => draft.depth = vec![format!("deepen {}", 1 + dice.below(3))],
                    1 => draft.want_other_things(dice, served, objects),
                    _ => draft.have_some(dice, objects),
                }
            }
            Self::Depth => draft.depth = vec![format!("deepen {}", 1 + dice.below(12))],
            Self::Since => draft.depth = vec![draft.since(dice)],
            Self::Not => draft.depth = draft.not(dice, objects)?,
            Self::SinceAndNot => {
                draft.depth = draft.not(dice, objects)?;
                let since = draft.since(dice);
                draft.depth.push(since);
            }
            Self::DepthAndFilter => {
                draft.filter(*dice.pick(&FILTERS), dice);
                draft.depth = vec![format!("deepen {}", 1 + dice.below(6))];
            }
            Self::Relative => draft.deeper(dice, served)?,
            _ => {
                draft.cut(dice, served);
                draft.depth = match self {
                    Self::Unshallow => vec!["deepen 2147483647".into()],
                    Self::DepthAgain => vec![format!("deepen {}", 1 + dice.below(12))],
                    Self::SinceAgain => vec![draft.since(dice)],
                    Self::NotAgain => draft.not(dice, objects)?,
                    _ => Vec::new(),
                };
                if dice.one_in(2) {
                    draft.want_newer(dice, objects);
                }
            }
        }
        Some(draft.request(served))
    }
}

const FILTERS: [Form; 6] =
    [Form::BlobNone, Form::BlobLimit, Form::TreeDepth, Form::ObjectType, Form::Combine, Form::Nested];

/// A request that grows.
struct Draft {
    version_2: bool,
    flags: Vec<&'static str>,
    /// The place of the first want among the commits, and its time.
    place: usize,
    time: u64,
    wants: Vec<String>,
    haves: Vec<String>,
    shallow: Vec<String>,
    depth: Vec<String>,
    /// What an older git is to be asked for.
    other_depth: Option<Vec<String>>,
    relative: bool,
    filter: Option<String>,
    /// The filters that `filter` puts together.
    parts: Vec<String>,
}

impl Draft {
    /// Wants one or a few commits, most of them old: their trees are small, and there is little below them.
    fn new(dice: &mut Dice, objects: &Objects) -> Self {
        let count = objects.commits.len();
        let old = if dice.one_in(40) { count } else { count.min(1 + (count / 20).max(50)) };
        let place = count - 1 - dice.below(old);
        let mut flags = Vec::new();
        for flag in ["thin-pack", "ofs-delta", "include-tag"] {
            if dice.one_in(2) {
                flags.push(flag);
            }
        }
        let (want, time) = objects.commits[place].clone();
        let mut draft = Self {
            version_2: !dice.one_in(8),
            flags,
            place,
            time,
            wants: vec![want],
            haves: Vec::new(),
            shallow: Vec::new(),
            depth: Vec::new(),
            other_depth: None,
            relative: false,
            filter: None,
            parts: Vec::new(),
        };
        for _ in 0..dice.below(3) {
            let near = draft.near(dice, objects, 40);
            draft.wants.push(near);
        }
        draft
    }

    /// A commit a few places behind the first want.
    fn near(&self, dice: &mut Dice, objects: &Objects, most: usize) -> String {
        let place = (self.place + dice.below(most)).min(objects.commits.len() - 1);
        objects.commits[place].0.clone()
    }

    fn want_newer(&mut self, dice: &mut Dice, objects: &Objects) {
        let place = self.place - dice.below(30.min(self.place + 1));
        self.wants.push(objects.commits[place].0.clone());
    }

    fn have_some(&mut self, dice: &mut Dice, objects: &Objects) {
        for _ in 0..dice.below(5) {
            let near = self.near(dice, objects, 200);
            self.haves.push(near);
        }
        if dice.one_in(4) {
            self.haves.push("5".repeat(self.wants[0].len()));
        }
    }

    /// Tags, trees and blobs are wanted instead of commits.
    fn want_other_things(&mut self, dice: &mut Dice, served: &Served<'_>, objects: &Objects) {
        let of = self.wants[0].clone();
        self.wants.clear();
        let listed = served.git.ok(served.path, ["ls-tree", "-r", "-t", &of]);
        let listed = String::from_utf8_lossy(&listed).into_owned();
        let ids: Vec<&str> = listed
            .lines()
            .filter_map(|line| line.split(['\t', ' ']).nth(2))
            .filter(|id| id.len() == of.len() && !listed.contains(&format!("commit {id}")))
            .collect();
        for _ in 0..=dice.below(3) {
            match dice.below(3) {
                0 if !objects.tags.is_empty() => self.wants.push(dice.pick(&objects.tags).clone()),
                1 if !ids.is_empty() => self.wants.push((*dice.pick(&ids)).to_owned()),
                _ => self.wants.push(of.clone()),
            }
        }
        let boundary = 1 + dice.below(2);
        self.depth = vec![format!("deepen {boundary}")];
    }

    fn since(&self, dice: &mut Dice) -> String {
        let back = 1 + dice.below(40 * 24 * 3600) as u64;
        format!("deepen-since {}", self.time.saturating_sub(back).max(1))
    }

    /// One or some refs that are older than what is wanted.
    fn not(&self, dice: &mut Dice, objects: &Objects) -> Option<Vec<String>> {
        let mut older: Vec<_> =
            objects.refs.iter().filter(|(_, time)| *time <= self.time && *time > 0).collect();
        older.sort_unstable_by_key(|(_, time)| std::cmp::Reverse(*time));
        older.truncate(12);
        if older.is_empty() {
            return None;
        }
        let count = 1 + dice.below(3);
        Some((0..count).map(|_| format!("deepen-not {}", dice.pick(&older).0)).collect())
    }

    /// The client has cloned what it wants with some depth before.
    fn cut(&mut self, dice: &mut Dice, served: &Served<'_>) -> usize {
        let depth = 1 + dice.below(5);
        let wants: String = self.wants.iter().map(|want| format!("want {want}\n")).collect();
        let lines = format!("{wants}deepen {depth}\nfilter tree:0");
        let request =
            format!("command=fetch\nobject-format={}\n0001\nno-progress\n{lines}\ndone\n0000", served.format);
        let start = Start { config: &["uploadpack.allowFilter=true"], ..Start::V2 };
        let answer = Answer::parse(&served.theirs(start, &served.bytes(&request)).stdout);
        let ends = answer.lines.iter().filter_map(|line| line.get(4..)?.strip_prefix(b"shallow "));
        self.shallow = ends.map(|id| String::from_utf8_lossy(id).trim().to_owned()).collect();
        self.haves = self.wants.clone();
        depth
    }

    /// More depth than before, counted from where the history ends.
    fn deeper(&mut self, dice: &mut Dice, served: &Served<'_>) -> Option<()> {
        let before = self.cut(dice, served);
        let more = 1 + dice.below(6);
        self.depth = vec![format!("deepen {more}")];
        self.relative = true;
        if served.git.version().as_slice() < [2, 55].as_slice() {
            self.other_depth = Some(vec![format!("deepen {}", before + more)]);
        }
        // Without ends, all that is left of the history comes.
        (!self.shallow.is_empty()).then_some(())
    }

    fn filter(&mut self, form: Form, dice: &mut Dice) {
        if !matches!(form, Form::Combine | Form::Nested) {
            self.filter = Some(one(form, dice));
            return;
        }
        let (first, second) = (simple(dice), simple(dice));
        let mut filter = format!("combine:{first}+{second}");
        self.parts = vec![first, second];
        if form == Form::Nested {
            let third = simple(dice);
            let inner: String = filter.bytes().map(|byte| escaped(byte, dice)).collect();
            filter = format!("combine:{inner}+{third}");
            self.parts.push(third);
        }
        self.filter = Some(filter);
    }

    fn request(mut self, served: &Served<'_>) -> Request {
        let whole = self.filter.clone();
        let mut parts = Vec::new();
        for part in std::mem::take(&mut self.parts) {
            self.filter = Some(part);
            parts.push(self.version_2(served, &self.depth, self.relative));
        }
        self.filter = whole;
        let write = |depth: &[String], relative: bool| {
            if self.version_2 {
                self.version_2(served, depth, relative)
            } else {
                self.version_0(depth, relative)
            }
        };
        Request {
            protocol: if self.version_2 { "version=2" } else { "" },
            lines: write(&self.depth, self.relative),
            parts,
            in_other_words: self.other_depth.as_ref().map(|depth| write(depth, false)),
            thin: self.flags.contains(&"thin-pack"),
            haves: self.haves.iter().filter(|id| !id.starts_with("55555")).cloned().collect(),
            shallow: self.shallow.clone(),
        }
    }

    fn version_2(&self, served: &Served<'_>, depth: &[String], relative: bool) -> String {
        let mut lines =
            vec!["command=fetch".to_owned(), format!("object-format={}", served.format), "0001".into()];
        lines.push("no-progress".into());
        lines.extend(self.flags.iter().map(|flag| (*flag).to_owned()));
        lines.extend(self.wants.iter().map(|id| format!("want {id}")));
        lines.extend(self.shallow.iter().map(|id| format!("shallow {id}")));
        lines.extend_from_slice(depth);
        lines.extend(relative.then(|| "deepen-relative".to_owned()));
        lines.extend(self.filter.iter().map(|spec| format!("filter {spec}")));
        lines.extend(self.haves.iter().map(|id| format!("have {id}")));
        lines.extend(["done".to_owned(), "0000".into()]);
        lines.join("\n")
    }

    fn version_0(&self, depth: &[String], relative: bool) -> String {
        let mut words = vec!["multi_ack_detailed no-progress side-band-64k deepen-since deepen-not filter"];
        words.extend_from_slice(&self.flags);
        words.extend(relative.then_some("deepen-relative"));
        let (first, rest) = self.wants.split_first().expect("a want");
        let mut lines = vec![format!("want {first} {}", words.join(" "))];
        lines.extend(rest.iter().map(|id| format!("want {id}")));
        lines.extend(self.shallow.iter().map(|id| format!("shallow {id}")));
        lines.extend_from_slice(depth);
        lines.extend(self.filter.iter().map(|spec| format!("filter {spec}")));
        lines.push("0000".into());
        lines.extend(self.haves.iter().map(|id| format!("have {id}")));
        lines.push("done".into());
        lines.join("\n")
    }
}

fn one(form: Form, dice: &mut Dice) -> String {
    match form {
        Form::BlobNone => "blob:none".into(),
        Form::BlobLimit => {
            format!("blob:limit={}{}", dice.below(9000), dice.pick(&["", "", "k", "K", "m", "g"]))
        }
        Form::TreeDepth => format!("tree:{}", dice.below(5)),
        _ => format!("object:type={}", dice.pick(&["commit", "tree", "blob", "tag"])),
    }
}

fn simple(dice: &mut Dice) -> String {
    let form = *dice.pick(&FILTERS[..4]);
    one(form, dice)
}

/// What must be escaped is; other things may be.
fn escaped(byte: u8, dice: &mut Dice) -> String {
    if matches!(byte, b'+' | b'%') || dice.one_in(6) {
        format!("%{byte:02x}")
    } else {
        char::from(byte).to_string()
    }
}
