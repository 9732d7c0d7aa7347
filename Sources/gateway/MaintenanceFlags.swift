import GatewayConfig
import GatewayCore
import GatewayNet
import GatewayPolicy
import GatewayTelemetry
import Logging

/// The flag files of `maintenance`: looked at here, so that no worker waits for a disk, and told to all of them by one word of memory each.
final class MaintenanceFlags {
    /// What the log says of a flag.
    private struct News: Equatable {
        var isUp = false
        /// Why it can't be looked at.
        var trouble: SystemError?
    }

    private(set) var flags: [String: MaintenanceFlag] = [:]
    private(set) var nextLook = MonotonicTime.never
    /// As the log has it, by path.
    private var told: [String: News] = [:]
    /// The series of the gauge, those of former configurations included.
    private var series: Set<[String]> = []

    /// The flags that `snapshot` asks for, those that are known among them; each has been looked at.
    func flags(for snapshot: ConfigSnapshot) -> [String: MaintenanceFlag] {
        var wanted: [String: MaintenanceFlag] = [:]
        for place in Self.places(snapshot) {
            guard let path = place.config.flagPath, wanted[path] == nil else { continue }
            let flag = flags[path] ?? MaintenanceFlag()
            _ = Self.look(path, flag)
            wanted[path] = flag
        }
        return wanted
    }

    /// From now on these are looked at, and the log is told of what is up already.
    func follow(_ flags: [String: MaintenanceFlag], now: MonotonicTime) {
        self.flags = flags
        told = told.filter { flags[$0.key] != nil }
        nextLook = flags.isEmpty ? .never : now
    }

    func look(now: MonotonicTime, _ logger: Logger) {
        if now < nextLook { return }
        nextLook = now.adding(milliseconds: Limits.maintenanceLookMs)
        for (path, flag) in flags {
            let trouble = Self.look(path, flag)
            tell(News(isUp: flag.isUp, trouble: trouble), of: path, logger)
        }
    }

    /// Why the file can't be looked at; nil if it can. What it said last holds until then.
    private static func look(_ path: String, _ flag: MaintenanceFlag) -> SystemError? {
        do {
            flag.set(try FlagFile.exists(path))
            return nil
        } catch {
            return error
        }
    }

    private func tell(_ news: News, of path: String, _ logger: Logger) {
        let before = told.updateValue(news, forKey: path) ?? News()
        if news.trouble != before.trouble {
            if let trouble = news.trouble {
                logger.warning("a maintenance flag can't be looked at", metadata: ["flag": "\(path)", "reason": "\(trouble)"])
            } else {
                logger.info("a maintenance flag can be looked at again", metadata: ["flag": "\(path)"])
            }
        }
        if news.isUp != before.isUp {
            logger.info(news.isUp ? "maintenance has begun" : "maintenance is over", metadata: ["flag": "\(path)"])
        }
    }

    // MARK: The gauge

    func updateGauge(_ config: ConfigSnapshot, _ registry: MetricsRegistry) {
        for gone in series { registry.set(.maintenance, gone, to: 0) }
        // Servers on different listeners may have one name, and one series: it says whether any of them turns away.
        var areUp: [[String]: Bool] = [:]
        for place in Self.places(config) where !place.config.isInherited {
            let isUp = place.config.isOn || place.config.flagPath.flatMap { flags[$0] }?.isUp == true
            areUp[place.labels, default: false] = isUp || areUp[place.labels] == true
        }
        for (labels, isUp) in areUp { registry.set(.maintenance, labels, to: isUp ? 1 : 0) }
        series.formUnion(areUp.keys)
    }

    /// Where a configuration speaks of maintenance.
    private static func places(_ snapshot: ConfigSnapshot) -> [(labels: [String], config: MaintenanceConfig)] {
        snapshot.servers.flatMap { server in
            ([server.fallback] + server.locations).compactMap { location in
                location.edge.maintenance.map { ([server.label, location.name], $0) }
            }
        }
    }
}
