import GatewayCore

/// A file of the configuration as it was read, for those who show what is in force: with stars in the place of secrets.
public struct ConfigSource: Sendable, Equatable {
    public let path: String
    public let text: String
    /// Whether its end is missing: see ``Limits/configSourceBytesMax``.
    public let isCut: Bool

    public init(path: String, text: String, isCut: Bool) {
        self.path = path
        self.text = text
        self.isCut = isCut
    }
}

/// The files that were read, in the order in which they were met; one that is included often stands once.
final class SourceList {
    private var files: [(path: String, bytes: [UInt8], isCut: Bool)] = []
    private var bytesLeft = Limits.configSourceBytesMax

    func add(path: String, bytes: [UInt8]) {
        if files.contains(where: { $0.path == path }) { return }
        // Whole lines, so that no secret loses its beginning and with it the name it is known by.
        var end = min(bytes.count, bytesLeft)
        if end < bytes.count { end = bytes[..<end].lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0 }
        files.append((path, Array(bytes[..<end]), end < bytes.count))
        bytesLeft -= end
    }

    func sources(_ diagnostics: DiagnosticList) -> [ConfigSource] {
        files.map { file in
            let lines = String(decoding: file.bytes, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
            let shown = lines.enumerated().map { index, line in
                diagnostics.shown(SourcePosition(path: file.path, line: index + 1, column: 1, length: 1, sourceLine: String(line)))
            }
            return ConfigSource(path: file.path, text: shown.joined(separator: "\n"), isCut: file.isCut)
        }
    }
}
