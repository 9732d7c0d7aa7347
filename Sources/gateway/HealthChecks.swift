import GatewayConfig
import GatewayCore
import GatewayHTTP
import GatewayNet
import GatewayProxy
import GatewayTelemetry
import Logging

/// `health_check`: asks every address of the servers whether it is well, on the main thread, without ever waiting there.
final class HealthChecks {
    let probes: Slab<HealthProbe>
    let pool = BufferPool()
    let streams: HTTP2Streams
    private var targets: [HealthTarget.Key: HealthTarget] = [:]
    /// Those that are in or out of late, and the log has not been told.
    private var changes: [HealthTarget] = []
    private let registry: MetricsRegistry
    private let shard: MetricsShard
    private(set) var nextDue = MonotonicTime.never

    init(registry: MetricsRegistry) throws {
        probes = try Slab(capacity: Limits.healthProbesMax)
        streams = try HTTP2Streams(capacity: 2 * Limits.healthProbesMax, pool: pool)
        self.registry = registry
        shard = registry.makeShard()
    }

    // MARK: What is checked

    /// From now on these are checked, and no others; those that were stay what they are.
    func follow(_ wanted: [HealthTarget.Key: HealthTarget.Settings], now: MonotonicTime) {
        for (key, target) in targets where wanted[key] == nil {
            if probes.contains(target.probe) { probes.discard(target.probe) }
            targets[key] = nil
        }
        for (key, settings) in wanted {
            if let target = targets[key] {
                target.settings = settings
                target.nextAt = min(target.nextAt, now.adding(milliseconds: settings.rules.intervalMs))
            } else {
                targets[key] = HealthTarget(key, settings, now: now)
                for result in ["passed", "failed"] { count(key, result, by: 0) }
            }
        }
        findNextDue()
    }

    func target(_ key: HealthTarget.Key) -> HealthTarget? { targets[key] }

    private func count(_ key: HealthTarget.Key, _ result: String, by amount: UInt64 = 1) {
        shard.increment(registry.counter(.upstreamHealthChecks, [key.origin.upstream, key.origin.text, result]), by: amount)
    }

    // MARK: Time

    private func findNextDue() {
        var due = MonotonicTime.never
        for target in targets.values { due = min(due, probes.contains(target.probe) ? probes[target.probe].deadline : target.nextAt) }
        nextDue = due
    }

    /// Ends checks whose time is up, and begins those that are due. True if an address is in or out that wasn't before.
    func advance(_ epoll: borrowing Epoll, kind: UInt8, now: MonotonicTime) -> Bool {
        if now >= nextDue {
            for target in targets.values {
                if probes.contains(target.probe) {
                    if probes[target.probe].deadline <= now { end(target.probe, failure: "no answer within timeout") }
                } else if target.nextAt <= now {
                    begin(target, epoll, kind: kind, now: now)
                }
            }
            findNextDue()
        }
        return !changes.isEmpty
    }

    /// Tells the log what has changed, once it has been taken up.
    func report(to logger: Logger) {
        for target in changes { tell(target, logger) }
        changes = []
    }

    private func begin(_ target: HealthTarget, _ epoll: borrowing Epoll, kind: UInt8, now: MonotonicTime) {
        target.schedule(from: now)
        if probes.isFull { return target.nextAt = now.adding(milliseconds: Limits.healthProbeRetryMs) }
        do throws(SystemError) {
            let stream = try Stream.connect(to: target.key.address, below: DescriptorLimit.upstreamMark)
            let id = probes.insert(HealthProbe(target, stream: stream, pool: pool, now: now))
            target.probe = id
            try epoll.add(probes[id].stream.fileDescriptor, EventToken(kind: kind, handle: id))
        } catch {
            if probes.contains(target.probe) { probes.discard(target.probe) }
            // A shortage is the gateway's own, and says nothing of the server.
            if !error.isShortage { note(target, latencyNs: 0, failure: "\(error)") }
        }
    }

    // MARK: Verdicts

    func end(_ id: Handle, status: Int) {
        let expected = probes[id].target.settings.rules.expect
        end(id, failure: status == expected ? nil : "answered \(status)")
    }

    /// - Parameter failure: why it has failed; nil if it has passed.
    func end(_ id: Handle, failure: String?) {
        let target = probes[id].target
        let latencyNs = MonotonicTime.now().nanoseconds(since: probes[id].startedAt)
        probes[id].session?.close()
        probes.discard(id)
        target.probe = .none
        note(target, latencyNs: latencyNs, failure: failure)
        findNextDue()
    }

    private func note(_ target: HealthTarget, latencyNs: UInt64, failure: String?) {
        count(target.key, failure == nil ? "passed" : "failed")
        target.latencyNs = latencyNs
        target.failure = failure
        let rules = target.settings.rules
        if target.tally.note(hasPassed: failure == nil, fall: rules.fall, rise: rules.rise) {
            changes.append(target)
        }
    }

    private func tell(_ target: HealthTarget, _ logger: Logger) {
        var metadata: Logger.Metadata = [
            "upstream": "\(target.key.origin.upstream)", "server": "\(target.key.origin.text)", "address": "\(target.key.address)",
        ]
        if target.tally.isUp {
            metadata["checks"] = "\(target.settings.rules.rise)"
            logger.info("a server is taken again: it passes its health checks", metadata: metadata)
        } else {
            metadata["checks"] = "\(target.settings.rules.fall)"
            metadata["reason"] = "\(target.failure ?? "")"
            logger.warning("a server is put out: it fails its health checks", metadata: metadata)
        }
    }
}
