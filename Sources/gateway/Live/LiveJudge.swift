import GatewayTelemetry

/// Makes the ``LiveVerdict`` of two readings: of the states of the later one, and of the rates between them.
struct LiveJudge {
    private let now: LiveReading
    private let before: LiveReading?
    private var findings: [LiveVerdict.Finding] = []

    /// Fewer tell nothing of a share.
    private static let requestsMin: UInt64 = 20
    /// Of the requests, that fail: below it nobody need look.
    private static let shareMin = 0.01
    private static let dayS = 86_400.0

    /// `before` is nil for the first reading.
    static func verdict(_ now: LiveReading, since before: LiveReading?) -> LiveVerdict {
        var judge = LiveJudge(now: now, before: before)
        judge.lookAtUpstreams()
        judge.lookAtErrors()
        judge.lookAtLimits()
        judge.lookAtGateway()
        judge.lookAtCertificates()
        judge.lookAtConfiguration()
        let requests = before.map { now.requests.since($0.requests).total } ?? 0
        return LiveVerdict(findings: judge.findings, hasRequests: requests > 0)
    }

    private init(now: LiveReading, before: LiveReading?) {
        self.now = now
        self.before = before
    }

    private mutating func find(_ state: LiveVerdict.State, _ source: String, _ text: String) {
        findings.append(LiveVerdict.Finding(state: state, source: source, text: text))
    }

    // MARK: Upstreams

    private mutating func lookAtUpstreams() {
        for upstream in now.upstreams {
            let out = upstream.servers.filter { $0.state != "healthy" }
            guard let first = out.first(where: \.hasWeight) ?? out.first else { continue }
            let reason = "\(first.name) is \(Self.word(first.state))" + (first.reason.map { " (\($0))" } ?? "")
            if upstream.status == "failing" {
                find(.bad, "upstream", "Upstream \(upstream.name) has no healthy server: \(reason).")
            } else if out.count == 1 {
                find(.notice, "upstream", "Upstream \(upstream.name): \(reason); the others take its share.")
            } else {
                find(.notice, "upstream", "Upstream \(upstream.name) has \(out.count) of \(upstream.servers.count) servers out: \(reason).")
            }
        }
    }

    private static func word(_ state: String) -> String {
        switch state {
        case "ejected": "out after failed requests"
        case "down": "down by its checks"
        case "unresolved": "without an address"
        default: state
        }
    }

    // MARK: Answers

    private mutating func lookAtErrors() {
        guard let before else { return }
        var isExplained = findings.contains { $0.state == .bad }
        for upstream in now.upstreams {
            let failing = Self.failing(upstream, since: before.upstreams.first { $0.name == upstream.name })
            for one in failing {
                let text = "\(one.name) fails \(Self.percent(one.share)) of its requests\(one.others)."
                find(one.share >= 0.05 ? .bad : .notice, one.source, text)
                isExplained = true
            }
        }
        let requests = now.requests.since(before.requests)
        guard !isExplained, let share = Self.share(requests.errors, requests.total), share >= 0.01 else { return }
        let refusals = now.refusals.map { (type: $0.key, count: $0.value - min($0.value, before.refusals[$0.key] ?? 0)) }
        let most = refusals.filter { $0.count > 0 }.max { ($0.count, $1.type) < ($1.count, $0.type) }
        let reason = most.map { ", most often for \($0.type)" } ?? ""
        find(share >= 0.05 ? .bad : .notice, "gateway", "\(Self.percent(share)) of all answers are errors (5xx)\(reason).")
    }

    private typealias Failing = (source: String, name: String, share: Double, others: String)

    /// Who fails: a version by itself where the others do better, for then it is its own fault; else all of them as one.
    private static func failing(_ upstream: LiveReading.Upstream, since earlier: LiveReading.Upstream?) -> [Failing] {
        let statuses = upstream.versions.map { version in
            version.statuses.since(earlier?.versions.first { $0.name == version.name }?.statuses ?? StatusClasses())
        }
        let shares = statuses.compactMap { share($0.errors, $0.total) }
        let whole = "Upstream \(upstream.name)"
        if shares.count > 1, let least = shares.min(), let most = shares.max(), least >= shareMin, most <= 2 * least {
            let sum = statuses.reduce(into: StatusClasses()) { $0 += $1 }
            return [("upstream", whole, Double(sum.errors) / Double(sum.total), ", all its versions alike")]
        }
        var failing: [Failing] = []
        for (index, version) in upstream.versions.enumerated() {
            guard let share = share(statuses[index].errors, statuses[index].total), share >= shareMin else { continue }
            var others = StatusClasses()
            for (other, its) in statuses.enumerated() where other != index { others += its }
            let name = version.name.isEmpty ? whole : "Version \(version.name) of upstream \(upstream.name)"
            failing.append(("version", name, share, compared(others, upstream.versions.count - 1)))
        }
        return failing
    }

    private static func compared(_ others: StatusClasses, _ count: Int) -> String {
        guard let share = share(others.errors, others.total) else { return "" }
        return count == 1 ? ", the other one \(percent(share))" : ", the other ones \(percent(share))"
    }

    // MARK: Limits

    private mutating func lookAtLimits() {
        guard let before else { return }
        for limit in now.limits {
            let old = before.limits.first { $0.name == limit.name } ?? LiveReading.Limit(name: limit.name)
            let refused = limit.refused - min(limit.refused, old.refused)
            let passed = limit.passed - min(limit.passed, old.passed)
            guard let share = Self.share(refused, refused + passed), share >= 0.05 else { continue }
            find(.notice, "limit", "Limit \(limit.name) refuses \(Self.percent(share)) of the requests that it counts.")
        }
    }

    // MARK: The gateway itself

    private mutating func lookAtGateway() {
        if now.isDraining { find(.notice, "gateway", "The gateway is ending: it finishes what runs, and takes nothing new.") }
        if let first = now.maintenance.first {
            let more = now.maintenance.count > 1 ? " and \(now.maintenance.count - 1) more" : ""
            find(.notice, "configuration", "Maintenance is on at \(first)\(more).")
        }
        if now.process.filesMax > 0, Double(now.process.files) > 0.9 * Double(now.process.filesMax) {
            find(
                .bad, "gateway", "The gateway has \(now.process.files) of \(now.process.filesMax) files open: connections will be refused.")
        }
        guard let before else { return }
        let lag = now.loopLag.since(before.loopLag)
        if lag.count >= Self.requestsMin, let late = lag.quantile(0.99)?.seconds, late >= 0.1 {
            find(
                late >= 1 ? .bad : .notice, "gateway", "The gateway itself is slow: rounds of its event loops take \(Format.seconds(late))."
            )
        }
        let refused = now.connectionsRefused - min(now.connectionsRefused, before.connectionsRefused)
        if refused > 0 {
            find(.bad, "gateway", "\(Format.count(refused)) connections were refused in the last moments: a limit is reached.")
        }
        if now.process.linesDropped > before.process.linesDropped {
            find(.notice, "gateway", "Lines of a log are lost: its destination is too slow.")
        }
    }

    // MARK: Certificates and configuration

    private mutating func lookAtCertificates() {
        for certificate in now.certificates.sorted(by: { $0.ends < $1.ends }) {
            let days = (certificate.ends - now.time) / Self.dayS
            if days < 0 {
                find(.bad, "certificate", "The certificate of \(certificate.server) has expired.")
            } else if days < 14 {
                let left = days < 1 ? "today" : days < 2 ? "in 1 day" : "in \(Int(days)) days"
                find(days < 2 ? .bad : .notice, "certificate", "The certificate of \(certificate.server) ends \(left).")
            }
        }
    }

    private mutating func lookAtConfiguration() {
        if now.configuration.refusedAt != nil {
            let reason = now.configuration.refusal.map { ": \($0)" } ?? ""
            find(.notice, "configuration", "The last reload was refused, the configuration before it serves\(reason).")
        }
    }

    // MARK: Numbers

    private static func share(_ part: UInt64, _ whole: UInt64) -> Double? {
        whole >= requestsMin ? Double(part) / Double(whole) : nil
    }

    private static func percent(_ share: Double) -> String { Format.percent(share) }
}
