//! The machine and the program, in the sections of the documentation.

use std::sync::OnceLock;

use agentops_protocol::Json;
use serde_json::{Map, Value, json};
use sysinfo::{CpuRefreshKind, Disks, MemoryRefreshKind, RefreshKind, System};

/// The host environment; with `opt_out` only SDK, OS, directory and environment. Read once.
pub(crate) fn environment(opt_out: bool) -> Json {
    static ALL: OnceLock<Json> = OnceLock::new();
    static FEW: OnceLock<Json> = OnceLock::new();
    if opt_out { &FEW } else { &ALL }
        .get_or_init(|| read(opt_out))
        .clone()
}

fn read(opt_out: bool) -> Json {
    let mut sections = Map::new();
    sections.insert(
        "SDK".to_owned(),
        json!({
            "AgentOps SDK Version": env!("CARGO_PKG_VERSION"),
            "AgentOps SDK Language": "rust",
            "Rust Version": env!("AGENTOPS_RUSTC"),
        }),
    );
    sections.insert(
        "OS".to_owned(),
        json!({
            "Hostname": System::host_name(),
            "OS": System::name(),
            "OS Version": System::os_version(),
            "OS Release": System::kernel_version(),
            "Architecture": std::env::consts::ARCH,
        }),
    );
    let directory = std::env::current_dir()
        .ok()
        .map(|dir| dir.display().to_string());
    sections.insert(
        "Project Working Directory".to_owned(),
        json!({ "Project Working Directory": directory }),
    );
    sections.insert(
        "Virtual Environment".to_owned(),
        json!({ "Virtual Environment": null }),
    );
    if !opt_out {
        hardware(&mut sections);
    }
    Json::from(Value::Object(sections))
}

fn hardware(sections: &mut Map<String, Value>) {
    let system = System::new_with_specifics(
        RefreshKind::nothing()
            .with_cpu(CpuRefreshKind::nothing())
            .with_memory(MemoryRefreshKind::nothing().with_ram()),
    );
    sections.insert(
        "CPU".to_owned(),
        json!({
            "Physical cores": System::physical_core_count(),
            "Total cores": system.cpus().len(),
        }),
    );
    sections.insert(
        "RAM".to_owned(),
        json!({
            "Total": gigabytes(system.total_memory()),
            "Available": gigabytes(system.available_memory()),
            "Used": gigabytes(system.used_memory()),
        }),
    );
    let disks: Map<String, Value> = Disks::new_with_refreshed_list()
        .iter()
        .map(|disk| {
            let total = disk.total_space();
            let free = disk.available_space();
            let facts = json!({
                "Mountpoint": disk.mount_point().display().to_string(),
                "Total": gigabytes(total),
                "Used": gigabytes(total.saturating_sub(free)),
                "Free": gigabytes(free),
            });
            (disk.name().to_string_lossy().into_owned(), facts)
        })
        .collect();
    sections.insert("Disk".to_owned(), Value::Object(disks));
}

/// As the Python SDK writes it: two decimals of 1024^3 bytes.
fn gigabytes(bytes: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "two decimals of gigabytes")]
    let size = bytes as f64 / f64::from(1 << 30);
    format!("{size:.2} GB")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opting_out_leaves_the_documented_sections() {
        let keys = |opt_out| {
            let value = environment(opt_out).to_value();
            let object = value.as_object().unwrap();
            object
                .keys()
                .cloned()
                .collect::<std::collections::BTreeSet<_>>()
        };
        let few = keys(true);
        assert_eq!(few.len(), 4, "{few:?}");
        let all = keys(false);
        assert!(
            all.is_superset(&few) && all.contains("CPU") && all.contains("RAM"),
            "{all:?}"
        );
    }
}
