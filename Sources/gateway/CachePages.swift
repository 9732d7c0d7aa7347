import GatewayCore
import GatewayPolicy

/// `/cache` and `/cache/purge` of the admin listener, which `gateway cache` asks.
struct CachePages {
    let zones: (any CacheZones)?

    /// nil for what is not about the cache.
    func page(for request: AdminRequest) -> AdminPage? {
        switch request.path {
        case "/cache": show(request)
        case "/cache/purge": purge(request)
        default: nil
        }
    }

    // MARK: What is in it

    private func show(_ request: AdminRequest) -> AdminPage {
        guard request.method == .get || request.method == .head else { return .text(405, "GET and HEAD only\n") }
        guard let query = AdminQuery(request.query, known: ["zone", "format"]) else {
            return .text(400, "expected /cache, /cache?zone=NAME, and format=text for people\n")
        }
        var stats = zones?.stats() ?? []
        if let name = query["zone"] {
            stats = stats.filter { $0.name == name }
            if stats.isEmpty { return Self.unknownZone }
        }
        return query["format"] == "text" ? .text(200, Self.table(stats)) : .json(Self.json(stats))
    }

    private static var unknownZone: AdminPage { .text(404, "there is no cache zone of that name\n") }

    /// Names of zones have nothing that JSON would escape.
    private static func json(_ stats: [CacheZoneStats]) -> String {
        let zones = stats.map { zone in
            let rate = zone.hitRate.map { decimal($0, places: 4) } ?? "null"
            return "{\"name\":\"\(zone.name)\",\"entries\":\(zone.entries),\"bytes\":\(zone.bytes),\"capacity\":\(zone.capacityBytes),"
                + "\"hits\":\(zone.hits),\"collapsed\":\(zone.collapsed),\"misses\":\(zone.misses),\"hit_rate\":\(rate)}"
        }
        return "{\"zones\":[" + zones.joined(separator: ",") + "]}\n"
    }

    private static func table(_ stats: [CacheZoneStats]) -> String {
        if stats.isEmpty { return "there is no cache zone\n" }
        let head = ["zone", "entries", "bytes", "capacity", "used", "hits", "collapsed", "misses", "hit rate"]
        let rows = stats.map { zone in
            let share = Double(zone.bytes) / Double(max(1, zone.capacityBytes))
            return [
                zone.name, "\(zone.entries)", "\(zone.bytes)", "\(zone.capacityBytes)", decimal(share * 100, places: 1) + "%",
                "\(zone.hits)",
                "\(zone.collapsed)", "\(zone.misses)", zone.hitRate.map { decimal($0 * 100, places: 1) + "%" } ?? "-",
            ]
        }
        return aligned([head] + rows)
    }

    /// Names to the left, numbers to the right.
    private static func aligned(_ rows: [[String]]) -> String {
        let widths = rows[0].indices.map { column in rows.map { $0[column].utf8.count }.max() ?? 0 }
        return rows.map { row in
            let cells = row.enumerated().map { column, cell in
                let blanks = String(repeating: " ", count: widths[column] - cell.utf8.count)
                return column == 0 ? cell + blanks : blanks + cell
            }
            return cells.joined(separator: "  ") + "\n"
        }.joined()
    }

    /// "0.9000" for 0.9 with four places; of numbers from 0 on.
    private static func decimal(_ value: Double, places: Int) -> String {
        let unit = (0..<places).reduce(1) { unit, _ in unit * 10 }
        let scaled = Int((value * Double(unit)).rounded())
        let fraction = String(scaled % unit)
        return "\(scaled / unit)." + String(repeating: "0", count: places - fraction.utf8.count) + fraction
    }

    // MARK: What leaves it

    private func purge(_ request: AdminRequest) -> AdminPage {
        guard request.method == .post else { return .text(405, "POST only\n") }
        // No page that an operator's browser shows may empty a cache, not even one whose name has come to mean this address.
        guard request.hasAdminField, !request.hasOrigin else {
            return .text(403, "expected the field \(AdminRequest.adminField), and no Origin: this is not for browsers\n")
        }
        let known: Set = ["zone", "key", "path", "all", "format"]
        guard !request.hasBody, let query = AdminQuery(request.query, known: known), let zone = query["zone"], let what = Self.what(query)
        else {
            return .text(400, "expected zone=NAME and one of key=HEX, path=PREFIX and all, in the query and without a body\n")
        }
        guard let count = zones?.purge(what, from: zone) else { return Self.unknownZone }
        return query["format"] == "text"
            ? .text(200, count == 1 ? "1 answer purged\n" : "\(count) answers purged\n") : .json("{\"purged\":\(count)}\n")
    }

    private static func what(_ query: AdminQuery) -> CachePurge? {
        guard ["key", "path", "all"].filter(query.has).count == 1 else { return nil }
        if query.has("all") { return query["all"] == nil ? .all : nil }
        if query.has("key") { return query["key"].flatMap { SHA256Digest(hex: $0) }.map(CachePurge.key) }
        // As a location's path is written.
        guard let path = query["path"], path.hasPrefix("/") else { return nil }
        return .path(CanonicalPath.encode(path))
    }
}
