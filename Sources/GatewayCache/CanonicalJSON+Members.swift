import GatewayCore

extension CanonicalJSON {
    /// A name has been written behind `start`.
    mutating func addMember(_ start: Int) throws(CanonicalJSONFailure) {
        let written = staging.count &- start &- 2
        var (nameStart, length) = (start &+ 1, written)
        if written > 0, staging.slice(nameStart, written).firstIndex(of: 0x5c) != nil {
            nameStart = plainNames.count
            unescape(from: start &+ 1, written)
            length = plainNames.count &- nameStart
        }
        var member = JSONMember(
            start: UInt32(truncatingIfNeeded: start), nameStart: UInt32(truncatingIfNeeded: nameStart),
            nameByteCount: UInt32(truncatingIfNeeded: length), writtenNameByteCount: UInt32(truncatingIfNeeded: written),
            firstObject: UInt32(truncatingIfNeeded: objects.count))
        member.prefix = Self.rank(nameBytes(of: member))
        if current.isInOrder, members.count > current.firstMember {
            current.isInOrder = isOrdered(members[members.count &- 1], member)
        }
        members.append(member)
    }

    @_lifetime(borrow self)
    func nameBytes(of member: JSONMember) -> RawSpan {
        let (start, length) = (Int(member.nameStart), Int(member.nameByteCount))
        return member.isEscaped ? plainNames.slice(start, length) : staging.slice(start, length)
    }

    /// The name as canonical text to what it says: there are no other escapes in it than RFC 8785 § 3.2.2.2 leaves.
    private mutating func unescape(from start: Int, _ byteCount: Int) {
        var position = start
        let end = start + byteCount
        while position < end {
            var byte = staging.bytes[byte: position]
            position += 1
            if byte == 0x5c {
                byte = staging.bytes[byte: position]
                position += 1
                switch byte {
                case UInt8(ascii: "b"): byte = 0x08
                case UInt8(ascii: "t"): byte = 0x09
                case UInt8(ascii: "n"): byte = 0x0a
                case UInt8(ascii: "f"): byte = 0x0c
                case UInt8(ascii: "r"): byte = 0x0d
                case UInt8(ascii: "u"):
                    byte = (staging.bytes[byte: position + 2].hexValue ?? 0) << 4 | (staging.bytes[byte: position + 3].hexValue ?? 0)
                    position += 4
                default: break
                }
            }
            plainNames.append(byte)
        }
    }

    // MARK: Order

    /// Sorts the members of the innermost object, if they have to be.
    mutating func closeObject() throws(CanonicalJSONFailure) {
        let first = current.firstMember
        let isInOrder = current.isInOrder
        if isInOrder && objects.count == current.object &+ 1 {
            objects.removeLast()
        } else {
            objects[current.object].end = UInt32(truncatingIfNeeded: staging.count)
            objects[current.object].nextObject = UInt32(truncatingIfNeeded: objects.count)
            if !isInOrder { try sortMembers(first) }
        }
        members.removeLast(members.count &- first)
    }

    private mutating func sortMembers(_ first: Int) throws(CanonicalJSONFailure) {
        let count = members.count &- first
        for index in first..<members.count { sortedBytes += Limits.jsonSortedMemberBytes + Int(members[index].nameByteCount) }
        if count > Limits.jsonMembersSortedMax || sortedBytes > Limits.jsonSortedBytesMax { throw .tooCostly }
        if count <= Self.insertionMax { sortByInsertion(first) } else { sortByHeap(first, count) }
        objects[current.object].firstMember = UInt32(truncatingIfNeeded: ordered.count)
        objects[current.object].memberCount = UInt32(truncatingIfNeeded: count)
        for index in first..<members.count {
            // Equal ones are neighbours now.
            if index > first, !isOrdered(members[index &- 1], members[index]) { throw .duplicateName }
            ordered.append(members[index])
        }
    }

    /// Up to so many members insertion is the faster sort.
    private static var insertionMax: Int { 16 }

    private mutating func sortByInsertion(_ first: Int) {
        for index in (first &+ 1)..<members.count {
            let member = members[index]
            var place = index
            while place > first, isOrdered(member, members[place &- 1]) {
                members[place] = members[place &- 1]
                place &-= 1
            }
            members[place] = member
        }
    }

    /// In place, and never worse than n log n.
    private mutating func sortByHeap(_ first: Int, _ count: Int) {
        for root in stride(from: count / 2 - 1, through: 0, by: -1) { sink(root, first, count) }
        for last in stride(from: count - 1, to: 0, by: -1) {
            members.swapAt(first + last, first)
            sink(0, first, last)
        }
    }

    private mutating func sink(_ start: Int, _ first: Int, _ count: Int) {
        var root = start
        while true {
            var child = 2 * root + 1
            if child >= count { return }
            if child + 1 < count, isOrdered(members[first + child], members[first + child + 1]) { child += 1 }
            if !isOrdered(members[first + root], members[first + child]) { return }
            members.swapAt(first + root, first + child)
            root = child
        }
    }

    /// Whether the name of the one stands before the name of the other, which is not equal.
    @inline(__always)
    private func isOrdered(_ left: JSONMember, _ right: JSONMember) -> Bool {
        left.prefix != right.prefix ? left.prefix < right.prefix : isOrderedBehindPrefix(left, right)
    }

    private func isOrderedBehindPrefix(_ left: JSONMember, _ right: JSONMember) -> Bool {
        let (leftName, rightName) = (nameBytes(of: left), nameBytes(of: right))
        let common = min(leftName.byteCount, rightName.byteCount)
        var position = 0
        while position < common {
            if position &+ 8 <= common {
                if leftName.word(at: position) == rightName.word(at: position) {
                    position &+= 8
                    continue
                }
            }
            let (a, b) = (Self.rank(leftName[byte: position]), Self.rank(rightName[byte: position]))
            if a != b { return a < b }
            position &+= 1
        }
        return leftName.byteCount < rightName.byteCount
    }

    /// The first eight bytes of a name as a number that sorts as the name does; the end sorts like a NUL.
    @inline(__always)
    private static func rank(_ name: RawSpan) -> UInt64 {
        let word = name.paddedWord(at: 0)
        if word & 0x8080_8080_8080_8080 == 0 { return word.byteSwapped }
        var ranked: UInt64 = 0
        for shift in stride(from: 0 as UInt64, to: 64, by: 8) {
            ranked = ranked << 8 | UInt64(rank(UInt8(truncatingIfNeeded: word >> shift)))
        }
        return ranked
    }

    /// RFC 8785 § 3.2.3 sorts by UTF-16, where what lies beyond U+FFFF is written with surrogates, and these stand before U+E000 to
    /// U+FFFF. In UTF-8 the first byte of a character tells which it is, so to move two of them is enough.
    @inline(__always)
    private static func rank(_ byte: UInt8) -> UInt8 {
        byte == 0xee ? 0xfd : byte == 0xef ? 0xfe : byte
    }

    // MARK: The second run

    /// Takes back the last member, with what has been learnt of its value.
    mutating func leaveOut(_ member: JSONMember) {
        members.removeLast()
        // The comma before it, too.
        staging.truncate(to: Int(member.start) - (members.count > current.firstMember ? 1 : 0))
        objects.removeLast(objects.count - Int(member.firstObject))
    }

    /// Copies the values, the members of each object in their order.
    mutating func appendOrdered(to output: inout ByteQueue) {
        var cursor = JSONOrderCursor(position: 1, end: staging.count, object: 0)
        while true {
            if let object = nextUnordered(&cursor) {
                let begin = Int(object.start) &+ 1
                output.append(staging.slice(cursor.position, begin &- cursor.position))
                cursor.position = Int(object.end) &- 1
                cursor.object = Int(object.nextObject)
                pending.append(cursor)
                cursor.member = Int(object.firstMember)
                cursor.membersEnd = cursor.member &+ Int(object.memberCount)
            } else {
                output.append(staging.slice(cursor.position, cursor.end &- cursor.position))
                if cursor.member < cursor.membersEnd {
                    output.append(UInt8(ascii: ","))
                } else if let outer = pending.popLast() {
                    cursor = outer
                    continue
                } else {
                    return
                }
            }
            let member = ordered[cursor.member]
            cursor.member &+= 1
            cursor.position = Int(member.start)
            cursor.end = Int(member.end)
            cursor.object = Int(member.firstObject)
        }
    }

    /// The next object in the stretch whose members were not in order.
    @inline(__always)
    private func nextUnordered(_ cursor: inout JSONOrderCursor) -> JSONObjectOrder? {
        while cursor.object < objects.count {
            let object = objects[cursor.object]
            if Int(object.start) >= cursor.end { return nil }
            if object.memberCount > 0 { return object }
            cursor.object &+= 1
        }
        return nil
    }
}
