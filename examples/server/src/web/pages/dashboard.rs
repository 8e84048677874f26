//! All repositories that a visitor may see.

use std::time::Instant;

use askama::Template;
use gitwire_server::access::Principal;
use gitwire_types::Interrupt;
use http::StatusCode;

use super::super::catalog::Listed;
use super::super::failure::Failure;
use super::super::reply::{Keep, Reply, page};
use super::super::repository::shown_name;
use super::super::route::{encoded, encoded_path, parameter};
use super::super::text::{When, line, number, size};
use super::super::{Inner, now};
use super::frame::group_and_name;
use super::{Pager, Shell, page_number};

/// The page.
pub(in super::super) fn dashboard(
    inner: &Inner,
    shell: Shell,
    who: &Principal,
    query: &str,
    keep: Keep,
    stop: &dyn Interrupt,
) -> Result<Reply, Failure> {
    let all = inner.catalog.list(Instant::now(), stop)?;
    let asked = line(&parameter(query, "q").unwrap_or_default());
    let asked: String = asked.trim().chars().take(ASKED_MAX).collect();
    let seen: Vec<&Listed> = all.iter().filter(|listed| inner.may_read(who, &listed.served)).collect();
    let total = seen.len();
    let found: Vec<&Listed> = seen.into_iter().filter(|listed| is_asked_for(listed, &asked)).collect();
    let at = page_number(query);
    let rows_max = inner.limits.rows_max;
    let skip = (at - 1).saturating_mul(rows_max);
    let has_more = found.len() > skip.saturating_add(rows_max);
    let rows = found.iter().skip(skip).take(rows_max).map(|listed| Row::new(listed)).collect();
    let pager = Pager::new(at, has_more, ["Newer", "Older"], |number| {
        let asked =
            if asked.is_empty() { String::new() } else { format!("q={}&", encoded(asked.as_bytes())) };
        format!("/?{asked}page={number}")
    });
    let many = if found.len() == 1 { "repository" } else { "repositories, last updated first" };
    let count_text = format!("{} {many}", number(found.len()));
    Ok(page(StatusCode::OK, keep, &Dashboard { shell, rows, pager, total, asked, count_text }))
}

fn is_asked_for(listed: &Listed, asked: &str) -> bool {
    if asked.is_empty() {
        return true;
    }
    let asked = asked.to_lowercase();
    let description = listed.description.as_deref().unwrap_or_default();
    shown_name(&listed.path).to_lowercase().contains(&asked) || description.to_lowercase().contains(&asked)
}

struct Row {
    link: String,
    group: Option<String>,
    name: String,
    description: Option<String>,
    updated: Option<When>,
    size: String,
}

impl Row {
    fn new(listed: &Listed) -> Self {
        let (group, name) = group_and_name(&listed.path);
        let bytes = size(listed.size);
        Self {
            link: format!("/{}", encoded_path(&listed.path)),
            group,
            name,
            description: listed.description.clone(),
            updated: listed.updated.map(|seconds| When::new(seconds, now())),
            size: if listed.size_is_cut { format!("over {bytes}") } else { bytes },
        }
    }
}

#[derive(Template)]
#[template(path = "dashboard.html")]
struct Dashboard {
    shell: Shell,
    rows: Vec<Row>,
    pager: Pager,
    total: usize,
    asked: String,
    count_text: String,
}

/// Letters that a repository is looked for by.
const ASKED_MAX: usize = 100;
