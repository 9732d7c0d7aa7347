import GatewayCore

/// Writes JSON in the one form that all spellings of the same document have (RFC 8785): no white space, members sorted by their names,
/// strings and numbers in one spelling each.
///
/// One reading checks the whole grammar and writes the values in the order in which they come, each in its canonical spelling. Members are
/// sorted as positions in what was written; where an object's were not in order, a second run copies them into it. So the cost
/// stays linear (but for the sorting), however deep the objects lie in each other. Nothing recurs on the machine's stack.
///
/// Keeps its scratch memory between bodies: one for each worker.
public struct CanonicalJSON: ~Copyable {
    /// What the last body said at its top level, if it was an object.
    public struct Facts: Sendable, Equatable {
        /// `"stream": true`
        public var streams = false
        /// `"temperature": 0`, in any spelling of 0.
        public var temperatureIsZero = false
    }

    public private(set) var facts = Facts()
    /// The value of `"model"` where it is a string of a bounded length without escapes, else empty.
    public var model: RawSpan {
        @_lifetime(borrow self)
        get { modelName.rawSpan }
    }

    /// The canonical values in the order of the body, behind one byte that never leaves: so the memory stays.
    var staging: ByteQueue
    /// Names that are written with escapes, without them: members are sorted by what they are called, not by how that is written.
    var plainNames: ByteQueue
    /// Members of the objects that are open, those of the innermost last.
    var members: [JSONMember] = []
    var open: [JSONContainer] = []
    var current = JSONContainer.outside
    /// Objects whose members have to be put into order, or that hold such, by their beginnings; and their members, in order.
    var objects: [JSONObjectOrder] = []
    var ordered: [JSONMember] = []
    /// Scratch of the second run.
    var pending: [JSONOrderCursor] = []
    /// Numbers that ``Limits/jsonLongNumbersMax`` counts, and scratch for their text.
    var longNumberCount = 0
    var numberText: [UInt8] = []
    /// See ``Limits/jsonSortedBytesMax``.
    var sortedBytes = 0
    private var modelName: [UInt8] = []
    /// One bit for each of the names that are left out which the body has named.
    private var ignoredSeen: UInt64 = 0

    public init(pool: BufferPool) {
        staging = ByteQueue(pool: pool)
        plainNames = ByteQueue(pool: pool)
    }

    /// Appends the canonical form of `body` to `output`, without the members of the outermost object that `ignoring` names (64 names at
    /// the most, in UTF-8). Their values have to be JSON as well. After a failure `output` is as it was.
    public mutating func encode(
        _ body: RawSpan, ignoring: [[UInt8]] = [], into output: inout ByteQueue
    ) throws(CanonicalJSONFailure) {
        precondition(ignoring.count <= UInt64.bitWidth)
        if body.byteCount > Limits.jsonBodyBytesMax { throw .tooLong }
        reset()
        defer { release(body.byteCount) }
        if staging.isEmpty { staging.append(0) }
        staging.reserve(body.byteCount + 1)
        try read(body, ignoring)
        output.reserve(staging.count)
        appendOrdered(to: &output)
    }

    private mutating func reset() {
        facts = Facts()
        modelName.removeAll(keepingCapacity: true)
        ignoredSeen = 0
        longNumberCount = 0
        sortedBytes = 0
        current = .outside
    }

    /// Keeps what a usual body needs.
    private mutating func release(_ bodyByteCount: Int) {
        staging.truncate(to: bodyByteCount <= Limits.jsonScratchBytesKeptMax ? 1 : 0)
        plainNames.removeAll()
        members.removeAll(keepingCapacity: members.capacity <= Limits.jsonMembersKeptMax)
        ordered.removeAll(keepingCapacity: ordered.capacity <= Limits.jsonMembersKeptMax)
        objects.removeAll(keepingCapacity: objects.capacity <= Limits.jsonMembersKeptMax)
        open.removeAll(keepingCapacity: true)
        pending.removeAll(keepingCapacity: true)
    }

    // MARK: Grammar

    private mutating func read(_ body: RawSpan, _ ignoring: [[UInt8]]) throws(CanonicalJSONFailure) {
        var position = skipSpace(body, 0)
        while true {
            var isOpen = false
            position = try beginValue(body, position, &isOpen)
            if isOpen { continue }
            while true {
                position = skipSpace(body, position)
                if current.kind == .outside {
                    if position == body.byteCount { return }
                    throw .invalid
                }
                if position == body.byteCount { throw .invalid }
                let byte = body[byte: position]
                position &+= 1
                if current.kind == .object { try endMember(ignoring) }
                if byte == UInt8(ascii: ",") {
                    position = try next(body, position)
                    break
                }
                if byte != current.kind.closing { throw .invalid }
                try close()
            }
        }
    }

    /// A scalar, whole; or the beginning of an array or object that is not empty, up to its first value: then `isOpen` is set.
    @inline(__always)
    private mutating func beginValue(_ body: RawSpan, _ position: Int, _ isOpen: inout Bool) throws(CanonicalJSONFailure) -> Int {
        if position == body.byteCount { throw .invalid }
        switch body[byte: position] {
        case 0x22: return try appendString(body, position)
        case UInt8(ascii: "{"): return try begin(.object, body, position, &isOpen)
        case UInt8(ascii: "["): return try begin(.array, body, position, &isOpen)
        case UInt8(ascii: "t"): return try appendLiteral("true", body, position)
        case UInt8(ascii: "f"): return try appendLiteral("false", body, position)
        case UInt8(ascii: "n"): return try appendLiteral("null", body, position)
        default: return try appendNumber(body, position)
        }
    }

    private mutating func begin(
        _ kind: JSONContainer.Kind, _ body: RawSpan, _ position: Int, _ isOpen: inout Bool
    ) throws(CanonicalJSONFailure) -> Int {
        if open.count == Limits.jsonDepthMax { throw .tooDeep }
        let first = skipSpace(body, position &+ 1)
        if first < body.byteCount, body[byte: first] == kind.closing {
            staging.append(kind.opening)
            staging.append(kind.closing)
            return first &+ 1
        }
        open.append(current)
        current = JSONContainer(kind, start: staging.count, firstMember: members.count, object: objects.count)
        if kind == .object { objects.append(JSONObjectOrder(start: staging.count)) }
        staging.append(kind.opening)
        isOpen = true
        return kind == .object ? try beginMember(body, first) : first
    }

    /// Behind a comma: up to the next value.
    @inline(__always)
    private mutating func next(_ body: RawSpan, _ position: Int) throws(CanonicalJSONFailure) -> Int {
        let first = skipSpace(body, position)
        if current.kind == .object { return try beginMember(body, first) }
        staging.append(UInt8(ascii: ","))
        return first
    }

    /// A name and its colon, up to its value.
    private mutating func beginMember(_ body: RawSpan, _ position: Int) throws(CanonicalJSONFailure) -> Int {
        if position == body.byteCount || body[byte: position] != 0x22 { throw .invalid }
        if members.count > current.firstMember { staging.append(UInt8(ascii: ",")) }
        let start = staging.count
        let behind = try appendString(body, position)
        try addMember(start)
        let colon = skipSpace(body, behind)
        if colon == body.byteCount || body[byte: colon] != UInt8(ascii: ":") { throw .invalid }
        staging.append(UInt8(ascii: ":"))
        return skipSpace(body, colon &+ 1)
    }

    /// The value of the last member is there.
    @inline(__always)
    private mutating func endMember(_ ignoring: [[UInt8]]) throws(CanonicalJSONFailure) {
        members[members.count &- 1].end = UInt32(truncatingIfNeeded: staging.count)
        if open.count == 1 { try endTopMember(ignoring) }
    }

    private mutating func close() throws(CanonicalJSONFailure) {
        staging.append(current.kind.closing)
        if current.kind == .object { try closeObject() }
        current = open.removeLast()
    }

    private mutating func appendLiteral(
        _ literal: StaticString, _ body: RawSpan, _ position: Int
    ) throws(CanonicalJSONFailure) -> Int {
        let end = position &+ literal.utf8CodeUnitCount
        if end > body.byteCount || !body.extracting(position..<end).equals(literal) { throw .invalid }
        staging.append(literal)
        return end
    }

    @inline(__always)
    private func skipSpace(_ body: RawSpan, _ start: Int) -> Int {
        var position = start
        while position < body.byteCount {
            let byte = body[byte: position]
            if byte > 0x20 || (byte != 0x20 && byte != 0x0a && byte != 0x0d && byte != 0x09) { break }
            position &+= 1
        }
        return position
    }

    // MARK: The outermost object

    private mutating func endTopMember(_ ignoring: [[UInt8]]) throws(CanonicalJSONFailure) {
        let member = members[members.count &- 1]
        learn(member)
        if ignoring.isEmpty { return }
        guard let index = ignoring.firstIndex(where: { nameBytes(of: member).elementsEqual($0.rawSpan) }) else { return }
        let bit: UInt64 = 1 << UInt64(index)
        if ignoredSeen & bit != 0 { throw .duplicateName }
        ignoredSeen |= bit
        leaveOut(member)
    }

    private mutating func learn(_ member: JSONMember) {
        let length = Int(member.writtenNameByteCount)
        let name = Int(member.start) + 1
        // Behind the quote and the colon.
        let start = name + length + 2
        let end = Int(member.end)
        switch length {
        case 5 where staging.slice(name, length).equals("model"):
            let count = end - start - 2
            if count < 1 || count > Limits.modelNameBytesMax || staging.bytes[byte: start] != 0x22 { return }
            if staging.slice(start, count).firstIndex(of: 0x5c) != nil { return }
            modelName.removeAll(keepingCapacity: true)
            for position in (start + 1)..<(end - 1) {
                let byte = staging.bytes[byte: position]
                modelName.append(byte)
            }
        case 6 where staging.slice(name, length).equals("stream"):
            facts.streams = staging.slice(start, end - start).equals("true")
        case 11 where staging.slice(name, length).equals("temperature"):
            facts.temperatureIsZero = staging.slice(start, end - start).equals("0")
        default: break
        }
    }
}
