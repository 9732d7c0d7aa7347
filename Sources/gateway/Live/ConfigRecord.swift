import GatewayConfig
import GatewayCore

/// The configuration in force as it was read, and what is said of it; and the last one that was refused, until one is taken up.
struct ConfigRecord {
    struct Refusal {
        /// Seconds since 1970.
        let at: Double
        /// Why, in a few words.
        let reason: String
        let diagnostics: [ConfigDiagnostic]
    }

    let path: String
    /// One for each that was read.
    private(set) var number = 0
    private(set) var sources: [ConfigSource] = []
    private(set) var warnings: [ConfigDiagnostic] = []
    private(set) var refusal: Refusal?

    init(path: String) {
        self.path = path
    }

    mutating func accept(_ sources: [ConfigSource], _ diagnostics: [ConfigDiagnostic]) {
        number += 1
        self.sources = sources
        warnings = diagnostics
        refusal = nil
    }

    mutating func refuse(_ reason: String, _ diagnostics: [ConfigDiagnostic]) {
        number += 1
        let seconds = Double(MonotonicTime.wallClockNanoseconds() / 1_000_000) / 1000
        refusal = Refusal(at: seconds, reason: reason, diagnostics: diagnostics)
    }

    /// For the live page; ``LiveReading/Configuration/acceptedAt`` is told by the metrics.
    var summary: LiveReading.Configuration {
        let first = refusal?.diagnostics.first { $0.severity == .error }
        return LiveReading.Configuration(
            number: number, warnings: warnings.count, refusedAt: refusal?.at,
            refusal: first.map { "\($0.place): \($0.message)" } ?? refusal?.reason)
    }

    // MARK: /config

    func page(for request: AdminRequest) -> AdminPage {
        guard let query = AdminQuery(request.query, known: ["format"]) else {
            return .text(400, "expected /config, or /config?format=text for people\n")
        }
        return query["format"] == "text" ? .text(200, text) : .json(json.text + "\n")
    }

    private var json: JSONValue {
        .present([
            "path": .string(path), "number": .count(number),
            "files": .array(sources.map { ["path": .string($0.path), "text": .string($0.text), "cut": .bool($0.isCut)] }),
            "warnings": .array(warnings.map(\.json)),
            "refused": refusal.map {
                ["at": .number($0.at), "reason": .string($0.reason), "diagnostics": .array($0.diagnostics.map(\.json))]
            } ?? .null,
        ])
    }

    private var text: String {
        var parts = sources.map { source in
            "# ---- \(source.path)\n" + source.text + (source.text.hasSuffix("\n") ? "" : "\n") + (source.isCut ? "# ---- cut here\n" : "")
        }
        if !warnings.isEmpty { parts.append("# ---- warnings\n" + warnings.map { $0.text + "\n" }.joined()) }
        if let refusal {
            let lines = refusal.diagnostics.map { $0.text + "\n" }.joined()
            parts.append("# ---- the last reload was refused: \(refusal.reason)\n" + lines)
        }
        return parts.joined(separator: "\n")
    }
}

extension ConfigDiagnostic {
    /// "gateway.conf:12:5".
    fileprivate var place: String { line == 0 ? path : "\(path):\(line):\(column)" }

    fileprivate var json: JSONValue {
        [
            "severity": .string(severity.rawValue), "path": .string(path), "line": .count(line), "column": .count(column),
            "message": .string(message), "text": .string(text),
        ]
    }
}
