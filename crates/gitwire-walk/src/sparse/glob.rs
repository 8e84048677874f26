//! Shell patterns over paths (`gitignore`, *pattern format*).
//!
//! A pattern is a list of tokens, and matching keeps the set of places in the list at which a path may stand: time is at most the product of both lengths,
//! whatever somebody writes into a pattern.

/// A pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Glob {
    /// What a path begins with.
    prefix: Vec<u8>,
    /// What the rest of it is held against.
    tokens: Vec<Token>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Byte(u8),
    /// `?`: any byte but a slash.
    Any,
    /// `[…]`: one of these.
    Set(Box<[bool; 256]>),
    /// `*`: any number of bytes but slashes.
    Star,
    /// `**` alone between slashes: any number of bytes.
    Stars,
    /// Before `**/`: none of it, or all.
    Perhaps,
    /// What matches nothing: a set without an end.
    Never,
}

impl Glob {
    pub(super) fn new(pattern: &[u8]) -> Self {
        let mut tokens = Vec::new();
        // What stands before the first special byte is compared by itself: `**` right behind it counts as if it stood alone.
        let literal = pattern.iter().position(|byte| matches!(byte, b'*' | b'?' | b'[' | b'\\'));
        let (prefix, pattern) = pattern.split_at(literal.unwrap_or(pattern.len()));
        let mut at = 0;
        while let Some(byte) = pattern.get(at).copied() {
            at += 1;
            match byte {
                b'\\' => {
                    // A backslash at the end stands for nothing that could be matched.
                    let literal = pattern.get(at).copied();
                    tokens.push(literal.map_or(Token::Never, Token::Byte));
                    at += 1;
                }
                b'?' => tokens.push(Token::Any),
                b'[' => match set(pattern.get(at..).unwrap_or_default()) {
                    Some((set, len)) => {
                        tokens.push(Token::Set(set));
                        at += len;
                    }
                    None => tokens.push(Token::Never),
                },
                b'*' => {
                    let start = at - 1;
                    at += pattern.iter().skip(at).take_while(|byte| **byte == b'*').count();
                    let before = start.checked_sub(1).and_then(|before| pattern.get(before));
                    let rest = pattern.get(at..).unwrap_or_default();
                    let alone = before.is_none_or(|byte| *byte == b'/')
                        && (rest.is_empty() || rest.starts_with(b"/") || rest.starts_with(b"\\/"));
                    match alone && at - start > 1 {
                        true if rest.starts_with(b"/") => tokens.extend([Token::Perhaps, Token::Stars]),
                        true => tokens.push(Token::Stars),
                        false => tokens.push(Token::Star),
                    }
                }
                byte => tokens.push(Token::Byte(byte)),
            }
        }
        Self { prefix: prefix.to_vec(), tokens }
    }

    pub(super) fn matches(&self, path: &[u8]) -> bool {
        let Some(path) = path.strip_prefix(&self.prefix[..]) else { return false };
        if self.tokens.is_empty() {
            return path.is_empty();
        }
        let mut here = Places::new(self.tokens.len());
        let mut next = Places::new(self.tokens.len());
        here.enter(&self.tokens, 0);
        for byte in path {
            next.clear();
            for at in here.list.iter().copied() {
                match self.tokens.get(at) {
                    Some(Token::Stars) => next.enter(&self.tokens, at),
                    Some(Token::Star) if *byte != b'/' => next.enter(&self.tokens, at),
                    Some(Token::Any) if *byte != b'/' => next.enter(&self.tokens, at + 1),
                    Some(Token::Byte(wanted)) if wanted == byte => next.enter(&self.tokens, at + 1),
                    Some(Token::Set(set)) if set.get(usize::from(*byte)) == Some(&true) => {
                        next.enter(&self.tokens, at + 1);
                    }
                    _ => {}
                }
            }
            std::mem::swap(&mut here, &mut next);
            if here.list.is_empty() {
                return false;
            }
        }
        here.list.contains(&self.tokens.len())
    }
}

/// Places in the list of tokens, each once.
struct Places {
    list: Vec<usize>,
    seen: Vec<bool>,
}

impl Places {
    fn new(tokens: usize) -> Self {
        Self { list: Vec::new(), seen: vec![false; tokens + 1] }
    }

    fn clear(&mut self) {
        for at in self.list.drain(..) {
            if let Some(seen) = self.seen.get_mut(at) {
                *seen = false;
            }
        }
    }

    /// Takes in a place, and those that are reached from it without a byte.
    fn enter(&mut self, tokens: &[Token], at: usize) {
        let mut waiting = [Some(at), None];
        while let Some(at) = waiting.iter_mut().find_map(Option::take) {
            let Some(seen) = self.seen.get_mut(at).filter(|seen| !**seen) else { continue };
            *seen = true;
            self.list.push(at);
            waiting = match tokens.get(at) {
                Some(Token::Star | Token::Stars) => [Some(at + 1), waiting.into_iter().flatten().next()],
                // The stars, or what stands behind them and the slash.
                Some(Token::Perhaps) => [Some(at + 1), Some(at + 3)],
                _ => waiting,
            };
        }
    }
}

/// A set, from behind its bracket: its bytes, and how long it is with the bracket that ends it. `None`: nothing ends it.
fn set(text: &[u8]) -> Option<(Box<[bool; 256]>, usize)> {
    let mut bytes = Box::new([false; 256]);
    let mut at = 0;
    let negative = matches!(text.first(), Some(b'!' | b'^'));
    at += usize::from(negative);
    let first = at;
    let mut before: Option<u8> = None;
    loop {
        let mut byte = *text.get(at)?;
        if byte == b']' && at > first {
            break;
        }
        if byte == b'[' && text.get(at + 1) == Some(&b':') {
            let rest = text.get(at + 2..)?;
            if let Some(end) = rest.iter().position(|byte| *byte == b']')
                && let Some(name) = rest.get(..end)?.strip_suffix(b":")
            {
                let class = class(name)?;
                (0..=255).filter(class).for_each(|byte| bytes[usize::from(byte)] = true);
                (at, before) = (at + 2 + end + 1, None);
                continue;
            }
        }
        if byte == b'-'
            && let Some(from) = before
            && text.get(at + 1).is_some_and(|byte| *byte != b']')
        {
            at += 1;
            let mut to = *text.get(at)?;
            if to == b'\\' {
                at += 1;
                to = *text.get(at)?;
            }
            (from..=to).for_each(|byte| bytes[usize::from(byte)] = true);
            (at, before) = (at + 1, None);
            continue;
        }
        if byte == b'\\' {
            at += 1;
            byte = *text.get(at)?;
        }
        bytes[usize::from(byte)] = true;
        (at, before) = (at + 1, Some(byte));
    }
    if negative {
        bytes.iter_mut().for_each(|here| *here = !*here);
    }
    // No set reaches over a slash.
    bytes[usize::from(b'/')] = false;
    Some((bytes, at + 1))
}

/// A class of POSIX by its name.
fn class(name: &[u8]) -> Option<fn(&u8) -> bool> {
    Some(match name {
        b"alnum" => u8::is_ascii_alphanumeric,
        b"alpha" => u8::is_ascii_alphabetic,
        b"blank" => |byte| matches!(byte, b' ' | b'\t'),
        b"cntrl" => u8::is_ascii_control,
        b"digit" => u8::is_ascii_digit,
        b"graph" => u8::is_ascii_graphic,
        b"lower" => u8::is_ascii_lowercase,
        b"print" => |byte| matches!(byte, b' '..=b'~'),
        b"punct" => u8::is_ascii_punctuation,
        b"space" => |byte| matches!(byte, b' ' | b'\t'..=b'\r'),
        b"upper" => u8::is_ascii_uppercase,
        b"xdigit" => u8::is_ascii_hexdigit,
        _ => return None,
    })
}
