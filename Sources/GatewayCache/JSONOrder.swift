import GatewayCore

/// An array or object that has begun and not yet ended.
struct JSONContainer {
    enum Kind: UInt8 {
        /// Around the outermost value.
        case outside
        case array, object

        var opening: UInt8 { self == .object ? UInt8(ascii: "{") : UInt8(ascii: "[") }
        /// 0, which is never met, where nothing is to be closed.
        var closing: UInt8 { self == .object ? UInt8(ascii: "}") : self == .array ? UInt8(ascii: "]") : 0 }
    }

    let kind: Kind
    /// Each name so far was behind the one before it.
    var isInOrder = true
    /// In the canonical values.
    let start: UInt32
    let firstMember: Int
    /// Its place in the list of objects.
    let object: Int

    static let outside = JSONContainer(.outside, start: 0, firstMember: 0, object: 0)

    init(_ kind: Kind, start: Int, firstMember: Int, object: Int) {
        self.kind = kind
        self.start = UInt32(truncatingIfNeeded: start)
        self.firstMember = firstMember
        self.object = object
    }
}

/// A member of an object, as positions in the canonical values (they are below 4 GB: see ``Limits/jsonBodyBytesMax``).
struct JSONMember {
    /// The first eight bytes of the name: decides most comparisons. See ``CanonicalJSON/rank(_:)``.
    var prefix: UInt64 = 0
    /// Of the quote before its name.
    let start: UInt32
    /// Behind its value.
    var end: UInt32 = 0
    /// The name without escapes: in the list of plain names if it has any, else where it is written.
    let nameStart: UInt32
    let nameByteCount: UInt32
    /// As it is written between its quotes.
    let writtenNameByteCount: UInt32
    /// The first object within its value, should there be one.
    let firstObject: UInt32

    var isEscaped: Bool { nameByteCount != writtenNameByteCount }
}

/// An object whose members were not in order; or one that was, with no members told, within which there may be such.
struct JSONObjectOrder {
    let start: UInt32
    var end: UInt32 = 0
    /// In the list of ordered members.
    var firstMember: UInt32 = 0
    var memberCount: UInt32 = 0
    /// The first object behind it.
    var nextObject: UInt32 = 0

    init(start: Int) {
        self.start = UInt32(truncatingIfNeeded: start)
    }
}

/// How far a stretch of the canonical values has been copied.
struct JSONOrderCursor {
    var position: Int
    var end: Int
    /// The next object that may begin in it.
    var object: Int
    /// Members that follow, of the object that this stretch is a member of.
    var member = 0
    var membersEnd = 0
}
