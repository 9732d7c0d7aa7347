import Glibc

/// A file whose being there says something.
public enum FlagFile {
    /// Throws where that can't be told: a directory that may not be searched, a disk that fails.
    public static func exists(_ path: String) throws(SystemError) -> Bool {
        if unsafe access(path, F_OK) == 0 { return true }
        let code = errno
        if code == ENOENT || code == ENOTDIR { return false }
        throw SystemError("access", code)
    }
}
