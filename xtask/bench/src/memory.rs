//! Memory of a process, as Linux counts it.

/// Bytes of a process that are in memory now; `None` when it is gone.
#[must_use]
pub fn resident(pid: u32) -> Option<u64> {
    status_line(pid, "VmRSS:")
}

/// Bytes of a process that were in memory when it had most.
#[must_use]
pub fn peak(pid: u32) -> Option<u64> {
    status_line(pid, "VmHWM:")
}

/// Begins anew to note when a process has most in memory.
pub fn forget_peak(pid: u32) {
    // Where this cannot be written the peak is that of the whole life.
    let _ = std::fs::write(format!("/proc/{pid}/clear_refs"), "5");
}

fn status_line(pid: u32, name: &str) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with(name))?;
    let kilobytes: u64 = line[name.len()..].split_whitespace().next()?.parse().ok()?;
    Some(kilobytes * 1024)
}
