import GatewayConfig
import GatewayCore
import GatewayNet
import GatewayPolicy
import GatewayTelemetry
import Logging

/// The flag files of `maintenance`: looked at here, so that no worker waits for a disk, and told to all of them by one word of memory each.
final class MaintenanceFlags {
    private(set) var flags: [String: MaintenanceFlag] = [:]
    private(set) var nextLook = MonotonicTime.never
    /// The series of the gauge, those of former configurations included.
    private var series: Set<[String]> = []

    /// The flags that `snapshot` asks for, those that are known among them; each has been looked at.
    func flags(for snapshot: ConfigSnapshot) -> [String: MaintenanceFlag] {
        var wanted: [String: MaintenanceFlag] = [:]
        for place in Self.places(snapshot) {
            guard let path = place.config.flagPath, wanted[path] == nil else { continue }
            let flag = flags[path] ?? MaintenanceFlag()
            if let isUp = FlagFile.exists(path) { _ = flag.set(isUp) }
            wanted[path] = flag
        }
        return wanted
    }

    /// From now on these are looked at.
    func follow(_ flags: [String: MaintenanceFlag], now: MonotonicTime) {
        self.flags = flags
        nextLook = flags.isEmpty ? .never : now.adding(milliseconds: Limits.maintenanceLookMs)
    }

    func look(now: MonotonicTime, _ logger: Logger) {
        if now < nextLook { return }
        nextLook = now.adding(milliseconds: Limits.maintenanceLookMs)
        for (path, flag) in flags {
            guard let isUp = FlagFile.exists(path), flag.set(isUp) else { continue }
            logger.info(isUp ? "maintenance has begun" : "maintenance is over", metadata: ["flag": "\(path)"])
        }
    }

    // MARK: The gauge

    func updateGauge(_ config: ConfigSnapshot, _ registry: MetricsRegistry) {
        for gone in series { registry.set(.maintenance, gone, to: 0) }
        for place in Self.places(config) where !place.config.isInherited {
            let isUp = place.config.isOn || place.config.flagPath.flatMap { flags[$0] }?.isUp == true
            registry.set(.maintenance, place.labels, to: isUp ? 1 : 0)
            series.insert(place.labels)
        }
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
