import GatewayCore

extension RequestHead {
    /// Gives `path` the one spelling that stands for all that mean the same, so that no spelling walks around a policy:
    ///
    /// - each escape is decoded once; what a path may hold (pchar) then stands for itself, every other byte is `%XX`;
    ///   `%2F` and `%25` stay escaped, since decoded they would mean something else;
    /// - dot segments are removed, escaped ones too; with `mergeSlashes`, empty segments as well.
    ///
    /// NUL, a backslash, an escape that is none, or a path that leaves the root throw `targetInvalid`. What is canonical
    /// already is found out while the request line is parsed, and costs nothing here.
    public mutating func normalisePath(mergeSlashes: Bool) throws(GatewayError) {
        parts.path = parts.receivedPath
        if parts.isCanonical { return }
        let received = parts.receivedPath
        let start = fields.storage.count
        fields.storage.append(UInt8(ascii: "/"))
        var i = received.start + 1
        while true {
            let segment = fields.storage.count
            i = try fields.storage.appendDecodedSegment(from: i, to: received.end)
            let isLast = i == received.end
            switch fields.storage.segmentKind(from: segment) {
            case .dot: fields.storage.truncate(to: segment)
            case .dotDot: try fields.storage.removeParent(of: segment, root: start)
            case .empty where mergeSlashes: break
            case .empty, .name: if !isLast { fields.storage.append(UInt8(ascii: "/")) }
            }
            if isLast { break }
            i += 1
        }
        parts.path = ByteRange(start..<fields.storage.count)
    }
}

private enum SegmentKind { case empty, dot, dotDot, name }

extension ByteQueue {
    /// Decodes its own bytes from `start` up to a slash or `end` and appends them escaped anew. Returns where it stopped.
    fileprivate mutating func appendDecodedSegment(from start: Int, to end: Int) throws(GatewayError) -> Int {
        var i = start
        while i < end {
            var byte = bytes[byte: i]
            if byte == UInt8(ascii: "/") { return i }
            if byte == UInt8(ascii: "%") {
                byte = try decodeEscape(at: i, end)
                i += 2
            }
            i += 1
            if PathByte.isLiteral(byte) {
                append(byte)
            } else {
                append(UInt8(ascii: "%"))
                append(PathByte.escapeDigit(byte >> 4))
                append(PathByte.escapeDigit(byte & 15))
            }
        }
        return i
    }

    private func decodeEscape(at position: Int, _ end: Int) throws(GatewayError) -> UInt8 {
        guard position + 2 < end, let high = bytes[byte: position + 1].hexValue, let low = bytes[byte: position + 2].hexValue else {
            throw GatewayError(.targetInvalid, "the path holds a percent sign that two hexadecimal digits do not follow")
        }
        let byte = high << 4 | low
        if byte == 0 { throw GatewayError(.targetInvalid, "the path holds an escaped NUL") }
        if byte == UInt8(ascii: "\\") { throw GatewayError(.targetInvalid, "the path holds an escaped backslash") }
        return byte
    }

    fileprivate func segmentKind(from start: Int) -> SegmentKind {
        let segment = bytes.extracting(start..<count)
        switch segment.byteCount {
        case 0: return .empty
        case 1: return segment.equals(".") ? .dot : .name
        case 2: return segment.equals("..") ? .dotDot : .name
        default: return .name
        }
    }

    /// Drops the segment at the end and the one before it; the slash before that stays.
    fileprivate mutating func removeParent(of segment: Int, root: Int) throws(GatewayError) {
        if segment == root + 1 { throw GatewayError(.targetInvalid, "the path leaves the root") }
        var end = segment - 1
        while bytes[byte: end - 1] != UInt8(ascii: "/") { end -= 1 }
        truncate(to: end)
    }
}
