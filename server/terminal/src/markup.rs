//! Escapes text for pages and pictures.

/// Returns text that is safe in HTML and SVG, between tags and in quoted attributes.
///
/// Control characters are left out: SVG is XML, which cannot contain them even when escaped.
pub fn escaped(text: &str) -> String {
    let text = text.replace(char::is_control, "");
    html_escape::encode_quoted_attribute(&text).into_owned()
}
