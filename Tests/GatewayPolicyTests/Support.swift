import GatewayCore
import GatewayPolicy

@testable import GatewayConfig

func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

/// What `write` puts into a queue, as text.
func written(_ write: (inout ByteQueue) throws -> Void) rethrows -> String {
    // A queue doesn't keep its pool alive.
    let pool = BufferPool()
    return try withExtendedLifetime(pool) {
        var queue = ByteQueue(pool: pool)
        try write(&queue)
        return queue.bytes.string
    }
}

func location(_ path: String, exact: Bool = false) -> LocationConfig {
    LocationConfig(
        name: exact ? "= \(path)" : path, path: path, isExact: exact, action: .none, clientMaxBodyBytes: 0, requestTimeoutMs: 0,
        addHeaders: [],
        proxySetHeaders: [])
}

func address(_ port: UInt16) -> ListenAddress {
    ListenAddress(address: IPAddress(v4: 0), isV6: false, port: port)
}

func server(_ names: [String], port: UInt16 = 80, isDefault: Bool = false) -> ServerConfig {
    ServerConfig(
        names: names, listens: [.init(address: address(port), isTLS: false, isDefault: isDefault)], tls: nil, clientHeaderTimeoutMs: 0,
        clientBodyTimeoutMs: 0, keepaliveTimeoutMs: 0, sendTimeoutMs: 0, mergeSlashes: true, fallback: location(""), locations: [])
}

/// Small numbers that are the same in every run.
struct Dice: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var word = state
        word = (word ^ word >> 30) &* 0xbf58_476d_1ce4_e5b9
        word = (word ^ word >> 27) &* 0x94d0_49bb_1331_11eb
        return word ^ word >> 31
    }
}

/// A clock that mostly runs, and now and then steps by seconds, forward and back. Its times are milliseconds.
struct ClockWalk {
    var dice: Dice
    private var now = 0
    /// Of what has been read.
    private(set) var latest = 0

    init(seed: UInt64) {
        dice = Dice(state: seed)
    }

    mutating func step() {
        switch dice.next() % 8 {
        case 0: now = max(0, now - Int(dice.next() % 40_000))
        case 1: now += Int(dice.next() % 41_000)
        default: now += Int(dice.next() % 100)
        }
    }

    mutating func read() -> MonotonicTime {
        latest = max(latest, now)
        return MonotonicTime(nanoseconds: 1 << 40 + UInt64(now) * 1_000_000)
    }
}
