import GatewayTelemetry

/// Whether all is well, in a sentence, and if not, what is wrong and whose fault it is. Made once, where the numbers are, so that every
/// reader is told the same.
struct LiveVerdict: Equatable {
    enum State: String {
        case ok
        /// Something that can wait until the morning, or heals by itself.
        case notice
        /// Clients notice it now.
        case bad
    }

    struct Finding: Equatable {
        let state: State
        /// upstream, version, limit, gateway, certificate, configuration.
        let source: String
        let text: String
    }

    /// The worst first.
    private(set) var findings: [Finding] = []
    private(set) var hasRequests = false

    init() {}

    init(findings: [Finding], hasRequests: Bool) {
        // The order among equals stays.
        self.findings = findings.filter { $0.state == .bad } + findings.filter { $0.state != .bad }
        self.hasRequests = hasRequests
    }

    var state: State { findings.first?.state ?? .ok }

    var sentence: String {
        if let first = findings.first { return first.text }
        return hasRequests ? "All is well." : "All is well. No requests at the moment."
    }

    var json: JSONValue {
        [
            "state": .string(state.rawValue), "sentence": .string(sentence), "requests": .bool(hasRequests),
            "findings": .array(
                findings.map { ["state": .string($0.state.rawValue), "source": .string($0.source), "text": .string($0.text)] }),
        ]
    }

    init(_ json: JSONValue) {
        let findings = json["findings"].array.map {
            Finding(
                state: State(rawValue: $0["state"].string ?? "") ?? .notice, source: $0["source"].string ?? "",
                text: $0["text"].string ?? "")
        }
        self.init(findings: findings, hasRequests: json["requests"].isTrue)
    }
}
