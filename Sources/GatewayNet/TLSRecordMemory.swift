import COpenSSL

/// The buffers of TLS records, of which every thread keeps a few at hand: see shim.h.
public enum TLSRecordMemory {
    /// To be called before anything else of OpenSSL: once it has allocated it stays with malloc(3), which is slower and no harm.
    public static func keep() {
        _ = gateway_keep_records()
    }
}
