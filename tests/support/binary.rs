//! Finds the servers' programs.

use std::path::{Path, PathBuf};
use std::{env, fs};

/// The path of `program` below the folder that `variable` names, into which `tests/servers/unpack.sh` has unpacked servers;
/// without the variable that of the system's own program.
///
/// # Panics
///
/// If it is not there, with the command that puts it there.
#[cfg(any(feature = "mysql", feature = "postgres"))]
pub(crate) fn find_below(variable: &str, program: &str, package: &str) -> String {
    let Some(folder) = env::var_os(variable) else {
        return find(program, package);
    };
    let path = Path::new(&folder).join("bin").join(program);
    let path = path.into_os_string().into_string();
    path.ok()
        .filter(|path| Path::new(path).exists())
        .unwrap_or_else(|| {
            let folder = folder.display();
            panic!("`{variable}` has no `bin/{program}`; run: tests/servers/unpack.sh {folder}")
        })
}

/// The path of `program`, looked for on the `PATH`, then where Debian, Red Hat and Homebrew put servers.
///
/// # Panics
///
/// If it is nowhere, with the command that installs `package`.
pub(crate) fn find(program: &str, package: &str) -> String {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .chain(server_folders())
        .map(|folder| folder.join(program))
        .find(|candidate| candidate.is_file())
        .and_then(|found| found.into_os_string().into_string().ok())
        .unwrap_or_else(|| {
            panic!("`{program}` is not installed; install it with: apt-get install {package}")
        })
}

/// Folders that are seldom on the `PATH`, the newest PostgreSQL first.
fn server_folders() -> Vec<PathBuf> {
    let mut versions: Vec<(u32, PathBuf)> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let version = entry.file_name().to_str()?.parse().ok()?;
            Some((version, entry.path().join("bin")))
        })
        .collect();
    versions.sort_by_key(|(version, _)| std::cmp::Reverse(*version));
    versions
        .into_iter()
        .map(|(_, folder)| folder)
        .chain(
            [
                "/usr/sbin",
                "/usr/local/sbin",
                "/usr/libexec",
                "/opt/homebrew/bin",
            ]
            .map(|folder| Path::new(folder).to_path_buf()),
        )
        .collect()
}
