import GatewayCore

/// `api_keys`: where a key may stand in a request, and which there are.
public struct APIKeysConfig: Sendable, Equatable {
    public struct Field: Sendable, Equatable {
        public var name: String
        /// Whether the key is a bearer token (RFC 6750 § 2.1): it stands behind the scheme's name.
        public var isBearer: Bool

        public init(name: String, isBearer: Bool) {
            self.name = name
            self.isBearer = isBearer
        }
    }

    public struct Key: Sendable, Equatable {
        /// Several keys may have the same: then one can take the other's place.
        public var name: String
        public var digest: SHA256Digest
        /// The last day, in UTC, on which it is good, counted from 1970-01-01; nil for no end.
        public var lastDay: Int?

        public init(name: String, digest: SHA256Digest, lastDay: Int? = nil) {
            self.name = name
            self.digest = digest
            self.lastDay = lastDay
        }
    }

    /// In this order; the first that a request has counts.
    public var fields: [Field]
    public var keys: [Key]

    public init(fields: [Field], keys: [Key]) {
        self.fields = fields
        self.keys = keys
    }
}

/// `authenticate api_key`.
public struct AuthenticationConfig: Sendable, Equatable {
    /// Whether the key's fields are taken away before the request goes on.
    public var stripsKey: Bool

    public init(stripsKey: Bool) {
        self.stripsKey = stripsKey
    }
}
