import Testing

@testable import GatewayConfig

@Suite struct UnitTests {
    @Test(arguments: [
        ("0", 0), ("512", 512), ("16k", 16384), ("16K", 16384), ("4m", 4_194_304), ("1g", 1_073_741_824), ("1G", 1_073_741_824),
    ])
    func `sizes are in bytes`(text: String, bytes: Int) throws {
        #expect(try Units.size(text) == bytes)
    }

    @Test(arguments: [
        ("0", 0), ("65", 65_000), ("500ms", 500), ("30s", 30_000), ("5m", 300_000), ("1h", 3_600_000), ("7d", 604_800_000),
        ("2w", 1_209_600_000), ("1h30m", 5_400_000), ("1h 30m", 5_400_000), ("1m30", 90_000), ("1s500ms", 1_500),
        ("1d2h3m4s5ms", 93_784_005),
    ])
    func `times are in milliseconds, and a number alone is in seconds`(text: String, timeMs: Int) throws {
        #expect(try Units.timeMs(text) == timeMs)
    }

    @Test func `what is no number says why`() {
        #expect(throws: Units.Failure.notANumber) { try Units.number("") }
        #expect(throws: Units.Failure.notANumber) { try Units.number("1x") }
        #expect(throws: Units.Failure.notANumber) { try Units.number("+1") }
        #expect(throws: Units.Failure.notANumber) { try Units.number("٣") }
        #expect(throws: Units.Failure.negative) { try Units.number("-1") }
        #expect(throws: Units.Failure.tooLarge) { try Units.number("9223372036854775808") }
        #expect(throws: Units.Failure.tooLarge) { try Units.size("9223372036854775807k") }
        #expect(throws: Units.Failure.tooLarge) { try Units.timeMs("9223372036854775807") }
        #expect(throws: Units.Failure.tooLarge) { try Units.timeMs("9223372036854775s99999ms") }
        #expect(throws: Units.Failure.unknownUnit("kb")) { try Units.size("16kb") }
        #expect(throws: Units.Failure.unknownUnit(".5m")) { try Units.size("1.5m") }
        #expect(throws: Units.Failure.unknownUnit("y")) { try Units.timeMs("1y") }
        #expect(throws: Units.Failure.unknownUnit("h")) { try Units.timeMs("1m2h") }
        #expect(throws: Units.Failure.unknownUnit("m")) { try Units.timeMs("1m2m") }
        #expect(throws: Units.Failure.notANumber) { try Units.timeMs("1.5s") }
        #expect(throws: Units.Failure.notANumber) { try Units.timeMs("m") }
    }

    @Test(arguments: [
        ("keepalive_timeout 65;", nil), ("keepalive_timeout 0;", nil), ("send_timeout 0;", "\"0\" is too short"),
        ("send_timeout -1s;", "\"-1s\" is negative"), ("send_timeout 366d;", "\"366d\" is too long"),
        ("send_timeout 99999999999999999999s;", "\"99999999999999999999s\" is too large"),
        ("client_max_body_size -1;", "\"-1\" is negative"), ("client_max_body_size 1t;", "\"1t\" has an unknown unit: \"t\""),
        ("client_max_body_size 9999999999g;", "\"9999999999g\" is too large"), ("worker_connections 1.5;", "\"1.5\" is not a number"),
    ])
    func `numbers out of their range are errors`(text: String, message: String?) {
        let found = ConfigLoader.load(text: text + aServer, path: "gateway.conf", environment: [:]).diagnostics
        #expect(found.map(\.message) == (message.map { [$0] } ?? []))
    }

    @Test func `the nearest word is suggested, if it is near`() {
        let known = ["listen", "location", "server", "server_name", "return"]
        #expect(Suggestion.nearest(to: "locaton", among: known) == "location")
        #expect(Suggestion.nearest(to: "lsiten", among: known) == "listen")
        #expect(Suggestion.nearest(to: "Server_Nam", among: known) == "server_name")
        #expect(Suggestion.nearest(to: "retrn", among: known) == "return")
        #expect(Suggestion.nearest(to: "user", among: known) == nil)
        #expect(Suggestion.nearest(to: "", among: known) == nil)
        #expect(Suggestion.nearest(to: String(repeating: "x", count: 100_000), among: known) == nil)
    }
}
