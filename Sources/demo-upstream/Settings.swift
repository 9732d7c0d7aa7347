import ArgumentParser
import NIOCore

/// What the command line says of every answer.
struct Settings: Sendable {
    let name: String
    let latency: Delay
    let failureShare: Share
    let eventInterval: Delay
}

/// A time as the gateway's configuration writes it: `20ms`, `1s`, `2m`.
struct Delay: ExpressibleByArgument, Sendable, CustomStringConvertible {
    /// A longer one is a mistake, and would overflow in the end.
    private static let millisecondsMax: Int64 = 3_600_000

    let milliseconds: Int64

    init(milliseconds: Int64) {
        self.milliseconds = milliseconds
    }

    init?(argument: String) {
        guard let unit = argument.firstIndex(where: { !$0.isASCII || !$0.isNumber }), let value = Int64(argument[..<unit]) else {
            return nil
        }
        guard value <= Self.millisecondsMax else { return nil }
        switch argument[unit...] {
        case "ms": milliseconds = value
        case "s": milliseconds = value * 1_000
        case "m": milliseconds = value * 60_000
        default: return nil
        }
    }

    var time: TimeAmount { .milliseconds(milliseconds) }
    var description: String { "\(milliseconds)ms" }
    var defaultValueDescription: String { description }
}

/// A share of the requests: `5%`.
struct Share: ExpressibleByArgument, Sendable {
    let fraction: Double

    init(fraction: Double) {
        self.fraction = fraction
    }

    init?(argument: String) {
        guard argument.hasSuffix("%"), let percent = Double(argument.dropLast()), (0...100).contains(percent) else { return nil }
        fraction = percent / 100
    }

    var defaultValueDescription: String { "\(fraction * 100)%" }
}
