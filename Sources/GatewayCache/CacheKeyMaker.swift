import GatewayCore
import GatewayNet

/// Makes the key under which an answer is stored: a SHA-256 over all that the answer may depend on.
///
/// No part can be taken for another, nor a part's end for the next one's beginning: before its bytes stand what it is and how long
/// it is, and likewise its name. So different requests are different texts to SHA-256, whatever their bytes are.
public struct CacheKeyMaker: ~Copyable {
    /// What a part is. The numbers are part of every key.
    public enum Part: UInt8, Sendable, CaseIterable {
        /// Whose answer it is.
        case partition = 1
        case method, scheme, host, path, query
        /// Where the request would be sent to.
        case route, version
        /// A header field, by its name; or a field that an answer's Vary names.
        case field, varyingField
        /// A body in its canonical form, or as it is: the same bytes are not the same part.
        case canonicalBody, body
        /// The key of what an answer is a variant of, and what tells its variants from those of before a purge.
        case base, salt
    }

    private var sha256 = SHA256()
    /// Short parts are gathered: a call of SHA-256 costs more than they do.
    private var gathered: ByteQueue

    /// How much of that SHA-256 has; all that came before has gone from here.
    private var hashedCount = 0
    private var hasBegun = false
    /// How much of it is kept for ``parts``.
    private var keptCount = 0

    private static var gatheredBytesMax: Int { 4096 }

    public init(pool: BufferPool) {
        gathered = ByteQueue(pool: pool)
    }

    /// Another key: forgets what was added.
    public mutating func begin() {
        gathered.removeAll()
        hasBegun = false
        hashedCount = 0
        keptCount = 0
        // Tells the keys from all else that is hashed; and, should the parts ever change, from those of before.
        gathered.append("gateway cache key 1\n")
    }

    public mutating func add(_ part: Part, _ bytes: RawSpan) {
        add(part, name: RawSpan(), bytes)
    }

    public mutating func add(_ part: Part, name: RawSpan, _ bytes: RawSpan) {
        gathered.append(part.rawValue)
        append(name)
        append(bytes)
    }

    public mutating func add(_ part: Part, _ number: UInt64) {
        gathered.append(part.rawValue)
        append(RawSpan())
        gathered.append(word: UInt64(MemoryLayout<UInt64>.size))
        gathered.append(word: number)
    }

    /// The key of another request, as a part of this one's.
    public mutating func add(_ part: Part, _ key: SHA256Digest) {
        gathered.append(part.rawValue)
        append(RawSpan())
        gathered.append(word: UInt64(SHA256Digest.byteCount))
        key.append(to: &gathered)
    }

    private mutating func append(_ bytes: RawSpan) {
        gathered.append(word: UInt64(bytes.byteCount))
        if gathered.count + bytes.byteCount <= Self.gatheredBytesMax {
            gathered.append(bytes)
        } else {
            flush()
            sha256.update(bytes)
        }
    }

    /// Keeps what was added so far in ``parts``, until the next key is begun. Where it was too much for that, there are none.
    public mutating func keepParts() {
        if !hasBegun { keptCount = gathered.count }
    }

    /// Empty where none were kept.
    public var parts: RawSpan {
        @_lifetime(borrow self)
        get { gathered.slice(0, keptCount) }
    }

    private mutating func flush() {
        if !hasBegun { sha256.begin() }
        hasBegun = true
        Self.hash(gathered, from: hashedCount, by: &sha256)
        if keptCount == 0 { gathered.removeAll() } else { gathered.truncate(to: keptCount) }
        hashedCount = keptCount
    }

    private static func hash(_ bytes: borrowing ByteQueue, from start: Int, by sha256: inout SHA256) {
        sha256.update(bytes.slice(start, bytes.count - start))
    }

    public mutating func finish() -> SHA256Digest {
        flush()
        return sha256.finish()
    }
}
