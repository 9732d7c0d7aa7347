/// The canonical spelling of a byte of a path's segment: itself, or `%XX`.
public enum PathByte {
    /// Whether it stands for itself: pchar (RFC 3986 § 3.3) without escapes.
    public static func isLiteral(_ byte: UInt8) -> Bool {
        ByteClass.of(byte) & ByteClass.literal != 0
    }

    /// The digit of an escape for four bits, in upper case (RFC 3986 § 2.1).
    public static func escapeDigit(_ nibble: UInt8) -> UInt8 {
        nibble < 10 ? nibble + 0x30 : nibble + 0x37
    }
}
