import GatewayCore

/// Lists of names with commas between them, no name twice.
enum CacheReader {
    /// Fields of a request, in lower case.
    static func fields(_ word: Word) throws(Complaint) -> [String] {
        try names(word, expected: "expected names of header fields with commas between them, such as headers=accept,x-tenant") { text in
            // Those of traces are others with each request: no answer would ever be found.
            let isCountable = HeaderReader.isToken(text) && !["traceparent", "tracestate"].contains(text.lowercased())
            return isCountable ? text.lowercased() : nil
        }
    }

    /// Members of a JSON object, whose names have upper and lower case.
    static func members(_ word: Word) throws(Complaint) -> [String] {
        try names(word, expected: "expected names of members with commas between them, such as ignore=user,metadata") { text in
            let isName = !text.isEmpty && text.utf8.count <= 256 && text.first != " " && text.last != " "
            return isName && text.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7f } ? text : nil
        }
    }

    private static func names(_ word: Word, expected: String, _ name: (String) -> String?) throws(Complaint) -> [String] {
        var names: [String] = []
        var start = 0
        for element in word.text.utf8.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false) {
            let text = String(Substring(element))
            let part = start..<(start + element.count)
            let shown = word.environmentName == nil ? quote(text) : word.shown
            guard let name = name(text) else { throw Complaint("\(shown) is not a name", expected: expected, part: part) }
            if names.contains(name) {
                let what = word.environmentName == nil ? quote(text) : "a name in \(word.shown)"
                throw Complaint("\(what) is given twice", expected: "expected it once", part: part)
            }
            if names.count == Limits.cacheNamesMax {
                throw Complaint("more than \(Limits.cacheNamesMax) names are given", expected: "expected fewer", part: part)
            }
            names.append(name)
            start += element.count + 1
        }
        return names
    }
}
