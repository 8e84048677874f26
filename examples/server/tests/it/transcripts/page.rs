//! A page of transcripts: sections of files and of commands with what they say.

/// What stands under one heading.
pub struct Section {
    pub title: String,
    /// Names and contents.
    pub files: Vec<(String, String)>,
    pub steps: Vec<Step>,
    /// The ports that are spoken of, of this machine.
    pub ports: Vec<u16>,
}

impl Section {
    /// Whether a command names a program.
    pub fn asks_for(&self, program: &str) -> bool {
        self.steps.iter().any(|step| step.command.contains(program))
    }
}

/// A command, and what it says.
pub struct Step {
    pub command: String,
    pub output: Vec<String>,
}

impl Step {
    pub fn is_server(&self) -> bool {
        self.command.ends_with('&')
    }
}

/// The sections that have commands. A block of code after a line that is a name in backquotes is a file of that name.
pub fn sections(page: &str) -> Vec<Section> {
    page.split("\n## ").skip(1).map(section).filter(|section| !section.steps.is_empty()).collect()
}

fn section(text: &str) -> Section {
    let (title, body) = text.split_once('\n').unwrap_or((text, ""));
    let (mut files, mut steps) = (Vec::new(), Vec::new());
    let mut before = "";
    let mut lines = body.lines();
    while let Some(line) = lines.next() {
        if let Some(language) = line.strip_prefix("```") {
            let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            match before.strip_prefix('`').and_then(|name| name.strip_suffix("`:")) {
                Some(name) => files.push((name.to_owned(), block.join("\n") + "\n")),
                None if language == "console" => steps.extend(commands(&block)),
                None => {}
            }
        } else if !line.is_empty() {
            before = line;
        }
    }
    Section { title: title.to_owned(), files, steps, ports: ports(body) }
}

/// `$ ` starts a command, `> ` goes on with it after a line that ends in a backslash.
fn commands(block: &[&str]) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for line in block {
        match (line.strip_prefix("$ "), steps.last_mut()) {
            (Some(command), _) => steps.push(Step { command: command.to_owned(), output: Vec::new() }),
            (None, Some(step)) if step.output.is_empty() && step.command.ends_with('\\') => {
                step.command = format!("{}\n{}", step.command, line.strip_prefix("> ").unwrap_or(line));
            }
            (None, Some(step)) => step.output.push((*line).to_owned()),
            (None, None) => panic!("a block that starts without a command: {line}"),
        }
    }
    steps
}

fn ports(text: &str) -> Vec<u16> {
    let mut ports: Vec<u16> = ["127.0.0.1:", "\"127.0.0.1\", "]
        .iter()
        .flat_map(|before| text.split(before).skip(1))
        .filter_map(|after| after.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok())
        .collect();
    ports.sort_unstable();
    ports.dedup();
    ports
}

/// Whether lines are as the page has them: `...` alone is any number of lines, and inside of a line anything.
pub fn matches(page: &[String], said: &[&str]) -> bool {
    match page.split_first() {
        None => said.is_empty(),
        Some((line, rest)) if line == "..." => (0..=said.len()).any(|skip| matches(rest, &said[skip..])),
        Some((line, rest)) => {
            said.split_first().is_some_and(|(first, others)| fits(line, first) && matches(rest, others))
        }
    }
}

fn fits(page: &str, said: &str) -> bool {
    match page.split_once("...") {
        None => page == said,
        Some((before, after)) => said.strip_prefix(before).is_some_and(|rest| {
            (0..=rest.len()).any(|at| rest.get(at..).is_some_and(|rest| fits(after, rest)))
        }),
    }
}

#[test]
fn pages_are_read() {
    let page = "# Top\n\n## One\n\n`a.py`:\n\n```python\nx = 8029\n```\n\ntext\n\n```console\n$ echo a \\\n>   b\na b\n\
                $ serve 127.0.0.1:80 &\n```\n\n## Empty\n";
    let sections = sections(page);
    let [section] = sections.as_slice() else { panic!("{}", sections.len()) };
    assert_eq!(section.title, "One");
    assert_eq!(section.files, [("a.py".to_owned(), "x = 8029\n".to_owned())]);
    assert_eq!(section.steps[0].command, "echo a \\\n  b");
    assert_eq!(section.steps[0].output, ["a b"]);
    assert!(section.steps[1].is_server());
    assert_eq!(section.ports, [80]);
}

#[test]
fn elisions_stand_for_anything() {
    let fit = |page: &str, said: &str| {
        let page: Vec<String> = page.lines().map(str::to_owned).collect();
        matches(&page, &said.lines().collect::<Vec<_>>())
    };
    assert!(fit("a\n...\nz", "a\nb\nc\nz"));
    assert!(fit("a\n...\nz", "a\nz"));
    assert!(!fit("a\n...\nz", "a\nb"));
    assert!(fit("one ... two ... three", "one 1 two 2 three"));
    assert!(!fit("one ... two", "one two"));
    assert!(!fit("", "more"));
}
