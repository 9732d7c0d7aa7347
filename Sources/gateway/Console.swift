import Glibc

/// The terminal, for what is said before there is a log, and by commands that are not the server.
enum Console {
    static func output(_ text: String) {
        write(line(text), to: STDOUT_FILENO)
    }

    static func error(_ text: String) {
        write(line(text), to: STDERR_FILENO)
    }

    /// Without a line end of its own.
    static func write(_ text: String) {
        write(text, to: STDOUT_FILENO)
    }

    private static func line(_ text: String) -> String { text.hasSuffix("\n") ? text : text + "\n" }

    private static func write(_ text: String, to descriptor: Int32) {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = unsafe rest.withUnsafeBytes { unsafe Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0 && errno != EINTR { return }
            rest = rest.dropFirst(max(0, count))
        }
    }
}

/// The environment of the process, which `env:` arguments read.
enum Environment {
    static var current: [String: String] {
        var variables: [String: String] = [:]
        var next = unsafe environ
        while let entry = unsafe next.pointee {
            let text = unsafe String(cString: entry)
            if let equals = text.firstIndex(of: "=") { variables[String(text[..<equals])] = String(text[text.index(after: equals)...]) }
            unsafe next += 1
        }
        return variables
    }
}
