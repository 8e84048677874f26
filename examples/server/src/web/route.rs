//! From a URL to a page, and back.

use http::{StatusCode, Uri};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode, percent_encode};

/// The pages. Those below a repository have a part `-`, so that no name of a page can hide a repository, nor a repository a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Route {
    /// All repositories.
    Dashboard,
    SignIn,
    SignOut,
    /// A form for a new repository.
    New,
    Style,
    Script,
    /// What robots are asked to leave alone.
    Robots,
    /// A page of the repository of this path.
    Repository(Vec<u8>, Page),
}

/// The pages of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Page {
    Home,
    /// A directory or a file at this path.
    Files(Vec<Vec<u8>>),
    /// The bytes of the file at this path.
    Raw(Vec<Vec<u8>>),
    Commits,
    /// The commit of this id, in hexadecimal digits.
    Commit(Vec<u8>),
    Branches,
    Tags,
}

impl Route {
    /// What a URL asks for. Paths that could mean another place than they seem to are not found.
    pub(crate) fn of(uri: &Uri) -> Result<Self, StatusCode> {
        let path = uri.path().strip_prefix('/').ok_or(StatusCode::NOT_FOUND)?;
        let path = path.strip_suffix('/').unwrap_or(path);
        match path {
            "" => return Ok(Self::Dashboard),
            "robots.txt" => return Ok(Self::Robots),
            _ => {}
        }
        let parts: Vec<&str> = path.split('/').collect();
        let cut = parts.iter().position(|part| *part == "-");
        let (repository, page) = parts.split_at(cut.unwrap_or(parts.len()));
        let page = page.get(1..).unwrap_or_default();
        if repository.is_empty() {
            return match page {
                ["sign-in"] => Ok(Self::SignIn),
                ["sign-out"] => Ok(Self::SignOut),
                ["new"] => Ok(Self::New),
                ["style.css"] => Ok(Self::Style),
                ["copy.js"] => Ok(Self::Script),
                _ => Err(StatusCode::NOT_FOUND),
            };
        }
        let repository: Vec<Vec<u8>> =
            repository.iter().map(|part| repository_part(part)).collect::<Result<_, _>>()?;
        let path = |parts: &[&str]| parts.iter().map(|part| file_part(part)).collect::<Result<Vec<_>, _>>();
        let page = match (cut, page) {
            (None, _) => Page::Home,
            (_, ["files", rest @ ..]) => Page::Files(path(rest)?),
            (_, ["raw", rest @ ..]) if !rest.is_empty() => Page::Raw(path(rest)?),
            (_, ["commits"]) => Page::Commits,
            (_, ["commit", id]) => Page::Commit(id.as_bytes().to_vec()),
            (_, ["branches"]) => Page::Branches,
            (_, ["tags"]) => Page::Tags,
            _ => return Err(StatusCode::NOT_FOUND),
        };
        Ok(Self::Repository(repository.join(&b'/'), page))
    }
}

/// A part of a repository's path: as Git's clients may name it.
fn repository_part(part: &str) -> Result<Vec<u8>, StatusCode> {
    let decoded = file_part(part)?;
    let strange = |byte: &u8| *byte < b' ' || *byte == 0x7f || *byte == b'\\';
    // What begins with a dash or a dot is nothing that we have made, and nothing that anybody should find by guessing.
    if decoded.iter().any(strange) || decoded.starts_with(b"-") || decoded.starts_with(b".") {
        return Err(StatusCode::NOT_FOUND);
    }
    Ok(decoded)
}

/// A part of a path in a tree: any bytes that a tree can hold.
fn file_part(part: &str) -> Result<Vec<u8>, StatusCode> {
    let mut rest = part.split('%');
    rest.next();
    for escape in rest {
        if !matches!(escape.as_bytes(), [high, low, ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit())
        {
            return Err(StatusCode::BAD_REQUEST);
        }
    }
    let decoded: Vec<u8> = percent_decode(part.as_bytes()).collect();
    if matches!(decoded.as_slice(), b"" | b"." | b"..") || decoded.iter().any(|byte| matches!(byte, 0 | b'/'))
    {
        return Err(StatusCode::NOT_FOUND);
    }
    Ok(decoded)
}

/// The value of a parameter, as bytes.
pub(crate) fn parameter(query: &str, name: &str) -> Option<Vec<u8>> {
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.find_map(|(key, value)| (decode_value(key) == name.as_bytes()).then(|| decode_value(value)))
}

/// The bytes of a name or value of a form or query (`application/x-www-form-urlencoded`).
pub(crate) fn decode_value(value: &str) -> Vec<u8> {
    let spaced: Vec<u8> = value.bytes().map(|byte| if byte == b'+' { b' ' } else { byte }).collect();
    percent_decode(&spaced).collect()
}

/// Bytes as one part of a path, or as a value of a query.
pub(crate) fn encoded(bytes: &[u8]) -> String {
    percent_encode(bytes, PART).to_string()
}

/// The path of parts, each encoded, without a slash at its front.
pub(crate) fn encoded_path(path: &[u8]) -> String {
    let parts: Vec<String> = path.split(|byte| *byte == b'/').map(encoded).collect();
    parts.join("/")
}

/// Where a visitor goes on after signing in: a path of this server, or the dashboard.
pub(crate) fn next_path(next: &[u8]) -> String {
    let ours = |path: &&str| {
        path.starts_with('/')
            && !path.starts_with("//")
            && path.len() <= 2048
            && path.bytes().all(|byte| matches!(byte, b'!'..=b'~') && byte != b'\\')
    };
    std::str::from_utf8(next).ok().filter(ours).unwrap_or("/").to_owned()
}

const PART: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(uri: &str, expected: Result<Route, u16>) {
        assert_eq!(Route::of(&uri.parse().unwrap()).map_err(|status| status.as_u16()), expected, "{uri}");
    }

    fn repository(path: &str, page: Page) -> Result<Route, u16> {
        Ok(Route::Repository(path.as_bytes().to_vec(), page))
    }

    fn parts(path: &[&str]) -> Vec<Vec<u8>> {
        path.iter().map(|part| part.as_bytes().to_vec()).collect()
    }

    #[test]
    fn routes() {
        check("/", Ok(Route::Dashboard));
        check("/?page=2", Ok(Route::Dashboard));
        check("/-/sign-in?next=/a", Ok(Route::SignIn));
        check("/-/sign-out", Ok(Route::SignOut));
        check("/-/new", Ok(Route::New));
        check("/-/style.css", Ok(Route::Style));
        check("/-/copy.js", Ok(Route::Script));
        check("/robots.txt", Ok(Route::Robots));
        check("/a.git", repository("a.git", Page::Home));
        check("/a.git/", repository("a.git", Page::Home));
        check("/g/a%20b.git", repository("g/a b.git", Page::Home));
        check("/a.git/-/files", repository("a.git", Page::Files(parts(&[]))));
        check("/a.git/-/files/", repository("a.git", Page::Files(parts(&[]))));
        check("/a.git/-/files/d/f%3f.c", repository("a.git", Page::Files(parts(&["d", "f?.c"]))));
        check("/a.git/-/files/-/x", repository("a.git", Page::Files(parts(&["-", "x"]))));
        check("/a.git/-/files/a%5Cb%0a", repository("a.git", Page::Files(parts(&["a\\b\n"]))));
        check("/a.git/-/raw/d/f", repository("a.git", Page::Raw(parts(&["d", "f"]))));
        check("/a.git/-/commits", repository("a.git", Page::Commits));
        check("/a.git/-/commit/abc", repository("a.git", Page::Commit(b"abc".to_vec())));
        check("/a.git/-/branches", repository("a.git", Page::Branches));
        check("/a.git/-/tags", repository("a.git", Page::Tags));
    }

    #[test]
    fn what_leads_elsewhere_is_not_found() {
        for uri in [
            "/-",
            "/-/",
            "/-/x",
            "/a.git/-",
            "/a.git/-/raw",
            "/a.git/-/x",
            "/a.git/-/commits/x",
            "/../a.git",
            "/x/%2e%2e/a.git",
            "/x%2fa.git",
            "/x//a.git",
            "/x/./a.git",
            "/a%00.git",
            "/a%5c.git",
            "/a%0a.git",
            "/.hidden/a.git",
            "/-x/a.git",
            "/a.git/-/files/../x",
            "/a.git/-/files/%2e%2e/x",
            "/a.git/-/files/./x",
            "/a.git/-/files/d//x",
            "/a.git/-/files/d%2fx",
            "/a.git/-/files/d%00x",
            "/a.git/-/raw/..%2f..%2fetc",
        ] {
            check(uri, Err(404));
        }
        check("/a%2.git", Err(400));
        check("/a.git/-/files/a%zz", Err(400));
    }

    #[test]
    fn nobody_is_sent_to_another_server() {
        let check = |next: &str, expected: &str| assert_eq!(next_path(next.as_bytes()), expected, "{next}");
        check("/a.git/-/files/x?branch=b", "/a.git/-/files/x?branch=b");
        check("/", "/");
        check("", "/");
        for next in [
            "//evil.example",
            "///evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "http://evil.example",
            "https:evil.example",
            "javascript:alert(1)",
            "evil.example",
            "/a\r\nSet-Cookie: x=y",
            "/\t/evil.example",
            " /a",
            "/a b",
            "/\u{e9}",
        ] {
            check(next, "/");
        }
        check(&format!("/{}", "a".repeat(2047)), &format!("/{}", "a".repeat(2047)));
        check(&format!("/{}", "a".repeat(2048)), "/");
        assert_eq!(next_path(b"/\xff"), "/");
    }

    #[test]
    fn names_go_through_urls_byte_for_byte() {
        let name = b"a b/\xff\xfe&<\">'%2f?#+";
        let (path, value) = (encoded_path(name), encoded(name));
        assert_eq!(path, "a%20b/%FF%FE%26%3C%22%3E%27%252f%3F%23%2B");
        let back = parameter(&format!("x=1&name={value}&y"), "name");
        assert_eq!(back.as_deref(), Some(&name[..]));
        assert_eq!(parameter("a+b=c+d%2B", "a b").as_deref(), Some(&b"c d+"[..]));
        assert_eq!(parameter("a", "a"), None);
    }
}
