//! The files of a policy: one, or the YAML files of a folder. Those with `cases:` are for `p0 policy test`.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{Result, told};
use crate::yaml::Section;

#[derive(Debug, Default)]
pub struct Files {
    pub policy: Vec<Section>,
    pub cases: Vec<Section>,
}

impl Files {
    pub fn read(paths: &[&Path]) -> Result<Files> {
        let mut files = Files::default();
        for path in paths {
            for file in yaml_files(path)? {
                let text = std::fs::read_to_string(&file).map_err(|error| unread(&file, &error))?;
                let section = Section::whole(file.display().to_string(), text);
                match section.read::<Value>().map_err(told)? {
                    Some(Value::Object(keys)) if keys.contains_key("cases") => {
                        if let Some(other) = keys.keys().find(|key| *key != "cases") {
                            return Err(format!(
                                "{}: `cases` stand in a file of their own; move `{other}` to another file",
                                file.display()
                            ));
                        }
                        files.cases.push(section);
                    }
                    Some(_) => files.policy.push(section),
                    None => {}
                }
            }
        }
        Ok(files)
    }
}

fn yaml_files(path: &Path) -> Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    for entry in std::fs::read_dir(path).map_err(|error| unread(path, &error))? {
        let file = entry.map_err(|error| unread(path, &error))?.path();
        if file.extension().is_some_and(|ending| ending == "yaml" || ending == "yml") {
            files.push(file);
        }
    }
    if files.is_empty() {
        return Err(format!("there is no YAML file in {}", path.display()));
    }
    files.sort();
    Ok(files)
}

fn unread(path: &Path, error: &std::io::Error) -> String {
    format!("{} cannot be read: {error}", path.display())
}
