//! What the agent can do with a folder: list its documents, search them, read one.
//!
//! Every call is a tool call of the session: its arguments, its result or its error are recorded.

use std::collections::VecDeque;
use std::path::{Component, Path, PathBuf};

use agentops::record_tool;
use serde::Serialize;

/// Endings of names that promise prose.
const DOCUMENTS: &[&str] = &["adoc", "md", "org", "rst", "txt"];

/// Folders of other people's files.
const SKIPPED_FOLDERS: &[&str] = &["node_modules", "target", "vendor"];

/// More documents than this are not listed.
const MOST_DOCUMENTS: usize = 500;

/// Deeper folders are not entered.
const MOST_LEVELS: usize = 6;

/// Larger files are not read.
const MOST_BYTES: u64 = 1 << 20;

/// More hits than this tell nothing new.
const MOST_HITS: usize = 40;

/// Longer lines are cut in a list of hits.
const MOST_OF_A_LINE: usize = 160;

/// A folder of documents. Nothing outside it is read.
#[derive(Clone, Debug)]
pub(crate) struct Folder {
    root: PathBuf,
}

/// A line in which a search found its term.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Hit {
    pub(crate) document: String,
    line: usize,
    text: String,
}

impl Hit {
    pub(crate) fn at(document: &str, line: usize, text: &str) -> Self {
        let text = text.trim().chars().take(MOST_OF_A_LINE).collect();
        Self {
            document: document.to_owned(),
            line,
            text,
        }
    }
}

/// Why a tool could not do its work.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ToolError {
    #[error("no document is named {0}")]
    Missing(String),
    #[error("{0} is not text")]
    NotText(String),
    #[error("{0} is larger than 1 MiB")]
    TooLarge(String),
    #[error("{0} lies outside the folder")]
    Outside(String),
    #[error("cannot read {name}")]
    Unreadable {
        name: String,
        #[source]
        source: std::io::Error,
    },
}

impl Folder {
    pub(crate) fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The names of the folder's documents, sorted; of all its files when none looks like prose.
    #[record_tool]
    pub(crate) fn list_documents(&self) -> Result<Vec<String>, ToolError> {
        let files = self.files()?;
        let is_document = |name: &&String| {
            let ending = Path::new(name.as_str())
                .extension()
                .and_then(|e| e.to_str());
            ending.is_some_and(|ending| DOCUMENTS.contains(&ending))
        };
        let documents: Vec<String> = files.iter().filter(is_document).cloned().collect();
        let mut names = if documents.is_empty() {
            files
        } else {
            documents
        };
        names.truncate(MOST_DOCUMENTS);
        names.sort_unstable();
        Ok(names)
    }

    /// The lines that hold `term`, in any case. Files that are not text have none.
    #[record_tool(skip(documents))]
    pub(crate) async fn search(&self, term: &str, documents: &[String]) -> Vec<Hit> {
        let wanted = term.to_lowercase();
        let mut hits = Vec::new();
        for document in documents {
            let Ok(text) = self.text_of(document).await else {
                continue;
            };
            let found = text
                .lines()
                .enumerate()
                .filter(|(_, line)| line.to_lowercase().contains(&wanted));
            hits.extend(found.map(|(at, line)| Hit::at(document, at + 1, line)));
            if hits.len() >= MOST_HITS {
                hits.truncate(MOST_HITS);
                break;
            }
        }
        hits
    }

    /// The text of one document.
    #[record_tool]
    pub(crate) async fn read_document(&self, name: &str) -> Result<String, ToolError> {
        self.text_of(name).await
    }

    async fn text_of(&self, name: &str) -> Result<String, ToolError> {
        let path = Path::new(name);
        if !path
            .components()
            .all(|part| matches!(part, Component::Normal(_)))
        {
            return Err(ToolError::Outside(name.to_owned()));
        }
        let path = self.root.join(path);
        let unreadable = |source: std::io::Error| match source.kind() {
            std::io::ErrorKind::NotFound => ToolError::Missing(name.to_owned()),
            _ => ToolError::Unreadable {
                name: name.to_owned(),
                source,
            },
        };
        if tokio::fs::metadata(&path).await.map_err(unreadable)?.len() > MOST_BYTES {
            return Err(ToolError::TooLarge(name.to_owned()));
        }
        let bytes = tokio::fs::read(&path).await.map_err(unreadable)?;
        String::from_utf8(bytes).map_err(|_| ToolError::NotText(name.to_owned()))
    }

    /// All files, nearest first. Links are not followed.
    fn files(&self) -> Result<Vec<String>, ToolError> {
        let mut names = Vec::new();
        let mut folders = VecDeque::from([(self.root.clone(), 1)]);
        while let Some((folder, level)) = folders.pop_front() {
            let unreadable = |source| ToolError::Unreadable {
                name: folder.display().to_string(),
                source,
            };
            let mut entries: Vec<_> = match std::fs::read_dir(&folder) {
                Ok(entries) => entries.flatten().collect(),
                Err(error) if level == 1 => return Err(unreadable(error)),
                Err(_) => continue,
            };
            entries.sort_unstable_by_key(std::fs::DirEntry::file_name);
            for entry in entries {
                let Ok(name) = entry.file_name().into_string() else {
                    continue;
                };
                let Ok(kind) = entry.file_type() else {
                    continue;
                };
                if name.starts_with('.') || SKIPPED_FOLDERS.contains(&name.as_str()) {
                    continue;
                }
                if kind.is_dir() && level < MOST_LEVELS {
                    folders.push_back((entry.path(), level + 1));
                } else if kind.is_file() {
                    names.extend(self.name_of(&entry.path()));
                }
            }
        }
        Ok(names)
    }

    fn name_of(&self, path: &Path) -> Option<String> {
        let inside = path.strip_prefix(&self.root).ok()?;
        Some(inside.to_str()?.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> (tempfile::TempDir, Folder) {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("notes/target")).unwrap();
        std::fs::write(dir.path().join("a.md"), "One Spool\nnothing\nspools").unwrap();
        std::fs::write(dir.path().join("notes/b.txt"), "no hit").unwrap();
        std::fs::write(dir.path().join("notes/target/c.md"), "spool").unwrap();
        std::fs::write(dir.path().join("bytes.md"), [0xff, 0xfe]).unwrap();
        std::fs::write(dir.path().join("code.rs"), "spool").unwrap();
        let folder = Folder::new(dir.path());
        (dir, folder)
    }

    #[tokio::test]
    async fn documents_are_listed_searched_and_read() {
        let (_dir, folder) = folder();
        let documents = folder.list_documents().unwrap();
        assert_eq!(documents, ["a.md", "bytes.md", "notes/b.txt"]);
        let hits = folder.search("SPOOL", &documents).await;
        let lines: Vec<usize> = hits.iter().map(|hit| hit.line).collect();
        assert_eq!(lines, [1, 3]);
        assert_eq!(folder.read_document("notes/b.txt").await.unwrap(), "no hit");
    }

    #[tokio::test]
    async fn what_cannot_be_read_says_why() {
        let (_dir, folder) = folder();
        for (name, expected) in [
            ("none.md", "no document is named none.md"),
            ("bytes.md", "bytes.md is not text"),
            ("../a.md", "../a.md lies outside the folder"),
            ("/etc/passwd", "/etc/passwd lies outside the folder"),
            ("notes", "cannot read notes"),
        ] {
            let error = folder.read_document(name).await.unwrap_err();
            assert_eq!(error.to_string(), expected);
        }
        assert!(Folder::new("/no/such/folder").list_documents().is_err());
    }
}
