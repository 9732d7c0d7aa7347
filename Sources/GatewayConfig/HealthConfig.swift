/// `outlier`: when what becomes of requests puts a server out.
public struct OutlierConfig: Sendable, Equatable {
    /// Failures in a row.
    public var errors: Int
    /// How long the first time; longer each further time.
    public var ejectMs: Int
    /// How many of a hundred servers of the upstream may be out for it at a time.
    public var maxPercent: Int
}

/// `health_check`: what the gateway asks servers by itself.
public struct HealthCheckConfig: Sendable, Equatable {
    /// With its query, if there is one.
    public var path: String
    public var intervalMs: Int
    /// For connecting, TLS and the head of the answer together.
    public var timeoutMs: Int
    /// Checks in a row that take a server out, and back in.
    public var fall: Int
    public var rise: Int
    /// The status that passes.
    public var expect: Int
}

extension OutlierConfig {
    init(_ arguments: Arguments) {
        self.init(
            errors: arguments.number("errors") ?? 5, ejectMs: arguments.number("eject") ?? 30_000,
            maxPercent: arguments.number("max") ?? 50)
    }
}

extension HealthCheckConfig {
    init(_ arguments: Arguments) {
        self.init(
            path: arguments.text("path") ?? "/", intervalMs: arguments.number("interval") ?? 5_000,
            timeoutMs: arguments.number("timeout") ?? 2_000, fall: arguments.number("fall") ?? 3, rise: arguments.number("rise") ?? 2,
            expect: arguments.number("expect") ?? 200)
    }
}
