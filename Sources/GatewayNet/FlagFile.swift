import Glibc

/// A file whose being there says something.
public enum FlagFile {
    /// nil where that can't be told: a directory that may not be searched, a disk that fails.
    public static func exists(_ path: String) -> Bool? {
        if unsafe access(path, F_OK) == 0 { return true }
        return errno == ENOENT || errno == ENOTDIR ? false : nil
    }
}
