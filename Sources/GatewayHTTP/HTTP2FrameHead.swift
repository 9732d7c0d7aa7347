import GatewayCore

/// The nine bytes before a frame's payload (RFC 9113 § 4.1).
struct HTTP2FrameHead: BitwiseCopyable {
    static let byteCount = 9

    var length: Int
    var type: UInt8
    var flags: UInt8
    var stream: Int32

    /// Reads the nine bytes at `position`.
    @inline(__always)
    init(_ bytes: RawSpan, at position: Int) {
        let word = bytes.word(at: position).byteSwapped
        length = Int(word >> 40)
        type = UInt8(truncatingIfNeeded: word >> 32)
        flags = UInt8(truncatingIfNeeded: word >> 24)
        let low = UInt32(truncatingIfNeeded: word) << 8 | UInt32(bytes[byte: position + 8])
        stream = Int32(bitPattern: low & 0x7fff_ffff)
    }

    var kind: HTTP2FrameType { HTTP2FrameType(rawValue: type) }
    /// For DATA and HEADERS.
    var endsStream: Bool { flags & 0x1 != 0 }
    /// For SETTINGS and PING.
    var isAnswer: Bool { flags & 0x1 != 0 }
    /// What each side sends first (RFC 9113 § 3.4).
    var beginsConnection: Bool { kind == .settings && stream == 0 && !isAnswer }
    /// For HEADERS, PUSH_PROMISE and CONTINUATION.
    var endsBlock: Bool { flags & 0x4 != 0 }
    var isPadded: Bool { flags & 0x8 != 0 }
    var hasPriority: Bool { flags & 0x20 != 0 }

    /// How many bytes of the payload have to be seen before the frame can be judged; none of one whose length is wrong.
    @inline(__always)
    var bytesToJudge: Int {
        switch kind {
        case .headers where hasPriority:
            let needed = isPadded ? 6 : 5
            return length >= needed ? needed : 0
        case .priority: return length == 5 ? 5 : 0
        case .windowUpdate: return length == 4 ? 4 : 0
        default: return 0
        }
    }

    /// Where in the frame the dependency of a priority is (RFC 9113 § 6.2, § 6.3).
    var dependencyOffset: Int { Self.byteCount + (kind == .headers && isPadded ? 1 : 0) }
}

/// RFC 9113 § 6, RFC 9218 § 7. Of the types that we do not know each is itself: a frame's byte is compared as it is.
struct HTTP2FrameType: RawRepresentable, Equatable, BitwiseCopyable {
    let rawValue: UInt8

    static var data: Self { Self(rawValue: 0) }
    static var headers: Self { Self(rawValue: 1) }
    static var priority: Self { Self(rawValue: 2) }
    static var rstStream: Self { Self(rawValue: 3) }
    static var settings: Self { Self(rawValue: 4) }
    static var pushPromise: Self { Self(rawValue: 5) }
    static var ping: Self { Self(rawValue: 6) }
    static var goaway: Self { Self(rawValue: 7) }
    static var windowUpdate: Self { Self(rawValue: 8) }
    static var continuation: Self { Self(rawValue: 9) }
    static var priorityUpdate: Self { Self(rawValue: 0x10) }
}

extension RawSpan {
    /// A number of 31 bits in network order; the highest bit is reserved, or a flag.
    func int31(at offset: Int) -> Int32 {
        var value: UInt32 = 0
        for index in offset..<(offset + 4) { value = value << 8 | UInt32(self[byte: index]) }
        return Int32(bitPattern: value & 0x7fff_ffff)
    }
}
