import GatewayCore
import Logging

/// swift-log's lines on a ``LogSink``: `2026-11-21T13:39:48.123Z warning message key=value key="two words"`, keys in order.
///
/// Messages and values may hold a peer's bytes. What could begin a new line or deceive a terminal is escaped, so
/// that a line is always ours; a value that holds anything but plain characters stands in quotes.
public struct OperationalLogHandler: LogHandler {
    public var logLevel: Logger.Level
    public var metadata: Logger.Metadata = [:]
    public var metadataProvider: Logger.MetadataProvider?
    private let sink: LogSink
    /// nil: every line is said.
    private let repeats: RepeatedLines?

    public init(sink: LogSink, level: Logger.Level, repeats: RepeatedLines? = nil) {
        self.sink = sink
        self.repeats = repeats
        logLevel = level
    }

    public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    public func log(event: LogEvent) {
        // Who asks for these wants all of them.
        if let repeats, event.level >= .info {
            let key = RepeatedLines.Key(message: event.message.description, file: event.file, line: event.line)
            if !repeats.passes(key, event.level, now: .now()) { return }
        }
        Self.write(event.message.description, event.level, fields(event), to: sink)
    }

    static func write(_ message: String, _ level: Logger.Level, _ fields: Logger.Metadata, to sink: LogSink) {
        let now = MonotonicTime.wallClockNanoseconds()
        var line = "\(Timestamp.rfc3339(wallClockNanoseconds: now).rawSpan.string) \(level) "
        append(message, to: &line)
        for (key, value) in fields.sorted(by: { $0.key < $1.key }) {
            line += " "
            append(key, to: &line)
            line += "="
            append(value: value.description, to: &line)
        }
        line += "\n"
        sink.submit(Array(line.utf8), lines: 1)
    }

    /// What the event says goes before what the logger says, and that before what the provider says.
    private func fields(_ event: LogEvent) -> Logger.Metadata {
        var fields = metadataProvider?.get() ?? [:]
        fields.merge(metadata) { $1 }
        fields.merge(event.metadata ?? [:]) { $1 }
        if let error = event.error { fields["error"] = .string("\(error)") }
        return fields
    }

    private static func append(value: String, to line: inout String) {
        let isPlain = value.unicodeScalars.allSatisfy {
            $0.isASCII && $0.value > 0x20 && $0.value < 0x7f && !"\"\\=".unicodeScalars.contains($0)
        }
        if isPlain && !value.isEmpty {
            line += value
        } else {
            line += "\""
            append(value, escapingQuotes: true, to: &line)
            line += "\""
        }
    }

    private static func append(_ text: String, escapingQuotes: Bool = false, to line: inout String) {
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\n": line += "\\n"
            case "\r": line += "\\r"
            case "\t": line += "\\t"
            case "\"" where escapingQuotes: line += "\\\""
            case "\\" where escapingQuotes: line += "\\\\"
            case _ where isInvisible(scalar): line += "\\u{\(String(scalar.value, radix: 16))}"
            default: line.unicodeScalars.append(scalar)
            }
        }
    }

    /// Controls, separators of lines, and marks that change the direction of text.
    private static func isInvisible(_ scalar: Unicode.Scalar) -> Bool {
        if scalar.isASCII { return scalar.value < 0x20 || scalar.value == 0x7f }
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator: return true
        default: return false
        }
    }
}
