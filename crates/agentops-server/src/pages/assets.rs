//! The files that pages load: built in, and under a path with the hash of them all, so that a
//! browser keeps them for good and modules may import each other by plain relative names.

use std::fmt::Write as _;
use std::sync::OnceLock;

use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, header};
use sha2::{Digest, Sha256};

use crate::error::ApiError;

/// One file.
pub(super) struct Asset {
    pub(super) name: &'static str,
    content_type: &'static str,
    pub(super) content: &'static str,
}

const CSS: &str = "text/css; charset=utf-8";
const JS: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

macro_rules! assets {
    ($($name:literal: $content_type:expr),* $(,)?) => {
        [$(Asset {
            name: $name,
            content_type: $content_type,
            content: include_str!(concat!("../../assets/", $name)),
        }),*]
    };
}

/// All files; a module stands after those it imports.
pub(super) static ASSETS: [Asset; 13] = assets![
    "style.css": CSS,
    "session.css": CSS,
    "icon.svg": SVG,
    "text.js": JS,
    "dom.js": JS,
    "outline.js": JS,
    "view.js": JS,
    "rows.js": JS,
    "minimap.js": JS,
    "panel.js": JS,
    "live.js": JS,
    "page.js": JS,
    "session.js": JS,
];

/// The path before a file's name.
pub(super) fn base() -> &'static str {
    static BASE: OnceLock<String> = OnceLock::new();
    BASE.get_or_init(|| {
        let mut hash = Sha256::new();
        for asset in &ASSETS {
            hash.update(asset.name);
            hash.update([0]);
            hash.update(asset.content);
            hash.update([0]);
        }
        let mut base = String::from("/assets/");
        for byte in &hash.finalize()[..8] {
            write!(base, "{byte:02x}").expect("a string takes everything");
        }
        base
    })
}

/// A file by its name. What is asked for under the hash of other files is the page of another
/// version: it gets what there is, but must ask again.
pub(crate) async fn asset(
    Path((hash, name)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    let asset = ASSETS.iter().find(|asset| asset.name == name);
    let asset = asset.ok_or_else(ApiError::no_route)?;
    let known = base().strip_prefix("/assets/") == Some(hash.as_str());
    let keep = if known {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    let headers = [
        (header::CACHE_CONTROL, HeaderValue::from_static(keep)),
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static(asset.content_type),
        ),
    ];
    Ok((headers, asset.content).into_response())
}

/// A file's content.
pub(super) fn content(name: &str) -> &'static str {
    let asset = ASSETS.iter().find(|asset| asset.name == name);
    asset.map_or("", |asset| asset.content)
}

/// The modules of the session's page as one script: without their imports and exports, one after
/// the other. That works because every module only imports names of others, by `import { a } from
/// "./b.js";` on one line, and no name at the top of a module is at the top of another; a test
/// holds them to it.
pub(super) fn bundle() -> String {
    let modules = ASSETS.iter().filter(|asset| asset.content_type == JS);
    let mut script = String::new();
    for module in modules {
        for line in module.content.lines() {
            if !line.starts_with("import ") {
                script.push_str(line.strip_prefix("export ").unwrap_or(line));
                script.push('\n');
            }
        }
    }
    script
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn modules_can_become_one_script() {
        let mut names: HashMap<&str, &str> = HashMap::new();
        let mut before: Vec<&str> = Vec::new();
        for module in ASSETS.iter().filter(|asset| asset.content_type == JS) {
            for line in module.content.lines() {
                if let Some(import) = line.strip_prefix("import ") {
                    let (what, from) = import.split_once(" from \"./").unwrap();
                    assert!(what.starts_with("{ ") && what.ends_with(" }"), "{line}");
                    let from = from.strip_suffix("\";").unwrap();
                    assert!(before.contains(&from), "{} before {from}", module.name);
                }
                let line = line.strip_prefix("export ").unwrap_or(line);
                let line = line.strip_prefix("async ").unwrap_or(line);
                for keyword in ["const ", "let ", "function ", "class "] {
                    let Some(rest) = line.strip_prefix(keyword) else {
                        continue;
                    };
                    let name = rest
                        .split(|c: char| !c.is_alphanumeric() && c != '_')
                        .next();
                    let other = names.insert(name.unwrap(), module.name);
                    assert_eq!(other, None, "{} has {}", module.name, name.unwrap());
                }
            }
            before.push(module.name);
        }
        let script = bundle();
        assert!(!script.contains("\nexport ") && !script.contains("\nimport "));
        assert!(!script.contains("</script"), "it would end its element");
        assert!(names.len() > 20);
    }
}
