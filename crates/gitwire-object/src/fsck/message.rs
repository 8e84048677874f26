//! Git's message ids and what each is worth (`git-fsck`, *FSCK MESSAGES*).

use core::fmt;

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Not worth a word.
    Ignore,
    /// Worth a word; stays so under strict rules. Git prints it as a warning.
    Info,
    /// Worth a word; an error under strict rules.
    Warn,
    /// The object is refused.
    Error,
    /// The object is refused, and no setting can lower it.
    Fatal,
}

impl Severity {
    /// The severity that configuration names: `error`, `warn` or `ignore`.
    #[must_use]
    pub fn from_name(name: &[u8]) -> Option<Self> {
        [(&b"error"[..], Self::Error), (b"warn", Self::Warn), (b"ignore", Self::Ignore)]
            .into_iter()
            .find_map(|(word, severity)| name.eq_ignore_ascii_case(word).then_some(severity))
    }

    /// Whether it refuses the object.
    #[must_use]
    pub fn is_error(self) -> bool {
        self >= Self::Error
    }
}

/// Declares the ids: each with the word of Git's documentation and the severity it has there.
macro_rules! messages {
    ($($variant:ident $name:literal $severity:ident $doc:literal,)*) => {
        /// What is found in an object, under the names that `fsck.<msg-id>` takes.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum MessageId {
            $(#[doc = $doc] $variant,)*
        }

        impl MessageId {
            /// Every id.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// Its name, as in `fsck.<msg-id>`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// What it is worth unless it is configured.
            #[must_use]
            pub const fn severity(self) -> Severity {
                match self { $(Self::$variant => Severity::$severity,)* }
            }
        }
    };
}

messages! {
    BadDate "badDate" Error "A date that is no number.",
    BadDateOverflow "badDateOverflow" Error "A date beyond what git can hold.",
    BadEmail "badEmail" Error "An email that does not end.",
    BadFilemode "badFilemode" Info "A tree entry with a mode that git does not write.",
    BadGpgsig "badGpgsig" Error "A tag's signature header that does not end.",
    BadHeaderContinuation "badHeaderContinuation" Error "A further line of a header that does not end.",
    BadName "badName" Error "A name with a `>` in it.",
    BadObjectSha1 "badObjectSha1" Error "A tag's object line without an id.",
    BadParentSha1 "badParentSha1" Error "A parent line without an id.",
    BadTagName "badTagName" Info "A tag's name that could be no reference.",
    BadTimezone "badTimezone" Error "An offset that is not a sign and four digits.",
    BadTree "badTree" Error "A tree that cannot be read.",
    BadTreeSha1 "badTreeSha1" Error "A commit's tree line without an id.",
    BadType "badType" Error "A tag's type that is no kind of object.",
    DuplicateEntries "duplicateEntries" Error "A tree with two entries of one name.",
    EmptyName "emptyName" Warn "A tree entry without a name.",
    ExtraHeaderEntry "extraHeaderEntry" Ignore "Headers after a tag's tagger.",
    FullPathname "fullPathname" Warn "A tree entry with a slash in its name.",
    GitattributesBlob "gitattributesBlob" Error "A `.gitattributes` that is no blob.",
    GitattributesLarge "gitattributesLarge" Error "A `.gitattributes` of more than 100 MiB.",
    GitattributesLineLength "gitattributesLineLength" Error "A line of 2048 bytes or more in a `.gitattributes`.",
    GitattributesMissing "gitattributesMissing" Error "A `.gitattributes` that cannot be read.",
    GitattributesSymlink "gitattributesSymlink" Info "A `.gitattributes` that is a symbolic link.",
    GitignoreSymlink "gitignoreSymlink" Info "A `.gitignore` that is a symbolic link.",
    GitmodulesBlob "gitmodulesBlob" Error "A `.gitmodules` that is no blob.",
    GitmodulesLarge "gitmodulesLarge" Error "A `.gitmodules` that is too large to read.",
    GitmodulesMissing "gitmodulesMissing" Error "A `.gitmodules` that cannot be read.",
    GitmodulesName "gitmodulesName" Error "A submodule's name that leads out of its folder.",
    GitmodulesParse "gitmodulesParse" Info "A `.gitmodules` that is no configuration file.",
    GitmodulesPath "gitmodulesPath" Error "A submodule's path that looks like an option.",
    GitmodulesSymlink "gitmodulesSymlink" Error "A `.gitmodules` that is a symbolic link.",
    GitmodulesUpdate "gitmodulesUpdate" Error "A submodule that is updated by a command.",
    GitmodulesUrl "gitmodulesUrl" Error "A submodule's URL that could be taken for something else.",
    HasDot "hasDot" Warn "A tree entry `.`.",
    HasDotdot "hasDotdot" Warn "A tree entry `..`.",
    HasDotgit "hasDotgit" Warn "A tree entry that some file system takes for `.git`.",
    LargePathname "largePathname" Warn "A tree entry with a very long name.",
    MailmapSymlink "mailmapSymlink" Info "A `.mailmap` that is a symbolic link.",
    MissingAuthor "missingAuthor" Error "A commit without an author.",
    MissingCommitter "missingCommitter" Error "A commit without a committer.",
    MissingEmail "missingEmail" Error "A person without an email.",
    MissingNameBeforeEmail "missingNameBeforeEmail" Error "A person without a name.",
    MissingObject "missingObject" Error "A tag that does not begin with its object.",
    MissingSpaceBeforeDate "missingSpaceBeforeDate" Error "No space between email and date.",
    MissingSpaceBeforeEmail "missingSpaceBeforeEmail" Error "No space between name and email.",
    MissingTag "missingTag" Error "A tag's name that does not end.",
    MissingTagEntry "missingTagEntry" Error "A tag without a name.",
    MissingTaggerEntry "missingTaggerEntry" Info "A tag without a tagger.",
    MissingTree "missingTree" Error "A commit that does not begin with its tree.",
    MissingType "missingType" Error "A tag's type that does not end.",
    MissingTypeEntry "missingTypeEntry" Error "A tag without a type.",
    MultipleAuthors "multipleAuthors" Error "A commit with several authors.",
    NulInCommit "nulInCommit" Warn "A NUL in a commit.",
    NulInHeader "nulInHeader" Fatal "A NUL in the header of a commit or tag.",
    NullSha1 "nullSha1" Warn "A tree entry with the all-zero id.",
    TreeNotSorted "treeNotSorted" Error "A tree whose entries are out of order.",
    UnknownType "unknownType" Error "An object of no known kind.",
    UnterminatedHeader "unterminatedHeader" Fatal "A header whose last line does not end.",
    ZeroPaddedDate "zeroPaddedDate" Error "A date that begins with a zero.",
    ZeroPaddedFilemode "zeroPaddedFilemode" Warn "A tree entry whose mode begins with a zero.",
}

impl MessageId {
    /// The id of that name, in whatever case: configuration keys have none.
    #[must_use]
    pub fn from_name(name: &[u8]) -> Option<Self> {
        Self::ALL.iter().copied().find(|id| id.name().as_bytes().eq_ignore_ascii_case(name))
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
