//! How many threads compute.
//!
//! llama.cpp's threads meet at a barrier many times per token and spin there. Where another program holds a core,
//! one of them is late each time and the others burn their time waiting: two threads on two busy cores were measured
//! at a thirtieth of one thread. So the number follows what is free on the machine.

/// How many threads to use now: no more than `most` (0: one per core), no more than are free, at least one.
pub fn free(most: u32) -> u32 {
    let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get() as u32);
    let most = if most == 0 { cores } else { most.min(cores) };
    if most == 1 {
        return 1;
    }
    let busy = std::fs::read_to_string("/proc/loadavg").ok().and_then(|text| runnable(&text)).unwrap_or(0);
    cores.saturating_sub(busy).clamp(1, most)
}

/// How many others run or could run now: the fourth field is `runnable/all`, and one of them is this thread.
fn runnable(loadavg: &str) -> Option<u32> {
    let (runnable, _) = loadavg.split_whitespace().nth(3)?.split_once('/')?;
    Some(runnable.parse::<u32>().ok()?.saturating_sub(1))
}

#[cfg(test)]
mod tests {
    use super::{free, runnable};

    #[test]
    fn other_programs_are_counted() {
        assert_eq!(runnable("0.52 0.58 0.59 3/1040 12345\n"), Some(2));
        assert_eq!(runnable("0.52 0.58 0.59 1/1040 12345\n"), Some(0));
        assert_eq!(runnable("nonsense"), None);
    }

    #[test]
    fn there_is_always_one() {
        assert_eq!(free(1), 1);
        assert!(free(0) >= 1);
    }
}
