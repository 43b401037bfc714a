//! Parses the page of a package in a package index, in JSON or HTML (the "simple repository API").

use serde::Deserialize;

use super::redirect::link;
use crate::cache::is_sha256;

/// Accepted content types, JSON preferred.
pub(super) const ACCEPT: &str = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1";
/// Maximum length of a page: the page of a project with thousands of files has about as many
/// kilobytes.
pub(super) const MAX_PAGE_BYTES: u64 = 16 << 20;

/// A wheel that the index lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ListedWheel {
    pub(super) url: String,
    pub(super) sha256: String,
    pub(super) bytes: Option<u64>,
}

/// Why a page yields no wheel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NoWheel {
    /// The page does not list this version.
    Missing,
    /// It is not a page of a package, or its content cannot be used.
    Unusable(String),
}

#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    meta: Meta,
    files: Vec<FileRow>,
}

#[derive(Deserialize, Default)]
struct Meta {
    #[serde(rename = "api-version")]
    version: Option<String>,
}

#[derive(Deserialize)]
struct FileRow {
    filename: String,
    url: String,
    #[serde(default)]
    hashes: Hashes,
    size: Option<u64>,
}

#[derive(Deserialize, Default)]
struct Hashes {
    sha256: Option<String>,
}

/// Finds the wheel of this version on a page from `url` with this content type.
pub(super) fn wheel(
    url: &str,
    content_type: &str,
    body: &[u8],
    package: &str,
    version: &str,
) -> Result<ListedWheel, NoWheel> {
    let kind = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match &*kind {
        "application/vnd.pypi.simple.v1+json" | "application/json" => {
            json(url, body, package, version)
        }
        "application/vnd.pypi.simple.v1+html" | "text/html" => html(url, body, package, version),
        _ => Err(NoWheel::Unusable("content that is neither JSON nor HTML".to_owned())),
    }
}

fn json(url: &str, body: &[u8], package: &str, version: &str) -> Result<ListedWheel, NoWheel> {
    let unusable = |what: &str| NoWheel::Unusable(what.to_owned());
    let page: Page = serde_json::from_slice(body)
        .map_err(|_| unusable("content that is not a JSON page of a package"))?;
    if page.meta.version.is_some_and(|version| !version.starts_with("1.")) {
        return Err(unusable("a version of the index's interface other than 1"));
    }
    let found = page.files.into_iter().find(|file| is_wheel(&file.filename, package, version));
    let file = found.ok_or(NoWheel::Missing)?;
    listed(url, &file.url, file.hashes.sha256, file.size)
}

fn html(url: &str, body: &[u8], package: &str, version: &str) -> Result<ListedWheel, NoWheel> {
    let text = String::from_utf8_lossy(body);
    let mut anchors = 0;
    // Indexes write one plain anchor per file: the address, with its checksum after `#`.
    for anchor in text.split("<a").skip(1).filter(|rest| rest.starts_with(char::is_whitespace)) {
        let Some(href) = attribute(anchor, "href") else { continue };
        anchors += 1;
        let (address, fragment) = href.split_once('#').unwrap_or((&href, ""));
        let path = address.split('?').next().unwrap_or(address);
        let name = path.rsplit('/').next().unwrap_or(path);
        let name = percent_encoding::percent_decode_str(name).decode_utf8_lossy();
        if is_wheel(&name, package, version) {
            let sha256 = fragment.strip_prefix("sha256=").map(str::to_owned);
            return listed(url, address, sha256, None);
        }
    }
    if anchors > 0 {
        Err(NoWheel::Missing)
    } else {
        Err(NoWheel::Unusable("an HTML page that lists no files".to_owned()))
    }
}

/// Returns the value of an attribute in the rest of a tag.
fn attribute(tag: &str, name: &str) -> Option<String> {
    let tag = tag.split('>').next()?;
    let rest = tag.split_once(&format!("{name}="))?.1;
    let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let value = rest.get(1..)?.split(quote).next()?;
    Some(value.replace("&amp;", "&"))
}

fn listed(
    page: &str,
    href: &str,
    sha256: Option<String>,
    bytes: Option<u64>,
) -> Result<ListedWheel, NoWheel> {
    let unusable = |what: &str| Err(NoWheel::Unusable(what.to_owned()));
    let Some(url) = link(page, href) else {
        return unusable("a link to the wheel that is invalid or unencrypted");
    };
    match sha256.map(|sha256| sha256.to_ascii_lowercase()).filter(|sha256| is_sha256(sha256)) {
        Some(sha256) => Ok(ListedWheel { url, sha256, bytes }),
        None => unusable("no SHA-256 of the wheel"),
    }
}

/// Whether a file is a wheel of this version: `NAME-VERSION-…-PYTHON-ABI-PLATFORM.whl`.
fn is_wheel(file: &str, package: &str, version: &str) -> bool {
    let Some(stem) = file.strip_suffix(".whl") else { return false };
    let fields: Vec<&str> = stem.split('-').collect();
    fields.len() >= 5
        && fields.first().is_some_and(|name| normal(name) == package)
        && fields.get(1) == Some(&version)
}

/// Returns a package's name as indexes compare it: in lower case, with `-` for every run of `-`,
/// `_` and `.`.
fn normal(name: &str) -> String {
    let pieces = name.split(['-', '_', '.']).filter(|piece| !piece.is_empty());
    pieces.collect::<Vec<_>>().join("-").to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "https://h/simple/a-part1/";
    const JSON: &str = "application/vnd.pypi.simple.v1+json";

    fn find(kind: &str, body: &str) -> Result<ListedWheel, NoWheel> {
        wheel(PAGE, kind, body.as_bytes(), "a-part1", "0.9.0")
    }

    fn unusable(kind: &str, body: &str) -> String {
        match find(kind, body) {
            Err(NoWheel::Unusable(what)) => what,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn wheel_is_found_in_json() {
        let sha256 = "ab".repeat(32);
        let page = format!(
            r#"{{"meta": {{"api-version": "1.1"}}, "name": "a-part1", "files": [
                {{"filename": "a_part1-0.9.0.tar.gz", "url": "https://f/a.tar.gz", "hashes": {{}}}},
                {{"filename": "a_part1-0.9.1-py3-none-any.whl", "url": "x", "hashes": {{}}}},
                {{"filename": "A.part1-0.9.0-py3-none-any.whl", "url": "../../f/a.whl", "size": 7,
                  "hashes": {{"sha256": "{sha256}", "md5": "x"}}, "yanked": false}}]}}"#
        );
        let listed = ListedWheel {
            url: "https://h/f/a.whl".to_owned(),
            sha256: sha256.clone(),
            bytes: Some(7),
        };
        assert_eq!(find(JSON, &page), Ok(listed.clone()));
        assert_eq!(find("Application/JSON; charset=utf-8", &page), Ok(listed));
        let other = page.replace("0.9.0", "0.8.0");
        assert_eq!(find(JSON, &other), Err(NoWheel::Missing));
        assert!(unusable(JSON, &page.replace(&sha256, "ab")).contains("SHA-256"));
        assert!(unusable(JSON, &page.replace("1.1", "2.0")).contains("version"));
        assert!(unusable(JSON, &page.replace("../../f", "http://h/f")).contains("unencrypted"));
    }

    #[test]
    fn wheel_is_found_in_html() {
        let sha256 = "0f".repeat(32);
        let page = format!(
            "<!DOCTYPE html><html><body><abbr>x</abbr>
             <a href=\"a_part1-0.9.0.tar.gz#sha256=00\">a_part1-0.9.0.tar.gz</a><br/>
             <a data-requires-python=\"&gt;=3.8\" href='/f/a_part1-0.9.0-py3-none-any.whl?a=1&amp;b=2#sha256={sha256}'
             >a_part1-0.9.0-py3-none-any.whl</a></body></html>"
        );
        let url = "https://h/f/a_part1-0.9.0-py3-none-any.whl?a=1&b=2".to_owned();
        assert_eq!(find("text/html", &page), Ok(ListedWheel { url, sha256, bytes: None }));
        let other = page.replace("0.9.0-py3", "0.8.0-py3");
        assert_eq!(find("text/html", &other), Err(NoWheel::Missing));
        let weak = page.replace("sha256=0f", "md5=0f");
        assert!(unusable("text/html", &weak).contains("SHA-256"));
    }

    #[test]
    fn non_index_page_is_refused() {
        assert!(unusable("text/html", "<html>Please log in</html>").contains("lists no files"));
        assert!(unusable(JSON, "<html>Please log in</html>").contains("not a JSON"));
        assert!(unusable(JSON, "{}").contains("not a JSON"));
        assert!(unusable("application/zip", "PK").contains("neither JSON nor HTML"));
        assert!(unusable("", "").contains("neither"));
    }
}
