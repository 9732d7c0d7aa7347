// The one file of this layer that talks to the system. read(2) and glob(3) want pointers, so `unsafe` stands here:
// each call gets a buffer that outlives it and its true length, and what glob(3) allocates is freed before returning.
import GatewayCore
import Glibc

/// Files and directories, as the configuration names them.
enum ConfigFiles {
    struct Failure: Error, Equatable {
        /// "No such file or directory", as the system says it.
        let reason: String
    }

    /// The bytes of a file of at most ``Limits/configFileBytesMax``. A pipe is read to its end if a writer has opened it
    /// (`check -c /dev/stdin`) and goes on writing: nothing may hold up a reload, and with it the admin listener and the signals.
    static func read(_ path: String) throws(Failure) -> [UInt8] {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        if descriptor < 0 { throw lastFailure() }
        defer { close(descriptor) }
        if isPipe(descriptor), !waitForBytes(descriptor) { throw Failure(reason: "it is a pipe that nobody writes to") }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 64 * 1024)
        while true {
            let count = unsafe buffer.withUnsafeMutableBytes { unsafe Glibc.read(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            if count < 0, errno == EAGAIN {
                if waitForBytes(descriptor) { continue }
                throw Failure(reason: "it is a pipe whose writer does not go on")
            }
            if count < 0 { throw lastFailure() }
            if count == 0 { return bytes }
            bytes += buffer[..<count]
            if bytes.count > Limits.configFileBytesMax {
                throw Failure(reason: "it is larger than \(Limits.configFileBytesMax / 1024) KB")
            }
        }
    }

    private static func isPipe(_ descriptor: Int32) -> Bool {
        var info = stat()
        return unsafe fstat(descriptor, &info) == 0 && info.st_mode & S_IFMT == S_IFIFO
    }

    /// Whether there are bytes, or the end behind some, within ``Limits/configPipeWaitMs``. A FIFO that nobody has opened for writing
    /// polls as neither.
    private static func waitForBytes(_ descriptor: Int32) -> Bool {
        var request = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        return unsafe poll(&request, 1, Int32(Limits.configPipeWaitMs)) > 0
    }

    /// The paths that match, in their order; none is no failure.
    static func matches(of pattern: String) throws(Failure) -> [String] {
        var found = unsafe glob_t()
        let status = unsafe glob(pattern, 0, nil, &found)
        defer { unsafe globfree(&found) }
        if status == GLOB_NOMATCH { return [] }
        if status != 0 { throw Failure(reason: "the directory can't be read") }
        return unsafe (0..<Int(found.gl_pathc)).compactMap { index in
            guard let path = unsafe found.gl_pathv[index] else { return nil }
            return unsafe String(cString: path)
        }
    }

    /// For `workers auto`, as nginx counts.
    static var onlineCPUs: Int { max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))) }

    /// `path` as seen from the directory of `file`.
    static func resolve(_ path: String, besides file: String) -> String {
        guard !path.hasPrefix("/"), let slash = file.utf8.lastIndex(of: UInt8(ascii: "/")) else { return path }
        return file[...slash] + path
    }

    private static func lastFailure() -> Failure {
        guard let text = unsafe strerror(errno) else { return Failure(reason: "error \(errno)") }
        return unsafe Failure(reason: String(cString: text))
    }
}
