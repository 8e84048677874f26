//! File systems in files: one that can copy a file in an instant, and on it the disk whose power is cut.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Runs a command that must succeed, and gives what it printed.
#[track_caller]
pub(crate) fn run(program: &str, arguments: &[&str]) -> String {
    let output =
        Command::new(program).args(arguments).output().unwrap_or_else(|error| panic!("{program}: {error}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {said}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// A mounted image on a loop device. Dropped: it is neither.
pub(crate) struct Disk {
    image: PathBuf,
    device: String,
    mount: PathBuf,
}

impl Disk {
    /// A new, empty file system in the file `image`, mounted at `mount`.
    pub(crate) fn make(image: &Path, gigabytes: u64, file_system: &str, mount: &Path) -> Self {
        fs::File::create(image).unwrap().set_len(gigabytes << 30).unwrap();
        let text = image.to_str().unwrap();
        match file_system {
            "ext4" => {
                // All is laid out at once, so that nothing goes on behind the pushes.
                run("mkfs.ext4", &["-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0", text])
            }
            "xfs" => run("mkfs.xfs", &["-q", "-f", "-m", "reflink=1", text]),
            other => panic!("no file system is called {other} here: ext4 or xfs"),
        };
        Self::mount(image, mount, "defaults")
    }

    fn mount(image: &Path, mount: &Path, options: &str) -> Self {
        fs::create_dir_all(mount).unwrap();
        let device = run("losetup", &["--find", "--show", image.to_str().unwrap()]);
        run("mount", &["-o", options, &device, mount.to_str().unwrap()]);
        Self { image: image.to_owned(), device, mount: mount.to_owned() }
    }

    /// What would be found if the power failed now: a copy of what has reached the device, mounted at `mount`.
    ///
    /// The copy is made in one step, since the file below the device shares its blocks with it, and holds nothing that the
    /// file system has only in memory.
    pub(crate) fn cut(&self, file_system: &str, mount: &Path) -> Self {
        let copy = self.image.with_extension("cut");
        run("cp", &["--reflink=always", self.image.to_str().unwrap(), copy.to_str().unwrap()]);
        // Both have the same identity, which xfs does not mount twice unless told to.
        Self::mount(&copy, mount, if file_system == "xfs" { "nouuid" } else { "defaults" })
    }

    /// Where it is mounted.
    pub(crate) fn path(&self) -> &Path {
        &self.mount
    }

    /// Writes all that it holds to its device.
    pub(crate) fn sync(&self) {
        run("sync", &["-f", self.mount.to_str().unwrap()]);
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // What cannot be taken down stays for whoever reads the message of the system.
        Command::new("umount").arg(&self.mount).status().ok();
        Command::new("losetup").args(["-d", &self.device]).status().ok();
        fs::remove_file(&self.image).ok();
    }
}
