//! What becomes of texts, and what never does.

use super::*;

fn html(text: &str) -> Option<String> {
    let place = Place {
        repository: "/r.git",
        revision: &Revision::Branch(b"a&b".to_vec()),
        directory: &[b"d".to_vec()],
    };
    lay_out(text, &place, &Limits::default())
}

#[track_caller]
fn check(text: &str, expected: &str) {
    assert_eq!(html(text).unwrap().trim_end(), expected, "{text}");
}

#[test]
fn text() {
    check("a *b* `<c>` ~~d~~", "<p>a <em>b</em> <code>&lt;c&gt;</code> <del>d</del></p>");
    check(
        "# A `b`, C!\n## A b C",
        "<h1 id=\"doc-a-b-c\">A <code>b</code>, C!</h1>\n<h2 id=\"doc-a-b-c-1\">A b C</h2>",
    );
    check("# x {#header .y onclick=z}", "<h1 id=\"doc-x-header-y-onclickz\">x {#header .y onclick=z}</h1>");
    check(
        "|a|\n|-:|\n|b|",
        "<table><thead><tr><th>a</th></tr></thead><tbody>\n<tr><td>b</td></tr>\n</tbody></table>",
    );
    check(
        "```\"><script>\n<b>\n```",
        "<pre><code class=\"language-&quot;&gt;&lt;script&gt;\">&lt;b&gt;\n</code></pre>",
    );
}

#[test]
fn links_and_images() {
    check("[a](x/y.md)", "<p><a href=\"/r.git/-/files/d/x/y.md?branch=a%26b\">a</a></p>");
    check("[a](../z#q)", "<p><a href=\"/r.git/-/files/z?branch=a%26b#doc-q\">a</a></p>");
    check("[a](/z)", "<p><a href=\"/r.git/-/files/z?branch=a%26b\">a</a></p>");
    check("[a](../../../../etc/passwd)", "<p><a href=\"/r.git/-/files/etc/passwd?branch=a%26b\">a</a></p>");
    check(
        "[a](..%2f..%2f..%2f-/sign-out)",
        "<p><a href=\"/r.git/-/files/-/sign-out?branch=a%26b\">a</a></p>",
    );
    check("[a](#A-b)", "<p><a href=\"#doc-a-b\">a</a></p>");
    check("[a](https://e.org/?a&b)", "<p><a href=\"https://e.org/?a&amp;b\">a</a></p>");
    check("<a@e.org>", "<p><a href=\"mailto:a@e.org\">a@e.org</a></p>");
    check("[a](mailto:a@e.org)", "<p><a href=\"mailto:a@e.org\">a</a></p>");
    check(
        "![a\"b](i.png \"t\")",
        "<p><img src=\"/r.git/-/raw/d/i.png?branch=a%26b\" alt=\"a&quot;b\" title=\"t\" /></p>",
    );
    check("![a](https://e.org/i.png)", "<p><a href=\"https://e.org/i.png\">a</a></p>");
    check("[![a](https://e.org/i.png)](https://e.org)", "<p><a href=\"https://e.org\">a</a></p>");
    check(
        "[![a](i.png)](x)",
        "<p><a href=\"/r.git/-/files/d/x?branch=a%26b\"><img src=\"/r.git/-/raw/d/i.png?branch=a%26b\" alt=\"a\" /></a></p>",
    );
}

#[test]
fn nothing_runs() {
    for url in [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "java&#10;script:alert(1)",
        "&#1;javascript:alert(1)",
        "java&Tab;script:alert(1)",
        "vbscript:x",
        "data:text/html;base64,x",
        "file:///etc/passwd",
        "//evil.example",
        "\\\\evil.example",
        "/\\evil.example",
        "blob:x",
        "",
    ] {
        check(&format!("[a](<{url}>)"), "<p>a</p>");
        check(&format!("![a](<{url}>)"), "<p>a</p>");
    }
    check("<javascript:alert(1)>", "<p>javascript:alert(1)</p>");
    check("[a](x\" onmouseover=\"y)", "<p>[a](x\" onmouseover=\"y)</p>");
    check(
        "[a](<x\" onmouseover=\"y>)",
        "<p><a href=\"/r.git/-/files/d/x%22%20onmouseover%3D%22y?branch=a%26b\">a</a></p>",
    );
    check(
        "[a](https://e.org \"\\\"><script>\")",
        "<p><a href=\"https://e.org\" title=\"&quot;&gt;&lt;script&gt;\">a</a></p>",
    );
}

#[test]
fn html_is_left_out_and_its_text_is_text() {
    check("a <b onclick=x>c</b> <script>alert(1)</script>", "<p>a c alert(1)</p>");
    check("<p align=center>\n<b>x</b> &amp; <!-- <i> -->y\n</p>", "<p>\nx &amp;amp; y\n</p>");
    check("<script>\nalert(1)\n</script>", "<p>\nalert(1)\n</p>");
    check("<style>*{display:none}</style>", "<p>*{display:none}</p>");
    check("a <img src=x onerror=alert(1)> b", "<p>a  b</p>");
    check("<iframe srcdoc=\"<script>\"></iframe>", "<p>\"&gt;</p>");
    check("<svg/onload=alert(1)", "<p>&lt;svg/onload=alert(1)</p>");
    check("<<b>script>alert(1)<</b>/script>", "<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>");
}

#[test]
fn what_is_large_or_deep_is_not_laid_out() {
    let max = Limits::default().markdown_bytes_max;
    assert!(html(&"a".repeat(max)).is_some());
    assert!(html(&"a".repeat(max + 1)).is_none());
    let depth = Limits::default().markdown_depth_max;
    assert!(html(&format!("{}a", ">".repeat(depth - 1))).is_some(), "the paragraph is the last level");
    assert!(html(&format!("{}a", ">".repeat(depth))).is_none());
    // One long link that is named again and again.
    let many = format!("[a]: https://e.org/{}\n\n{}", "x".repeat(50_000), "[a]".repeat(60_000));
    assert!(html(&many).is_none_or(|html| html.len() < 2 * WRITTEN_MAX));
    for evil in ["[", "![", "*a_", "<", "`", "> - ", "|a", "[a](", "&", "<!--", "\\"] {
        let _ = html(&evil.repeat(max / evil.len()));
    }
}

/// Names of tags and attributes that the library writes, and those alone, with URLs that may be followed.
fn check_tags(html: &str) {
    const TAGS: &str = "a p em strong del code pre ul ol li input blockquote h1 h2 h3 h4 h5 h6 hr br img table thead tbody tr th td";
    const ATTRIBUTES: &str = "href title src alt id class start disabled type checked";
    for piece in html.split('<').skip(1) {
        let (tag, _) = piece.split_once('>').expect("a tag ends");
        let tag = tag.trim_start_matches('/').trim_end_matches('/');
        let (name, mut rest) = tag.split_once([' ', '\n']).unwrap_or((tag, ""));
        assert!(TAGS.split(' ').any(|known| known == name), "{name} in {html}");
        while let Some((name, value)) = rest.trim().split_once("=\"") {
            let (value, after) = value.split_once('"').expect("a value ends");
            assert!(ATTRIBUTES.split(' ').any(|known| known == name.trim()), "{name} in {html}");
            let is_url = matches!(name.trim(), "href" | "src");
            let starts = if name.trim() == "src" {
                &["/r.git/-/raw/"][..]
            } else {
                &["/r.git/-/files/", "#doc-", "http:", "https:", "mailto:"]
            };
            let value = value.to_lowercase();
            assert!(!is_url || starts.iter().any(|start| value.starts_with(start)), "{value} in {html}");
            rest = after;
        }
    }
}

proptest::proptest! {
    #[test]
    fn nothing_is_written_but_what_is_known(pieces in proptest::collection::vec(proptest::sample::select(PIECES), 0..24)) {
        check_tags(&html(&pieces.concat()).unwrap_or_default());
    }

    #[test]
    fn no_text_breaks_it(text in ".{0,200}") {
        check_tags(&html(&text).unwrap_or_default());
    }
}

const PIECES: &[&str] = &[
    "[",
    "]",
    "(",
    ")",
    "!",
    "<",
    ">",
    "\"",
    "'",
    "`",
    "```",
    "\n",
    "\n\n",
    " ",
    "    ",
    "#",
    "- ",
    "1. ",
    "> ",
    "|",
    "|-|\n",
    "*",
    "_",
    "~~",
    "\\",
    "&",
    "javascript:alert(1)",
    "JAVASCRIPT&colon;x",
    "data:text/html,x",
    "http://e.org",
    "//e.org",
    "../x",
    "#a",
    "a",
    "[a]: ",
    "<a href=",
    "<script>",
    "</script>",
    "<img src=x onerror=y>",
    "<!--",
    "-->",
    "<![CDATA[",
    "<?",
    "onclick=",
    "&#x3c;",
    "&lt;",
    "&quot;",
    "mailto:a@b",
    "[x] ",
    "{#id .c}",
    "\u{0}",
    "\t",
    "\u{202e}",
];
