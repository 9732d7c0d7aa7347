import GatewayCore

/// The field lines of a head, read line by line as they arrive, and what the fields that frame the message say.
///
/// A line is judged when it is complete, so a verdict does not depend on how the bytes were cut. Of a line that is not, only
/// the bytes that are new are searched for its end: however a head trickles in, no byte is looked at more than three times.
@usableFromInline
struct FieldSection: Sendable {
    @usableFromInline
    enum Expectation: Sendable { case none, proceed, unknown }

    /// Unknown fields that Connection may name: each is compared with every field.
    private static let nominationsMax = 16

    /// Where the next line begins.
    @usableFromInline var position = 0
    /// How far the next line has been searched for its end in vain.
    @usableFromInline var searched = 0

    @usableFromInline var contentLength: UInt64?
    @usableFromInline var isChunked = false
    @usableFromInline var closes = false
    @usableFromInline var keepsAlive = false
    @usableFromInline var nominations = 0
    /// Whether Connection names Upgrade (RFC 9110 § 7.8 wants both).
    @usableFromInline var namesUpgrade = false
    @usableFromInline var expectation = Expectation.none
    @usableFromInline var host: Range<Int>?

    /// Inlinable, so that it is made where it stays.
    @inlinable
    init() {}

    /// Whether the next line's end may be there: false costs a look at the new bytes only.
    @inline(__always)
    func mayContinue(_ input: RawSpan) -> Bool {
        searched <= position || input.firstIndex(of: .lineFeed, from: searched) != nil
    }

    /// Reads as many lines as there are. Returns where the head ends, nil if more is to come.
    @inline(__always)
    mutating func parse(_ input: RawSpan, into fields: inout HeaderFields) throws(GatewayError) -> Int? {
        while position < input.byteCount {
            if input[byte: position] == .carriageReturn { return try headEnd(input) }
            guard let line = try FieldLine.parse(input, at: position) else { return nil }
            if line.end > Limits.headBytesMax { throw GatewayError(.headTooLarge, "the head is too large") }
            if fields.count == Limits.headFieldsMax { throw GatewayError(.fieldsTooMany, "the head has too many fields") }
            if line.known.isNoted { try note(line.known, line.value, input, isFirst: !fields.contains(line.known)) }
            fields.record(line)
            position = line.end
        }
        return nil
    }

    /// Inlined, as a call would have all of this copied for it, right behind stores that the copy would have to wait for.
    @inline(__always)
    private func headEnd(_ input: RawSpan) throws(GatewayError) -> Int? {
        if position + 1 == input.byteCount { return nil }
        if input[byte: position + 1] != .lineFeed { throw GatewayError(.fieldInvalid, "a CR stands alone") }
        if position + 2 > Limits.headBytesMax { throw GatewayError(.headTooLarge, "the head is too large") }
        return position + 2
    }

    /// No line could be completed: remembers what has been searched, and refuses what is too large already.
    mutating func waitForMore(_ input: RawSpan) throws(GatewayError) {
        searched = input.byteCount
        if input.byteCount > Limits.headBytesMax { throw GatewayError(.headTooLarge, "the head is too large") }
    }

    private mutating func note(
        _ name: FieldName, _ range: Range<Int>, _ input: RawSpan, isFirst: Bool
    ) throws(GatewayError) {
        switch name {
        case .host:
            if !isFirst { throw GatewayError(.hostInvalid, "there are several Host fields") }
            host = range
        case .contentLength:
            if !isFirst { throw GatewayError(.framingInvalid, "there are several Content-Length fields") }
            contentLength = try ContentLength.parse(input.extracting(range))
        case .transferEncoding:
            if !isFirst { throw GatewayError(.framingInvalid, "there are several Transfer-Encoding fields") }
            try TransferEncoding.requireChunked(input.extracting(range))
            isChunked = true
        case .connection: try noteConnection(input.extracting(range))
        case .expect: noteExpectation(input.extracting(range))
        default: break
        }
    }

    private mutating func noteConnection(_ value: RawSpan) throws(GatewayError) {
        if value.equalsIgnoringCase("keep-alive") {
            keepsAlive = true
            return
        }
        var options = ListElements()
        while let range = options.next(in: value) {
            let option = value.extracting(range)
            if option.equalsIgnoringCase("close") {
                closes = true
            } else if option.equalsIgnoringCase("keep-alive") {
                keepsAlive = true
            } else if option.equalsIgnoringCase("upgrade") {
                namesUpgrade = true
            } else {
                try noteNomination(option)
            }
        }
    }

    /// Known fields that are not for one hop only must not be named (RFC 9110 § 7.6.1): the gateway itself acts on them, and
    /// would act on what the next hop never sees.
    private mutating func noteNomination(_ option: RawSpan) throws(GatewayError) {
        if !ByteClass.isToken(option) { throw GatewayError(.fieldInvalid, "Connection holds what is not a token") }
        let name = FieldName(option)
        if name.isHopByHop { return }
        if name != .other { throw GatewayError(.fieldInvalid, "Connection names a field that is for every recipient") }
        nominations += 1
        if nominations > Self.nominationsMax { throw GatewayError(.fieldInvalid, "Connection names too many fields") }
    }

    private mutating func noteExpectation(_ value: RawSpan) {
        let isKnown = value.equalsIgnoringCase("100-continue")
        expectation = isKnown && expectation != .unknown ? .proceed : .unknown
    }
}

extension FieldName {
    /// Whether the field says something about the message or its connection.
    @inline(__always)
    fileprivate var isNoted: Bool {
        let noted =
            FieldName.host.bit | FieldName.contentLength.bit | FieldName.transferEncoding.bit | FieldName.connection.bit
            | FieldName.expect.bit
        return noted & bit != 0
    }
}
