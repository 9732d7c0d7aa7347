import GatewayCore

/// By which hosts the admin listener may be asked.
enum AdminHost {
    static func isAllowed(_ host: String, names: [String]) -> Bool {
        if !host.utf8.contains(UInt8(ascii: ".")) || host.hasPrefix("[") || IPAddress(host) != nil || host.hasSuffix(".localhost") {
            return true
        }
        return names.contains { name in
            if name.hasPrefix("*") { return host.hasSuffix(name.dropFirst()) }
            return name.hasSuffix("*") ? host.hasPrefix(name.dropLast()) : host == name
        }
    }
}
