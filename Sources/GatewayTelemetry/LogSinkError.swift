import Glibc

/// Why a log could not be opened, or its thread not begun.
public struct LogSinkError: Error, Sendable, Equatable, CustomStringConvertible {
    /// "open /var/log/gateway/access.log"
    public let operation: String
    /// errno(3)
    public let errorNumber: Int32

    public var description: String {
        let reason =
            switch errorNumber {
            case ENOENT: "no such file or directory"
            case EACCES, EPERM: "permission denied"
            case EISDIR: "is a directory"
            case ENOTDIR: "a part of the path is not a directory"
            case ENOSPC, EDQUOT: "no space left"
            case EROFS: "the file system is read-only"
            case EMFILE, ENFILE: "too many open files"
            case ENXIO: "nobody reads from it"
            case EAGAIN: "no thread available"
            default: "error \(errorNumber)"
            }
        return "\(operation): \(reason)"
    }
}
