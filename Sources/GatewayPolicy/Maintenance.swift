import GatewayConfig
import GatewayCore
import GatewayHTTP
import Synchronization

/// Whether a flag file is there, as whoever looks has seen it last.
public final class MaintenanceFlag: Sendable {
    private let state = Atomic<Bool>(false)

    public init() {}

    public var isUp: Bool { state.load(ordering: .relaxed) }

    public func set(_ isUp: Bool) { state.store(isUp, ordering: .relaxed) }
}

/// `maintenance`: when requests are turned away, and whose are not.
public final class Maintenance: Sendable {
    public let retryAfterS: Int
    private let isOn: Bool
    private let flag: MaintenanceFlag?
    private let bypassFrom: NetworkList
    private let bypassName: [UInt8]
    /// Empty: no field lets a request through.
    private let bypassValue: [UInt8]

    /// `flag` is that of the configuration's path; nil for none.
    public init(_ config: MaintenanceConfig, flag: MaintenanceFlag?) {
        retryAfterS = config.retryAfterS
        isOn = config.isOn
        self.flag = flag
        bypassFrom = NetworkList(config.bypassFrom)
        bypassName = Array((config.bypassHeader?.name ?? "").utf8)
        bypassValue = Array((config.bypassHeader?.value ?? "").utf8)
    }

    public var isUnderWay: Bool { isOn || flag?.isUp == true }

    /// Whether the request goes on all the same.
    public func exempts(_ client: IPAddress, _ request: borrowing RequestHead) -> Bool {
        bypassFrom.contains(client) || hasSecret(request)
    }

    /// One field with the secret; who sends several is guessing.
    private func hasSecret(_ request: borrowing RequestHead) -> Bool {
        if bypassValue.isEmpty { return false }
        let (name, secret) = (bypassName, bypassValue)
        var found = 0
        var isRight = false
        for index in 0..<request.fields.count where request.fields.nameBytes(index).equalsIgnoringCase(name.rawSpan) {
            found += 1
            isRight = Self.equals(request.fields.value(index), secret.rawSpan)
        }
        return found == 1 && isRight
    }

    /// Takes a time that depends on the guess's length alone.
    static func equals(_ guess: RawSpan, _ secret: RawSpan) -> Bool {
        var difference = guess.byteCount ^ secret.byteCount
        for index in 0..<guess.byteCount {
            difference |= Int(guess[byte: index] ^ secret[byte: index % secret.byteCount])
        }
        return difference == 0
    }
}
