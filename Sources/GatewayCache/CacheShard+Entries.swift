import GatewayCore

/// Entries come, are leased, and go. All under the shard's lock but for writing what nobody can find yet.
extension CacheShard {
    // MARK: Leases

    struct Place {
        let entry: UInt32
        /// What holds the head: the entry, or see ``CacheEntry/newerHead``.
        let head: UInt32
        let headBytes: Int
        let isCrowded: Bool
    }

    func lease(_ entry: UInt32, visits: Bool, _ state: inout State) -> Place {
        if visits {
            let leases = word(entry, CacheEntry.leases)
            setWord(entry, CacheEntry.leases, UInt64(low: leases.low, high: leases.high | CacheEntry.isVisited))
        }
        return lease(entry, head: head(of: entry), &state)
    }

    /// With this head, whatever the entry has by now.
    private func lease(_ entry: UInt32, head: UInt32, _ state: inout State) -> Place {
        hold(entry, &state)
        if head != entry { hold(head, &state) }
        return Place(
            entry: entry, head: head, headBytes: Int(word(head, CacheEntry.headBytes).low),
            isCrowded: state.pinnedCount > pageCount / Limits.cachePinnedPart)
    }

    private func hold(_ entry: UInt32, _ state: inout State) {
        let leases = word(entry, CacheEntry.leases)
        if leases.low == 0 { state.pinnedCount += Int(word(entry, CacheEntry.pages).high) }
        setWord(entry, CacheEntry.leases, UInt64(low: leases.low + 1, high: leases.high))
    }

    private func head(of entry: UInt32) -> UInt32 {
        let newer = word(entry, CacheEntry.newerHead).low
        return newer == 0 ? entry : newer
    }

    /// Takes the lock itself.
    func endLease(_ entry: UInt32, head: UInt32) {
        state.withLock { state in
            if head != entry { release(head, &state) }
            release(entry, &state)
        }
    }

    private func release(_ entry: UInt32, _ state: inout State) {
        let leases = word(entry, CacheEntry.leases)
        setWord(entry, CacheEntry.leases, UInt64(low: leases.low - 1, high: leases.high))
        if leases.low > 1 { return }
        state.pinnedCount -= Int(word(entry, CacheEntry.pages).high)
        if leases.high & CacheEntry.isLinked == 0 { givePages(of: entry, &state) }
    }

    func isLinked(_ entry: UInt32) -> Bool { word(entry, CacheEntry.leases).high & CacheEntry.isLinked != 0 }

    // MARK: In

    /// Writes an entry that nobody can find yet into the pages from `first` on: without the lock.
    func write(_ key: SHA256Digest, _ facts: AnswerFacts, first: UInt32, last: UInt32, head: RawSpan, body: FillBytes, path: RawSpan) {
        var position = write(key, facts, first, last, head, bodyBytes: body.end, path)
        body.forEach { write($0, &position) }
    }

    func write(_ key: SHA256Digest, _ facts: AnswerFacts, first: UInt32, last: UInt32, head: RawSpan, body: RawSpan, path: RawSpan) {
        var position = write(key, facts, first, last, head, bodyBytes: body.byteCount, path)
        write(body, &position)
    }

    /// All but the body, and where that goes.
    private func write(
        _ key: SHA256Digest, _ facts: AnswerFacts, _ first: UInt32, _ last: UInt32, _ head: RawSpan, bodyBytes: Int, _ path: RawSpan
    ) -> Position {
        let pageCount = CacheEntry.pageCount(path.byteCount + head.byteCount + bodyBytes)
        setWord(first, 0, key.first)
        setWord(first, 1, key.second)
        setWord(first, 2, key.third)
        setWord(first, 3, key.fourth)
        setWord(first, CacheEntry.leases, 0)
        setWord(first, CacheEntry.pages, UInt64(low: last, high: UInt32(pageCount)))
        setWord(first, CacheEntry.headBytes, UInt64(low: UInt32(head.byteCount), high: UInt32(path.byteCount)))
        setWord(first, CacheEntry.bodyBytes, UInt64(bodyBytes))
        setWord(first, CacheEntry.newerHead, 0)
        setFacts(first, facts)
        setMarks(first, pageCount)
        var position = Position(page: first, byte: CacheEntry.headerBytes)
        write(path, &position)
        write(head, &position)
        return position
    }

    private struct Position {
        var page: UInt32
        var byte: Int
    }

    private func write(_ bytes: RawSpan, _ position: inout Position) {
        var written = 0
        while written < bytes.byteCount {
            if position.byte == Limits.cachePageBytes { position = Position(page: next(position.page), byte: 0) }
            let count = min(bytes.byteCount - written, Limits.cachePageBytes - position.byte)
            memory.write(bytes.extracting(written..<written + count), at: byteOffset(position.page) + position.byte)
            written += count
            position.byte += count
        }
    }

    private func setMarks(_ first: UInt32, _ pageCount: Int) {
        let stride = CacheEntry.markStride(pageCount)
        var page = first
        var marks = InlineArray<8, UInt32>(repeating: 0)
        for index in 0..<pageCount {
            if index % stride == 0 { marks[index / stride] = page }
            page = next(page)
        }
        for index in 0..<CacheEntry.markCount / 2 {
            setWord(first, CacheEntry.marks + index, UInt64(low: marks[2 * index], high: marks[2 * index + 1]))
        }
    }

    /// Makes a written entry found instead of what has been under its key. Not where that was asked for later: its pages are given back.
    func replace(_ key: SHA256Digest, with entry: UInt32, _ state: inout State) throws(StoreRefusal) {
        if let old = self.entry(of: key) {
            if facts(entry).askedAt < facts(old).askedAt {
                givePages(of: entry, &state)
                throw .superseded
            }
            unlink(old, &state)
        }
        link(entry, key, &state)
        state.stats.stored += 1
    }

    /// A lease of the entry, with other facts, and with the head that is written at `head` where there is one. It is found like
    /// that from now on, if it is what is found.
    func refresh(_ entry: UInt32, head old: UInt32, with head: UInt32?, _ facts: AnswerFacts, _ state: inout State) -> Place {
        // The facts tell of the head, too: they go with it, or with the same one as before.
        if isLinked(entry) && (head != nil || self.head(of: entry) == old) {
            setFacts(entry, facts)
            if let head {
                let replaced = word(entry, CacheEntry.newerHead).low
                setWord(head, CacheEntry.leases, UInt64(low: 0, high: CacheEntry.isLinked))
                setWord(entry, CacheEntry.newerHead, UInt64(head))
                if replaced != 0 { retire(replaced, &state) }
            }
        }
        return lease(entry, head: head ?? old, &state)
    }

    /// As the newest.
    private func link(_ entry: UInt32, _ key: SHA256Digest, _ state: inout State) {
        insertBucket(key, entry)
        setWord(entry, CacheEntry.leases, UInt64(low: 0, high: CacheEntry.isLinked))
        setWord(entry, CacheEntry.neighbours, UInt64(low: 0, high: state.newest))
        if state.newest != 0 { setNewer(state.newest, entry) } else { state.oldest = entry }
        state.newest = entry
        state.stats.entries += 1
    }

    // MARK: Out

    /// Makes an entry no longer found. Its pages are free when its last lease has ended.
    func unlink(_ entry: UInt32, _ state: inout State) {
        removeBucket(key(entry))
        let neighbours = word(entry, CacheEntry.neighbours)
        let (newer, older) = (neighbours.low, neighbours.high)
        if newer != 0 { setOlder(newer, older) } else { state.newest = older }
        if older != 0 { setNewer(older, newer) } else { state.oldest = newer }
        if state.hand == entry { state.hand = newer }
        if state.purgeNext == entry { state.purgeNext = newer }
        state.stats.entries -= 1
        let head = word(entry, CacheEntry.newerHead).low
        if head != 0 { retire(head, &state) }
        retire(entry, &state)
    }

    private func retire(_ entry: UInt32, _ state: inout State) {
        let leases = word(entry, CacheEntry.leases)
        setWord(entry, CacheEntry.leases, UInt64(low: leases.low, high: 0))
        if leases.low == 0 { givePages(of: entry, &state) }
    }

    func newer(_ entry: UInt32) -> UInt32 { word(entry, CacheEntry.neighbours).low }

    private func setNewer(_ entry: UInt32, _ newer: UInt32) {
        setWord(entry, CacheEntry.neighbours, UInt64(low: newer, high: word(entry, CacheEntry.neighbours).high))
    }

    private func setOlder(_ entry: UInt32, _ older: UInt32) {
        setWord(entry, CacheEntry.neighbours, UInt64(low: word(entry, CacheEntry.neighbours).low, high: older))
    }

    /// Evicts until there are `pages` free pages and a bucket. False if all that is left is leased, as evicting that would free nothing,
    /// and if the hand has come across too many that are leased or were met: what it has done so far helps the next answer.
    func makeRoom(_ pages: Int, now: MonotonicTime, _ state: inout State) -> Bool {
        // Twice round: once to clear the visited bits, once to evict.
        var steps = min(2 * state.stats.entries, Limits.evictionStepsMax + pages)
        while availablePages(state) < pages || !hasBucket(state) {
            if state.hand == 0 { state.hand = state.oldest }
            if state.hand == 0 || steps == 0 { return false }
            steps -= 1
            let entry = state.hand
            state.hand = newer(entry)
            let leases = word(entry, CacheEntry.leases)
            if leases.low > 0 { continue }
            if leases.high & CacheEntry.isVisited != 0 && !facts(entry).isExpired(now) {
                setWord(entry, CacheEntry.leases, UInt64(low: 0, high: leases.high & ~CacheEntry.isVisited))
            } else {
                unlink(entry, &state)
                state.stats.evicted += 1
            }
        }
        return true
    }

    /// Whether the entry's path begins with `prefix`.
    func hasPath(_ entry: UInt32, prefix: RawSpan) -> Bool {
        if prefix.byteCount > Int(word(entry, CacheEntry.headBytes).high) { return false }
        var page = entry
        var byte = CacheEntry.headerBytes
        var compared = 0
        while compared < prefix.byteCount {
            let count = min(prefix.byteCount - compared, Limits.cachePageBytes - byte)
            if !memory.holds(prefix.extracting(compared..<compared + count), at: byteOffset(page) + byte) { return false }
            compared += count
            byte = 0
            page = next(page)
        }
        return true
    }
}
