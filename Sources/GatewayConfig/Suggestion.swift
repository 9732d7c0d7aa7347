/// The nearest known word, for "did you mean".
enum Suggestion {
    /// nil if none is near: a third of the letters may be wrong, and at most three.
    static func nearest(to word: String, among known: some Sequence<String>) -> String? {
        let letters = Array(word.lowercased().utf8.prefix(64))
        let set = letterSet(letters)
        let allowed = min(3, max(1, letters.count / 3))
        var best: (word: String, distance: Int)?
        for candidate in known where candidate != word && abs(candidate.utf8.count - letters.count) <= allowed {
            let other = candidate.lowercased().utf8
            let otherSet = letterSet(other)
            // An edit takes away one letter at the most, and brings one.
            if max((set & ~otherSet).nonzeroBitCount, (otherSet & ~set).nonzeroBitCount) > allowed { continue }
            let distance = distance(letters, Array(other))
            if distance <= allowed, distance < best?.distance ?? .max { best = (candidate, distance) }
        }
        return best?.word
    }

    static func hint(for word: String, among known: some Sequence<String>) -> String? {
        nearest(to: word, among: known).map { "did you mean \"\($0)\"?" }
    }

    /// A bit for each letter; several may share one.
    private static func letterSet(_ letters: some Sequence<UInt8>) -> UInt64 {
        letters.reduce(0) { $0 | 1 << UInt64($1 & 63) }
    }

    /// Letters added, left out, replaced or swapped with their neighbour (optimal string alignment).
    private static func distance(_ a: [UInt8], _ b: [UInt8]) -> Int {
        var older: [Int] = []
        var last = Array(0...b.count)
        for i in 0..<a.count {
            var row = [i + 1]
            for j in 0..<b.count {
                var cost = min(last[j + 1] + 1, row[j] + 1, last[j] + (a[i] == b[j] ? 0 : 1))
                if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { cost = min(cost, older[j - 1] + 1) }
                row.append(cost)
            }
            (older, last) = (last, row)
        }
        return last[b.count]
    }
}
